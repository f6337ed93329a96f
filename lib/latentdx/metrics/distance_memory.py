"""The tables and the memory of `distance_kernels`, and the compiled functions themselves."""

from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.fft

from latentdx.audio.spectrogram import mel_filters
from latentdx.audio.stft.layout import LANES, Array, MelFilters, Transform, n_groups, new_blocks, zeros
from latentdx.audio.stft.tables import hann, mel_bands, transform
from latentdx.compilation import Compiler, Library
from latentdx.metrics.modulation import BANDS, LAST, N_TIMBRE, WINDOW, logarithms_of_bins
from latentdx.metrics.modulation import transform as modulation_transform

HOP = 512
N_BINS, N_MELS, N_MFCC = 513, 128, 13


class Tables(NamedTuple):
    """Tables of both transforms.

    Attributes:
        stft: Transform of frames of 1,024 samples, for the STFT.
        mel: Transform of frames of 2,048 samples, for the MFCCs.
        filters: Filters of 128 mel bands.
        cosines: Discrete cosine transform from mel bands to MFCCs, float32 (13, 128).
        octaves: Binary logarithm of each bin of the STFT, float32 (513,).
        waves: Transform of the modulation, see `modulation.transform`.
    """

    stft: Transform
    mel: Transform
    filters: MelFilters
    cosines: Array
    octaves: Array
    waves: Array


class Spectra(NamedTuple):
    """Spectra of a target, in groups of 16 frames.

    Attributes:
        stft: Magnitude and base-2 logarithm of the power of each bin, float32 (groups, 513, 2, 16).
        mfcc: MFCCs, float32 (groups, 13, 16).
        depths: Modulation spectrum, float64 (8, 8).
        from_silence: What each group adds to the sums of logarithmic and of squared differences where the
            other sound is silent, float64 (groups, 2).
    """

    stft: Array
    mfcc: Array
    depths: Array
    from_silence: Array

    @classmethod
    def of_length(cls, n_samples: int) -> Self:
        """Return spectra that are not computed yet."""
        groups = n_groups(1 + n_samples // HOP)
        return cls(
            zeros(groups, N_BINS, 2, LANES),
            zeros(groups, N_MFCC, LANES),
            np.zeros((N_TIMBRE + 2, len(BANDS))),
            np.zeros((groups, 2)),
        )


class Workspace(NamedTuple):
    """Memory that one thread needs for one sound, little enough for the processor's second cache.

    Attributes:
        blocks: Blocks of a group of frames, `layout.new_blocks`.
        numbers: Complex numbers of a group of frames, float32 (2048, 16).
        powers: Powers of its bins, float32 (1026, 16).
        decibels: Mel bands of all groups, float32 (groups, 128, 16).
        mfcc: MFCCs of all groups, float32 (groups, 13, 16).
        moments: Power of each frame, and the sum of its bins' octaves weighted by power, float32
            (groups, 2, 16).
        tracks: Tracks whose modulation is measured, float64 (frames, 9).
        waves: Modulation of one of them, float64 (4, 48).
        depths: Modulation spectrum, float64 (8, 8).
    """

    blocks: Array
    numbers: Array
    powers: Array
    decibels: Array
    mfcc: Array
    moments: Array
    tracks: Array
    waves: Array
    depths: Array

    @classmethod
    def of_length(cls, n_samples: int) -> Self:
        """Return the memory for sounds of a length."""
        groups = n_groups(1 + n_samples // HOP)
        return cls(
            new_blocks(HOP),
            zeros(2048, LANES),
            zeros(2 * N_BINS, LANES),
            zeros(groups, N_MELS, LANES),
            zeros(groups, N_MFCC, LANES),
            zeros(groups, 2, LANES),
            np.zeros((max(1 + n_samples // HOP, WINDOW), N_TIMBRE + 3)),
            np.zeros((4, 2 * LAST)),
            np.zeros((N_TIMBRE + 2, len(BANDS))),
        )


@cache
def tables() -> Tables:
    """Return the tables, which are computed once."""
    cosines = scipy.fft.dct(np.eye(N_MELS), axis=0, norm="ortho")[:N_MFCC].astype(np.float32)
    return Tables(
        transform(hann(1024)),
        transform(hann(2048)),
        mel_bands(mel_filters(2048, N_MELS, "slaney")),
        cosines,
        logarithms_of_bins(),
        np.ascontiguousarray(modulation_transform()),
    )


class Kernels(NamedTuple):
    """Compiled functions of `distance_kernels`, with the same arguments."""

    prepare: Any
    distances: Any


def _build(compiler: Compiler) -> Kernels:
    from latentdx.metrics import distance_kernels

    prepare, distances = compiler(distance_kernels.prepare), compiler(distance_kernels.distances)
    sound, work, wanted = np.ones(4096, np.float32), Workspace.of_length(4096), Spectra.of_length(4096)
    distances(sound, tables(), work, wanted, prepare(sound, tables(), work, wanted))
    return Kernels(prepare, distances)


LIBRARY = Library(
    "distance",
    f"{__name__}:LIBRARY",
    (
        __name__,
        "latentdx.metrics.distance_kernels",
        "latentdx.metrics.modulation",
        "latentdx.metrics.modulation_kernels",
        "latentdx.audio.stft",
        "latentdx.audio.engine.memory",
    ),
    _build,
)
"""The compiled distance."""
