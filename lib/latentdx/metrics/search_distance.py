"""The distances of a sound from one target that a search computes thousands of times.

They use half the frames of the exact metrics. There are two forms with equal results: `NumpyDistance`, to be
read and for the time until the compiled functions are there, and `CompiledDistance`. A test checks that they
agree.
"""

from functools import cached_property

import numpy as np
import scipy.fft

from latentdx.audio.spectrogram import mel_filters
from latentdx.audio.stft.layout import Spare
from latentdx.audio.stft.tables import hann
from latentdx.metrics.distance_memory import HOP, LIBRARY, N_MELS, N_MFCC, Kernels, Spectra, Workspace, tables
from latentdx.metrics.modulation import (
    LEAST,
    Tracks,
    logarithms_of_bins,
    modulation_distance,
    modulation_spectrum,
)
from latentdx.metrics.sound_features import LOG_FLOOR
from latentdx.typing import Audio, Floats, Spectrum

Distances = tuple[float, float, float, float]
"""Mean difference of the logarithmic STFT, spectral convergence, mean difference of 13 MFCCs, and distance of
the modulation spectra."""

_RANGE_DB = 80.0  # the mel spectrogram is cut off this far below its maximum, as in librosa


class NumpyDistance:
    """The distances from a target, computed with NumPy and SciPy.

    Args:
        target: Sound, float32 (samples,), at 22,050 Hz.
    """

    def __init__(self, target: Audio) -> None:
        self._windows = [hann(n) for n in (1024, 2048)]
        self._mel = mel_filters(2048, N_MELS, "slaney")
        self._wanted = self._spectra(target)
        self._norm = float(np.linalg.norm(self._wanted[0]))
        self._modulation = _modulation_of(*self._wanted)

    def __call__(self, sound: Audio) -> Distances:
        """Return the distances of a sound of the target's length."""
        stft, log_stft, mfcc = self._spectra(sound)
        wanted_stft, wanted_log, wanted_mfcc = self._wanted
        return (
            float(np.abs(log_stft - wanted_log).mean()),
            float(np.linalg.norm(stft - wanted_stft) / self._norm),
            float(np.abs(mfcc - wanted_mfcc).mean()),
            modulation_distance(self._modulation, _modulation_of(stft, log_stft, mfcc)),
        )

    def _magnitudes(self, sound: Audio, window: Spectrum, padding: str) -> Spectrum:
        n = len(window)
        padded = np.pad(sound, n // 2, mode=padding)  # type: ignore[call-overload]
        frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::HOP]
        return np.abs(scipy.fft.rfft(frames * window, axis=1))

    def _spectra(self, sound: Audio) -> tuple[Spectrum, Spectrum, Spectrum]:
        """Return the STFT (frames, 513), its logarithm, and 13 MFCCs (frames, 13)."""
        stft = self._magnitudes(sound, self._windows[0], "reflect")
        power = self._magnitudes(sound, self._windows[1], "constant") ** 2
        decibels = 10 * np.log10(np.maximum(self._mel @ power.T, 1e-10))
        decibels = np.maximum(decibels, decibels.max() - _RANGE_DB)
        mfcc = scipy.fft.dct(decibels, axis=0, norm="ortho")[:N_MFCC]
        return stft, np.log10(np.maximum(stft, LOG_FLOOR)), mfcc.T


class CompiledDistance:
    """The distances from a target, computed by the compiled functions.

    Args:
        target: Sound, float32 (samples,), at 22,050 Hz, with at least 4,096 samples.
        kernels: Compiled functions.
        workspaces: Memory, shared with other targets.
    """

    def __init__(self, target: Audio, kernels: Kernels, workspaces: Spare[Workspace]) -> None:
        self._kernels, self._workspaces = kernels, workspaces
        self._wanted = Spectra.of_length(len(target))
        with workspaces.taken(len(target)) as work:
            self._norm = kernels.prepare(_as_read(target), tables(), work, self._wanted)

    def __call__(self, sound: Audio) -> Distances:
        """Return the distances of a sound of the target's length."""
        with self._workspaces.taken(len(sound)) as work:
            return self._kernels.distances(_as_read(sound), tables(), work, self._wanted, self._norm)


class SearchDistance:
    """The distances from a target, compiled as soon as possible; several threads may call it.

    Compiled functions in the cache are waited for, a second at most, so that equal searches give equal
    results. Only where they are still being compiled, which is the first use on a machine, NumPy computes the
    first distances.

    Args:
        target: Sound, float32 (samples,), at 22,050 Hz, with at least 4,096 samples.
        workspaces: Memory, shared with other targets.
    """

    def __init__(self, target: Audio, workspaces: Spare[Workspace]) -> None:
        self._target, self._workspaces = target, workspaces
        LIBRARY.ready()  # loaded beside the program, if it was compiled before
        self._compiled: CompiledDistance | None = None

    @cached_property
    def _numpy(self) -> NumpyDistance:
        return NumpyDistance(self._target)

    def __call__(self, sound: Audio) -> Distances:
        """Return the distances of a sound of the target's length."""
        if self._compiled is None and (kernels := LIBRARY.at_hand()):
            self._compiled = CompiledDistance(self._target, kernels, self._workspaces)
        return (self._compiled or self._numpy)(sound)


def _modulation_of(stft: Spectrum, log_stft: Spectrum, mfcc: Spectrum) -> Floats:
    power = stft**2
    total = power.sum(1)
    return modulation_spectrum(Tracks(mfcc, total, power @ logarithms_of_bins() / np.maximum(total, LEAST)))


def _as_read(sound: Audio) -> Audio:
    return np.ascontiguousarray(sound, np.float32)
