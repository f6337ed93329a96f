"""Pictures of sounds: a waveform above a mel spectrogram as pixels; the page draws the axes around them."""

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
"""Picture sizes (width, height) in pixels, in rows of up to three clips and of more; shown at half size."""

SCREEN = (13, 11, 20)
"""Background of figures (RGB), in light and in dark mode; nearly the lowest color of magma."""

_WAVE_SHARE = 0.2  # share of the height; the spectrogram has the rest
_LOWEST = (0, 0, 4)  # magma at 0, behind waveforms too
_WAVE_COLOR = (42, 176, 160)
_RANGE_DB = 80.0  # range of a color scale: quieter detail is masked by louder sound
_QUIETEST_TOP_DB = FLOOR_DB + _RANGE_DB  # so that silence, at the floor, is black
_EDGE_DB = 40.0  # "reaches up to" means within 40 dB of the strongest band


@dataclass(frozen=True)
class Scale:
    """Scale that the pictures of a row share.

    Attributes:
        low: Level of the darkest color, in dB of the synth's own output.
        high: Level of the brightest color, in dB.
        peak: Sample value at the waveform's full height.
    """

    low: float
    high: float
    peak: float

    @classmethod
    def of(cls, sounds: Sequence[npt.NDArray[np.float32]]) -> "Scale":
        """Return the scale for sounds shown together: the 80 dB below their strongest mel band.

        The upper end is rounded up to the next 5 dB.
        """
        top = max(float(mel_spectrogram(s).max()) for s in sounds)
        high = max(5.0 * np.ceil(top / 5.0), _QUIETEST_TOP_DB)
        return cls(high - _RANGE_DB, high, max(float(np.abs(s).max()) for s in sounds))


@dataclass(frozen=True)
class Tick:
    """Mark on an axis: its label and its place, as a percentage of the picture's width or height."""

    label: str
    place: float


def sound_picture(sound: npt.NDArray[np.float32], scale: Scale, size: tuple[int, int] = WIDE) -> str:
    """Write the picture of a sound as WebP and return its link.

    Args:
        sound: Audio, float32 (samples,), 22,050 Hz.
        scale: Scale that the row's pictures share.
        size: Width and height in pixels.
    """
    width, height = size
    wave = round(_WAVE_SHARE * height)
    pixels = np.concatenate(
        [_waveform(sound, scale.peak, width, wave), _spectrogram(sound, scale, width, height - wave)]
    )
    return media.save(webp(Image.fromarray(pixels)), "webp")


def webp(image: Image.Image) -> bytes:
    """Encode an image as WebP without metadata, so that equal pixels give equal bytes."""
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=82, method=6)
    return buffer.getvalue()


def _waveform(sound: npt.NDArray[np.float32], peak: float, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Draw a line from the smallest to the largest sample of each column: uint8 (height, width, 3)."""
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
    """Draw the mel spectrogram in magma, low notes at the bottom: uint8 (height, width, 3)."""
    decibels = Image.fromarray(mel_spectrogram(sound)[::-1].copy())
    resized = decibels.resize((width, height), Image.Resampling.BILINEAR)
    shade = np.clip((np.asarray(resized) - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    return matplotlib.colormaps["magma"](shade, bytes=True)[..., :3]


def time_ticks(seconds: float) -> list[Tick]:
    """Return the marks of the time axis, at most six."""
    step: float = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 600) if seconds / s < 6)
    return [Tick(f"{i * step:g}", 100 * i * step / seconds) for i in range(math.ceil(seconds / step))]


def frequency_ticks(sample_rate: int = SAMPLE_RATE) -> list[Tick]:
    """Return the marks of the mel axis in kHz, placed from the picture's top."""
    share = (1 - _WAVE_SHARE) / float(librosa.hz_to_mel(sample_rate / 2))
    marks = ((".5", 500), ("1", 1000), ("2", 2000), ("4", 4000), ("8", 8000))
    return [Tick(label, 100 * (1 - share * float(librosa.hz_to_mel(hz)))) for label, hz in marks]


def describe(sound: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> str:
    """Describe in words what the picture shows, from measurements, for alternative texts."""
    decibels = mel_spectrogram(sound, sample_rate)
    if decibels.max() <= FLOOR_DB + 1:
        return "empty, because the sound is silent"
    centers = librosa.mel_frequencies(decibels.shape[0] + 2, fmin=0.0, fmax=sample_rate / 2)[1:-1]
    bands = decibels.max(axis=1)
    strongest, highest = int(bands.argmax()), int(np.flatnonzero(bands >= bands.max() - _EDGE_DB).max())
    level = _frame_level(sound)
    full = int((level >= level.max() - 1.0).argmax())
    parts = [
        f"strongest near {_hz(centers[strongest])}",
        f"reaching up to {_hz(centers[highest])}",
        f"at full level after {full * HOP / sample_rate:.1f} s",
    ]
    held = int(HOLD * sample_rate) // HOP - 4  # just before the key is released
    if full < held < len(level):
        fall = level[full] - level[held]
        change = "steady" if fall < 3 else f"{fall:.0f} dB weaker" if fall < 60 else "gone"
        parts.append(f"{change} by the time the key is released at {HOLD:g} s")
    return ", ".join(parts)


def _frame_level(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the RMS level of each spectrogram frame in dB, at least -120."""
    rms = librosa.feature.rms(y=sound, frame_length=1024, hop_length=HOP, pad_mode="constant")[0]
    return 20 * np.log10(np.maximum(rms, 1e-6))


def _hz(frequency: float) -> str:
    return f"{round(frequency, -1):.0f} Hz" if frequency < 995 else f"{frequency / 1000:.1f} kHz"
