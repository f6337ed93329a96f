"""Tables of the compiled functions: windows, twiddle factors, and mel filters."""

from typing import TYPE_CHECKING

import numpy as np

from latentdx.audio.stft.layout import LANE_BYTES, Array, MelFilters, Transform

if TYPE_CHECKING:
    import scipy.sparse

RADICES = {512: (8, 8, 8), 1024: (8, 8, 4, 4)}
"""Radix of each pass of the FFT, by the number of complex numbers, which is half that of real ones."""


def hann(n: int) -> Array:
    """Return the periodic Hann window of n samples, float32, equal to that of `scipy.signal.get_window`."""
    return (0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, n + 1)))[:-1].astype(np.float32)


def transform(window: Array) -> Transform:
    """Return the tables of an FFT of real frames.

    The window is halved, because the separation of real frames adds two numbers for each bin.

    Args:
        window: Float (1024,) or (2048,).
    """
    n = len(window) // 2
    factors, left = [np.asarray(window) / 2], n
    for radix in RADICES[n][:-1]:  # the last pass has none
        turns = np.outer(np.arange(left // radix), np.arange(1, radix)) / left
        factors.append(_twiddle_factors(turns))
        left //= radix
    factors.append(_twiddle_factors(np.arange(n // 2 + 1) / (2 * n)))
    reversed_digits = np.arange(n).reshape(RADICES[n]).transpose().ravel()
    return Transform(
        (reversed_digits * 2 * LANE_BYTES).astype(np.int32), np.concatenate(factors).astype(np.float32)
    )


def _twiddle_factors(turns: Array) -> Array:
    factors = np.exp(-2j * np.pi * turns.ravel())
    return np.stack([factors.real, factors.imag], 1).ravel()


def mel_bands(filters: "scipy.sparse.csr_array") -> MelFilters:
    """Return mel filters as the compiled functions read them.

    Args:
        filters: Sparse array (mel band, FFT bin) of `spectrogram.mel_filters`; a band may be empty.
    """
    first, pairs, weights = [], [], []
    for band in filters.toarray():
        used = np.flatnonzero(band)
        low, high = (used[0], used[-1] + 1) if len(used) else (0, 0)
        first.append(low)
        pairs.append((high - low + 1) // 2)
        weights.append(np.pad(band[low:high], (0, (high - low) % 2)))
    start = np.cumsum([0, *map(len, weights)])[:-1]
    return MelFilters(np.array(first), np.array(pairs), start, np.concatenate(weights, dtype=np.float32))
