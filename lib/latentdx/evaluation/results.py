"""Results on disk: one Parquet file per model, split and set of notes, with its provenance in the metadata.

No column or metadata holds a parameter of a preset: presets are identified by their rows in the corpus.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, Renderer
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
"""Kind of what is evaluated.

"model" is a trained model in one pass; "search" renders candidates before it decides; "anchor" has learned
nothing; "reference" knows the target.
"""


LEAST_OF_ALGORITHM = 5
"""Least number of presets with an algorithm, or with a live parameter, whose statistics are reported.

Statistics of fewer presets would reveal their parameters.
"""

_NAME = re.compile(r"[a-z0-9+][a-z0-9+_-]*")  # without dots, which separate the parts of a file's name


@dataclass(frozen=True)
class Measurement:
    """Metrics to compute for each preset, and the notes at which sounds are compared.

    Attributes:
        notes: (MIDI note, velocity) pairs at which sounds are compared.
        live_notes: (MIDI note, velocity) pairs at which a parameter counts as live; `None` leaves the live
            metrics undefined. The masks take 0.3 s per preset and core the first time.
        n_pyin: Number of presets with a pYIN estimate; `None` for 500 at a single note and 0 at several.
        extra: Metrics of your own, see `evaluate.evaluate`.

    >>> Measurement().pyin, Measurement(((60, 85), (60, 42))).pyin, Measurement().quick().pyin
    (500, 0, 0)
    """

    notes: Notes = SINGLE_NOTE
    live_notes: Notes | None = SINGLE_NOTE
    n_pyin: int | None = None
    extra: tuple[evaluate.OwnMetric, ...] = ()

    @property
    def pyin(self) -> int:
        """Number of presets with a pYIN estimate."""
        return evaluate.N_PYIN * (len(self.notes) == 1) if self.n_pyin is None else self.n_pyin

    def quick(self) -> "Measurement":
        """Return a copy without live parameters and pYIN, which take most of the time."""
        return replace(self, live_notes=None, n_pyin=0)


@dataclass(frozen=True)
class ResultProvenance:
    """Provenance of a result, and statistics that cannot be computed from its table.

    Attributes:
        name: Name of the model or anchor in file names, such as "numcat++" or "nearest".
        title: Name as tables show it.
        kind: Kind of what was evaluated, see `Kind`.
        corpus, corpus_sha256: Name and hash of the corpus.
        split, subset: Split and part of it that presets are from; "" if they were chosen in another way,
            which `selection` describes.
        selection: Description of the presets if they are not the whole subset, else "".
        notes: (MIDI note, velocity) pairs at which sounds are compared.
        inference: Description of how presets were found, such as "one pass" or "best of 64 by rendering".
        checkpoint_sha256: SHA-256 of the weights; "" without any.
        engine: Name and version of the rendering engine.
        live_notes: (MIDI note, velocity) pairs at which a parameter counts as live; empty without live masks.
        n_pyin: Number of presets with a pYIN estimate.
        settings: Settings of the audio metrics.
        code: Hash of the metrics' code, and versions of the libraries that they use.
        commit: Version of the code, see `latentdx.provenance.code_commit`.
        libraries: Versions of the libraries.
        by_algorithm: Number of presets `n` and median of each metric for each algorithm, 1 … 32, where there
            are at least five presets.
        by_parameter: Statistics of each learnable parameter, see `figures_by_parameter`; empty without live
            masks.
        extra_metrics: Title, unit, better direction and version of each metric that is not in the registry.
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
    extra_metrics: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Metrics of all presets.

    Attributes:
        table: Table of `latentdx.evaluation.evaluate.evaluate`, with another column `label`.
        provenance: Provenance of the table.
    """

    table: pd.DataFrame
    provenance: ResultProvenance

    def write(self, folder: Path) -> Path:
        """Write the result into a folder under `file_name`, and return the file; see `parquet.write`."""
        return parquet.write(self.table, self.provenance, folder / file_name(self.provenance))

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read a file that `write` wrote; raise `DataMissingError` if it is missing or another file."""
        return cls(*parquet.read(path, ResultProvenance, "latentdx evaluate"))


