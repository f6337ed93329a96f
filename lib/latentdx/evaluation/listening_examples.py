"""Listening examples: presets of the test set and the paper's published examples, as models program them.

Only sounds and metrics are written, never the parameters of a preset of the corpus.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentdx.applications.programmer import Programmer
from latentdx.audio.engine.synth import Engine
from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE, Dexed
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.dataset import target_sounds
from latentdx.dataset.paper_examples import CORPUS
from latentdx.dataset.target_sounds import TargetSound
from latentdx.errors import ParameterError
from latentdx.evaluation import published
from latentdx.evaluation.best_of_n import SEED, draw, name_of
from latentdx.evaluation.evaluate import evaluate
from latentdx.evaluation.results import Result
from latentdx.evaluation.sound_folders import remove_sounds, write_sound
from latentdx.evaluation.trials import Trial, check, predict
from latentdx.files import atomic_write
from latentdx.metrics.objective import score
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.run_options import RunOptions
from latentdx.typing import Audio

LISTEN = "listen"
"""Name of the folder with the listening examples."""

MANIFEST = "listen.json"
"""Name of the file that describes them."""

PERCENTILES = (10, 50, 90)
LABELS = ("harmonic", "percussive", "sfx")
METRIC = "mfcc13_mae"
"""Metric by which presets are chosen: for each label, those at `PERCENTILES` of the reference's values."""


# -- the published examples ----------------------------------------------------------------------------------


def _example_sounds(model: Programmer, target: TargetSound, bank: PresetBank | None) -> list[Audio]:
    """Return an example at the model's notes: the file that ships for a single note, otherwise renders."""
    if model.notes == SINGLE_NOTE:
        alike = [t for t in target_sounds.load("example") if t.uid == target.uid]
        return [t.audio() for note in SINGLE_NOTE for t in alike if (t.note, t.velocity) == note]
    assert bank is not None and target.index is not None
    return [Dexed().render(bank[target.index], *note) for note in model.notes]


def program_examples(model: Programmer, n: int = 1) -> dict[str, Preset]:
    """Infer a preset for each published example.

    Args:
        model: Model that infers; if it hears several notes, the corpus must be on this machine.
        n: Number of candidates, ranked by rendering; 1 is one forward pass.

    Returns:
        Preset for the UID of each example.
    """
    bank = None if model.notes == SINGLE_NOTE else corpora.read(CORPUS).neutral()
    found = {}
    for target in [*published.examples("programming"), *published.examples("multiple notes")]:
        uid = str(target.uid)
        if uid in found:
            continue
        sounds = _example_sounds(model, target, bank)
        decibels = torch.from_numpy(mel_spectrogram(np.stack(sounds)))[None]
        found[uid] = _infer(model, decibels, sounds, n)
    return found


def _infer(model: Programmer, decibels: Tensor, sounds: Sequence[Audio], n: int) -> Preset:
    if n == 1:
        return Preset(model.predict(decibels).values[0])
    by_rendering = partial(score, targets=sounds, notes=model.notes)
    tried = model.explore(decibels, n, by_rendering, temperature=DRAWING_TEMPERATURE, seed=SEED)
    return Preset(tried.values[int(tried.distances.argmin())])


def evaluate_examples(
    model: Programmer, n: int = 1, *, name: str | None = None, folder: Path | None = None
) -> Path:
    """Measure a model on the published examples and write the result as `examples.<name>.csv`.

    Models that hear a single note need no corpus.

    Args:
        model: Model that infers.
        n: Number of candidates, ranked by rendering; 1 is one forward pass.
        name: Name of the result; default: the model's.
        folder: Folder of the results; default `data/results`.

    Returns:
        File that was written.
    """
    presets = program_examples(model, n)
    tables = [
        published.measure(published.render(presets, section), section)
        for section in ("programming", "multiple notes")
    ]
    title, inference = model.about.profile.title, "one pass"
    if n > 1:
        inference = f"best of {n} by rendering"
        title = f"{title}, {inference}"
    facts = {
        "title": title,
        "inference": inference,
        "checkpoint_sha256": model.sha256,
        "split": model.about.profile.split,
        "engine": Dexed().engine,
        "commit": code_commit(),
    }
    base = name_of(name or model.about.profile.name, n)
    return published.write(base, pd.concat(tables, ignore_index=True), facts, folder)


# -- presets of the test set to listen to --------------------------------------------------------------------


@dataclass(frozen=True)
class ExampleSound:
    """One sound of a listening example.

    Attributes:
        file: Name of the FLAC file in the folder; the sound has plug-in scale.
        title: Title of the model that made it; "Target" for the original.
        metrics: Metrics against the target, by name; empty for the target itself.
        paper_file: The same as Dexed 0.9.3 plays it: a file like `file`, and `file` itself for equal samples;
            `None` in results of earlier versions.
    """

    file: str
    title: str
    metrics: dict[str, float]
    paper_file: str | None = None

    def audio(self, folder: Path) -> Audio:
        """Read the sound from the folder: float32 (88576,), 22,050 Hz."""
        return encoding.read(folder / self.file, SAMPLE_RATE)

    def paper_audio(self, folder: Path) -> Audio | None:
        """Read it as Dexed 0.9.3 plays it, as `audio` does; `None` if there is no such file."""
        return None if self.paper_file is None else encoding.read(folder / self.paper_file, SAMPLE_RATE)


