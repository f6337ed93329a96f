"""The mel spectrogram of the paper (section 2): 257 mel bands by 347 frames, in decibels.

The STFT has frames of 1,024 samples, a hop of 256, a symmetric Hann window and zero padding at both ends (the
frames are centered). Magnitudes are divided by the sum of the window, so that a full-scale sine reads -6 dB.
The mel filters are librosa's (Slaney scale, not normalized) and apply to amplitudes; the floor of -120 dB
applies after the mel transform.
"""

import os
from functools import cache
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view

from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE
from latentdx.audio.stft.compilation import LIBRARY
from latentdx.audio.stft.layout import LANES, MelFilters, Spare, Transform, new_blocks, zeros
from latentdx.audio.stft.tables import mel_bands, transform
from latentdx.compilation import CompilationError
from latentdx.errors import ParameterError

N_FFT = 1024
HOP = 256
N_MELS = 257
N_FRAMES = 1 + N_SAMPLES // HOP  # 347
FLOOR_DB = -120.0
CEILING_DB = 20.0
"""Top of the stored range (see `to_codes`).

The loudest of the 31,380 learnfm voices at six notes reaches -5.4 dB; the headroom is for louder synths and
recordings.
"""

SETTINGS: dict[str, str | int | float] = {
    "n_fft": N_FFT,
    "hop": HOP,
    "window": "hann, symmetric",
    "padding": "centered, zeros",
    # divided by the whole sum (511.5, half the window's length); stores and checkpoints record this wording
    "magnitude": "divided by half the window's sum",
    "n_mels": N_MELS,
    "mel": "slaney scale, no norm, on amplitudes, 0 Hz to half the sample rate",
    "floor_db": FLOOR_DB,
}
"""Settings that define a spectrogram, as stores and checkpoints record them."""

REVISION = 1
"""Number of the compiled spectrogram, raised by every change that may move a code."""

SCIPY = "SciPy"
"""Name of the code that computed spectrograms before there was a compiled one; see `spectrogram_code`."""

_WINDOW = np.hanning(N_FFT).astype(np.float32)  # symmetric
_SCALE = np.float32(1.0 / _WINDOW.sum(dtype=np.float64))  # 1 / 511.5


@cache
def mel_filters(
    n_fft: int = N_FFT,
    n_mels: int = N_MELS,
    norm: Literal["slaney"] | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> "scipy.sparse.csr_array":
    """Return librosa's mel filterbank; it is computed once, and sparse because a filter covers few bins.

    Args:
        n_fft: FFT size in samples.
        n_mels: Number of mel bands.
        norm: Normalization of the filters: "slaney" for equal areas, `None` for triangles with a peak of 1.
        sample_rate: Sample rate in Hz.

    Returns:
        Sparse float32 array (mel band, FFT bin).
    """
    filters = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, norm=norm)
    return scipy.sparse.csr_array(filters)


def spectrogram_code() -> str:
    """Wait for the compiled spectrogram, and name the code that computes spectrograms from then on.

    Its name is recorded where spectrograms are stored, because compiled ones differ by rounding from those of
    SciPy; see `mel_spectrogram_in_numpy`. SciPy's are used on a machine where Numba cannot compile.
    """
    try:
        LIBRARY.functions()
    except CompilationError:
        return SCIPY
    return f"compiled {REVISION}"


def mel_spectrogram(
    audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE
) -> npt.NDArray[np.float32]:
    """Compute the mel spectrogram of one sound or a batch, in dB.

    It is computed with SciPy until the compiled functions are there; see `spectrogram_code`.

    Args:
        audio: Float (..., samples), at the level of the plug-in's output; 88,576 samples give 347 frames.
        sample_rate: Sample rate in Hz.

    Returns:
        Float32 (..., 257, 1 + samples // 256), at least -120 dB.

    Raises:
        ParameterError: The sound has no samples.
    """
    if audio.ndim == 0 or audio.shape[-1] < 1:
        raise ParameterError(f"a sound must have at least 1 sample; its shape is {audio.shape}")
    batch = np.asarray(audio, np.float32).reshape(-1, audio.shape[-1])
    frames = 1 + audio.shape[-1] // HOP
    out = np.empty((len(batch), N_MELS, frames), np.float32)
    kernels = LIBRARY.at_hand()
    for sound, target in zip(batch, out, strict=True):  # one at a time, to stay in the processor's cache
        if kernels:
            with _memory.taken(0) as (blocks, work):
                kernels.mel_spectrogram(
                    np.ascontiguousarray(sound), _transform(), _mel_bands(sample_rate), blocks, work, target
                )
        else:
            mel_spectrogram_in_numpy(sound, sample_rate, target)
    return out.reshape(*audio.shape[:-1], N_MELS, frames)


def mel_spectrogram_in_numpy(
    sound: npt.NDArray[np.float32], sample_rate: int, out: npt.NDArray[np.float32]
) -> None:
    """Compute the mel spectrogram of one sound with NumPy and SciPy, until the compiled one is there.

    Both differ by rounding: by less than 0.001 dB at the levels of a sound, and by up to 0.2 dB where a band
    is as weak as the rounding errors of a single-precision FFT. One in 5,000 codes of `to_codes` is the next
    one; a test compares both with double precision, from which they are equally far.

    Args:
        sound: Float32 (samples,).
        sample_rate: Sample rate in Hz.
        out: Float32 (257, 1 + samples // 256), filled.
    """
    windows = sliding_window_view(np.pad(sound, N_FFT // 2), N_FFT)[::HOP] * _WINDOW  # (frame, sample)
    amplitude = np.abs(scipy.fft.rfft(windows, axis=-1)).T * _SCALE  # (bin, frame)
    np.maximum(mel_filters(sample_rate=sample_rate) @ amplitude, 10.0 ** (FLOOR_DB / 20), out=out)
    np.log10(out, out=out)
    out *= 20.0
    np.maximum(out, FLOOR_DB, out=out)  # rounding in single precision can give -120.00001


@cache
def _transform() -> Transform:
    return transform(_WINDOW * _SCALE)


@cache
def _mel_bands(sample_rate: int) -> MelFilters:
    return mel_bands(mel_filters(sample_rate=sample_rate))


def _new_memory(_: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    return new_blocks(HOP), zeros(N_FFT + N_FFT // 2 + 2, LANES)


_memory = Spare(_new_memory, os.cpu_count() or 1)


def to_codes(decibels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Quantize decibels to 256 codes over -120 … 20 dB, in steps of 0.55 dB.

    Args:
        decibels: Float32 of any shape; values outside the range are clipped.

    Returns:
        Codes, uint8 of the same shape.
    """
    scaled = (decibels - FLOOR_DB) * (255.0 / (CEILING_DB - FLOOR_DB))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def from_codes(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Convert codes of `to_codes` back to decibels: code / 255 * 140 - 120.

    Args:
        codes: Uint8 of any shape.

    Returns:
        Decibels, float32 of the same shape.

    >>> from_codes(np.array([0, 255], np.uint8)).tolist()
    [-120.0, 20.0]
    """
    return codes.astype(np.float32) * np.float32((CEILING_DB - FLOOR_DB) / 255.0) + np.float32(FLOOR_DB)
