"""Listening rows: sounds side by side, each with its picture, with one gain and one color scale per row.

A row may also hold its sounds as the paper's authors heard them, from Dexed 0.9.3; a button changes between
these and today's.

A row is plain HTML that plays without scripts. `latentdx/web/site.js` adds the position line, the keys, "Play
all", "true level", and a switch between versions that keeps the position; `blind.js` adds the blind test. A
clip with a preset holds its 128 packed bytes, so that `dock.js` can play it live on a keyboard.

In a row that compares sounds, the first clip is the target and the others are versions of it:
`row(compared(target, versions), title)`.

Level rule: each row has one gain, which brings its loudest clip to a peak of -1 dBFS but is at most +12 dB.
Peaks are true peaks (`encoding.true_peak`); otherwise bright sounds would clip in the player. Levels,
waveforms and colors describe the synth's own output, before that gain. A boosted row can also be heard at
the synth's own level; a row that was turned down cannot, because it would clip, and its footer says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.display import algorithms, media, sound_pictures, tables
from latentdx.display.downloads import originals_allowed
from latentdx.display.html import HTML
from latentdx.errors import ParameterError
from latentdx.metrics.gain import gain_db
from latentdx.metrics.objective import at_gain, distance
from latentdx.metrics.registry import log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset

PEAK_DBFS = -1.0
"""Peak of a row's loudest clip; 1 dB of headroom for what MP3 coding adds."""

MAX_BOOST_DB = 12.0
"""Largest gain of a row; more would make a nearly silent preset sound like something it is not."""

SILENT_DBFS = -80.0
"""Peak below which a clip counts as silent; even boosted, it stays under the noise of a quiet room."""


@dataclass(frozen=True)
class Distances:
    """Distances of a version from its target, as `latentdx.metrics` defines them; lower is closer.

    Attributes:
        log_stft: Mean absolute difference of log10 magnitudes.
        convergence: Spectral convergence; `nan` for a silent target.
        mfcc13: Mean absolute difference of 13 cepstral coefficients.
        mixed: Weighted sum that decides which version is closest, see `metrics.objective.distance`.
    """

    log_stft: float
    convergence: float
    mfcc13: float
    mixed: float

    def texts(self) -> dict[str, str]:
        """Return the three single distances as a row prints them, by their short names."""
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
        sound: Audio, float32 (samples,), 22,050 Hz, at the synth's own level.
        title: Name of the clip in a few words; any text, because it is escaped.
        facts: Short remarks shown below the picture.
        preset: Preset that is offered as a .syx download and whose algorithm is drawn. Only presets that may
            be published: inferred ones and those that ship with this project.
        alt: Description of the picture, where the measured one is not enough.
        distances: Distances from the row's target, see `compared`.
        original: Preset of a corpus, whose parameters are not ours to publish. It is shown like `preset`, but
            only in a local build (see `downloads.originals_allowed`).
        paper_sound: The same as Dexed 0.9.3 plays it, which the paper's authors heard; `None` if it is not
            known, or the sound is of another instrument. Of equal samples, only one file is made.
    """

    sound: npt.NDArray[np.float32]
    title: str
    facts: tuple[str, ...] = ()
    preset: Preset | None = None
    alt: str = ""
    distances: Distances | None = None
    original: Preset | None = None
    paper_sound: npt.NDArray[np.float32] | None = None

    @property
    def shown_preset(self) -> Preset | None:
        """Preset whose parameters this build may show; one without a name gets the clip's title."""
        preset = self.preset or (self.original if originals_allowed() else None)
        return preset if preset is None or preset.name else preset.with_values(self.title)

    @property
    def sounds(self) -> list[npt.NDArray[np.float32]]:
        """The sound, and that of Dexed 0.9.3 if it differs."""
        moved = self.paper_sound is not None and not np.array_equal(self.sound, self.paper_sound)
        return [self.sound, self.paper_sound] if moved and self.paper_sound is not None else [self.sound]

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
        """True where the peak is below `SILENT_DBFS`."""
        return self.peak_dbfs < SILENT_DBFS


def compared(target: Clip, versions: Sequence[Clip], *, equal_loudness: bool = False) -> list[Clip]:
    """Measure versions against a target and return all of them as the clips of a row, the target first.

    Sounds are not aligned. Where two lengths differ, the shorter sound is padded with silence.

    Args:
        target: Clip that the versions are compared with.
        versions: Clips to measure; their own `distances` are replaced.
        equal_loudness: Measure them at equal loudness (see `metrics.gain`), as suits a target that is no
            render, and not at the synth's own level.

    Raises:
        ParameterError: A sound is shorter than 4,096 samples.
    """
    return [
        target,
        *(
            replace(clip, distances=measured(target, clip, equal_loudness=equal_loudness))
            for clip in versions
        ),
    ]


