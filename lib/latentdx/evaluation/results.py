"""Results on disk: one Parquet file a model, split and set of notes, with all that made it in its metadata.

No column and no metadata holds a parameter of a preset: presets are named by their rows in the corpus.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio.renderer import SINGLE_NOTE, Dexed, Renderer
from latentdx.dataset import curation, splits
from latentdx.errors import ParameterError
from latentdx.evaluation import evaluate, parquet
from latentdx.metrics import registry, sound_features
from latentdx.models.audible_parameters import live_masks
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import column, learnable_parameters
from latentdx.presets.predictions import Predictions
from latentdx.provenance import code_commit, describe_commit
from latentdx.registry import data_path
from latentdx.run_options import RunOptions
from latentdx.typing import Notes

Kind = Literal["model", "search", "anchor", "reference"]
"""A trained model; something that renders while it looks; what learnt nothing; what knows the answer."""


LEAST_OF_ALGORITHM = 5
"""Presets that an algorithm needs in a test set for its medians to be told: fewer would tell on presets.
Likewise those for which a parameter is live."""

_NAME = re.compile(r"[a-z0-9+][a-z0-9+_-]*")  # a dot begins the next part of a file's name


@dataclass(frozen=True)
class Measurement:
    """What is measured of each preset.

    Attributes:
        notes: (MIDI note, velocity) pairs at which sounds are compared.
        live_notes: Pairs at which a parameter counts as live; `None` leaves the live metrics undefined (the
            masks take 0.3 s per preset and core the first time).
        n_pyin: Number of presets with a pYIN estimate; `None` for 500 at a single note, none at several.
    """

    notes: Notes = SINGLE_NOTE
    live_notes: Notes | None = SINGLE_NOTE
    n_pyin: int | None = None

    @property
    def pyin(self) -> int:
        """Number of presets with a pYIN estimate."""
        return evaluate.N_PYIN * (len(self.notes) == 1) if self.n_pyin is None else self.n_pyin

    def quick(self) -> "Measurement":
        """Return the same without live parameters and pYIN, which take most of the time."""
        return replace(self, live_notes=None, n_pyin=0)


@dataclass(frozen=True)
class ResultProvenance:
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
    provenance: ResultProvenance

    def write(self, folder: Path) -> Path:
        """Write `<name>.<split>.<notes>.parquet`, as `parquet.write` does."""
        return parquet.write(self.table, self.provenance, folder / file_name(self.provenance))

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read a file that `write` made; raises `DataMissingError` for any other."""
        return cls(*parquet.read(path, ResultProvenance, "latentdx evaluate"))


def file_name(provenance: ResultProvenance) -> str:
    """`numcat++.twin-disjoint.60-85.parquet`; several notes are counted: `.5-notes`; a subset
    that is not the test set is named too."""
    notes = provenance.notes
    label = f"{len(notes)}-notes" if len(notes) > 1 else "-".join(map(str, notes[0]))
    subset = "" if provenance.subset == "test" else provenance.subset
    parts = (provenance.name, provenance.split, subset, label)
    return ".".join(part for part in parts if part) + ".parquet"


def read_all(folder: Path | None = None) -> list[Result]:
    """All results in a folder, default `data/results`, by file name."""
    return [Result.read(path) for path in sorted((folder or data_path("results")).glob("*.parquet"))]


def medians_by_algorithm(table: pd.DataFrame, bank: PresetBank) -> dict[str, dict[str, float]]:
    """Algorithm -> n and medians, of a table whose `row` names presets of `bank`."""
    algorithm = np.array([preset["ALGORITHM"] + 1 for preset in bank[table["row"].to_numpy()]])
    out = {}
    for number, part in table.groupby(algorithm):
        n = part["row"].nunique()
        if n >= LEAST_OF_ALGORITHM:
            medians = part[list(registry.METRICS)].median().dropna()
            out[str(number)] = {"n": n, **{str(k): float(f"{v:.5g}") for k, v in medians.items()}}
    return out


def figures_by_parameter(
    targets: PresetBank, predictions: Predictions, live: npt.NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Name -> n presets in which it is live; of these, where there are enough, the share found exactly
    (`accuracy`), and of a numerical parameter the mean absolute error in [0, 1] (`mae`)."""
    parameters = learnable_parameters()
    same = targets.values == predictions.values
    errors = registry.plugin_errors(targets, predictions, parameters)
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
    inference: str = "one pass",
    checkpoint_sha256: str = "",
    measurement: Measurement = Measurement(),
    renderer: Renderer | None = None,
    options: RunOptions = RunOptions(),
) -> Result:
    """Evaluate the presets that were inferred for some rows of a corpus; see `ResultProvenance`.

    Args:
        predictions: one for each of `rows`.
        rows: of the corpus, ascending; `dataset.curation.rows` names a whole test set.
        measurement: what is measured of each preset.
        renderer: synth that renders; default `Dexed`.
        options: number of processes, progress, and where finished parts are kept.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(f"{name!r} cannot name a file: use a-z, 0-9 and + _ -")
    bank = corpora.read(corpus).neutral()
    synth = renderer or Dexed()
    notes, live_notes, pyin = measurement.notes, measurement.live_notes, measurement.pyin
    live = None
    if live_notes is not None:
        live = live_masks(
            bank,
            rows,
            live_notes,
            renderer=synth,
            options=options,
        )
    table = evaluate.evaluate(
        bank[rows],
        predictions,
        rows=rows,
        notes=notes,
        live=live,
        n_pyin=pyin,
        renderer=synth,
        options=options,
    )
    labels = curation.read_curation(corpus).set_index("index")["label"]
    table.insert(1, "label", pd.Series(labels.loc[table["row"]].to_numpy(), dtype="category"))
    provenance = ResultProvenance(
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
        settings=dict(sound_features.SETTINGS),
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


def describe(provenance: ResultProvenance | Mapping[str, Any]) -> str:
    """One line for a caption: corpus, split, notes, engine, commit."""
    p = asdict(provenance) if isinstance(provenance, ResultProvenance) else provenance
    notes = ", ".join(f"({n}, {v})" for n, v in p["notes"])
    where = p["selection"] or f"{p['subset']} set, {p['split']} split"
    made_by = f"{p['engine']}, commit {describe_commit(p['commit'])}"
    return f"{p['corpus']}, {where}, notes {notes}, {made_by}"
