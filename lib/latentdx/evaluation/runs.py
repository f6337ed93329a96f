"""Whole evaluations of a trained model: stored spectrograms -> presets -> renders -> results on disk.

What runs a model comes from outside (`latentdx.applications.program`), for imports run one way: `Model` says
what is needed of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor
from tqdm import tqdm

from latentdx.audio.dexed import SINGLE_NOTE
from latentdx.dataset import curation, splits
from latentdx.dataset.loading import SpectrogramDataset, loader
from latentdx.dataset.store import Store, store_folder
from latentdx.errors import CheckpointError, ParameterError
from latentdx.evaluation.results import Notes, Result, evaluate_rows
from latentdx.models.predictions import Predictions
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.training.cards import title
from latentdx.training.checkpoint import About, differences

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.uint8]
Audio = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

SEED = 0
"""Of selections."""

_BATCH = 64


class Model(Protocol):
    """What `applications.program.load_model` gives."""

    @property
    def about(self) -> About: ...
    @property
    def sha256(self) -> str: ...
    @property
    def notes(self) -> tuple[tuple[int, int], ...]: ...
    def predict(self, decibels: Tensor, /) -> Predictions: ...
    def explore(
        self, decibels: Tensor, n: int, rank: Callable[[Values], Floats], /, *, temperature: float, seed: int
    ) -> "Explored": ...


class Explored(Protocol):
    """Presets tried for one sound: the forward pass, all of them (n, 145), their distances (n,)."""

    @property
    def single(self) -> Predictions: ...
    @property
    def values(self) -> Values: ...
    @property
    def distances(self) -> Floats: ...


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


def check(model: Model, trial: Trial, *, leaky: bool = False) -> None:
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


def store_of(model: Model, trial: Trial) -> Store:
    """The spectrograms that the model hears; raises `StoreMissingError` where they are not rendered yet."""
    return Store(store_folder(trial.corpus, model.notes))


def predict(model: Model, trial: Trial, *, progress: bool | None = None) -> Predictions:
    """One forward pass a preset over stored spectrograms, in batches."""
    dataset = SpectrogramDataset(store_of(model, trial), trial.bank, trial.rows, decibels=True)
    hidden = None if progress is None else not progress
    batches = tqdm(loader(dataset, _BATCH), desc="programming", unit="batch", disable=hidden)
    parts = [model.predict(item.spectrogram) for item in batches]
    return Predictions(np.concatenate([p.values for p in parts]), np.concatenate([p.plugin for p in parts]))


def one_pass(
    model: Model,
    trial: Trial,
    *,
    name: str | None = None,
    notes: Notes = SINGLE_NOTE,
    leaky: bool = False,
    live_notes: Notes | None = SINGLE_NOTE,
    n_pyin: int | None = None,
    processes: int | None = None,
    progress: bool | None = None,
) -> Result:
    """A model's single forward pass on a trial.

    Args:
        name: of the result; default the model's.
        notes: at which sounds are compared; the model hears its own.
        leaky: see `check`.
        live_notes, n_pyin, processes, progress: as of `evaluate_rows`.
    """
    check(model, trial, leaky=leaky)
    found = predict(model, trial, progress=progress)
    return evaluated(
        model, trial, found, name, "one pass", notes, live_notes=live_notes, n_pyin=n_pyin,
        processes=processes, progress=progress,
    )  # fmt: skip


def evaluated(
    model: Model,
    trial: Trial,
    found: Predictions,
    name: str | None,
    inference: str,
    notes: Notes,
    **how: object,
) -> Result:
    """`evaluate_rows` with what a model and a trial say of themselves."""
    profile = model.about.profile
    said = title(profile)
    return evaluate_rows(
        trial.name(name or profile.name),
        said if inference == "one pass" else f"{said}, {inference}",
        found,
        trial.rows,
        kind="model" if inference == "one pass" else "search",
        corpus=trial.corpus,
        split=trial.split,
        subset=trial.subset,
        selection=trial.selection,
        notes=notes,
        inference=inference,
        checkpoint_sha256=model.sha256,
        **how,  # type: ignore[arg-type]
    )