@dataclass(frozen=True)
class ListeningExample:
    """A preset of the test set, with the sounds of the presets that models inferred from it.

    Attributes:
        row: Row of the preset in the corpus.
        label: Label for which it was chosen.
        percentile: Percentile of the metric at which it was chosen.
        sounds: Target first, then one sound per model and inference.
    """

    row: int
    label: str
    percentile: int
    sounds: list[ExampleSound]


def choose(reference: Result) -> list[tuple[str, int, int]]:
    """Choose presets to listen to, by `LABELS`, `PERCENTILES` and `METRIC`; silent targets are left out.

    Args:
        reference: Result whose metric decides.

    Returns:
        Label, percentile and row of each chosen preset; labels without presets are left out.
    """
    table = reference.table[~reference.table["target_silent"]]
    chosen = []
    for label in LABELS:
        ordered = table[table["label"] == label].sort_values([METRIC, "row"])["row"].tolist()
        if ordered:
            chosen += [(label, p, ordered[round(p / 100 * (len(ordered) - 1))]) for p in PERCENTILES]
    return chosen


def _versions(models: Sequence[Programmer], trial: Trial, n: int) -> list[tuple[str, Predictions]]:
    """Return titles and predictions: each model's single pass, and the last model's best of `n`."""
    out = []
    for model in models:
        check(model, trial)
        title = model.about.profile.title
        out.append((title, predict(model, trial)))
        if n > 1 and model is models[-1]:
            out.append((f"{title}, best of {n}", draw(model, trial, n).best(n)))
    return out


def write_listening(
    reference: Result,
    models: Sequence[Programmer],
    *,
    n: int = 1,
    folder: Path | None = None,
) -> Path:
    """Render the presets that `choose` chooses, and what each model infers from them, into `folder`/listen.

    Sounds of an earlier run are removed.

    Args:
        reference: Result whose metric decides which presets are rendered.
        models: Models in order of appearance, each in one pass.
        n: Number of candidates; above 1, the last model's best of `n` is added.
        folder: Folder of the results; default `data/results`.

    Returns:
        File that describes the listening examples.

    Raises:
        ParameterError: The result has no audible presets with any of the labels.
        CheckpointError: A model does not fit the presets of the result.
    """
    p = reference.provenance
    chosen = choose(reference)
    if not chosen:
        raise ParameterError(f"{p.name} has no audible presets with the labels {', '.join(LABELS)}")
    whole = Trial.of(p.corpus, p.split, p.subset)  # type: ignore[arg-type]
    rows = np.array(sorted({row for _, _, row in chosen}))
    trial = replace(whole, rows=rows, selection="to listen to")
    versions: list[tuple[str, Predictions, pd.DataFrame]] = [
        (
            title,
            found,
            evaluate(trial.bank[rows], found, rows=rows, options=RunOptions(processes=1)).set_index("row"),
        )
        for title, found in _versions(models, trial, n)
    ]
    out = (folder or data_path("results")) / LISTEN
    out.mkdir(parents=True, exist_ok=True)
    remove_sounds(out / MANIFEST)
    examples = []
    for i, (label, percentile, row) in enumerate(chosen):
        at = int(np.searchsorted(rows, row))
        sounds = [_example_sound(out / f"{i}-0", trial.bank[row], "Target", {})]
        for j, (title, found, table) in enumerate(versions, 1):
            figures = {k: float(f"{table[k][row]:.4g}") for k in ("log_stft_mae", METRIC)}
            sounds.append(_example_sound(out / f"{i}-{j}", Preset(found.values[at]), title, figures))
        examples.append(ListeningExample(int(row), label, percentile, sounds))
    facts = {
        "reference": p.title,
        "split": p.split,
        "checkpoints": {m.about.profile.title: m.sha256 for m in models},
        "engine": Dexed().engine,
        "paper_engine": Engine(era="0.9.3").engine,
        "commit": code_commit(),
        "exhibits": [asdict(e) for e in examples],
    }
    with atomic_write(out / MANIFEST) as opened:
        opened.write((json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    return out / MANIFEST


def _example_sound(path: Path, preset: Preset, title: str, metrics: dict[str, float]) -> ExampleSound:
    """Write a preset's sounds of both eras to files whose names begin with `path`."""
    sound, paper = Dexed().render(preset), Engine(era="0.9.3").render(preset)
    file, paper_file = path.with_name(f"{path.name}.flac"), path.with_name(f"{path.name}-paper.flac")
    write_sound(file, sound)
    if np.array_equal(sound, paper):
        paper_file = file
    else:
        write_sound(paper_file, paper)
    return ExampleSound(file.name, title, metrics, paper_file.name)


def read_listening(folder: Path | None = None) -> tuple[Mapping[str, object], list[ListeningExample]]:
    """Read the listening examples that `write_listening` wrote.

    Args:
        folder: Folder of the results; default `data/results`.

    Returns:
        Provenance and examples; both are empty if nothing was written yet.
    """
    path = (folder or data_path("results")) / LISTEN / MANIFEST
    if not path.exists():
        return {}, []
    found = json.loads(path.read_text("utf-8"))
    examples = [
        ListeningExample(**{**e, "sounds": [ExampleSound(**s) for s in e["sounds"]]})
        for e in found.pop("exhibits")
    ]
    return found, examples
