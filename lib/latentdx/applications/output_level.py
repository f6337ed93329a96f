"""The level of a preset: its carriers' OUTPUT LEVELs, which set how loud it is and not what it sounds like.

A search at equal loudness decides little about the level of its answer. Here all carriers are moved by the
same number of steps, so that they keep their balance. One step is about 0.75 dB. A carrier that modulates,
by feedback or in the algorithm, changes the sound with its level; such steps are not taken.
"""

from collections.abc import Callable, Sequence

import numpy as np

from latentdx.applications.operator_assignment import DB_PER_LEVEL
from latentdx.metrics.gain import gain_db
from latentdx.presets.algorithms import algorithm
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column
from latentdx.typing import Audio, Floats, Values

SAME = 1e-3
"""Increase of the distance that counts as none."""

_TRIES = 5  # the level as it is, a quarter of the way, half of it …


def at_level(
    preset: Preset, sounds: Sequence[Audio], heard: Sequence[Audio], rank: Callable[[Values], Floats]
) -> Preset:
    """Bring a preset to the level of sounds as far as that does not increase its distance from them.

    Args:
        preset: Preset to make louder or softer.
        sounds: Sounds of one level, each float32 (samples,).
        heard: The preset's renders at their notes.
        rank: See `with_gain`.
    """
    return with_gain(preset, gain_db(sounds, heard), rank)


def with_gain(preset: Preset, gain_db: float, rank: Callable[[Values], Floats]) -> Preset:
    """Move the carriers' OUTPUT LEVELs by a gain as far as that does not increase the distance.

    Args:
        preset: Preset to make louder or softer.
        gain_db: Wanted gain in dB.
        rank: Function that returns the distances (N,) of presets (N, 145), at equal loudness.

    Returns:
        The preset with other levels, or as it is.
    """
    levels = [column(f"OP{k} OUTPUT LEVEL") for k in algorithm(preset["ALGORITHM"] + 1).carriers]
    sounding = [place for place in levels if preset.values[place]]
    if not sounding:
        return preset
    given = preset.values[sounding].astype(int)
    wanted = min(max(round(gain_db / DB_PER_LEVEL), 1 - given.min()), 99 - given.max())
    if not wanted:
        return preset
    steps = np.unique(np.rint(wanted * np.linspace(0, 1, _TRIES)).astype(int))
    steps = steps[np.argsort(np.abs(steps))]
    moved = np.repeat(preset.values[None], len(steps), 0)
    moved[:, sounding] = given + steps[:, None]
    distances = rank(moved)
    return Preset(moved[distances <= distances[0] + SAME][-1], preset.name, preset.id)
