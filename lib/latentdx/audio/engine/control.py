"""Gains and phase steps of the operators in each block: sections 10 and 11.3 of the specification."""

import math

import numpy as np

from latentdx.audio.engine.envelope import envelope
from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import CURRENT, Array, Record
from latentdx.audio.engine.lfo import lfo
from latentdx.audio.engine.pitch import phase_step, pitch_envelope
from latentdx.audio.engine.tables import AMPLITUDE_SENSITIVITY

CHUNK = 256
"""Largest number of blocks that are computed at once."""

SILENT = 16384
"""Gain of a muted operator; a gain is an attenuation, 1,024 for a factor of two."""


@jit
def control(
    v: Record, n: int, bend: Array, phase_steps: Array, gains: Array, steps: Array, numbers: Array
) -> None:
    """Compute what the operators need for n blocks.

    Args:
        v: Record of the note.
        n: Number of blocks, at most `CHUNK`.
        bend: Log frequency that is added to all operators, for each block of the note; the last entry holds.
        phase_steps: Table of the sample rate, `tables.phase_steps`.
        gains: Gain of operators 6 … 1 at the end of each block, int32 (6, `CHUNK`); filled.
        steps: Phase step of operators 6 … 1 in each block, 2^32 for a cycle, uint32 (6, `CHUNK`); filled.
        numbers: Scratch memory, int64 (4, `CHUNK`).
    """
    pitches, waves, delays, depths = numbers[0], numbers[1], numbers[2], numbers[3]
    amplitude = v.amplitude_depth > 0 and v.sensitivity.any()
    if amplitude or (v.pitch_depth > 0 and v.pitch_sensitivity > 0):
        lfo(v, n, waves, delays)
    pitch_envelope(v, n, pitches)
    _modulate_pitch(v, n, pitches, waves, delays)
    _amplitude_depths(v, n, amplitude, waves, delays, depths)
    steady = len(bend) == 1
    for i in range(n):
        steady = steady and pitches[i] == pitches[0]
    for op in range(6):
        row = gains[op]
        envelope(v, op, n, row)
        if v.sensitivity[op]:
            _modulate_level(n, AMPLITUDE_SENSITIVITY[v.sensitivity[op]], depths, row)
        if v.muted >> (5 - op) & 1:
            row[:n] = SILENT
        else:
            for i in range(n):
                row[i] = SILENT - (row[i] >> 14)
        _steps(v, op, n, steady, pitches, bend, phase_steps, steps[op])


@jit
def _modulate_pitch(v: Record, n: int, pitches: Array, waves: Array, delays: Array) -> None:
    """Add the LFO to the pitch envelope (section 10.1)."""
    depth, sensitivity = v.pitch_depth, v.pitch_sensitivity
    if depth == 0 or sensitivity == 0:
        return
    for i in range(n):
        swing = sensitivity * (waves[i] - (1 << 23))
        change = abs((depth * delays[i] * swing) >> 39)
        pitches[i] += change if swing >= 0 else -change


@jit
def _amplitude_depths(v: Record, n: int, active: bool, waves: Array, delays: Array, depths: Array) -> None:
    """Compute the depth of the amplitude modulation in each block (section 10.2)."""
    depths[:n] = 0
    if active:
        depth, current = v.amplitude_depth, v.era == CURRENT
        for i in range(n):
            wave = (1 << 24) - waves[i] if current else waves[i]
            depths[i] = (((depth * delays[i]) >> 8) * wave) >> 24


@jit
def _modulate_level(n: int, sensitivity: int, depths: Array, levels: Array) -> None:
    """Lower the log levels of an operator by the amplitude modulation (section 10.2)."""
    depth, factor = np.int64(-1), np.int64(0)
    for i in range(n):
        if depths[i] != depth:
            depth = depths[i]
            factor = 16 * np.int64(math.exp(((depth * sensitivity) >> 24) / 262144 * 0.07 + 12.2))
        level = np.int64(levels[i])
        levels[i] = level - ((level * factor) >> 28)


@jit
def _steps(
    v: Record, op: int, n: int, steady: bool, pitches: Array, bend: Array, phase_steps: Array, steps: Array
) -> None:
    """Compute the phase steps of an operator; look one up only where the pitch moves (sections 5, 10.1)."""
    still = v.fixed[op] != 0 and v.era == CURRENT
    base, last = v.pitch[op] + v.tune, len(bend) - 1
    pitch, step = np.int64(0), np.uint32(0)
    for i in range(1 if steady or (still and last == 0) else n):
        moved = base + bend[min(v.block + i, last)] + (0 if still else pitches[i])
        if i == 0 or moved != pitch:
            pitch = moved
            step = np.uint32(phase_step(pitch, phase_steps) << 8)
        steps[i] = step
    if steady or (still and last == 0):
        steps[:n] = step
