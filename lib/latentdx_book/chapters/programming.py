"""Programming of target sounds by models for the listening chapters: infer, tune, render rows and tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from latentdx.applications.programmer import N_DRAWN, Programmer, load_model
from latentdx.applications.tune import Tuning, tune
from latentdx.audio import pitch
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.dataset import target_sounds
from latentdx.dataset.paper_examples import CORPUS
from latentdx.dataset.target_sounds import TargetSound
from latentdx.display.downloads import cartridge, originals_allowed
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, Distances, compared, row
from latentdx.display.table_formats import described
from latentdx.errors import DataError, DataMissingError
from latentdx.metrics.objective import fitted
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.presets.sysex import BANK_VOICES
from latentdx.typing import Audio
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.trained_models import notice

SHORT = {"num": "N", "numcat": "NC", "numcat++": "N+", "numcat++-six": "6N", "latentdx": "DX", "match": "M"}
"""Abbreviation of a model on the synth's display, after seven letters of the target's name."""


@dataclass(frozen=True)
class Models:
    """Trained models that a chapter asks for.

    Attributes:
        found: Name -> model, for those that exist.
        missing: Names of the others.
    """

    found: Mapping[str, Programmer]
    missing: tuple[str, ...]

    @classmethod
    def read(cls, names: Sequence[str], folder: str | Path = "") -> "Models":
        """Load models by name, in this order.

        Args:
            names: Names of models.
            folder: Folder of checkpoints; by default the models that ship are loaded.
        """
        found, missing = {}, []
        for name in names:
            try:
                file = Path(folder) / f"{name}.safetensors"
                if folder and not file.exists():
                    raise DataMissingError(f"no model {name!r} in {folder}")
                found[name] = load_model(file if folder else name)
            except DataMissingError:
                missing.append(name)
        return cls(found, tuple(missing))

    def note(self) -> HTML:
        """Render a notice on missing models; empty if none is missing."""
        if not self.missing:
            return HTML("")
        absent = ", ".join(f"“{name}”" for name in self.missing)
        return notice(
            f"Trained models are not here: {absent}",
            "This page was built without these checkpoints. It has the targets and the answers of other "
            "models; the answers of these models are left out.",
        )


@dataclass(frozen=True)
class ProgrammedPreset:
    """Answer of one model, or of a match, to a target.

    Attributes:
        model: Name of the model, as in `load_model`, or "match".
        title: Title that a row shows.
        inferred: Preset before tuning.
        tuning: Result of tuning it; `None` where it was not tuned.
    """

    model: str
    title: str
    inferred: Preset
    tuning: Tuning | None = None

    @property
    def preset(self) -> Preset:
        """Preset to listen to and download, after tuning if it was tuned."""
        return self.tuning.preset if self.tuning else self.inferred


@dataclass(frozen=True)
class Programmed:
    """Target and the models' answers to it.

    Attributes:
        target: Target sound with its name and source.
        sound: Audio as the models received it, float32 (samples,), 22,050 Hz.
        note: (MIDI note, velocity) at which answers are compared with it.
        answers: Answers of the models.
    """

    target: TargetSound
    sound: Audio
    note: tuple[int, int]
    answers: tuple[ProgrammedPreset, ...]

    @cached_property
    def tuned(self) -> list[Clip]:
        """The target and each answer after tuning, with distances, also as the paper's authors heard them."""
        target = replace(self._target, paper_sound=self.target.paper_audio())
        return compared(target, [self._in_both_eras(self._clip(a, a.preset)) for a in self.answers])

    @cached_property
    def untuned(self) -> list[Clip]:
        """The target and each answer as inferred, with distances."""
        return compared(self._target, [self._clip(a, a.inferred) for a in self.answers])

    @property
    def _target(self) -> Clip:
        return Clip(self.sound, self.target.name, original=original(self.target))

    def _clip(self, answer: ProgrammedPreset, preset: Preset) -> Clip:
        return Clip(Dexed().render(preset, *self.note), answer.title, preset=preset)

    def _in_both_eras(self, clip: Clip) -> Clip:
        """Add the sound of Dexed 0.9.3, if the target is of that synth."""
        if self.target.paper_file is None or clip.preset is None:
            return clip
        return replace(clip, paper_sound=Engine(era="0.9.3").render(clip.preset, *self.note))


def named(preset: Preset, target: str, model: str) -> Preset:
    """Return the preset under a name of at most ten letters made of the target's and the model's names."""
    return preset.with_values(f"{target.replace(' ', '')[:7]} {SHORT.get(model, model[:2])}")


