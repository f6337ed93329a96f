"""46 audio features of a sound, with which paths between sounds are evaluated.

The definitions are librosa's (a test compares them), but all features are computed from one spectrogram,
because librosa's own functions take four times as long. Frequencies are in octaves and levels in dB, which is
closer to hearing: an octave counts as much at 200 Hz as at 2 kHz. Statistics over time use only the frames
within 60 dB of the loudest one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import ParameterError
from latentdx.typing import Floats

Group = Literal["level", "spectrum", "timbre", "pitch"]

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "level": "level over time",
        "spectrum": "spectral position and shape",
        "timbre": "MFCC",
        "pitch": "pitch",
    }
)

N_FFT, HOP = 2048, 512
LEVEL_FLOOR_DB = -80.0
AUDIBLE_DB = -60.0
"""Level relative to the loudest frame; only frames that reach it count in statistics over time."""

N_MFCC = 13

_MAGNITUDE_FLOOR = 1e-3  # 114 dB below a full-scale sine; makes the spectrum of silence flat
_YIN_HOP = 2048
_YIN_RANGE = (40.0, 4000.0)
_STEADY_CENTS = 50.0
_PLAYED_HZ = 261.63  # middle C, which stands for the pitch of a silent sound
_ENVELOPE_FRAME, _ENVELOPE_HOP = 512, 128
_ROLLOFF = 0.85
_LOWEST_HZ = 20.0


@cache
def _mel() -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array(librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=128))


class TimbreAnalysis:
    """The analysis of a sound from which its features are computed; each part is computed once.

    Args:
        audio: Mono sound at 22,050 Hz, float32 (samples,), with at least 2,048 samples.

    Raises:
        ParameterError: The sound is not mono, or is too short.
    """

    def __init__(self, audio: npt.NDArray[np.float32]) -> None:
        if audio.ndim != 1 or len(audio) < N_FFT:
            raise ParameterError(f"a sound is mono and has at least {N_FFT} samples, not shape {audio.shape}")
        self.audio = np.asarray(audio, np.float32)

    @cached_property
    def magnitudes(self) -> npt.NDArray[np.float32]:
        """STFT magnitudes of 2,048 samples every 512, (1025, frames), floored."""
        stft = np.abs(librosa.stft(self.audio, n_fft=N_FFT, hop_length=HOP))
        return np.maximum(stft, np.float32(_MAGNITUDE_FLOOR))

    @cached_property
    def rms(self) -> Floats:
        """RMS of each frame, (frames,)."""
        return librosa.feature.rms(y=self.audio, frame_length=N_FFT, hop_length=HOP)[0].astype(np.float64)

    @cached_property
    def level(self) -> Floats:
        """RMS of each frame in dB re full scale, at least -80 dB, (frames,)."""
        return 20 * np.log10(np.maximum(self.rms, 10 ** (LEVEL_FLOOR_DB / 20)))

    @cached_property
    def heard(self) -> npt.NDArray[np.bool_]:
        """Frames within 60 dB of the loudest one, bool (frames,); all frames of a silent sound."""
        return self.rms >= self.rms.max() * 10 ** (AUDIBLE_DB / 20)

    @property
    def silent(self) -> bool:
        """True if no frame's RMS reaches -60 dB re full scale, as in `SoundFeatures.silent`."""
        return bool(self.rms.max() < 10 ** (AUDIBLE_DB / 20))

    @cached_property
    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Centroid, bandwidth and rolloff of each frame in Hz, (frames,) each."""
        hz = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)
        weight = self.magnitudes.astype(np.float64)
        running = np.cumsum(weight, axis=0)
        total = running[-1]
        centroid = hz @ weight / total
        spread = np.sqrt(np.maximum(hz**2 @ weight / total - centroid**2, 0))
        rolloff = hz[(running >= _ROLLOFF * total).argmax(0)]
        return centroid, spread, rolloff

    @cached_property
    def mel_db(self) -> npt.NDArray[np.float32]:
        """Mel spectrogram in dB, (128, frames)."""
        return librosa.power_to_db(_mel() @ self.magnitudes**2)

    @cached_property
    def mfcc(self) -> npt.NDArray[np.float32]:
        """MFCCs, (13, frames)."""
        return scipy.fft.dct(self.mel_db, axis=0, type=2, norm="ortho")[:N_MFCC]

    @cached_property
    def contrast(self) -> npt.NDArray[np.float64]:
        """Spectral contrast in dB, (7, frames)."""
        return librosa.feature.spectral_contrast(
            S=self.magnitudes, sr=SAMPLE_RATE, n_fft=N_FFT, hop_length=HOP
        )

    @cached_property
    def crossings(self) -> Floats:
        """Zero-crossing rate per sample, of frames of 2,048 samples every 512, (frames,)."""
        quiet = np.where(np.abs(self.audio) <= 1e-10, 0, self.audio)
        changes = np.concatenate([[False], np.diff(np.signbit(quiet))])
        counted = np.concatenate([[0], np.cumsum(np.pad(changes, N_FFT // 2))])
        starts = np.arange(len(self.rms)) * HOP
        return (counted[starts + N_FFT] - counted[starts]) / N_FFT

    @cached_property
    def onset(self) -> Floats:
        """Onset strength as computed by librosa, (frames,)."""
        return librosa.onset.onset_strength(S=self.mel_db, sr=SAMPLE_RATE, hop_length=HOP)

    @cached_property
    def attack(self) -> float:
        """Seconds in which the RMS rises from a tenth to nine tenths of its peak, in steps of 6 ms."""
        rms = librosa.feature.rms(y=self.audio, frame_length=_ENVELOPE_FRAME, hop_length=_ENVELOPE_HOP)[0]
        begins, arrives = ((rms >= share * rms.max()).argmax() for share in (0.1, 0.9))
        return float(max(arrives - begins, 1) * _ENVELOPE_HOP / SAMPLE_RATE)

    @cached_property
    def notes(self) -> Floats:
        """YIN pitch of the audible frames, one every 93 ms, as MIDI notes; middle C for a silent sound."""
        if self.silent:
            return np.array([librosa.hz_to_midi(_PLAYED_HZ)])
        f0 = librosa.yin(
            self.audio,
            sr=SAMPLE_RATE,
            fmin=_YIN_RANGE[0],
            fmax=_YIN_RANGE[1],
            frame_length=N_FFT,
            hop_length=_YIN_HOP,
        )
        loud = self.rms[:: _YIN_HOP // HOP][: len(f0)]
        return librosa.hz_to_midi(f0[: len(loud)][loud >= 0.01 * self.rms.max()])

    def over(self, statistic: Callable[[Floats], np.floating], values: Floats) -> float:
        """Return a statistic of values, (frames,), over the frames that are `heard`."""
        return float(statistic(values[self.heard]))


@dataclass(frozen=True)
class Feature:
    """One number that describes a sound.

    Attributes:
        name: Name.
        group: One of `GROUPS`.
        unit: Unit, or "" if it has none.
        compute: Function that computes it from a `TimbreAnalysis`.
    """

    name: str
    group: Group
    unit: str
    compute: Callable[[TimbreAnalysis], float]


def _octaves(hz: Floats) -> Floats:
    return np.log2(np.maximum(hz, _LOWEST_HZ))


def _both(
    name: str, group: Group, unit: str, of: Callable[[TimbreAnalysis], Floats]
) -> tuple[Feature, Feature]:
    """Return two features, the mean and the standard deviation over time."""
    return (
        Feature(f"{name}, mean", group, unit, lambda s: s.over(np.mean, of(s))),
        Feature(f"{name}, deviation", group, unit, lambda s: s.over(np.std, of(s))),
    )


def _mfcc(k: int, statistic: Callable[[Floats], np.floating]) -> Callable[[TimbreAnalysis], float]:
    return lambda s: s.over(statistic, s.mfcc[k])


def _contrast(k: int) -> Callable[[TimbreAnalysis], float]:
    return lambda s: s.over(np.mean, s.contrast[k])


def _temporal_centroid(s: TimbreAnalysis) -> float:
    seconds = np.arange(len(s.rms)) * HOP / SAMPLE_RATE
    return float(seconds @ s.rms / max(s.rms.sum(), 1e-12))


def _steadiness(s: TimbreAnalysis) -> float:
    return float((np.abs(s.notes - np.median(s.notes)) * 100 <= _STEADY_CENTS).mean())


FEATURES: tuple[Feature, ...] = (
    *_both("RMS level", "level", "dB", lambda s: s.level),
    Feature("RMS level, maximum", "level", "dB", lambda s: float(s.level.max())),
    Feature("attack time", "level", "octaves", lambda s: float(np.log2(s.attack))),
    Feature("temporal centroid", "level", "s", _temporal_centroid),
    Feature("audible share", "level", "", lambda s: float(s.heard.mean())),
    Feature("onset strength, mean", "level", "dB", lambda s: float(s.onset.mean())),
    Feature("onset strength, maximum", "level", "dB", lambda s: float(s.onset.max())),
    *_both("spectral centroid", "spectrum", "octaves", lambda s: _octaves(s.moments[0])),
    *_both("spectral bandwidth", "spectrum", "octaves", lambda s: _octaves(s.moments[1])),
    *_both("spectral rolloff, 85 %", "spectrum", "octaves", lambda s: _octaves(s.moments[2])),
    *_both(
        "spectral flatness",
        "spectrum",
        "dB",
        lambda s: 10 * np.log10(librosa.feature.spectral_flatness(S=s.magnitudes)[0]),
    ),
    *_both("zero crossings", "spectrum", "", lambda s: s.crossings),
    *(Feature(f"spectral contrast {k + 1}, mean", "spectrum", "dB", _contrast(k)) for k in range(7)),
    *(Feature(f"MFCC {k + 1}, mean", "timbre", "dB", _mfcc(k, np.mean)) for k in range(N_MFCC)),
    *(Feature(f"MFCC {k + 1}, deviation", "timbre", "dB", _mfcc(k, np.std)) for k in range(6)),
    Feature("pitch, median", "pitch", "semitones", lambda s: float(np.median(s.notes))),
    Feature("pitch, steady share", "pitch", "", _steadiness),
)
"""All 46 features, in the order of `features`."""


def features(audio: npt.NDArray[np.float32]) -> Floats:
    """Compute all features of a sound.

    Args:
        audio: Mono sound at 22,050 Hz, float32 (samples,), with at least 2,048 samples.

    Returns:
        The features in their own units, in the order of `FEATURES`, float64 (46,); always finite.

    Raises:
        ParameterError: The sound is not mono, or is too short.

    >>> features(np.zeros(22_050, np.float32)).shape
    (46,)
    """
    analysis = TimbreAnalysis(audio)
    return np.array([feature.compute(analysis) for feature in FEATURES])
