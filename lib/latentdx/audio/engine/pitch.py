"""Frequencies of the operators, and the pitch envelope: sections 5 and 8 of the specification.

A log frequency counts 2^24 for an octave.
"""

import math

import numpy as np

from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import CURRENT, PITCH, Array, Record
from latentdx.audio.engine.tables import COARSE, PITCH_LEVEL, PITCH_RATE


@jit
def base_pitch(values: Array, op: int, key: int, era: int) -> int:
    """Return the log frequency of an operator before modulation (section 5.2).

    Args:
        values: Preset in VCED order, int64 (145,).
        op: Operator, 0 … 5 for operators 6 … 1.
        key: MIDI note after transposition, 0 … 127.
        era: `CURRENT` or `PAPER`.
    """
    fixed, coarse, fine, detune = (
        values[21 * op + 17],
        values[21 * op + 18],
        values[21 * op + 19],
        values[21 * op + 20] - 7,
    )
    if fixed:
        return ((4458616 * (100 * (coarse & 3) + fine)) >> 3) + 13457 * max(0, detune)
    if era == CURRENT:
        p = 50857776 + 1398101 * key
        width = 0.0209 * math.exp(-0.396 * (np.float64(np.float32(p)) / (1 << 24))) / 7
        p = int(p + width * p * detune)
    else:
        p = 50857777 + 1398101 * key + 12606 * detune
    p += COARSE[coarse]
    if fine:
        p += math.floor(24204406.323123 * math.log(1 + 0.01 * fine) + 0.5)
    return p


@jit
def phase_step(pitch: int, steps: Array) -> int:
    """Return the phase step of a log frequency; 2^24 is a cycle (section 5.1).

    Args:
        pitch: Log frequency.
        steps: Table of the sample rate, `tables.phase_steps`.
    """
    i = (pitch & 0xFFFFFF) >> 14
    step = steps[i] + (((steps[i + 1] - steps[i]) * (pitch & 16383)) >> 14)
    return step >> ((20 - (pitch >> 24)) & 31)


@jit
def set_pitch_envelope(v: Record, values: Array, clocks: Array) -> None:
    """Set the pitch envelope to its start (section 8).

    Args:
        v: Record of the note.
        values: Preset in VCED order, int64 (145,).
        clocks: Constants of the sample rate, `tables.clocks`.
    """
    for k in range(4):
        v.pitch_target[k] = PITCH_LEVEL[values[130 + k]] << 19
        v.pitch_step[k] = PITCH_RATE[values[126 + k]] * clocks[PITCH]
    v.pitch_level, v.pitch_stage = v.pitch_target[3], 0


@jit
def pitch_envelope(v: Record, n: int, out: Array) -> None:
    """Move the pitch envelope by n blocks (section 8).

    Args:
        v: Record of the note.
        n: Number of blocks.
        out: Log frequency that the envelope adds in each block, int64; filled.
    """
    stage, level = v.pitch_stage, v.pitch_level
    for i in range(n):
        block = v.block + i
        if block == v.key_off:
            stage = 3
        if stage < 3 or (stage == 3 and block >= v.key_off):
            target, step = v.pitch_target[stage], v.pitch_step[stage]
            level = min(level + step, target) if target > level else max(level - step, target)
            if level == target:
                stage += 1
        out[i] = level
    v.pitch_stage, v.pitch_level = stage, level
