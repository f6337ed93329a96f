"""Measure our sounds for the examples that the paper's authors published, just as theirs are measured.

`data/results/published.csv` holds this project's measurements of the files on the authors' companion page.
Our sounds are treated the same way: the same examples at the same notes, coded as on the page,
peak-normalized or with one gain per example. Targets come from `data/targets`, so no corpus is needed. There
are only eight programming examples, so their means say little about others.
"""

import io
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import soundfile

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SAMPLE_RATE, Renderer
from latentdx.dataset import target_sounds
from latentdx.dataset.target_sounds import TargetSound
from latentdx.errors import DataMissingError, ParameterError
from latentdx.files import atomic_write
from latentdx.metrics.registry import AUDIO_METRICS
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.registry import data_path
from latentdx.typing import Audio

Section = Literal["programming", "multiple notes"]
Coding = Literal["as published", "mp3", "uncompressed"]
Level = Literal["peak", "example"]
CODINGS: tuple[Coding, ...] = get_args(Coding)
LEVELS: tuple[Level, ...] = get_args(Level)

METRICS = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "mfcc40_mae")
"""Metrics in `published.csv`; names of columns with levels as published begin with ``level_``."""

PUBLISHED = "published.csv"

WAV_ON_THE_PAGE = frozenset({"080285", "074754"})
"""UIDs of the examples that the page has as 16-bit WAV; all others are MP3."""

PEAK = 0.89
"""Peak of the loudest sound of an example before coding; the page's files peak at -0.6 to -1.8 dB."""

_LAME_GAIN = np.float32(1 / 0.95)  # LAME scales constant-rate files by 0.95, which this compensates


def through_mp3(audio: Audio) -> Audio:
    """Encode and decode a sound as on the page: MP3, constant 160 kb/s, 22,050 Hz, mono.

    Length and position are kept, because the decoder removes the encoder's delay. The coding changes a sound
    little: over 100 presets of the test set, the median log-STFT MAE is 0.16, SC 0.001 and MFCC13 0.3; the
    means are 0.16, 0.02 and 1.6.

    Args:
        audio: Sound, float32 (samples,), with a peak of at most 0.95.

    Returns:
        Decoded sound, float32 (samples,).
    """
    buffer = io.BytesIO()
    # level 0 selects the highest constant rate, which is 160 kb/s for sample rates below 32 kHz
    soundfile.write(
        buffer,
        audio * _LAME_GAIN,
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.0,
    )
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


def through_wav(audio: Audio) -> Audio:
    """Round a sound, float32 (samples,), to 16 bits as on the page.

    >>> through_wav(np.array([0.5, 1e-5], np.float32)).tolist()
    [0.5, 0.0]
    """
    return (np.rint(audio * 32_768) / 32_768).astype(np.float32)


def coded(audio: Audio, uid: str, coding: Coding) -> Audio:
    """Encode and decode a sound.

    Args:
        audio: Sound, float32 (samples,), with a peak of at most 0.95.
        uid: UID of the example, which decides between WAV and MP3 if coded as published.
        coding: Coding to use, see `CODINGS`.
    """
    if coding == "uncompressed":
        return audio
    return through_wav(audio) if coding == "as published" and uid in WAV_ON_THE_PAGE else through_mp3(audio)


def examples(section: Section = "programming") -> list[TargetSound]:
    """Return the published examples of a section.

    The section "programming" has eight examples at note 60, velocity 85; "multiple notes" has one preset at
    velocities 20, 64 and 127.
    """
    found = [t for t in target_sounds.load("example") if t.chapter == section]
    return [t for t in found if section == "programming" or t.velocity != 85]


def render(
    presets: Mapping[str, Preset], section: Section = "programming", renderer: Renderer | None = None
) -> list[Audio]:
    """Render inferred presets at the notes of a section's examples.

    Args:
        presets: Inferred preset for each UID of the section.
        section: Section of the page.
        renderer: Synth that renders; default `Engine()`.

    Returns:
        Sounds for `measure`, in the order of `examples(section)`.

    Raises:
        ParameterError: An example has no preset.
    """
    synth = renderer or Engine()
    missing = {str(t.uid) for t in examples(section)} - set(presets)
    if missing:
        raise ParameterError(f"no preset for example {', '.join(sorted(missing))}")
    return [synth.render(presets[str(t.uid)], t.note, t.velocity or 0) for t in examples(section)]


def _peak(audio: Audio) -> float:
    return float(np.abs(audio).max(initial=0.0)) or 1.0  # silence stays silent


def compare_as_published(
    target: Audio,
    inferred: Audio,
    uid: str,
    coding: Coding = "as published",
    level: Level = "peak",
    gain: float = 1.0,
) -> dict[str, float]:
    """Compare two sounds as the page's are compared.

    Args:
        target: Original, float32 (samples,).
        inferred: Sound to compare with it, of the same length.
        uid: UID of the example, which decides how it is coded.
        coding: Coding to use, see `CODINGS`.
        level: "peak" to normalize each sound by its peak, "example" to give both the same gain.
        gain: That gain.

    Returns:
        Value of each of `METRICS`.
    """
    if level == "example":
        pair = [coded(x * np.float32(gain), uid, coding) for x in (target, inferred)]
    else:
        pair = [coded(x * np.float32(PEAK / _peak(x)), uid, coding) for x in (target, inferred)]
        pair = [x / np.float32(_peak(x)) for x in pair]
    a, b = map(SoundFeatures, pair)
    return {m.name: m.compute(a, b) for m in AUDIO_METRICS if m.name in METRICS}


