"""Listening rows: sounds side by side, each with its picture, one gain and one color scale a row.

A row is plain HTML that plays without scripts; `latentdx/web/site.js` adds the position line, the switch
between versions that keeps the position, the keys, "play all" and "true level"; `blind.js` the blind test.

Of a row that compares, the first clip is the target and the others are its versions:
`row(distances.compared(target, versions), title)`.

The level rule: one gain a row, so that its loudest clip peaks at -1 dBFS, and never more than +12 dB. Peaks
are true peaks (`encoding.true_peak`), or bright sounds would clip in the player. Levels, waveforms and colors
tell the synth's own output, before that gain. A boosted row can be heard at the synth's own level too; a
lowered one cannot, for it would clip, and says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.display import algorithms, media, sound_pictures, tables
from latentdx.display.downloads import originals_allowed
from latentdx.display.html import HTML
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset

PEAK_DBFS = -1.0
"""Where the loudest clip of a row peaks; 1 dB of room for what MP3 adds."""

MAX_BOOST_DB = 12.0
"""More would turn a nearly silent preset into something it is not."""

SILENT_DBFS = -80.0
"""A peak below this is called silent; even boosted it stays under the noise of a quiet room."""


@dataclass(frozen=True)
class Distances:
    """How far a version is from its target, by the definitions in `commands.metrics`; less is nearer.

    Attributes:
        log_stft: mean absolute difference of log10 magnitudes.
        convergence: spectral convergence; `nan` for a silent target.
        mfcc13: mean absolute difference of 13 cepstral coefficients.
        mixed: the one number that says which version is nearest: `metrics.objective.distance`.
    """

    log_stft: float
    convergence: float
    mfcc13: float
    mixed: float

    def texts(self) -> dict[str, str]:
        """The three distances as a row prints them."""
        shown = {
            "log-STFT": f"{self.log_stft:.2f}",
            "SC": f"{self.convergence:.2f}",
            "MFCC13": f"{self.mfcc13:.1f}",
        }
        return {name: "–" if text == "nan" else text for name, text in shown.items()}


@dataclass(frozen=True)
class Clip:
    """One sound of a row.

    Attributes:
        sound: float32 (samples,), 22,050 Hz, at the synth's own level.
        title: what it is, in a few words; any text (it is escaped).
        facts: short remarks shown below it.
        preset: offered as a .syx download, its algorithm drawn. Only what may be published: inferred presets
            and those that ship with this project.
        alt: what its picture shows, if the measured description is not enough.
        distances: to the row's target, see `distances.compared`.
        original: a preset of a corpus, whose parameters are not ours to publish: as `preset`, but only in a
            local build (see `downloads.originals_allowed`).
    """

    sound: npt.NDArray[np.float32]
    title: str
    facts: tuple[str, ...] = ()
    preset: Preset | None = None
    alt: str = ""
    distances: Distances | None = None
    original: Preset | None = None

    @property
    def shown_preset(self) -> Preset | None:
        """The preset whose parameters this build may show; one without a name gets the clip's title."""
        preset = self.preset or (self.original if originals_allowed() else None)
        return preset if preset is None or preset.name else preset.with_values(self.title)

    @property
    def peak_dbfs(self) -> float:
        """True peak, dB re full scale; -inf for digital silence."""
        return _decibels(encoding.true_peak(self.sound))

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


