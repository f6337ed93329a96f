"""Results on disk: one Parquet file a model, split and set of notes, with all that made it in its metadata.

No column and no metadata holds a parameter of a preset: presets are named by their rows in the corpus.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio.dexed import SINGLE_NOTE, Dexed, Renderer
from latentdx.dataset import curation, splits
from latentdx.errors import ParameterError
from latentdx.evaluation import evaluate, metrics, sound, tables
from latentdx.evaluation.masks import live_masks
from latentdx.models.predictions import Predictions
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import column, learnable_parameters
from latentdx.provenance import code_commit, describe_commit
from latentdx.shipped import shipped

Kind = Literal["model", "search", "anchor", "reference"]
"""A trained model; something that renders while it looks; what learnt nothing; what knows the answer."""

Notes = Sequence[tuple[int, int]]

LEAST_OF_ALGORITHM = 5
"""Presets that an algorithm needs in a test set for its medians to be told: fewer would tell on presets.
Likewise those for which a parameter is live."""

_NAME = re.compile(r"[a-z0-9+][a-z0-9+_-]*")  # a dot begins the next part of a file's name


@dataclass(frozen=True)
class Provenance:
    """What made a result.

    Attributes:
        name: of the model or anchor, as files are named: "numcat++", "nearest".
        title: as tables show it.
        kind: see `Kind`.
        corpus, corpus_sha256: whose presets.
        split, subset: which of them; "" where presets were chosen otherwise, as `selection` tells.
        selection: "" for the whole subset.
        notes: (MIDI note, velocity) at which sounds are compared.
        inference: how the preset was found, in words: "one pass", "best of 64 samples by rendering".
        checkpoint_sha256: of the weights, "" without any.
        engine: that rendered.
        live_notes: at which parameters were judged live; empty without.
        n_pyin: presets with a pYIN estimate.
        settings: of the audio metrics.
        code: hash of the metrics' code, and libraries they use.
        commit: see `latentdx.provenance.code_commit`.
        libraries: versions.
        by_algorithm: algorithm 1 … 32 -> n and the median of each metric, where there are enough presets.
        by_parameter: of each learnable parameter, see `figures_by_parameter`; empty without live masks.
    """

    name: str
    title: str
    kind: Kind
    corpus: str
    corpus_sha256: str
    split: str
    subset: str
    selection: str
    notes: list[list[int]]
    inference: str
    checkpoint_sha256: str
    engine: str
    live_notes: list[list[int]]
    n_pyin: int
    settings: dict[str, str]
    code: str
    commit: str
    libraries: str
    by_algorithm: dict[str, dict[str, float]] = field(default_factory=dict)
    by_parameter: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A table of `evaluate.evaluate` with a column `label`, and what made it."""

    table: pd.DataFrame
    provenance: Provenance

    def write(self, folder: Path) -> Path:
        """Write `<name>.<split>.<notes>.parquet`, as `tables.write` does."""
        return tables.write(self.table, self.provenance, folder / file_name(self.provenance))

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read a file that `write` made; raises `ShippedFileError` for any other."""
        return cls(*tables.read(path, Provenance, "latentdx evaluate"))


def file_name(provenance: Provenance) -> str:
    """`numcat++.twin-disjoint.60-85.parquet`; several notes are counted: `.5-notes`; a subset
    that is not the test set is named too."""
    notes = provenance.notes
    label = f"{len(notes)}-notes" if len(notes) > 1 else "-".join(map(str, notes[0]))
    subset = "" if provenance.subset == "test" else provenance.subset
    parts = (provenance.name, provenance.split, subset, label)
    return ".".join(part for part in parts if part) + ".parquet"


def read_all(folder: Path | None = None) -> list[Result]:
    """All results in a folder, default `data/results`, by file name."""
    return [Result.read(path) for path in sorted((folder or shipped("results")).glob("*.parquet"))]


def medians_by_algorithm(table: pd.DataFrame, bank: PresetBank) -> dict[str, dict[str, float]]:
    """Algorithm -> n and medians, of a table whose `row` names presets of `bank`."""
    algorithm = np.array([preset["ALGORITHM"] + 1 for preset in bank[table["row"].to_numpy()]])
    out = {}
    for number, part in table.groupby(algorithm):
        n = part["row"].nunique()
        if n >= LEAST_OF_ALGORITHM:
            medians = part[list(metrics.METRICS)].median().dropna()
            out[str(number)] = {"n": n, **{str(k): float(f"{v:.5g}") for k, v in medians.items()}}
    return out


def figures_by_parameter(
    targets: PresetBank, predictions: Predictions, live: npt.NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Name -> n presets in which it is live; of these, where there are enough, the share found exactly
    (`accuracy`), and of a numerical parameter the mean absolute error in [0, 1] (`mae`)."""
    parameters = learnable_parameters()
    same = targets.values == predictions.values
    errors = metrics.plugin_errors(targets, predictions, parameters)
    out: dict[str, dict[str, float]] = {}
    for i, p in enumerate(parameters):
        which = live[:, column(p.name)]
        figures = out[p.name] = {"n": int(which.sum())}
        if figures["n"] >= LEAST_OF_ALGORITHM:
            figures["accuracy"] = float(f"{same[which, column(p.name)].mean():.5g}")
            if p.kind == "numerical":
                figures["mae"] = float(f"{errors[which, i].mean():.5g}")
    return out