def infer(model: Programmer, sounds: Sequence[Audio], n_drawn: int = N_DRAWN) -> Preset:
    """Program sounds by a model's default inference.

    Args:
        model: Model that programs.
        sounds: One sound for each of the model's notes, float32 (samples,), 22,050 Hz.
        n_drawn: Number of presets that a model with a sampler draws and renders to keep the best one. A model
            without a sampler uses a single forward pass.
    """
    heard = {note: fitted(sound) for note, sound in zip(model.notes, sounds, strict=True)}
    if model.model.sampler is None:
        return model.program(heard)
    return model.program_best(heard, n_drawn)


def program(
    target: TargetSound,
    sound: Audio,
    models: Models,
    *,
    n_drawn: int = N_DRAWN,
    note: tuple[int, int] = SINGLE_NOTE[0],
) -> Programmed:
    """Let each single-note model program a sound, and tune its answer.

    Args:
        target: Target with its name and source.
        sound: Audio to program, float32 (samples,), 22,050 Hz.
        models: Models that program it.
        n_drawn: Number of presets that a model with a sampler draws, see `infer`.
        note: (MIDI note, velocity) at which answers are rendered and tuned.
    """
    answers = []
    wanted = pitch.estimate(sound) if models.found else None
    for name, model in models.found.items():
        inferred = named(infer(model, [sound], n_drawn), target.name, name)
        found = tune(inferred, sound, *note, wanted=wanted)
        answers.append(ProgrammedPreset(name, model.about.profile.title, inferred, found))
    return Programmed(target, sound, note, tuple(answers))


def original(target: TargetSound) -> Preset | None:
    """Return a target's own preset; `None` if the build must not show it or the corpus is missing."""
    if target.index is None or not originals_allowed():
        return None
    try:
        return corpora.read(CORPUS).neutral()[target.index]
    except DataError:
        return None


def groups(most: int) -> dict[str, list[TargetSound]]:
    """Group the paper's examples by the labels of its page; the group "bonus" has those that the page omits.

    Args:
        most: Largest number of examples per group.

    Returns:
        Label -> examples, in alphabetical order, "bonus" last.
    """
    found: dict[str, list[TargetSound]] = {}
    for t in target_sounds.load("example"):
        if t.chapter in ("programming", "not on the page"):
            found.setdefault((t.page_label or "") if t.chapter == "programming" else "bonus", []).append(t)
    return {label: part[:most] for label, part in sorted(found.items(), key=lambda x: x[0] == "bonus")}


# -- rows ----------------------------------------------------------------------------------------------------


def rows(programmed: Sequence[Programmed]) -> Iterator[HTML]:
    """Yield the rows of named examples: each in tune, for the blind test, and then before tuning."""
    for p in programmed:
        yield tuned_row(p, label_remark(p.target), blind=True)
        yield from untuned_row(p)


def tuned_row(p: Programmed, caption: str = "", *, blind: bool = False) -> HTML:
    """Render the target next to each model's answer after tuning; without models, the target alone.

    Args:
        p: Target and its answers.
        caption: Sentence on what to listen for.
        blind: True to include the row in the page's blind test, if it has more than one answer.
    """
    facts = [(), *((tuning_fact(a.tuning),) if a.tuning else () for a in p.answers)]
    clips = [replace(clip, facts=fact) for clip, fact in zip(p.tuned, facts, strict=True)]
    return row(clips, p.target.name, caption, blind=blind and len(p.answers) > 1)


def untuned_row(p: Programmed) -> list[HTML]:
    """Render the target next to the answers that tuning changed, as they were before, behind a line to open.

    Returns:
        One row, or none if tuning changed nothing.
    """
    changed = [c for c, a in zip(p.untuned[1:], p.answers, strict=True) if a.preset != a.inferred]
    return [folded(f"{p.target.name}, before tuning", [p.untuned[0], *changed])] if changed else []


def folded(name: str, clips: Sequence[Clip]) -> HTML:
    """Render a row of clips behind a line to open, which shows its name."""
    return HTML(
        Markup('<details class="ldx-more"><summary>{}</summary>\n{}\n</details>').format(
            name, row(clips, name)
        )
    )


