"""Mel bands of 16 frames at a time."""

import numpy as np

from latentdx.audio.engine.memory import address
from latentdx.audio.stft.jit import inline
from latentdx.audio.stft.lanes import load, read, repeat
from latentdx.audio.stft.layout import LANE_BYTES, Lanes, MelFilters

_ZERO = np.float32(0)


@inline
def band(spectrum: int, filters: MelFilters, number: int) -> Lanes:
    """Return one mel band, in two sums that do not wait for one another.

    Args:
        spectrum: Address of the bins' vectors, and one more.
        filters: Mel filters.
        number: Number of the band.
    """
    even, odd = repeat(_ZERO), repeat(_ZERO)
    at = spectrum + filters.first[number] * LANE_BYTES
    weight = address(filters.weights) + 4 * filters.start[number]
    for _ in range(filters.pairs[number]):
        even = even + load(at) * read(weight)
        odd = odd + load(at + LANE_BYTES) * read(weight + 4)
        at += 2 * LANE_BYTES
        weight += 8
    return even + odd