def evaluate_rows(
    name: str,
    title: str,
    predictions: Predictions,
    rows: npt.NDArray[np.int64],
    *,
    kind: Kind = "model",
    corpus: str = "learnfm",
    split: splits.Split = "twin-disjoint",
    subset: splits.Subset = "test",
    selection: str = "",
    notes: Notes = SINGLE_NOTE,
    inference: str = "one pass",
    checkpoint_sha256: str = "",
    live_notes: Notes | None = SINGLE_NOTE,
    n_pyin: int | None = None,
    renderer: Renderer | None = None,
    processes: int | None = None,
    progress: bool | None = None,
) -> Result:
    """Evaluate the presets that were inferred for some rows of a corpus; see `Provenance` for the words.

    Args:
        predictions: one for each of `rows`.
        rows: of the corpus, ascending; `dataset.curation.rows` names a whole test set.
        live_notes: at which a parameter counts as live; `None` leaves live metrics undefined (the masks take
            0.3 s a preset and core the first time).
        n_pyin: default 500 for a single note, none for several.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(f"{name!r} cannot name a file: use a-z, 0-9 and + _ -")
    bank = corpora.read(corpus).neutral()
    synth = renderer or Dexed()
    pyin = evaluate.N_PYIN * (len(notes) == 1) if n_pyin is None else n_pyin
    live = None
    if live_notes is not None:
        live = live_masks(bank, rows, live_notes, renderer=synth, threads=processes, progress=progress)
    table = evaluate.evaluate(
        bank[rows],
        predictions,
        rows=rows,
        notes=notes,
        live=live,
        n_pyin=pyin,
        renderer=synth,
        processes=processes,
        progress=progress,
    )
    labels = curation.read_curation(corpus).set_index("index")["label"]
    table.insert(1, "label", pd.Series(labels.loc[table["row"]].to_numpy(), dtype="category"))
    provenance = Provenance(
        name=name,
        title=title,
        kind=kind,
        corpus=corpus,
        corpus_sha256=corpora.bank_hash(bank),
        split=split,
        subset=subset,
        selection=selection,
        notes=[[int(n), int(v)] for n, v in notes],
        inference=inference,
        checkpoint_sha256=checkpoint_sha256,
        engine=synth.engine,
        live_notes=[[int(n), int(v)] for n, v in live_notes or ()],
        n_pyin=min(pyin, len(rows)),
        settings=dict(sound.SETTINGS),
        code=evaluate.method(),
        commit=code_commit(),
        libraries=", ".join(
            f"{p} {version(p)}"
            for p in ("dexed-py", "librosa", "numpy", "pandas", "pyarrow", "scipy", "torch")
        ),
        by_algorithm=medians_by_algorithm(table, bank),
        by_parameter={} if live is None else figures_by_parameter(bank[rows], predictions, live),
    )
    return Result(table, provenance)


def describe(provenance: Provenance | Mapping[str, Any]) -> str:
    """One line for a caption: corpus, split, notes, engine, commit."""
    p = asdict(provenance) if isinstance(provenance, Provenance) else provenance
    notes = ", ".join(f"({n}, {v})" for n, v in p["notes"])
    where = p["selection"] or f"{p['subset']} set, {p['split']} split"
    made_by = f"{p['engine']}, commit {describe_commit(p['commit'])}"
    return f"{p['corpus']}, {where}, notes {notes}, {made_by}"
