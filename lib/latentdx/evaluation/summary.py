"""Summary of all results in `data/results/summary.json`, from which the chapters take their numbers.

- metrics: title, unit, direction of better values, and number of decimals of each metric
- results: for each file its provenance; and for all presets, for each label and for each note the number of
  presets, and each metric's median and mean with their intervals
- comparisons: medians, paired tests and the best model, for results on the same presets and notes
- examples: mean metrics on the examples that the paper's authors published, for their sounds and ours
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentdx.errors import DataMissingError
from latentdx.evaluation import published, statistics
from latentdx.evaluation.results import Result, ResultProvenance, file_name, read_all
from latentdx.files import atomic_write
from latentdx.metrics.registry import METRICS
from latentdx.registry import data_path

FILE = "summary.json"

_DIGITS = 6


def _number(value: float) -> float | None:
    """Round to six digits, to keep the file short; `None` for values that JSON cannot hold."""
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None


def _per_preset(table: pd.DataFrame) -> pd.DataFrame:
    """Average over each preset's notes, as in the paper, because they are not independent samples."""
    return table.groupby("row")[list(METRICS)].mean()


def _estimates(table: pd.DataFrame) -> dict[str, Any]:
    """Return the number of presets, and each metric's n, median and mean, both as [value, low, high]."""
    presets = _per_preset(table)
    out: dict[str, Any] = {"n": len(presets), "metrics": {}}
    for name in METRICS:
        values = presets[name].to_numpy(np.float64)
        median, mean = statistics.bootstrap(values, "median"), statistics.bootstrap(values, "mean")
        if median.n:
            out["metrics"][name] = {
                "n": median.n,
                **{
                    key: [_number(x) for x in (e.value, e.low, e.high)]
                    for key, e in (("median", median), ("mean", mean))
                },
            }
    return out


def _summary(result: Result) -> dict[str, Any]:
    table = result.table
    provenance = asdict(result.provenance)
    del provenance["by_parameter"], provenance["extra_metrics"]  # they are in the result
    out = {"provenance": provenance, "all": _estimates(table), "labels": {}, "notes": {}}
    for label, part in table.groupby("label", observed=True):
        out["labels"][str(label)] = _estimates(part)
    if len(result.provenance.notes) > 1:
        for note, velocity in result.provenance.notes:
            part = table[(table["note"] == note) & (table["velocity"] == velocity)]
            out["notes"][f"{note}-{velocity}"] = _estimates(part)
    return out


def _where(p: ResultProvenance) -> tuple[str, str, str, str]:
    return (p.corpus_sha256, p.split, p.subset, json.dumps(p.notes))


def _groups(results: Sequence[Result]) -> Iterable[tuple[str, list[Result]]]:
    """Yield a selection, and the results that may be compared on it: those of one corpus, split and notes.

    Results on selected presets are compared with each other, and with results on the whole test set unless
    these come from the same model and inference.
    """
    for where in sorted({_where(r.provenance) for r in results}):
        alike = [r for r in results if _where(r.provenance) == where and r.provenance.kind != "reference"]
        for selection in sorted({r.provenance.selection for r in alike}):
            own = [r for r in alike if r.provenance.selection == selection]
            again = {(r.provenance.checkpoint_sha256, r.provenance.inference) for r in own} - {("", "")}
            whole = [
                r
                for r in alike
                if selection != "" == r.provenance.selection
                and (r.provenance.checkpoint_sha256, r.provenance.inference) not in again
            ]
            yield selection, [*whole, *own]


def _comparison(selection: str, members: Sequence[Result]) -> dict[str, Any]:
    """Compute each metric's medians and paired tests on the presets that all members have."""
    tables = {r.provenance.name: r.table.pipe(_per_preset) for r in members}
    common = reduce(pd.Index.intersection, (table.index for table in tables.values()))
    first = members[0].provenance
    models = [r.provenance.name for r in members if r.provenance.kind in ("model", "search")]
    out: dict[str, Any] = {
        **{key: getattr(first, key) for key in ("corpus", "split", "subset", "notes")},
        "selection": selection,
        "n": len(common),
        "members": list(tables),
        "metrics": {},
    }
    for name, metric in METRICS.items():
        scores = {key: table[name].reindex(common).to_numpy(np.float64) for key, table in tables.items()}
        scores = {key: values for key, values in scores.items() if np.isfinite(values).any()}
        if len(scores) < 2:
            continue
        medians = {key: float(np.nanmedian(values)) for key, values in scores.items()}
        pairs = statistics.compare(scores)
        of_models = statistics.compare({key: scores[key] for key in models if key in scores})
        out["metrics"][name] = {
            "medians": {key: _number(value) for key, value in medians.items()},
            "best": statistics.best(pairs, medians, metric.better),
            "best_model": statistics.best(
                of_models, {key: medians[key] for key in models if key in medians}, metric.better
            ),
            "pairs": [
                {key: _number(v) if isinstance(v, float) else v for key, v in asdict(pair).items()}
                for pair in pairs
            ],
        }
    return out


def summarize(results: Sequence[Result]) -> dict[str, Any]:
    """Summarize results as the module's docstring describes, in types that JSON can hold.

    Bootstraps are seeded, so equal results give equal summaries. The key "examples" is added by `write`.
    """
    return {
        "metrics": {
            name: {key: getattr(m, key) for key in ("title", "unit", "better", "decimals")}
            for name, m in METRICS.items()
        },
        "results": {Path(file_name(r.provenance)).stem: _summary(r) for r in results},
        "comparisons": [
            _comparison(selection, members) for selection, members in _groups(results) if len(members) > 1
        ],
    }


def write(folder: Path | None = None) -> Path:
    """Summarize all results of a folder, default `data/results`, into its `summary.json`."""
    folder = folder or data_path("results")
    summary = summarize(read_all(folder))
    means = published.means(folder)
    means[list(published.METRICS)] = means[list(published.METRICS)].map(_number)
    summary["examples"] = means.to_dict("records")
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    with atomic_write(folder / FILE) as file:
        file.write((text + "\n").encode())
    return folder / FILE


def read(folder: Path | None = None) -> Mapping[str, Any]:
    """Read the summary in a folder, default `data/results`; raise `DataMissingError` if there is none."""
    path = (folder or data_path("results")) / FILE
    if not path.exists():
        raise DataMissingError(f"{path} is missing: make it by `latentdx evaluate summary`")
    return json.loads(path.read_text("utf-8"))
