"""What can be heard of the results: the published examples as models program them, presets of the test set.

Only sounds are written, never a corpus preset's parameters.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from torch import Tensor

from latentdx.applications.programmer import Programmer
from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE, Dexed
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.dataset import target_sounds
from latentdx.dataset.paper_examples import CORPUS
from latentdx.dataset.target_sounds import TargetSound
from latentdx.errors import ParameterError
from latentdx.evaluation import published
from latentdx.evaluation.best_of_n import SEED, draw
from latentdx.evaluation.evaluate import evaluate
from latentdx.evaluation.results import Result
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
MANIFEST = "listen.json"

PERCENTILES = (10, 50, 90)
LABELS = ("harmonic", "percussive", "sfx")
METRIC = "mfcc13_mae"
"""Presets are chosen by rule: of each label those at these percentiles of the reference model's MFCC13."""


# -- the published examples ----------------------------------------------------------------------------------


def _heard(model: Programmer, target: TargetSound, bank: PresetBank | None) -> list[Audio]:
    """The example at the notes that a model wants: what ships, for a single note, else rendered."""
    if model.notes == SINGLE_NOTE:
        alike = [t for t in target_sounds.load("example") if t.uid == target.uid]
        return [t.audio() for note in SINGLE_NOTE for t in alike if (t.note, t.velocity) == note]
    assert bank is not None and target.index is not None
    return [Dexed().render(bank[target.index], *note) for note in model.notes]


def program_examples(model: Programmer, n: int = 1) -> dict[str, Preset]:
    """Return UID -> the preset found for each published example: in one pass, or the best of `n`."""
    bank = None if model.notes == SINGLE_NOTE else corpora.read(CORPUS).neutral()
    found = {}
    for target in [*published.examples("programming"), *published.examples("multiple notes")]:
        uid = str(target.uid)
        if uid in found:
            continue
        sounds = _heard(model, target, bank)
        decibels = torch.from_numpy(mel_spectrogram(np.stack(sounds)))[None]
        found[uid] = _found(model, decibels, sounds, n)
    return found


def _found(model: Programmer, decibels: Tensor, sounds: Sequence[Audio], n: int) -> Preset:
    if n == 1:
        return Preset(model.predict(decibels).values[0])
    by_rendering = partial(score, targets=sounds, notes=model.notes)
    tried = model.explore(decibels, n, by_rendering, temperature=DRAWING_TEMPERATURE, seed=SEED)
    return Preset(tried.values[int(tried.distances.argmin())])


def evaluate_examples(
    model: Programmer, n: int = 1, *, name: str | None = None, folder: Path | None = None
) -> Path:
    """Measure a model on the published examples and keep that as `examples.<name>.csv`.

    The single-note models need no corpus for it.
    """
    presets = program_examples(model, n)
    tables = [
        published.measure(published.render(presets, section), section)
        for section in ("programming", "multiple notes")
    ]
    base, said, inference = name or model.about.profile.name, model.about.profile.title, "one pass"
    if n > 1:
        base, inference = f"{base}-best-of-{n}", f"best of {n} by rendering"
        said = f"{said}, {inference}"
    facts = {
        "title": said,
        "inference": inference,
        "checkpoint_sha256": model.sha256,
        "split": model.about.profile.split,
        "engine": Dexed().engine,
        "commit": code_commit(),
    }
    return published.write(base, pd.concat(tables, ignore_index=True), facts, folder)


# -- presets of the test set to listen to --------------------------------------------------------------------


@dataclass(frozen=True)
class ExampleSound:
    """One sound of an exhibit.

    Attributes:
        file: within the folder, FLAC, plug-in scale.
        title: who made it; "Target" for the original.
        metrics: against the target; empty for it.
    """

    file: str
    title: str
    metrics: dict[str, float]

    def audio(self, folder: Path) -> Audio:
        """float32 (88576,)."""
        return encoding.read(folder / self.file, SAMPLE_RATE)


@dataclass(frozen=True)
class ListeningExample:
    """A preset of the test set, heard beside what was inferred from it: its row, label, and place."""

    row: int
    label: str
    percentile: int
    sounds: list[ExampleSound]


def choose(reference: Result) -> list[tuple[str, int, int]]:
    """(label, percentile, row) by the rule of `METRIC`, silent targets left out."""
    table = reference.table[~reference.table["target_silent"]]
    chosen = []
    for label in LABELS:
        ordered = table[table["label"] == label].sort_values([METRIC, "row"])["row"].tolist()
        if ordered:
            chosen += [(label, p, ordered[round(p / 100 * (len(ordered) - 1))]) for p in PERCENTILES]
    return chosen


def _versions(models: Sequence[Programmer], trial: Trial, n: int) -> list[tuple[str, Predictions]]:
    """What each model infers, under its title."""
    out = []
    for model in models:
        check(model, trial)
        said = model.about.profile.title
        out.append((said, predict(model, trial)))
        if n > 1 and model is models[-1]:
            out.append((f"{said}, best of {n}", draw(model, trial, n).best(n)))
    return out


def write_listening(
    reference: Result,
    models: Sequence[Programmer],
    *,
    n: int = 1,
    folder: Path | None = None,
) -> Path:
    """Render targets and what each model infers, for `choose`'s presets, into `folder`/listen.

    Args:
        reference: whose distances decide which presets are heard.
        models: heard in this order, each in one pass.
        n: also the last model's best of `n`, where `n` is above 1.
        folder: of the results; default `data/results`.

    Returns:
        The manifest.
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
            said,
            found,
            evaluate(trial.bank[rows], found, rows=rows, options=RunOptions(processes=1)).set_index("row"),
        )
        for said, found in _versions(models, trial, n)
    ]
    out = (folder or data_path("results")) / LISTEN
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.flac"):
        old.unlink()
    synth, exhibits = Dexed(), []
    for i, (label, percentile, row) in enumerate(chosen):
        at = int(np.searchsorted(rows, row))
        heard = [ExampleSound(_write(out / f"{i}-0.flac", synth.render(trial.bank[row])), "Target", {})]
        for j, (said, found, table) in enumerate(versions, 1):
            file = _write(out / f"{i}-{j}.flac", synth.render(Preset(found.values[at])))
            figures = {k: float(f"{table[k][row]:.4g}") for k in ("log_stft_mae", METRIC)}
            heard.append(ExampleSound(file, said, figures))
        exhibits.append(ListeningExample(int(row), label, percentile, heard))
    facts = {
        "reference": p.title,
        "split": p.split,
        "checkpoints": {m.about.profile.title: m.sha256 for m in models},
        "engine": synth.engine,
        "commit": code_commit(),
        "exhibits": [asdict(e) for e in exhibits],
    }
    with atomic_write(out / MANIFEST) as opened:
        opened.write((json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    return out / MANIFEST


def _write(path: Path, sound: Audio) -> str:
    """A FLAC file of 16 bits, half the size of 24; its name."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    with atomic_write(path) as opened:
        opened.write(buffer.getvalue())
    return path.name


def read_listening(folder: Path | None = None) -> tuple[Mapping[str, object], list[ListeningExample]]:
    """The manifest and its exhibits; no exhibit where nothing was written yet."""
    path = (folder or data_path("results")) / LISTEN / MANIFEST
    if not path.exists():
        return {}, []
    found = json.loads(path.read_text("utf-8"))
    exhibits = [
        ListeningExample(**{**e, "sounds": [ExampleSound(**s) for s in e["sounds"]]})
        for e in found.pop("exhibits")
    ]
    return found, exhibits
