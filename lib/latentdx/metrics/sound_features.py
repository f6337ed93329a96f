"""The features of a sound that metrics compare, each computed when it is first needed.

STFTs, MFCCs and YIN pitches are librosa's, with the settings of the paper (its section 5).
"""

from functools import cached_property
from types import MappingProxyType

import librosa
import numpy as np
import scipy.fft

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.audio.spectrogram import mel_filters
from latentdx.errors import ParameterError
from latentdx.metrics.modulation import modulation_spectrum, tracks_of
from latentdx.typing import Floats, Spectrum

LOG_FLOOR = 1e-4
"""Smallest magnitude in the logarithmic STFT, as in the paper: 128 dB below a full-scale sine."""

SILENCE_DB = -60.0
"""Level in dB re full scale; a sound is silent if no frame's RMS (2,048 samples every 512) reaches it."""

MOST_MFCC = 40
"""Number of MFCCs that are computed."""

RESOLUTIONS = (512, 1024, 2048, 4096)
"""FFT sizes of the log-mel spectrograms; the hop is a quarter, the number of mel bands a sixteenth of it."""

LOG_MEL_FLOOR_DB = -80.0
"""Floor of the log-mel spectrograms, re a full-scale sine; the rest of a sound masks what lies below."""

YIN_FRAME, YIN_HOP, YIN_RANGE = 2048, 512, (40.0, 4000.0)
AUDIBLE_DB = -40.0
"""Level relative to the loudest frame; only frames above it count for the pitch."""

STEADY_CENTS = 50.0
STEADY_SHARE = 0.5
"""A sound is pitched if this share of its audible frames lies within `STEADY_CENTS` of the median pitch."""

SETTINGS = MappingProxyType(
    {
        "log_stft": f"1024/256, reflect, floor {LOG_FLOOR}",
        "mfcc": "librosa's defaults (2048/512, 128 mels, 80 dB)",
        "log_mel": f"{RESOLUTIONS}, a quarter, n/16 mels, floor {LOG_MEL_FLOOR_DB} dB",
        "silence": f"largest RMS below {SILENCE_DB} dB",
        "yin": f"{YIN_FRAME}/{YIN_HOP}, {YIN_RANGE} Hz, pitched: {STEADY_SHARE} within {STEADY_CENTS} cents",
    }
)
"""The settings that are recorded with every result."""


class SoundFeatures:
    """The features of one sound at 22,050 Hz that metrics compare; nothing is normalized or aligned.

    Args:
        audio: Mono sound, float (samples,), with at least 4,096 samples.

    Raises:
        ParameterError: The sound is not mono, or is too short.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050).astype(np.float32)
    >>> features = SoundFeatures(tone)
    >>> features.stft.shape, features.mfcc.shape, features.silent
    ((513, 87), (40, 44), False)
    """

    def __init__(self, audio: Spectrum) -> None:
        if audio.ndim != 1 or len(audio) < max(RESOLUTIONS):
            raise ParameterError(
                f"a sound to be compared is mono and has at least {max(RESOLUTIONS)} samples, "
                f"not shape {audio.shape}"
            )
        self.audio = np.asarray(audio, np.float32)

    def _magnitude(self, n_fft: int) -> Spectrum:
        if n_fft == 1024:
            return self.stft
        if n_fft == 2048:
            return self._stft_2048
        return np.abs(librosa.stft(self.audio, n_fft=n_fft, hop_length=n_fft // 4))

    @cached_property
    def stft(self) -> Spectrum:
        """STFT magnitudes, (513, frames).

        Periodic Hann windows of 1,024 samples every 256, centered; the sound is reflected at its ends, which
        was librosa's default when the paper was written.
        """
        return np.abs(librosa.stft(self.audio, n_fft=1024, hop_length=256, pad_mode="reflect"))

    @cached_property
    def log_stft(self) -> Spectrum:
        """Base-10 logarithm of `stft`, at least -4, (513, frames)."""
        return np.log10(np.maximum(self.stft, LOG_FLOOR))

    @cached_property
    def _stft_2048(self) -> Spectrum:
        return np.abs(librosa.stft(self.audio, n_fft=2048, hop_length=512))

    @cached_property
    def mfcc(self) -> Spectrum:
        """MFCCs, (40, frames), equal to `librosa.feature.mfcc`; the first 13 equal its result for 13."""
        decibels = librosa.power_to_db(mel_filters(2048, 128, "slaney") @ self._stft_2048**2)
        return scipy.fft.dct(decibels, axis=0, type=2, norm="ortho")[:MOST_MFCC]

    @cached_property
    def log_mels(self) -> tuple[Spectrum, ...]:
        """Mel spectrogram at each of `RESOLUTIONS`, (mels, frames), in dB re a full-scale sine, floored."""
        out = []
        for n_fft in RESOLUTIONS:
            # a full-scale sine's magnitude is half the window's sum, which is half its length
            mel = mel_filters(n_fft, n_fft // 16, None) @ self._magnitude(n_fft) * np.float32(4 / n_fft)
            out.append(20 * np.log10(np.maximum(mel, np.float32(10 ** (LOG_MEL_FLOOR_DB / 20)))))
        return tuple(out)

    @cached_property
    def modulation(self) -> Floats:
        """Modulation spectrum, (8, 8), see `modulation.modulation_spectrum`."""
        return modulation_spectrum(tracks_of(self))

    @cached_property
    def rms(self) -> Spectrum:
        """RMS of frames of 2,048 samples every 512, (frames,)."""
        return librosa.feature.rms(y=self.audio, frame_length=YIN_FRAME, hop_length=YIN_HOP)[0]

    @property
    def silent(self) -> bool:
        """True if no frame's RMS reaches -60 dB re full scale."""
        return bool(self.rms.max() < 10 ** (SILENCE_DB / 20))

    @cached_property
    def pitch(self) -> tuple[float, float]:
        """Median YIN pitch and its steadiness.

        The median is that of the audible frames, as a fractional MIDI note; the steadiness is the share of
        these frames within 50 cents of it. For a silent sound they are (nan, 0).
        """
        if self.silent:
            return float("nan"), 0.0
        fmin, fmax = YIN_RANGE
        f0 = librosa.yin(
            self.audio, sr=SAMPLE_RATE, fmin=fmin, fmax=fmax, frame_length=YIN_FRAME, hop_length=YIN_HOP
        )
        notes = librosa.hz_to_midi(f0[self.rms > self.rms.max() * 10 ** (AUDIBLE_DB / 20)])
        median = float(np.median(notes))
        return median, float((np.abs(notes - median) * 100 <= STEADY_CENTS).mean())