def file_name(provenance: ResultProvenance) -> str:
    """Return the name of a result's file, such as "numcat++.twin-disjoint.60-85.parquet"; see `name_of`."""
    return name_of(provenance.name, provenance.split, provenance.subset, provenance.notes)


def name_of(name: str, split: str, subset: str, notes: Sequence[Sequence[int]]) -> str:
    """Return the name of the file of a result.

    Several notes appear as their number, such as "5-notes"; a subset other than "test" follows the split.

    Args:
        name: Name of the result.
        split, subset: Names of the split and the part of it.
        notes: (MIDI note, velocity) pairs.
    """
    label = f"{len(notes)}-notes" if len(notes) > 1 else "-".join(map(str, notes[0]))
    parts = (name, split, "" if subset == "test" else subset, label)
    return ".".join(part for part in parts if part) + ".parquet"


def check_name(name: str) -> None:
    """Raise `ParameterError` unless the name of a result can be part of a file name."""
    if not _NAME.fullmatch(name):
        raise ParameterError(f"{name!r} cannot be part of a file name: use only a-z, 0-9 and + _ -")


def read_all(folder: Path | None = None) -> list[Result]:
    """Read all results in a folder, default `data/results`, in order of their file names."""
    return [Result.read(path) for path in sorted((folder or data_path("results")).glob("*.parquet"))]


def medians_by_algorithm(table: pd.DataFrame, bank: PresetBank) -> dict[str, dict[str, float]]:
    """Compute the median of each metric for each algorithm that at least five presets have.

    Args:
        table: Table of a result.
        bank: Presets that its column `row` refers to.

    Returns:
        Number of presets `n` and medians for each algorithm, "1" … "32".
    """
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
    """Compute the accuracy of each learnable parameter over the presets in which it is live.

    Args:
        targets: N presets.
        predictions: N inferred presets.
        live: Mask of the live parameters, bool (N, 145).

    Returns:
        For each parameter, by name: `n`, the number of presets in which it is live; if there are at least
        five, `accuracy`, the share in which it was found exactly; and for numerical parameters `mae`, the
        mean absolute error in units of the parameter's range, 0 … 1.
    """
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
    """Evaluate the presets that were inferred for some rows of a corpus.

    Args:
        name: Name of the model or anchor in file names: lowercase letters, digits, and + _ -.
        title: Name as tables show it.
        predictions: Inferred presets, one for each of `rows`.
        rows: Rows of the corpus, int64 (N,), ascending; `latentdx.dataset.curation.rows` returns those of a
            whole test set.
        kind: Kind of what is evaluated, see `Kind`.
        corpus: Name of the corpus.
        split: Split that the rows are from.
        subset: Part of the split that the rows are from.
        selection: Description of the rows if they are not the whole subset.
        inference: Description of how the presets were found.
        checkpoint_sha256: SHA-256 of the model's weights; "" without any.
        measurement: Metrics to compute, and the notes at which sounds are compared.
        renderer: Synth that renders; default `Engine()`.
        options: Number of processes, progress bar, and location of the cache.

    Raises:
        ParameterError: The name cannot be part of a file name, or numbers of predictions and rows differ.
    """
    check_name(name)
    bank = corpora.read(corpus).neutral()
    synth = renderer or Engine()
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
        extra=measurement.extra,
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
        extra_metrics={
            m.name: {key: getattr(m, key) for key in ("title", "unit", "better", "version")}
            for m in measurement.extra
        },
    )
    return Result(table, provenance)


def describe(provenance: ResultProvenance | Mapping[str, Any]) -> str:
    """Describe a result in one line for a caption: corpus, split, notes, engine and commit."""
    p = asdict(provenance) if isinstance(provenance, ResultProvenance) else provenance
    notes = ", ".join(f"({n}, {v})" for n, v in p["notes"])
    where = p["selection"] or f"{p['subset']} set, {p['split']} split"
    made_by = f"{p['engine']}, commit {describe_commit(p['commit'])}"
    return f"{p['corpus']}, {where}, notes {notes}, {made_by}"
