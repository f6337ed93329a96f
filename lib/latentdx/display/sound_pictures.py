"""Pictures of sounds: waveform over mel spectrogram in pixels; the page draws the axes around them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import librosa
import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image

from latentdx.audio.renderer import HOLD, SAMPLE_RATE
from latentdx.audio.spectrogram import FLOOR_DB, HOP, mel_spectrogram
from latentdx.display import media

WIDE, SMALL = (560, 420), (440, 440)
"""(width, height) in pixels of a picture in a row of up to three, and of more; shown at half that or less."""

SCREEN = (13, 11, 20)
"""Background of figures, in light and in dark mode; nearly the lowest color of magma."""

_WAVE_SHARE = 0.2  # of the height; the spectrogram has the rest
_LOWEST = (0, 0, 4)  # magma at 0, behind waveforms too
_WAVE_COLOR = (42, 176, 160)
_RANGE_DB = 80.0  # what a color scale spans: quieter detail is masked by what is above it
_QUIETEST_TOP_DB = FLOOR_DB + _RANGE_DB  # so that silence, at the floor, is black
_EDGE_DB = 40.0  # "reaches up to" means within 40 dB of the strongest band


@dataclass(frozen=True)
class Scale:
    """What a row shares: the color scale in dB of the synth's own output, and the waveform's full height."""

    low: float
    high: float
    peak: float

    @classmethod
    def of(cls, sounds: Sequence[npt.NDArray[np.float32]]) -> "Scale":
        """The scale for sounds shown together: 80 dB below their strongest mel band, rounded up to 5 dB."""
        top = max(float(mel_spectrogram(s).max()) for s in sounds)
        high = max(5.0 * np.ceil(top / 5.0), _QUIETEST_TOP_DB)
        return cls(high - _RANGE_DB, high, max(float(np.abs(s).max()) for s in sounds))


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its label and its place, as a percentage of the picture's width or height."""

    label: str
    place: float


def sound_picture(sound: npt.NDArray[np.float32], scale: Scale, size: tuple[int, int] = WIDE) -> str:
    """Write the picture of a sound (WebP of this width and height) and return its link."""
    width, height = size
    wave = round(_WAVE_SHARE * height)
    pixels = np.concatenate(
        [_waveform(sound, scale.peak, width, wave), _spectrogram(sound, scale, width, height - wave)]
    )
    return media.save(webp(Image.fromarray(pixels)), "webp")


def webp(image: Image.Image) -> bytes:
    """Encode as WebP: the same pixels give the same bytes, without date or other metadata."""
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=82, method=6)
    return buffer.getvalue()


def _waveform(sound: npt.NDArray[np.float32], peak: float, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Smallest and largest sample of each column, joined: uint8 (height, width, 3)."""
    edges = np.linspace(0, len(sound), width + 1).astype(int)
    starts = np.minimum(edges[:-1], len(sound) - 1)
    scaled = sound / peak if peak > 0 else sound
    low, high = np.minimum.reduceat(scaled, starts), np.maximum.reduceat(scaled, starts)
    middle, reach = (height - 1) / 2, (height - 1) / 2 - 3  # a margin of three pixels
    rows = np.arange(height)[:, None]
    lit = (rows >= np.floor(middle - high * reach)) & (rows <= np.ceil(middle - low * reach))
    return np.where(lit[..., None], np.array(_WAVE_COLOR, np.uint8), np.array(_LOWEST, np.uint8))


def _spectrogram(
    sound: npt.NDArray[np.float32], scale: Scale, width: int, height: int
) -> npt.NDArray[np.uint8]:
    """Mel spectrogram in magma, low notes at the bottom: uint8 (height, width, 3)."""
    decibels = Image.fromarray(mel_spectrogram(sound)[::-1].copy())
    resized = decibels.resize((width, height), Image.Resampling.BILINEAR)
    shade = np.clip((np.asarray(resized) - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    return matplotlib.colormaps["magma"](shade, bytes=True)[..., :3]


def time_ticks(seconds: float) -> list[Tick]:
    """Marks for the time axis, at most six."""
    step: float = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 600) if seconds / s < 6)
    return [Tick(f"{i * step:g}", 100 * i * step / seconds) for i in range(math.ceil(seconds / step))]


def frequency_ticks(sample_rate: int = SAMPLE_RATE) -> list[Tick]:
    """Marks for the mel axis in kHz, placed from the picture's top."""
    share = (1 - _WAVE_SHARE) / float(librosa.hz_to_mel(sample_rate / 2))
    marks = ((".5", 500), ("1", 1000), ("2", 2000), ("4", 4000), ("8", 8000))
    return [Tick(label, 100 * (1 - share * float(librosa.hz_to_mel(hz)))) for label, hz in marks]


def describe(sound: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> str:
    """What the picture shows, measured, in words: for alternative texts."""
    decibels = mel_spectrogram(sound, sample_rate)
    if decibels.max() <= FLOOR_DB + 1:
        return "nothing to see: the sound is silent"
    centers = librosa.mel_frequencies(decibels.shape[0] + 2, fmin=0.0, fmax=sample_rate / 2)[1:-1]
    bands = decibels.max(axis=1)
    strongest, highest = int(bands.argmax()), int(np.flatnonzero(bands >= bands.max() - _EDGE_DB).max())
    level = _frame_level(sound)
    full = int((level >= level.max() - 1.0).argmax())
    parts = [
        f"strongest near {_hz(centers[strongest])}",
        f"reaching up to {_hz(centers[highest])}",
        f"full after {full * HOP / sample_rate:.1f} s",
    ]
    held = int(HOLD * sample_rate) // HOP - 4  # just before the key is released
    if full < held < len(level):
        fall = level[full] - level[held]
        change = "steady" if fall < 3 else f"{fall:.0f} dB weaker" if fall < 60 else "gone"
        parts.append(f"{change} by the time the key is released at {HOLD:g} s")
    return ", ".join(parts)


def _frame_level(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """RMS level in dB of each spectrogram frame, at least -120."""
    rms = librosa.feature.rms(y=sound, frame_length=1024, hop_length=HOP, pad_mode="constant")[0]
    return 20 * np.log10(np.maximum(rms, 1e-6))


def _hz(frequency: float) -> str:
    return f"{round(frequency, -1):.0f} Hz" if frequency < 995 else f"{frequency / 1000:.1f} kHz"