def row(
    clips: Sequence[Clip],
    title: str,
    caption: str = "",
    *,
    sequence: bool = False,
    blind: bool = False,
    autoplay: bool = False,
) -> HTML:
    """Sounds to compare, side by side on a wide screen, stacked on a phone.

    Writes one MP3 and one WebP a clip (see `media.save`).

    Args:
        clips: at least one.
        title: names the row, for eyes and screen readers; within a page each its own.
        caption: a sentence on what to listen for.
        sequence: the clips are steps (of an interpolation, of velocities): adds "play all".
        blind: takes part in the page's blind test; the first clip is the target and stays in sight, the
            others, at least two and all with `distances`, can be hidden, shuffled and voted for. The caption
            stays in sight too, and must not tell them apart.
        autoplay: the first clip begins to play as soon as it is shown, where the browser lets it.
    """
    if not clips:
        raise ParameterError(f"the listening row {title!r} has no clips: give at least 1")
    if blind and (len(clips) < 3 or not all(clip.distances for clip in clips[1:])):
        raise ParameterError(
            f"the blind row {title!r} needs a target and at least 2 versions with distances: see `compared`"
        )
    gain = round(row_gain_db(clips), 2)  # as the page says it
    scale = sound_pictures.Scale.of([clip.sound for clip in clips])
    columns = _columns(len(clips))
    size = sound_pictures.WIDE if columns <= 3 else sound_pictures.SMALL
    nearest = _nearest(clips)
    return media.render_template(
        "row.html",
        title=title,
        caption=caption,
        sequence=sequence,
        blind=blind,
        autoplay=autoplay,
        columns=columns,
        gain=gain,
        too_loud=gain < PEAK_DBFS,
        scale=scale,
        width=size[0] // 2,
        height=size[1] // 2,
        clips=[_view(clip, gain, scale, size, nearest) for clip in clips],
        differences=_differences(clips),
    )


def _view(
    clip: Clip, gain: float, scale: sound_pictures.Scale, size: tuple[int, int], nearest: Mapping[str, str]
) -> dict[str, object]:
    """What the template shows of a clip."""
    seconds = len(clip.sound) / SAMPLE_RATE
    played = clip.sound * np.float32(10 ** (gain / 20))
    preset = clip.shown_preset
    seen = clip.alt or sound_pictures.describe(clip.sound)
    return {
        "title": clip.title,
        "facts": clip.facts,
        "silent": clip.silent,
        "peak": _level_text(clip.peak_dbfs),
        "rms": _level_text(clip.rms_dbfs),
        "seconds": f"{seconds:.3f}",
        "audio": media.save(encoding.encode(played, "mp3"), "mp3"),
        "picture": sound_pictures.sound_picture(clip.sound, scale, size),
        "alt": f"Waveform and mel spectrogram of {clip.title}: {seen}.",
        "times": sound_pictures.time_ticks(seconds),
        "frequencies": sound_pictures.frequency_ticks(),
        "distance": clip.distances and f"{clip.distances.mixed:.4f}",
        "distances": [
            (name, text, nearest.get(name) == text)
            for name, text in (clip.distances.texts() if clip.distances else {}).items()
        ],
        "preset": preset
        and {
            "link": media.save(preset.sysex(), "syx"),
            "name": preset.name,
            "algorithm": preset["ALGORITHM"] + 1,
            "drawing": algorithms.preset_drawing(preset, scale=1.1),
        },
    }


def _nearest(clips: Sequence[Clip]) -> dict[str, str]:
    """By name, the least of each distance to the row's target as printed, where one version alone has it."""
    versions = [clip.distances.texts() for clip in clips[1:] if clip.distances]
    if clips[0].distances or len(versions) < 2:
        return {}  # no comparison with one target
    least = {}
    for name in versions[0]:
        values = sorted((text[name] for text in versions if text[name] != "–"), key=float)
        if len(values) > 1 and values[0] != values[1]:
            least[name] = values[0]
    return least


def _differences(clips: Sequence[Clip]) -> HTML | None:
    """Table of the parameters that differ from the target's; `None` where those must not be shown."""
    target = clips[0].shown_preset
    versions = [(c.title, c.shown_preset) for c in clips[1:] if c.distances and c.shown_preset]
    if target is None or not versions:
        return None
    frame = tables.differences(target, clips[0].title, versions)
    caption = f"Parameters that differ from {clips[0].title}: {len(frame)}; empty where equal"
    return tables.table_html(frame, caption, scroll=True)


def _columns(n: int) -> int:
    """Columns on a wide screen: lines of nearly equal length, at most four to a line."""
    lines = -(-n // 4)
    return -(-n // lines)


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def _level_text(dbfs: float) -> str:
    return f"{dbfs:.1f}".replace("-", "−").replace("inf", "∞")
