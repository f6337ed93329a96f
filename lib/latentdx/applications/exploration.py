"""What a model's exploration of one sound tried, see `programmer.Programmer.explore`."""

from collections.abc import Callable
from typing import NamedTuple

from latentdx.presets.predictions import Predictions
from latentdx.typing import Floats, Values

Rank = Callable[[Values], Floats]
"""Function that returns the distances (N,) of presets (N, 145) from a sound."""


class Exploration(NamedTuple):
    """Presets tried for one sound, in the order of trial.

    Attributes:
        single: Prediction of the forward pass, which is tried first.
        values: Presets, uint8 (n, 145).
        distances: Distances of their renders from the sound, float64 (n,).
    """

    single: Predictions
    values: Values
    distances: Floats
