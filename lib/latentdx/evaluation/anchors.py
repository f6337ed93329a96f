"""Anchors of every table: baselines and references that are evaluated like models, on the same presets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset import curation, splits
from latentdx.dataset.store import Store, store_folder
from latentdx.evaluation import baselines
from latentdx.evaluation.results import Kind, Measurement, Result, evaluate_rows
from latentdx.models.audible_parameters import live_masks
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.run_options import RunOptions
from latentdx.typing import Rows


@dataclass(frozen=True)
class Task:
    """Data that an anchor may use.

    Attributes:
        bank: All presets of the corpus, neutral (see `PresetBank.neutral`).
        corpus: Name of the corpus.
        train: Rows of the training set, int64 (M,).
        rows: Rows to predict presets for, int64 (N,).
        options: Number of processes, progress bar, and location of the cache.
    """

    bank: PresetBank
    corpus: str
    train: Rows
    rows: Rows
    options: RunOptions = RunOptions()

    @property
    def targets(self) -> PresetBank:
        """Presets of `rows`, which the predictions are compared with."""
        return self.bank[self.rows]

    def nearest(self, *, related: bool) -> Predictions:
        """Predict the training preset that sounds most similar; with or without relatives of the target."""
        store = Store(store_folder(self.corpus, SINGLE_NOTE))
        return baselines.nearest_neighbor_presets(
            self.bank, store, self.train, self.rows, related=related, options=self.options
        )

    def one_step(self) -> Predictions:
        """Predict the target with one live parameter one step away."""
        live = live_masks(self.bank, self.rows, renderer=Engine(), options=self.options)
        return baselines.one_step(self.targets, live, self.rows)


@dataclass(frozen=True)
class Anchor:
    """A row of the tables that needs no training.

    Attributes:
        name: Name of its result.
        title: Name as tables show it.
        kind: Kind of the result, see `latentdx.evaluation.results.Kind`.
        inference: Description of how the preset is found.
        predict: Function that returns the predictions for a `Task`.
    """

    name: str
    title: str
    kind: Kind
    inference: str
    predict: Callable[[Task], Predictions]


ANCHORS: Mapping[str, Anchor] = MappingProxyType(
    {
        a.name: a
        for a in (
            Anchor(
                "perfect", "Perfect", "reference", "the preset itself", lambda t: baselines.perfect(t.targets)
            ),
            Anchor(
                "one-step",
                "One step of one parameter",
                "reference",
                "the preset with one live parameter one step away, drawn by seed",
                Task.one_step,
            ),
            Anchor(
                "nearest",
                "Nearest preset",
                "anchor",
                "the training preset with the nearest mel spectrogram",
                lambda t: t.nearest(related=True),
            ),
            Anchor(
                "nearest-unrelated",
                "Nearest preset, relatives removed",
                "anchor",
                "the same among training presets that share less than 80 % of their values with the target",
                lambda t: t.nearest(related=False),
            ),
            Anchor(
                "mean",
                "Mean preset",
                "anchor",
                "each parameter's mean, or commonest value, over the training set",
                lambda t: baselines.mean_preset(t.bank[t.train], len(t.rows)),
            ),
            Anchor(
                "random",
                "Random preset",
                "anchor",
                "a training preset drawn by seed",
                lambda t: baselines.random_presets(t.bank, t.train, t.rows),
            ),
        )
    }
)
"""Anchors by name, from the best to the worst."""


def evaluate_anchors(
    names: Sequence[str] = tuple(ANCHORS),
    *,
    corpus: str = "learnfm",
    split: splits.Split = "twin-disjoint",
    subset: splits.Subset = "test",
    rows: Rows | None = None,
    selection: str = "",
    measurement: Measurement = Measurement(),
    options: RunOptions = RunOptions(),
) -> Iterator[Result]:
    """Evaluate anchors on a whole subset, or on some of its rows.

    Args:
        names: Names of the anchors, see `ANCHORS`; default all.
        corpus: Name of the corpus.
        split: Name of the split.
        subset: Part of the split to evaluate on; the training set is always that of the same split.
        rows: Rows of the subset to evaluate on; all if omitted. Names of results then end in "-on-" and their
            number.
        selection: Description of `rows`; "" for the whole subset.
        measurement: Metrics to compute, and the notes at which sounds are compared.
        options: Number of processes, progress bar, and location of the cache.

    Yields:
        One result per anchor.

    Raises:
        StoreMissingError: The corpus has no single-note store, which the nearest presets need and which
            `latentdx render` makes.
    """
    task = Task(
        corpora.read(corpus).neutral(),
        corpus,
        curation.rows(corpus, split=split, subset="train"),
        curation.rows(corpus, split=split, subset=subset) if rows is None else rows,
        options,
    )
    for name in names:
        anchor = ANCHORS[name]
        yield evaluate_rows(
            anchor.name if rows is None else f"{anchor.name}-on-{len(rows)}",
            anchor.title,
            anchor.predict(task),
            task.rows,
            kind=anchor.kind,
            corpus=corpus,
            split=split,
            subset=subset,
            selection=selection,
            inference=anchor.inference,
            measurement=measurement,
            options=options,
        )
