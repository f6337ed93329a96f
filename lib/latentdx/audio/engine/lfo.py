"""The low-frequency oscillator: section 9 of the specification.

All phases are unsigned integers of 32 bits, and one cycle is 2^32.
"""

import numpy as np

from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import CURRENT, DELAY, LFO, Array, Record
from latentdx.audio.engine.tables import LFO_HERTZ, LFO_SINE, PITCH_SENSITIVITY

_MASK, _HALF = 0xFFFFFFFF, 1 << 31
_ONE = 1 << 24  # the LFO's full value, and the delay's


@jit
def set_lfo(v: Record, values: Array, clocks: Array) -> None:
    """Set the LFO and its delay to their start (sections 9.1, 9.2 and 10).

    Args:
        v: Record of the note.
        values: Preset in VCED order, int64 (145,).
        clocks: Constants of the sample rate, `tables.clocks`.
    """
    speed, delay, sync, wave = values[137], values[138], values[141], values[142]
    if v.era == CURRENT:
        v.lfo_step = np.int64(LFO_HERTZ[speed] * clocks[LFO]) & _MASK
    else:
        scaled = (165 * speed) >> 6 if speed else 1
        scaled *= 11 if scaled < 160 else 11 + ((scaled - 160) >> 4)
        v.lfo_step = (clocks[DELAY] * scaled) & _MASK
    if delay == 0:
        v.delay_step[0] = v.delay_step[1] = _MASK
    else:
        a = 99 - delay
        a = (16 + (a & 15)) << (1 + (a >> 4))
        v.delay_step[0] = (clocks[DELAY] * a) & _MASK
        v.delay_step[1] = (clocks[DELAY] * max(128, a & 0xFF80)) & _MASK
    v.wave, v.random, v.delay = wave, 0, 0
    v.lfo_phase = 0x7FFFFFFF if sync else 0
    v.pitch_depth, v.amplitude_depth = (165 * values[139]) >> 6, (165 * values[140]) >> 6
    v.pitch_sensitivity = PITCH_SENSITIVITY[values[143]]


@jit
def lfo(v: Record, n: int, waves: Array, delays: Array) -> None:
    """Move the LFO and its delay by n blocks (sections 9.2 and 9.3).

    Args:
        v: Record of the note.
        n: Number of blocks.
        waves: Value of the LFO in each block, 0 … 2^24, int64; filled.
        delays: Value of the delay in each block, 0 … 2^24, int64; filled.
    """
    phase, random, delay = v.lfo_phase, v.random, v.delay
    for i in range(n):
        phase = (phase + v.lfo_step) & _MASK
        if v.wave == 5 and phase < v.lfo_step:  # the phase has wrapped
            random = (179 * random + 17) & 255
        waves[i] = _wave(v.wave, phase, random)
        moved = delay + (v.delay_step[0] if delay < _HALF else v.delay_step[1])
        if moved > _MASK:
            delays[i] = _ONE
        else:
            delay = moved
            delays[i] = 0 if delay < _HALF else (delay >> 7) & 0xFFFFFF
    v.lfo_phase, v.random, v.delay = phase, random, delay


@jit
def _wave(wave: int, phase: int, random: int) -> int:
    """Return the value of a waveform (section 9.3)."""
    if wave == 0:  # triangle
        return ((phase if phase < _HALF else phase ^ _MASK) >> 7) & 0xFFFFFF
    if wave == 1:  # saw down
        return (phase ^ _MASK ^ _HALF) >> 8
    if wave == 2:  # saw up
        return (phase ^ _HALF) >> 8
    if wave == 3:  # square
        return _ONE if phase < _HALF else 0
    if wave == 4:
        return (1 << 23) + (_sine(phase >> 8) >> 1)
    return ((random ^ 128) + 1) << 16  # sample and hold


@jit
def _sine(phase: int) -> int:
    """Return the sine of a phase of which 2^24 is a cycle (section 9.4)."""
    i = phase >> 14
    return LFO_SINE[i] + (((LFO_SINE[i + 1] - LFO_SINE[i]) * (phase & 16383)) >> 14)
