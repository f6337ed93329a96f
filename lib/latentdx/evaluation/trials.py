"""Trials: the presets that models are evaluated on, and whole evaluations from spectrograms to results."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from latentdx.applications.programmer import Programmer
from latentdx.dataset import curation, splits
from latentdx.dataset.loading import SpectrogramDataset, loader
from latentdx.dataset.store import Store, store_folder
from latentdx.errors import CheckpointError, ParameterError
from latentdx.evaluation.results import Measurement, Result, evaluate_rows
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.run_options import RunOptions
from latentdx.training.checkpoint import differences
from latentdx.typing import Rows

SEED = 0
"""Random seed of selections."""

_BATCH = 64


@dataclass(frozen=True)
class Trial:
    """Presets that models are evaluated on.

    Attributes:
        bank: All presets of the corpus, neutral.
        corpus, split, subset: Names of the corpus, the split and the part of the split.
        rows: Rows of the bank, int64 (N,), ascending.
        selection: Description of the rows if they are not the whole subset, else "".
    """

    bank: PresetBank
    corpus: str
    split: splits.Split
    subset: splits.Subset
    rows: Rows
    selection: str

    @classmethod
    def of(
        cls, corpus: str, split: splits.Split, subset: splits.Subset = "test", limit: int | None = None
    ) -> "Trial":
        """Return a whole subset, or some of its presets, which are the same for every model.

        Args:
            corpus: Name of the corpus.
            split: Name of the split.
            subset: Part of the split.
            limit: Number of presets, at least 1, drawn by `SEED`; all if omitted.

        Raises:
            ParameterError: The limit is below 1.
        """
        if limit is not None and limit < 1:
            raise ParameterError(f"an evaluation needs at least 1 preset, not {limit}")
        rows, selection = curation.rows(corpus, split=split, subset=subset), ""
        if limit is not None and limit < len(rows):
            selection = f"{limit:,} of {len(rows):,} presets of the {subset} set, {split} split"
            rows = np.sort(np.random.default_rng(SEED).choice(rows, limit, replace=False))
        return cls(corpora.read(corpus).neutral(), corpus, split, subset, rows, selection)

    def name(self, base: str) -> str:
        """Return a result's name, which ends in the number of presets if they are not the whole subset."""
        return f"{base}-on-{len(self.rows)}" if self.selection else base


def check(model: Programmer, trial: Trial, *, leaky: bool = False) -> None:
    """Refuse a model that does not fit a trial.

    Args:
        model: Model to check.
        trial: Presets to evaluate on.
        leaky: True to allow another split or corpus than the model's, although the model may have been
            trained on presets of its test set.

    Raises:
        CheckpointError: The model was trained for another corpus, split, set of notes or architecture; the
            message lists the differences.
    """
    profile = model.about.profile
    there = {
        **profile.as_dict(),
        "corpus_sha256": model.about.corpus_sha256,
        "notes": [list(note) for note in model.notes],
    }
    asked: dict[str, Any] = {
        "notes": store_of(model, trial).manifest.notes,
        "architecture": {"n_operators": 6, "note_latents": False},  # no others can be evaluated
    }
    if not leaky:
        of_trial = {"corpus": trial.corpus, "corpus_sha256": corpora.bank_hash(trial.bank)}
        asked |= of_trial | {"split": trial.split}
    if found := differences(there, asked):
        raise CheckpointError(f"the checkpoint of {profile.name} does not fit: {'; '.join(found)}")


def store_of(model: Programmer, trial: Trial) -> Store:
    """Return the spectrograms at a model's notes; raise `StoreMissingError` if they are not rendered yet."""
    return Store(store_folder(trial.corpus, model.notes))


def predict(model: Programmer, trial: Trial, options: RunOptions = RunOptions()) -> Predictions:
    """Infer each preset of a trial in one forward pass over stored spectrograms, in batches."""
    dataset = SpectrogramDataset(store_of(model, trial), trial.bank, trial.rows, decibels=True)
    batches = tqdm(loader(dataset, _BATCH), desc="programming", unit="batch", disable=options.hidden)
    parts = [model.predict(item.spectrogram) for item in batches]
    return Predictions(np.concatenate([p.values for p in parts]), np.concatenate([p.plugin for p in parts]))


def one_pass(
    model: Programmer,
    trial: Trial,
    *,
    name: str | None = None,
    leaky: bool = False,
    measurement: Measurement = Measurement(),
    options: RunOptions = RunOptions(),
) -> Result:
    """Evaluate a model's single forward pass on a trial.

    Args:
        model: Model to evaluate; it hears the notes that it was trained on.
        trial: Presets to evaluate on.
        name: Name of the result; default: the model's.
        leaky: True to allow another split than the model's, see `check`.
        measurement: Metrics to compute, and the notes at which sounds are compared.
        options: Number of processes, progress bar, and location of the cache.

    Raises:
        CheckpointError: The model does not fit the trial.
    """
    check(model, trial, leaky=leaky)
    found = predict(model, trial, options)
    return evaluated(model, trial, found, name, "one pass", measurement, options)


def evaluated(
    model: Programmer,
    trial: Trial,
    found: Predictions,
    name: str | None,
    inference: str,
    measurement: Measurement = Measurement(),
    options: RunOptions = RunOptions(),
) -> Result:
    """Evaluate the presets that a model inferred for a trial, by any kind of inference.

    Args:
        model: Model that inferred them.
        trial: Presets to evaluate on.
        found: Inferred presets, one for each of the trial's rows.
        name: Name of the result; default: the model's.
        inference: Description of how the presets were found; "one pass" for a single forward pass.
        measurement: Metrics to compute, and the notes at which sounds are compared.
        options: Number of processes, progress bar, and location of the cache.
    """
    profile = model.about.profile
    title = profile.title
    return evaluate_rows(
        trial.name(name or profile.name),
        title if inference == "one pass" else f"{title}, {inference}",
        found,
        trial.rows,
        kind="model" if inference == "one pass" else "search",
        corpus=trial.corpus,
        split=trial.split,
        subset=trial.subset,
        selection=trial.selection,
        inference=inference,
        checkpoint_sha256=model.sha256,
        measurement=measurement,
        options=options,
    )
