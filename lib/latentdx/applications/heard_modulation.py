"""Presets that move as a sound does: the LFO is set to the rate and about to the depth that were heard.

A search seldom finds a vibrato or a tremolo, because several parameters must change at once before anything
moves: the speed, a depth and a sensitivity. What the sound tells of them is set here instead.
"""

from collections.abc import Callable

import numpy as np

from latentdx.audio.engine.tables import LFO_HERTZ, PITCH_SENSITIVITY
from latentdx.metrics.modulation import Modulation, strongest_modulation
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.algorithms import algorithm
from latentdx.presets.parameters import N_OPERATORS, column
from latentdx.typing import Audio, Values

Propose = Callable[[Values], Values]

_SPEED, _DELAY, _PM_DEPTH, _AM_DEPTH, _SYNC, _WAVE, _PM_SENSITIVITY, _ALGORITHM = (
    column(name)
    for name in (
        "LFO SPEED", "LFO DELAY", "LFO PM DEPTH", "LFO AM DEPTH", "LFO KEY SYNC", "LFO WAVE", "P MODE SENS.",
        "ALGORITHM",
    )
)  # fmt: skip
_AM_SENSITIVITY = np.array([column(f"OP{k} A MOD SENS.") for k in range(1, N_OPERATORS + 1)])
_WAVES = (0, 4)  # triangle and sine
_MOST_CENTS = 1200.0  # of the largest depth and sensitivity
# depth of a carrier's tremolo in dB at sensitivity 3, as the engine renders it, and the LFO AM DEPTH for it
_DECIBELS, _DEPTHS = (0.7, 2.4, 6.1, 9.2, 13.3, 18.6, 24.6), (20, 40, 60, 70, 80, 90, 99)
_SPREAD = 0.5  # standard deviation of the logarithm of the depth that is tried


def with_modulation(values: Values, heard: Modulation, rng: np.random.Generator) -> Values:
    """Return copies of presets, (N, 145), whose LFO moves them as a sound moves, each a little differently.

    Args:
        values: Presets, uint8 (N, 145).
        heard: Movement of the sound.
        rng: Random generator, which draws depths and waves.
    """
    out = values.copy()
    for preset in out:
        hertz = heard.rate * np.exp(rng.normal(0, 0.04))
        preset[_SPEED] = int(np.abs(LFO_HERTZ - hertz).argmin())
        preset[[_DELAY, _SYNC]] = (rng.choice((0, 0, 30, 50)), 1)
        preset[_WAVE] = rng.choice(_WAVES)
        depth = heard.depth * np.exp(rng.normal(0, _SPREAD))
        if heard.moving == "pitch":
            sensitivity = int(rng.integers(2, 6))
            share = depth / _MOST_CENTS * PITCH_SENSITIVITY[-1] / PITCH_SENSITIVITY[sensitivity]
            preset[[_PM_DEPTH, _PM_SENSITIVITY]] = (int(np.clip(round(99 * share), 1, 99)), sensitivity)
            preset[_AM_DEPTH] = 0
        else:
            carriers = np.array(algorithm(int(preset[_ALGORITHM]) + 1).carriers) - 1
            moved = np.isin(np.arange(N_OPERATORS), carriers) == (heard.moving == "level")
            preset[_AM_SENSITIVITY] = np.where(moved, 3, 0)
            # how far a modulator moves the spectrum depends on the preset
            wanted = depth if heard.moving == "level" else rng.uniform(2, 24)
            preset[_AM_DEPTH] = round(float(np.interp(wanted, _DECIBELS, _DEPTHS)))
            preset[_PM_DEPTH] = 0
    return out


def proposing_modulation(propose: Propose | None, sound: Audio, seed: int) -> Propose | None:
    """Return a function that proposes presets that move as a sound does, before it goes on as another.

    Args:
        propose: Function from presets to changed copies, such as `Programmer.redraw` gives.
        sound: Sound that is matched, float32 (samples,), at 22,050 Hz.
        seed: Random seed.

    Returns:
        Function like `propose` whose first, and every fourth, proposal moves as the sound does; `propose`
        itself if the sound does not move regularly.
    """
    heard = strongest_modulation(SoundFeatures(sound))
    if heard is None:
        return propose
    rng, calls = np.random.default_rng(seed), 0

    def proposed(values: Values) -> Values:
        nonlocal calls
        calls += 1
        if propose is None or calls % 4 == 1:
            return with_modulation(values, heard, rng)
        return propose(values)

    return proposed