def tuning_fact(t: Tuning) -> str:
    """Describe the result of tuning in a few words."""
    if t.verdict == "no pitch":
        return t.verdict
    before, after = _signed(t.before_cents), f"{_signed(t.after_cents)} cents"
    if octaves := round(t.after_cents / 1200):  # where another octave sounds closer, or the tracker errs
        many = f"{abs(octaves)} octaves" if abs(octaves) > 1 else "an octave"
        rest = _signed(t.after_cents - 1200 * octaves)
        after = f"{rest} cents, {many} {'higher' if octaves > 0 else 'lower'}"
    return {"tuned": f"{before} → {after}", "in tune": f"in tune, {after}", "kept": f"left at {after}"}[
        t.verdict
    ]


def _signed(cents: float) -> str:
    return f"{round(cents):+}".replace("+0", "0").replace("-", "−")


def label_remark(target: TargetSound) -> str:
    """Return a remark where our label of a named example differs from the authors' page, otherwise ""."""
    if not target.page_label or target.page_label in target.labels:
        return ""
    return f"The page labels it {target.page_label}; by our measurement it is {' and '.join(target.labels)}."


# -- tables and downloads ------------------------------------------------------------------------------------


def by_model(programmed: Sequence[Programmed]) -> dict[str, list[tuple[Distances, Distances]]]:
    """Return title of each model -> distances of each target, as inferred and in tune."""
    out: dict[str, list[tuple[Distances, Distances]]] = {}
    for p in programmed:
        for answer, before, after in zip(p.answers, p.untuned[1:], p.tuned[1:], strict=True):
            assert before.distances and after.distances
            out.setdefault(answer.title, []).append((before.distances, after.distances))
    return out


@shown
def means_table(programmed: Sequence[Programmed], caption: str) -> pd.DataFrame:
    """Tabulate means over the targets by model, as inferred and in tune; empty without models."""
    lines = {
        title: {
            f"{name}, {when}": np.mean([getattr(pair[i], column) for pair in pairs])
            for name, column in _COLUMNS.items()
            for i, when in enumerate(("as inferred", "in tune"))
        }
        for title, pairs in by_model(programmed).items()
    }
    frame = pd.DataFrame(list(lines.values()), index=pd.Index(lines, name="model"))
    formats = {column: _FORMATS[column.partition(", ")[0]] for column in frame.columns}
    return described(frame, f"{caption}: means over {len(programmed)}, lower is better", formats=formats)


@shown
def sounds_table(programmed: Sequence[Programmed], caption: str) -> pd.DataFrame:
    """Tabulate each model's distances in tune, one line per target, and their means; empty without models."""
    columns = {
        f"{model} {name}": [getattr(after, column) for _, after in pairs]
        for name, column in _COLUMNS.items()
        for model, pairs in by_model(programmed).items()
    }
    titles = pd.Index([*(p.target.name for p in programmed), "mean"], name="target")
    frame = pd.DataFrame({name: [*x, np.mean(x)] for name, x in columns.items()}, index=titles)
    formats = {column: _FORMATS[column.rpartition(" ")[2]] for column in columns}
    return described(frame, f"{caption}; lower is better", formats=formats)


@shown
def tuning_table(programmed: Sequence[Programmed], caption: str) -> pd.DataFrame:
    """Tell what tuning did to each answer, and the smallest possible error; empty without models."""

    def cell(t: Tuning) -> str:
        least = f", at best {t.reachable_cents:.1f}" if np.isfinite(t.reachable_cents) else ""
        return tuning_fact(t) + (least if t.verdict in ("tuned", "kept") else "")

    frame = pd.DataFrame(
        [{a.title: cell(a.tuning) for a in p.answers if a.tuning} for p in programmed],
        index=pd.Index([p.target.name for p in programmed], name="target"),
    )
    return described(frame, caption)


def presets_of(programmed: Sequence[Programmed]) -> list[Preset]:
    """Return the presets of all answers, in tune, in order."""
    return [answer.preset for p in programmed for answer in p.answers]


def download(presets: Sequence[Preset], name: str) -> HTML:
    """Offer presets as one cartridge, or as numbered ones if there are more than 32; empty without presets.

    Args:
        presets: Presets to offer.
        name: Name of the file without ".syx"; several files are named `name`-1, `name`-2 ….
    """
    parts = [presets[i : i + BANK_VOICES] for i in range(0, len(presets), BANK_VOICES)]
    names = [name] if len(parts) == 1 else [f"{name}-{number}" for number in range(1, len(parts) + 1)]
    return HTML("\n".join(cartridge(*part) for part in zip(parts, names, strict=True)))


_COLUMNS = {"log-STFT": "log_stft", "SC": "convergence", "MFCC13": "mfcc13"}
_FORMATS = {"log-STFT": ".3f", "SC": ".2f", "MFCC13": ".1f"}
