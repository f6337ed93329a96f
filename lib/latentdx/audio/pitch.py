"""Fundamental frequency and tuning error of a sound."""

from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt

from latentdx.audio.dexed import SAMPLE_RATE

_FRAME, _HOP = 2048, 512
_FMIN, _FMAX = 40.0, 4000.0  # Hz; below, fewer than four periods fit a frame
# librosa's pyin calls white noise voiced too, at 0.01; the named examples with a pitch have medians from 0.37
_LEAST_PROBABILITY = 0.1


@dataclass(frozen=True)
class Pitch:
    """Median fundamental over the voiced frames in Hz (`nan` if none), their share of the audible ones."""

    f0: float
    voiced: float

    @property
    def midi(self) -> float:
        """The fundamental as a (fractional) MIDI note number."""
        return float(librosa.hz_to_midi(self.f0)) if np.isfinite(self.f0) else float("nan")

    def cents_from(self, note: int) -> float:
        """Tuning error against a MIDI note, in cents."""
        return 100.0 * (self.midi - note)


def estimate(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> Pitch:
    """Fundamental by pYIN (Mauch & Dixon 2014, https://doi.org/10.1109/ICASSP.2014.6853678).

    Only frames within 40 dB of the loudest count, so that a long silence does not make a sound unvoiced.
    """
    f0, voiced, probability = librosa.pyin(
        audio, sr=sample_rate, fmin=_FMIN, fmax=_FMAX, frame_length=_FRAME, hop_length=_HOP
    )
    voiced = voiced & (probability > _LEAST_PROBABILITY)
    audible = _audible(audio)
    if not audible.any():
        return Pitch(float("nan"), 0.0)
    heard = audible & voiced
    return Pitch(float(np.median(f0[heard])) if heard.any() else float("nan"), float(voiced[audible].mean()))


def estimate_fast(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> float:
    """Fundamental in Hz by YIN (de Cheveigné & Kawahara 2002), about 20 ms a clip: for thousands of sounds.

    The median over frames within 40 dB of the loudest; `nan` for silence. It has no notion of "unvoiced".
    """
    f0 = librosa.yin(audio, sr=sample_rate, fmin=_FMIN, fmax=_FMAX, frame_length=_FRAME, hop_length=_HOP)
    audible = _audible(audio)
    return float(np.median(f0[audible])) if audible.any() else float("nan")


def _audible(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Frames within 40 dB of the loudest; none of a silent sound."""
    level = librosa.feature.rms(y=audio, frame_length=_FRAME, hop_length=_HOP)[0]
    return level > max(level.max() * 0.01, 1e-6)
