"""Listening rows: sounds side by side, each with its picture, one gain and one color scale a row.

A row is plain HTML that plays without scripts; `book/_static/site.js` adds the position line, the switch
between versions that keeps the position, and the keys.

The level rule: one gain a row, so that its loudest clip peaks at -1 dBFS, and never more than +12 dB. Peaks
are true peaks (`files.true_peak`), or bright sounds would clip in the player. Levels, waveforms and colors
tell the synth's own output, before that gain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from IPython.display import HTML

from latentdx.audio import files
from latentdx.audio.dexed import SAMPLE_RATE
from latentdx.book import media, pictures
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset

PEAK_DBFS = -1.0
"""Where the loudest clip of a row peaks; 1 dB of room for what MP3 adds."""

MAX_BOOST_DB = 12.0
"""More would turn a nearly silent preset into something it is not."""

SILENT_DBFS = -80.0
"""A peak below this is called silent; even boosted it stays under the noise of a quiet room."""


@dataclass(frozen=True)
class Clip:
    """One sound of a row.

    Attributes:
        sound: float32 (samples,), 22,050 Hz, at the synth's own level.
        title: what it is, in a few words; any text (it is escaped).
        facts: short remarks shown below it.
        preset: offered as a .syx download. Only for presets that ship with this project.
        alt: what its picture shows, if the measured description is not enough.
    """

    sound: npt.NDArray[np.float32]
    title: str
    facts: tuple[str, ...] = ()
    preset: Preset | None = None
    alt: str = ""

    @property
    def peak_dbfs(self) -> float:
        """True peak, dB re full scale; -inf for digital silence."""
        return _decibels(files.true_peak(self.sound))

    @property
    def rms_dbfs(self) -> float:
        """RMS level over the whole clip, dB re full scale (a full-scale sine reads -3)."""
        return _decibels(float(np.sqrt(np.mean(np.square(self.sound, dtype=np.float64)))))

    @property
    def silent(self) -> bool:
        return self.peak_dbfs < SILENT_DBFS


def row_gain_db(clips: Sequence[Clip]) -> float:
    """The one gain of a row, in dB: see the level rule above; 0 where all clips are silent."""
    loudest = max(clip.peak_dbfs for clip in clips)
    return 0.0 if loudest < SILENT_DBFS else min(PEAK_DBFS - loudest, MAX_BOOST_DB)


def row(clips: Sequence[Clip], title: str, caption: str = "") -> HTML:
    """Sounds to compare, side by side on a wide screen, stacked on a phone.

    Writes one MP3 and one WebP a clip (see `media.save`).

    Args:
        clips: at least one.
        title: names the row, for eyes and screen readers.
        caption: a sentence on what to listen for.
    """
    if not clips:
        raise ParameterError(f"the listening row {title!r} has no clips: give at least 1")
    gain = row_gain_db(clips)
    scale = pictures.Scale.of([clip.sound for clip in clips])
    columns = _columns(len(clips))
    size = pictures.WIDE if columns <= 3 else pictures.SMALL
    return HTML(
        media.render_template(
            "row.html",
            title=title,
            caption=caption,
            columns=columns,
            gain=gain,
            scale=scale,
            width=size[0] // 2,
            height=size[1] // 2,
            clips=[_view(clip, gain, scale, size) for clip in clips],
        )
    )


def _view(clip: Clip, gain: float, scale: pictures.Scale, size: tuple[int, int]) -> dict[str, object]:
    """What the template shows of a clip."""
    seconds = len(clip.sound) / SAMPLE_RATE
    played = clip.sound * np.float32(10 ** (gain / 20))
    return {
        "title": clip.title,
        "facts": clip.facts,
        "silent": clip.silent,
        "peak": _level_text(clip.peak_dbfs),
        "rms": _level_text(clip.rms_dbfs),
        "seconds": f"{seconds:.3f}",
        "audio": media.save(files.encode(played, "mp3"), "mp3"),
        "picture": pictures.sound_picture(clip.sound, scale, size),
        "alt": f"Waveform and mel spectrogram of {clip.title}: {clip.alt or pictures.describe(clip.sound)}.",
        "times": pictures.time_ticks(seconds),
        "frequencies": pictures.frequency_ticks(),
        "preset": clip.preset and {"link": media.save(clip.preset.sysex(), "syx"), "name": clip.preset.name},
    }


def _columns(n: int) -> int:
    """Columns on a wide screen: lines of nearly equal length, at most four to a line."""
    lines = -(-n // 4)
    return -(-n // lines)


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def _level_text(dbfs: float) -> str:
    return f"{dbfs:.1f}".replace("-", "−").replace("inf", "∞")