def measured(target: Clip, version: Clip, *, equal_loudness: bool = False) -> Distances:
    """Return the distances of one version from its target, see `compared`."""
    samples = max(len(target.sound), len(version.sound))
    a, b = (SoundFeatures(np.pad(c.sound, (0, samples - len(c.sound)))) for c in (target, version))
    mixed = distance(a, b)
    if equal_loudness:
        b = at_gain(b, gain_db([a.audio], [b.audio]))
    return Distances(log_stft_mae(a, b), spectral_convergence(a, b), mfcc_mae(a, b, 13), mixed)


def row_gain_db(clips: Sequence[Clip]) -> float:
    """Return the one gain of a row in dB, by the level rule above; 0 where all clips are silent."""
    loudest = max(_decibels(encoding.true_peak(sound)) for clip in clips for sound in clip.sounds)
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
    """Render clips to compare, side by side on a wide screen and stacked on a phone.

    One MP3 and one WebP file is written per clip (see `media.save`).

    Args:
        clips: Sounds of the row, at least one.
        title: Name of the row, for eyes and screen readers; different for each row of a page.
        caption: Sentence on what to listen for.
        sequence: True where the clips are steps (of an interpolation, of velocities); adds "Play all".
        blind: True to include the row in the page's blind test. The first clip is the target and stays
            visible. The others, at least two and all with `distances`, can be hidden, shuffled and voted for.
            The caption stays visible too, so it must not give them away.
        autoplay: True to play the first clip as soon as it is shown, where the browser allows it.

    Raises:
        ParameterError: There are no clips, or too few clips with distances for a blind test.
    """
    if not clips:
        raise ParameterError(f"the listening row {title!r} has no clips: give at least 1")
    if blind and (len(clips) < 3 or not all(clip.distances for clip in clips[1:])):
        raise ParameterError(
            f"the blind row {title!r} needs a target and at least 2 versions with distances: see `compared`"
        )
    gain = round(row_gain_db(clips), 2)  # the page states it with this precision
    scale = sound_pictures.Scale.of([sound for clip in clips for sound in clip.sounds])
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
        same_in_paper=all(clip.paper_sound is not None and len(clip.sounds) == 1 for clip in clips),
        differences=_differences(clips),
    )


def _view(
    clip: Clip, gain: float, scale: sound_pictures.Scale, size: tuple[int, int], nearest: Mapping[str, str]
) -> dict[str, object]:
    """Return what the template shows for a clip."""
    seconds = len(clip.sound) / SAMPLE_RATE
    preset = clip.shown_preset
    links = [
        {
            "audio": media.save(encoding.encode(sound * np.float32(10 ** (gain / 20)), "mp3"), "mp3"),
            "picture": sound_pictures.sound_picture(sound, scale, size),
            "alt": f"Waveform and mel spectrogram of {clip.title}: "
            f"{(i == 0 and clip.alt) or sound_pictures.describe(sound)}.",
        }
        for i, sound in enumerate(clip.sounds)
    ]
    return {
        **links[0],
        "paper": links[1] if len(links) > 1 else None,
        "same_in_paper": clip.paper_sound is not None and len(links) == 1,
        "title": clip.title,
        "facts": clip.facts,
        "silent": clip.silent,
        "peak": _level_text(clip.peak_dbfs),
        "rms": _level_text(clip.rms_dbfs),
        "seconds": f"{seconds:.3f}",
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
            "voice": media.base64url(preset.bank.packed().tobytes()),
            "name": preset.name,
            "algorithm": preset["ALGORITHM"] + 1,
            "drawing": algorithms.preset_drawing(preset, scale=1.1),
        },
    }


def _nearest(clips: Sequence[Clip]) -> dict[str, str]:
    """Return the smallest printed value of each distance by its name, where a single version has it."""
    versions = [clip.distances.texts() for clip in clips[1:] if clip.distances]
    if clips[0].distances or len(versions) < 2:
        return {}  # not a comparison of versions with one target
    least = {}
    for name in versions[0]:
        values = sorted((text[name] for text in versions if text[name] != "–"), key=float)
        if len(values) > 1 and values[0] != values[1]:
            least[name] = values[0]
    return least


def _differences(clips: Sequence[Clip]) -> HTML | None:
    """Tabulate the parameters that differ from the target's; `None` where those must not be shown."""
    target = clips[0].shown_preset
    versions = [(c.title, c.shown_preset) for c in clips[1:] if c.distances and c.shown_preset]
    if target is None or not versions:
        return None
    frame = tables.differences(target, clips[0].title, versions)
    caption = f"Parameters that differ from {clips[0].title}: {len(frame)}; empty where equal"
    return tables.table_html(frame, caption, scroll=True)


def _columns(n: int) -> int:
    """Return the number of columns on a wide screen: at most five, in lines of nearly equal length."""
    lines = -(-n // 5)
    return -(-n // lines)


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def _level_text(dbfs: float) -> str:
    return f"{dbfs:.1f}".replace("-", "−").replace("inf", "∞")
