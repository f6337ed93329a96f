"""The paper's mel spectrogram (its section 2): 257 mel bands by 347 frames, in decibels.

STFT of 1,024 samples every 256, symmetric Hann window, centered with zeros, magnitudes divided by half the
window's sum so that a full-scale sine reads -6 dB; librosa's mel filters (Slaney scale, no norm) on
amplitudes; floor at -120 dB after the mel transform.
"""

from functools import cache
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view

from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE
from latentdx.errors import ParameterError

N_FFT = 1024
HOP = 256
N_MELS = 257
N_FRAMES = 1 + N_SAMPLES // HOP  # 347
FLOOR_DB = -120.0
CEILING_DB = 20.0
"""Top of the stored range (`to_codes`); the loudest of learnfm's 31,380 voices at six notes reaches -5.4 dB,
the rest is for louder synths and recordings."""

SETTINGS: dict[str, str | int | float] = {
    "n_fft": N_FFT,
    "hop": HOP,
    "window": "hann, symmetric",
    "padding": "centered, zeros",
    "magnitude": "divided by half the window's sum",
    "n_mels": N_MELS,
    "mel": "slaney scale, no norm, on amplitudes, 0 Hz to half the sample rate",
    "floor_db": FLOOR_DB,
}
"""All that defines a spectrogram, as stores and checkpoints record it."""

_WINDOW = np.hanning(N_FFT).astype(np.float32)  # symmetric
_SCALE = np.float32(1.0 / _WINDOW.sum(dtype=np.float64))  # 1/511.5: the largest |FFT| of the window


@cache
def mel_filters(
    n_fft: int = N_FFT,
    n_mels: int = N_MELS,
    norm: Literal["slaney"] | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> "scipy.sparse.csr_array":
    """Return librosa's mel filterbank (mels, FFT bins), made once, and sparse: a filter touches few bins."""
    filters = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, norm=norm)
    return scipy.sparse.csr_array(filters)


def mel_spectrogram(
    audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE
) -> npt.NDArray[np.float32]:
    """Mel spectrogram in dB of one sound or a batch.

    Args:
        audio: float (..., samples), at plug-in scale. 88,576 samples give 347 frames.
        sample_rate: Hz.

    Returns:
        float32 (..., 257, 1 + samples // 256), at least -120 dB.
    """
    if audio.ndim == 0 or audio.shape[-1] < 1:
        raise ParameterError(f"a sound has at least 1 sample, not shape {audio.shape}")
    batch = np.asarray(audio, np.float32).reshape(-1, audio.shape[-1])
    frames = 1 + audio.shape[-1] // HOP
    out = np.empty((len(batch), N_MELS, frames), np.float32)
    filters = mel_filters(sample_rate=sample_rate)
    for sound, target in zip(batch, out, strict=True):  # one at a time keeps the working set in the cache
        padded = np.pad(sound, N_FFT // 2)
        windows = sliding_window_view(padded, N_FFT)[::HOP] * _WINDOW  # (frame, sample)
        amplitude = np.abs(scipy.fft.rfft(windows, axis=-1)).T * _SCALE  # (bin, frame)
        np.maximum(filters @ amplitude, 10.0 ** (FLOOR_DB / 20), out=target)
    np.log10(out, out=out)
    out *= 20.0
    np.maximum(out, FLOOR_DB, out=out)  # single precision gave -120.00001
    return out.reshape(*audio.shape[:-1], N_MELS, frames)


def to_codes(decibels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """dB -> uint8 over [-120, 20] dB in steps of 0.55 dB; louder values are cut at the ceiling."""
    scaled = (decibels - FLOOR_DB) * (255.0 / (CEILING_DB - FLOOR_DB))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def from_codes(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 codes -> dB: code / 255 * 140 - 120."""
    return codes.astype(np.float32) * np.float32((CEILING_DB - FLOOR_DB) / 255.0) + np.float32(FLOOR_DB)
