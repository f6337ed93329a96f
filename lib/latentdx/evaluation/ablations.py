"""The levers tried: one line each, whether or not it helped, in `data/results/levers.csv`.

`record` computes the line from what was measured on the validation set; nobody writes figures by hand.
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

_LEAST_PAIRS = 6  # fewer cannot reach a p below 0.05


@dataclass(frozen=True)
class Lever:
    """One line.

    Attributes:
        lever: what it is, in a few words; with `metric` it names the line.
        changed: what was changed against what.
        metric: what was measured, "MFCC13, median" for one.
        before, after: it, without and with the lever.
        n: presets that both were measured on (1 where the metric is one number of a run, as a loss is).
        p: of a paired Wilcoxon test over these; `nan` where they are too few.
        kept: whether what ships has it.
        subset: where it was measured.
        commit: of the code.
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
    """Add a lever's line to `ablations.csv`, or replace the one of the same lever and metric.

    Args:
        before, after: one value a preset in the same order, whose medians are kept; or one number each.
        kept: whether what ships has the lever.
        commit: see `latentdx.provenance.code_commit`.
        folder: default `data/results`.
    """
    a, b = np.atleast_1d(np.asarray(before, np.float64)), np.atleast_1d(np.asarray(after, np.float64))
    if a.shape != b.shape or a.ndim != 1:
        raise ParameterError(f"{lever}: before and after are paired, not of shapes {a.shape} and {b.shape}")
    known = np.isfinite(a) & np.isfinite(b)
    if not known.any():
        raise ParameterError(f"{lever}: no pair of {metric} is defined")
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
    """All lines of a folder, default `data/results`, in the order of recording; none without the file."""
    path = (folder or data_path("results")) / FILE
    if not path.exists():
        return []
    table = pd.read_csv(path, dtype={"commit": str}).fillna({"commit": ""})
    return [Lever(*row) for row in table.itertuples(index=False)]
