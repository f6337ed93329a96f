"""Sizes and arrays that compiled functions and NumPy code share; nothing here imports Numba."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

LANES = 16
"""Frames that are transformed at the same time."""

LANE_BYTES = 4 * LANES
"""Size of a vector with a float32 number for each of these frames, in bytes."""

Lanes: TypeAlias = Any
"""A vector with one float32 number for each of 16 frames, as compiled functions see it."""

Complex: TypeAlias = Any
"""A pair of vectors: the real and the imaginary parts."""

Array: TypeAlias = npt.NDArray[Any]


class Transform(NamedTuple):
    """Tables of the FFT of one window; see `tables.transform`.

    Attributes:
        places: Offset of each bin in the result of the FFT of complex numbers, in bytes, int32.
        factors: The window, then the twiddle factors in the order of their use, float32.
    """

    places: Array
    factors: Array


class MelFilters(NamedTuple):
    """Mel filters as `mel.band` reads them; see `tables.mel_bands`.

    Attributes:
        first: First bin of each band, int64.
        pairs: Number of pairs of bins of each band, int64.
        start: Where the weights of each band begin, int64.
        weights: Weights of all bands, float32.
    """

    first: Array
    pairs: Array
    start: Array
    weights: Array


def n_groups(n_frames: int) -> int:
    """Return how many groups of 16 frames hold all frames; the last one may hold others beside them.

    >>> n_groups(33)
    3
    """
    return -(-n_frames // LANES)


def zeros(*shape: int) -> npt.NDArray[np.float32]:
    """Return an array of zeros that starts where a vector of the processor may start.

    An unaligned vector is split between two lines of the cache, which takes a quarter more time in all.
    """
    n = int(np.prod(shape))
    memory = np.zeros(n + LANES, np.float32)
    start = -memory.ctypes.data % LANE_BYTES // 4
    return memory[start : start + n].reshape(shape)


def new_blocks(hop: int) -> npt.NDArray[np.float32]:
    """Return memory for the blocks of 16 frames, and 16 more; see `frames.cut`.

    The odd number of columns keeps the samples of a frame apart in the processor's cache.
    """
    return zeros(hop, 2 * LANES + 3)


Memory = TypeVar("Memory")


class Spare(Generic[Memory]):
    """Memory that threads take and give back, so that it is allocated once.

    The system clears each page of new memory when it is first used, which for a megabyte takes longer than
    the transforms.

    Args:
        make: Function that allocates the memory for a size.
        most: Number of spare pieces that are kept.
    """

    def __init__(self, make: Callable[[int], Memory], most: int) -> None:
        self._make = make
        self._spare: deque[tuple[int, Memory]] = deque(maxlen=most)

    @contextmanager
    def taken(self, size: int) -> Iterator[Memory]:
        """Yield memory of a size that no other thread uses."""
        try:
            found, memory = self._spare.pop()
        except IndexError:
            found, memory = size, self._make(size)
        if found != size:
            memory = self._make(size)
        yield memory
        self._spare.append((size, memory))
