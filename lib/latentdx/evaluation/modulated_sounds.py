"""Four sounds that move, and how fast and how far a sound moves: vibrato, tremolo, swell and filter sweep.

The sounds are made by code, of sines, and by no synth that the search knows. Their rates and depths are
known, and `measured` finds them in any sound, so the answers to them can be compared.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import librosa
import numpy as np
import scipy.signal

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import ParameterError
from latentdx.typing import Audio, Floats

Moving = Literal["pitch", "level", "brightness"]

SECONDS = 4.0
"""Length of the sounds."""

_HOP, _FRAME = 256, 1024
_FROM, _TO = 0.8, 3.6  # seconds in which the movement is measured
_SLOWEST, _FASTEST = 0.4, 12.0  # Hz
_AROUND = 0.3  # share of the fundamental's frequency to either side in which it is followed


class Movement(NamedTuple):
    """Movement of a sound.

    Attributes:
        rate: Movements per second.
        depth: Largest deviation from the middle: cents of pitch, dB of level, or semitones of the spectral
            centroid.
    """

    rate: float
    depth: float


@dataclass(frozen=True)
class ModulatedSound:
    """Sound that moves, with its movement as it was made.

    Attributes:
        name: Name in a few words.
        moving: What moves.
        note: MIDI note.
        movement: Rate and depth; the depth of a brightness is that of the filter's cutoff, in semitones.
    """

    name: str
    moving: Moving
    note: int
    movement: Movement

    def sound(self) -> Audio:
        """Return four seconds of it, float32 (88200,), at 22,050 Hz, sounding to the end."""
        t = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
        rate, depth = self.movement
        wave = np.sin(2 * np.pi * rate * t)
        f0 = float(librosa.midi_to_hz(self.note))
        cents = depth * wave * np.clip((t - 0.3) / 0.4, 0, 1) if self.moving == "pitch" else np.zeros_like(t)
        angle = 2 * np.pi * np.cumsum(f0 * 2 ** (cents / 1200)) / SAMPLE_RATE
        cutoff = 6 * f0 * 2 ** (depth / 12 * wave) if self.moving == "brightness" else np.full_like(t, 6 * f0)
        parts = []
        for k in range(1, int(9_000 / f0) + 1):
            x = k * f0 / cutoff  # a low-pass filter with a resonance, as a factor for each harmonic
            parts.append(np.sin(k * angle) / k / np.sqrt((1 - x**2) ** 2 + (x / 2) ** 2))
        sound = np.sum(parts, axis=0) * np.minimum(t / 0.05, 1)
        if self.moving == "level":
            sound *= 10 ** (depth * wave / 20)
        return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


SOUNDS = (
    ModulatedSound("vibrato lead", "pitch", 69, Movement(5.5, 35.0)),
    ModulatedSound("tremolo pad", "level", 57, Movement(4.0, 4.0)),
    ModulatedSound("slow swell", "level", 60, Movement(0.8, 6.0)),
    ModulatedSound("auto-wah", "brightness", 45, Movement(2.0, 10.0)),
)
"""The four sounds."""


def measured(sound: Audio, moving: Moving, note: int) -> Movement:
    """Measure the strongest regular movement of a sound between 0.8 and 3.6 s.

    Args:
        sound: Float32 (samples,), at 22,050 Hz, at least 3.6 s.
        moving: What is measured; the depth of a brightness is that of the spectral centroid, in semitones.
        note: MIDI note, near which the pitch is followed.

    Raises:
        ParameterError: The sound is too short.
    """
    if len(sound) < _TO * SAMPLE_RATE:
        raise ParameterError(
            f"a movement is measured in {_TO:g} s of sound, not {len(sound) / SAMPLE_RATE:g}"
        )
    if moving == "pitch":
        track = _cents(sound, float(librosa.midi_to_hz(note)))[::_HOP]
    elif moving == "level":
        rms = librosa.feature.rms(y=sound, frame_length=_FRAME, hop_length=_HOP)[0]
        track = 20 * np.log10(np.maximum(rms, 1e-5))
    else:
        center = librosa.feature.spectral_centroid(y=sound, sr=SAMPLE_RATE, n_fft=_FRAME, hop_length=_HOP)[0]
        track = 12 * np.log2(np.maximum(center, 20.0))
    return _strongest(np.asarray(track, np.float64))


def _cents(sound: Audio, f0: float) -> Floats:
    """Follow the fundamental: cents from `f0` of each sample."""
    band = np.array([1 - _AROUND, 1 + _AROUND]) * f0
    filters = scipy.signal.butter(4, band, "bandpass", fs=SAMPLE_RATE, output="sos")
    phase = np.unwrap(np.angle(scipy.signal.hilbert(scipy.signal.sosfiltfilt(filters, sound))))
    frequency = np.maximum(np.gradient(phase) * SAMPLE_RATE / (2 * np.pi), f0 / 2)
    return np.asarray(scipy.signal.medfilt(1200 * np.log2(frequency / f0), 129))


def _strongest(track: Floats) -> Movement:
    """Return rate and amplitude of the sine that explains most of a track, one value per 256 samples."""
    per_second = SAMPLE_RATE / _HOP
    part = scipy.signal.detrend(track[round(_FROM * per_second) : round(_TO * per_second)])
    time = np.arange(len(part)) / per_second
    rates = np.arange(_SLOWEST, _FASTEST, 0.05)
    waves = np.exp(-2j * np.pi * rates[:, None] * time) * np.hanning(len(part))
    depths = 2 * np.abs(waves @ part) / np.hanning(len(part)).sum()
    best = int(depths.argmax())
    return Movement(float(rates[best]), float(depths[best]))
