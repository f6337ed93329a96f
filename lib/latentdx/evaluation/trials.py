"""Trials: which presets a model is tried on, and whole evaluations from stored spectrograms to results."""

from dataclasses import dataclass

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
"""Of selections."""

_BATCH = 64


@dataclass(frozen=True)
class Trial:
    """Which presets a model is tried on.

    Attributes:
        bank: the corpus, neutral.
        corpus, split, subset: names.
        rows: of the bank, ascending.
        selection: "" for the whole subset, else which part of it.
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
        """A whole subset, or `limit` presets of it, drawn by `SEED`: the same for every model."""
        if limit is not None and limit < 1:
            raise ParameterError(f"{limit} presets cannot be evaluated: at least 1")
        rows, selection = curation.rows(corpus, split=split, subset=subset), ""
        if limit is not None and limit < len(rows):
            selection = f"{limit:,} of {len(rows):,} presets of the {subset} set, {split} split"
            rows = np.sort(np.random.default_rng(SEED).choice(rows, limit, replace=False))
        return cls(corpora.read(corpus).neutral(), corpus, split, subset, rows, selection)

    def name(self, base: str) -> str:
        """A result's name: a part of a subset never overwrites the whole."""
        return f"{base}-on-{len(self.rows)}" if self.selection else base


def check(model: Programmer, trial: Trial, *, leaky: bool = False) -> None:
    """Refuse a model that does not fit the trial, with each difference spelled out.

    Args:
        leaky: allow another split, parts of whose test set the model may have been trained on.

    Raises:
        CheckpointError: it does not.
    """
    profile = model.about.profile
    there = {
        **profile.as_dict(),
        "corpus_sha256": model.about.corpus_sha256,
        "notes": [list(note) for note in model.notes],
    }
    asked = {
        "corpus": trial.corpus,
        "corpus_sha256": corpora.bank_hash(trial.bank),
        "notes": store_of(model, trial).manifest.notes,
        "architecture": {"n_operators": 6, "note_latents": False},  # others are not evaluated here
    }
    if not leaky:
        asked["split"] = trial.split
    if found := differences(there, asked):
        raise CheckpointError(f"the checkpoint of {profile.name} does not fit: {'; '.join(found)}")


def store_of(model: Programmer, trial: Trial) -> Store:
    """Return the spectrograms that the model hears; raises `StoreMissingError` if there are none yet."""
    return Store(store_folder(trial.corpus, model.notes))


def predict(model: Programmer, trial: Trial, options: RunOptions = RunOptions()) -> Predictions:
    """Infer each preset in one forward pass over stored spectrograms, in batches."""
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
        model: The model; it hears the notes that it was trained on.
        trial: The presets.
        name: Name of the result; default the model's.
        leaky: See `check`.
        measurement: What is measured, and at which notes sounds are compared.
        options: How the computation runs.
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
    """Evaluate what a model found in a trial, by whatever inference; arguments as of `evaluate_rows`."""
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
