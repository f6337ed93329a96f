"""`SoundFeatures`: what the metrics look at in one render, each thing computed when it is first asked for.

STFTs, MFCC and YIN are librosa's, with the settings of the paper (its section 5).
"""

from functools import cached_property
from types import MappingProxyType

import librosa
import numpy as np
import scipy.fft

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.audio.spectrogram import mel_filters
from latentdx.errors import ParameterError
from latentdx.typing import Spectrum

LOG_FLOOR = 1e-4
"""Least magnitude of the logarithmic STFT, as in the paper: 128 dB below a full-scale sine."""

SILENCE_DB = -60.0
"""A sound is silent if no frame's RMS (2,048 samples every 512) reaches this, dB re full scale."""

MOST_MFCC = 40

RESOLUTIONS = (512, 1024, 2048, 4096)
"""FFT sizes of the log-mel spectrograms; each steps by a quarter and has a mel band for 16 samples."""

LOG_MEL_FLOOR_DB = -80.0
"""Re a full-scale sine; what lies below is hardly heard beside the rest."""

YIN_FRAME, YIN_HOP, YIN_RANGE = 2048, 512, (40.0, 4000.0)
AUDIBLE_DB = -40.0
"""Frames that count for the pitch lie within this of the loudest one."""

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
"""As recorded with every result."""


class SoundFeatures:
    """One sound at 22,050 Hz with what the metrics compare; nothing is normalized or aligned.

    Args:
        audio: float (samples,), at least 4,096.
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
        """Magnitudes (513, frames): 1,024 samples every 256, periodic Hann, centered, reflected at the ends
        (librosa's default in the paper's time)."""
        return np.abs(librosa.stft(self.audio, n_fft=1024, hop_length=256, pad_mode="reflect"))

    @cached_property
    def log_stft(self) -> Spectrum:
        """log10 of `stft`, floored."""
        return np.log10(np.maximum(self.stft, LOG_FLOOR))

    @cached_property
    def _stft_2048(self) -> Spectrum:
        return np.abs(librosa.stft(self.audio, n_fft=2048, hop_length=512))

    @cached_property
    def mfcc(self) -> Spectrum:
        """(40, frames): `librosa.feature.mfcc`. The first 13 are those that it gives when asked for 13."""
        decibels = librosa.power_to_db(mel_filters(2048, 128, "slaney") @ self._stft_2048**2)
        return scipy.fft.dct(decibels, axis=0, type=2, norm="ortho")[:MOST_MFCC]

    @cached_property
    def log_mels(self) -> tuple[Spectrum, ...]:
        """Of each of `RESOLUTIONS` (mels, frames), amplitudes in dB re a full-scale sine, floored."""
        out = []
        for n_fft in RESOLUTIONS:
            # a full-scale sine's magnitude is half the window's sum, which is half its length
            mel = mel_filters(n_fft, n_fft // 16, None) @ self._magnitude(n_fft) * np.float32(4 / n_fft)
            out.append(20 * np.log10(np.maximum(mel, np.float32(10 ** (LOG_MEL_FLOOR_DB / 20)))))
        return tuple(out)

    @cached_property
    def rms(self) -> Spectrum:
        """Of frames of 2,048 samples every 512."""
        return librosa.feature.rms(y=self.audio, frame_length=YIN_FRAME, hop_length=YIN_HOP)[0]

    @property
    def silent(self) -> bool:
        return bool(self.rms.max() < 10 ** (SILENCE_DB / 20))

    @cached_property
    def pitch(self) -> tuple[float, float]:
        """By YIN: the median pitch of the audible frames as a fractional MIDI note, and the share of these
        within 50 cents of it. (nan, 0) of a silent sound."""
        if self.silent:
            return float("nan"), 0.0
        fmin, fmax = YIN_RANGE
        f0 = librosa.yin(
            self.audio, sr=SAMPLE_RATE, fmin=fmin, fmax=fmax, frame_length=YIN_FRAME, hop_length=YIN_HOP
        )
        notes = librosa.hz_to_midi(f0[self.rms > self.rms.max() * 10 ** (AUDIBLE_DB / 20)])
        median = float(np.median(notes))
        return median, float((np.abs(notes - median) * 100 <= STEADY_CENTS).mean())
