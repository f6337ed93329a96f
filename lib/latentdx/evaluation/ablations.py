"""Ablations: one line for each change that was tried, helpful or not, in `data/results/levers.csv`.

`record` computes a line from measurements on the validation set, so that nobody writes figures by hand.
"""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import wilcoxon

from latentdx.errors import ParameterError
from latentdx.files import atomic_write
from latentdx.registry import data_path

FILE = "levers.csv"

_LEAST_PAIRS = 6  # fewer pairs cannot reach a p-value below 0.05


@dataclass(frozen=True)
class Lever:
    """One ablation, as a line of the file.

    Attributes:
        lever: Name of the change in a few words; together with `metric` it identifies the line.
        changed: Description of the change and of what it replaces.
        metric: Name of the measured quantity, such as "MFCC13, median".
        before, after: Median of the metric without and with the change.
        n: Number of presets measured in both cases; 1 where the metric is a single number per run, such as a
            loss.
        p: p-value of a paired Wilcoxon test over these presets; `nan` if fewer than six of them changed.
        kept: True if the change is part of what ships.
        subset: Part of the split on which the metric was measured.
        commit: Version of the code, see `latentdx.provenance.code_commit`.
    """

    lever: str
    changed: str
    metric: str
    before: float
    after: float
    n: int
    p: float
    kept: bool
    subset: str
    commit: str


def record(
    lever: str,
    changed: str,
    metric: str,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    *,
    kept: bool,
    commit: str,
    subset: str = "validation",
    folder: Path | None = None,
) -> Lever:
    """Add the line of an ablation to `levers.csv`, or replace the line of the same lever and metric.

    Args:
        lever: Name of the change in a few words.
        changed: Description of the change and of what it replaces.
        metric: Name of the measured quantity.
        before: Values without the change, float (N,), one per preset; or a single number. The median is kept.
        after: Values with the change, in the same order. Pairs in which either is not finite are left out.
        kept: True if the change is part of what ships.
        commit: Version of the code, see `latentdx.provenance.code_commit`.
        subset: Part of the split on which the values were measured.
        folder: Folder of the file; default `data/results`.

    Returns:
        The line that was written.

    Raises:
        ParameterError: The values are not paired, or no pair is finite.
    """
    a, b = np.atleast_1d(np.asarray(before, np.float64)), np.atleast_1d(np.asarray(after, np.float64))
    if a.shape != b.shape or a.ndim != 1:
        raise ParameterError(
            f"{lever}: values before and after must be paired, but have shapes {a.shape} and {b.shape}"
        )
    known = np.isfinite(a) & np.isfinite(b)
    if not known.any():
        raise ParameterError(f"{lever}: no pair of values of {metric} is finite")
    a, b = a[known], b[known]
    moved = (a - b)[a != b]
    p = float(wilcoxon(moved).pvalue) if len(moved) >= _LEAST_PAIRS else float("nan")
    line = Lever(
        lever, changed, metric, float(np.median(a)), float(np.median(b)), len(a), p, kept, subset, commit
    )
    folder = folder or data_path("results")
    others = [old for old in read(folder) if (old.lever, old.metric) != (lever, metric)]
    _write([*others, line], folder)
    return line


def _write(levers: list[Lever], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [f.name for f in fields(Lever)], lineterminator="\n")
    writer.writeheader()
    for lever in levers:
        plain = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in asdict(lever).items()}
        writer.writerow(plain)
    with atomic_write(folder / FILE) as file:
        file.write(buffer.getvalue().encode())


def read(folder: Path | None = None) -> list[Lever]:
    """Read the lines in a folder, default `data/results`, in recorded order; none if the file is missing."""
    path = (folder or data_path("results")) / FILE
    if not path.exists():
        return []
    table = pd.read_csv(path, dtype={"commit": str}).fillna({"commit": ""})
    return [Lever(*row) for row in table.itertuples(index=False)]