def _original(target: TargetSound, paper_era: bool) -> Audio:
    audio = target.paper_audio() if paper_era else target.audio()
    assert audio is not None, "every example has a sound of Dexed 0.9.3"
    return audio


def measure(
    sounds: Sequence[Audio], section: Section = "programming", *, paper_era: bool = False
) -> pd.DataFrame:
    """Compare inferred sounds with the originals, in every coding and at both levels.

    Args:
        sounds: Sounds at plug-in scale, float32 (88576,), one for each of `examples(section)`.
        section: Section of the page.
        paper_era: True to take the originals as Dexed 0.9.3 plays them.

    Returns:
        Table with a row per example, coding and level. Columns: section, uid, name, velocity, coding, level,
        and `METRICS`. With level "peak", each sound is peak-normalized; with "example", all sounds of one
        example (the original and ours, at all velocities) share the gain that brings the loudest to `PEAK`.

    Raises:
        ParameterError: The number of sounds is not that of the examples.
    """
    originals = examples(section)
    if len(sounds) != len(originals):
        raise ParameterError(f"{len(sounds)} sounds do not fit the {len(originals)} examples of {section!r}")
    pairs = [(t, _original(t, paper_era), sound) for t, sound in zip(originals, sounds, strict=True)]
    loudest: dict[str, float] = {}
    for t, *pair in pairs:
        loudest[str(t.uid)] = max(loudest.get(str(t.uid), 0.0), *map(_peak, pair))
    rows = []
    for t, target, inferred in pairs:
        uid = str(t.uid)
        for coding, level in product(CODINGS, LEVELS):
            gain = PEAK / loudest[uid]
            figures = compare_as_published(target, inferred, uid, coding, level, gain)
            rows.append([section, uid, t.name, t.velocity, coding, level, *figures.values()])
    return pd.DataFrame(rows, columns=["section", "uid", "name", "velocity", "coding", "level", *METRICS])


def published(section: Section | None = None) -> pd.DataFrame:
    """Read the measurements of the authors' own sounds.

    Args:
        section: Section of the page; all if omitted.

    Returns:
        Table with the columns of `measure`, and `version`, the authors' name of the model.

    Raises:
        DataMissingError: The file is missing.
    """
    path = data_path("results") / PUBLISHED
    if not path.exists():
        raise DataMissingError(f"{path} is missing: it ships with the project's data folder")
    table = pd.read_csv(path, dtype={"uid": str}, keep_default_na=False)
    table["velocity"] = table["note/velocity"].str.split("/").str[1].astype(int)
    columns = ["section", "uid", "name", "velocity", "version"]
    levels = []
    for level, prefix in (("peak", ""), ("example", "level_")):
        figures = table[[prefix + m for m in METRICS]].set_axis(list(METRICS), axis=1)
        levels.append(pd.concat([table[columns], figures], axis=1).assign(level=level))
    out = pd.concat(levels, ignore_index=True).assign(coding="as published")
    return out if section is None else out[out["section"] == section].reset_index(drop=True)


def write(name: str, table: pd.DataFrame, facts: Mapping[str, str], folder: Path | None = None) -> Path:
    """Write a model's table as `examples.<name>.csv`.

    Args:
        name: Name of the model's results.
        table: Table of `measure`; tables of several sections may be concatenated.
        facts: Provenance, such as title, inference, checkpoint_sha256, engine and commit; each becomes a
            column.
        folder: Folder of the results; default `data/results`.

    Returns:
        File that was written.
    """
    folder = folder or data_path("results")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(name)
    text = table.assign(version=name, **facts).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    with atomic_write(path) as file:
        file.write(text.encode())
    return path


def file_name(name: str) -> str:
    """Return the name of the file of a model's measurements, given the name of its results."""
    return f"examples.{name}.csv"


def means(folder: Path | None = None) -> pd.DataFrame:
    """Average the metrics of the authors' sounds and of ours.

    Args:
        folder: Folder of our results; default `data/results`.

    Returns:
        Table with a row per section, source ("authors" or "ours"), version, coding and level: mean of each
        metric, and number of examples `n`.
    """
    folder = folder or data_path("results")
    ours = [pd.read_csv(path, dtype={"uid": str}) for path in sorted(folder.glob("examples.*.csv"))]
    tables = [published().assign(source="authors"), *(t.assign(source="ours") for t in ours)]
    groups = pd.concat(tables).groupby(["section", "source", "version", "coding", "level"], sort=False)
    return groups[list(METRICS)].mean().assign(n=groups.size()).reset_index()
