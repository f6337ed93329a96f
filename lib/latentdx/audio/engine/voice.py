"""One note from its start to its last sample: sections 3 and 13 of the specification."""

import numpy as np

from latentdx.audio.engine.control import CHUNK, control
from latentdx.audio.engine.envelope import set_envelope
from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import BLOCK, Array
from latentdx.audio.engine.lfo import set_lfo
from latentdx.audio.engine.operators import WORKSPACE, synthesize
from latentdx.audio.engine.pitch import base_pitch, set_pitch_envelope


@jit
def start(
    voice: Array,
    values: Array,
    note: int,
    velocity: int,
    key_off: int,
    era: int,
    tune: int,
    muted: int,
    clocks: Array,
) -> None:
    """Set a voice up for a note (section 3).

    Args:
        voice: Record that is filled, of dtype `layout.VOICE` (1,).
        values: Preset in VCED order, int64 (145,).
        note: MIDI note, 0 … 127.
        velocity: MIDI velocity, 0 … 127.
        key_off: Number of the block that begins with the release of the key.
        era: `layout.CURRENT` or `layout.PAPER`.
        tune: Log frequency that is added to all operators (section 5.3).
        muted: Muted operators, bit k - 1 for operator k.
        clocks: Constants of the sample rate, `tables.clocks`.
    """
    v = voice[0]
    key = min(127, max(0, note + values[144] - 24))
    v.era, v.tune, v.muted, v.key_off, v.block = era, tune, muted, key_off, 0
    v.algorithm, v.feedback = values[134], values[135]
    for op in range(6):
        v.pitch[op] = base_pitch(values, op, key, era)
        v.fixed[op], v.sensitivity[op] = values[21 * op + 17], values[21 * op + 14]
        v.gain[op], v.phase[op] = 0, 0
        set_envelope(v, op, values, key, velocity, clocks)
    v.older, v.newer = 0, 0
    set_pitch_envelope(v, values, clocks)
    set_lfo(v, values, clocks)


@jit
def render(
    voice: Array,
    sound: Array,
    outputs: Array,
    bend: Array,
    phase_steps: Array,
    log_sine: Array,
    samples: Array,
) -> None:
    """Render the next blocks of a voice (sections 3 and 13).

    Args:
        voice: Record of the note, of dtype `layout.VOICE` (1,); moved on.
        sound: Sound at the plug-in's level, float32 (whole blocks); filled.
        outputs: Output of operators 1 … 6, float32 (6, whole blocks), filled; or (6, 0).
        bend: Log frequency that is added in each block of the note, int64; the last entry holds.
        phase_steps: Table of the sample rate, `tables.phase_steps`.
        log_sine: Table of `tables.oscillator`.
        samples: Table of `tables.oscillator`.
    """
    v = voice[0]
    n_blocks = len(sound) // BLOCK
    gains, steps = np.empty((6, CHUNK), np.int32), np.empty((6, CHUNK), np.uint32)
    numbers, work = np.empty((4, CHUNK), np.int64), np.empty(WORKSPACE, np.int32)
    for done in range(0, n_blocks, CHUNK):
        n = min(CHUNK, n_blocks - done)
        control(v, n, bend, phase_steps, gains, steps, numbers)
        synthesize(v, n, gains, steps, log_sine, samples, work, sound, outputs, BLOCK * done)
        v.block += n
