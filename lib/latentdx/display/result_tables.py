"""Tables of results: metrics with intervals, by model and by label, ablations, and provenance.

See also `result_comparisons` for paired comparisons and `published_tables` for the authors' own sounds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentdx.display.table_formats import (
    described,
    metric_column,
    metric_format,
    with_estimate,
    with_interval,
)
from latentdx.errors import ParameterError
from latentdx.evaluation import ablations
from latentdx.evaluation.result_data import LEADING, NotMeasuredError, ResultData, base_name, per_preset
from latentdx.evaluation.results import Result, describe
from latentdx.metrics.registry import METRICS
from latentdx.provenance import describe_commit


def results_table(
    data: ResultData,
    metrics: Iterable[str],
    caption: str = "Results",
    *,
    statistic: str = "median",
    **where: Any,
) -> pd.DataFrame:
    """Tabulate medians or means with 95% intervals.

    Args:
        data: Results to read.
        metrics: Metrics to show, one column each.
        caption: Beginning of the table's caption.
        statistic: "median" or "mean".
        **where: Results to include, see `ResultData.select`.

    Returns:
        One row per result. Values that beat all others by paired tests are marked as best.

    Raises:
        NotMeasuredError: There is no such result, or the summary lacks one.
        ParameterError: A metric is not in the registry.
    """
    metrics = tuple(metrics)
    if unknown := [m for m in metrics if m not in METRICS]:
        raise ParameterError(
            f"the summary has no metric {unknown[0]!r}, only {', '.join(METRICS)}. A metric of your own"
            " that is not registered is a column of `Result.table`"
        )
    results = data.select(**where)
    estimates = [_summarized(data, r) for r in results]
    chosen = [m for m in metrics if any(m in found for found in estimates)]
    lines = [
        [with_interval(metric_column(METRICS[m]), *found.get(m, {}).get(statistic, ())) for m in chosen]
        for found in estimates
    ]
    n = max(len(set(r.table["row"])) for r in results)
    return described(
        _frame(lines, results),
        f"{caption}: {statistic}s over {n:,} presets, with 95% intervals. {describe(results[0].provenance)}",
        metrics=[METRICS[m] for m in chosen],
        best=_best(data, results, chosen, results[0].provenance.selection),
    )


def results_on_part_table(
    data: ResultData,
    metrics: Iterable[str],
    caption: str = "Results on the same presets",
    of: str = "latentdx-best-of-64",
) -> pd.DataFrame:
    """Tabulate results on a part of the test set, and those on the whole set for the same presets.

    Args:
        data: Results to read.
        metrics: Metrics to show, one column each.
        caption: Beginning of the table's caption.
        of: Name of the result that determines the part, the largest one that it was evaluated on.

    Returns:
        One row per result: medians with 95% intervals.

    Raises:
        NotMeasuredError: That result has not been evaluated on a part of the test set.
    """
    everything, metrics = data.select(selection=None), tuple(metrics)
    parts = [r for r in everything if r.provenance.selection and base_name(r) == of]
    if not parts:
        raise NotMeasuredError(
            "No part of the test set has been evaluated on its own. "
            "`latentdx evaluate model latentdx --best-of 64 --limit 1000` evaluates one."
        )
    selection = max(parts, key=lambda r: r.table["row"].nunique()).provenance.selection
    own = [r for r in everything if r.provenance.selection == selection]
    again = {(r.provenance.checkpoint_sha256, r.provenance.inference) for r in own}
    rows = sorted(set.intersection(*(set(r.table["row"]) for r in own)))
    chosen = [
        r
        for r in everything
        if r.provenance.selection == selection
        or (
            not r.provenance.selection
            and (r.provenance.checkpoint_sha256, r.provenance.inference) not in again
        )
    ]
    lines = [
        [with_estimate(metric_column(METRICS[m]), per_preset(r, m).reindex(rows)) for m in metrics]
        for r in chosen
    ]
    return described(
        _frame(lines, chosen),
        f"{caption}: medians with 95% intervals, {selection}",
        metrics=[METRICS[m] for m in metrics],
        best=_best(data, chosen, metrics, selection),
    )


def results_by_label_table(data: ResultData, metric: str = LEADING, **where: Any) -> pd.DataFrame:
    """Tabulate one metric by label.

    Args:
        data: Results to read.
        metric: Metric to show.
        **where: Results to include, see `ResultData.select`.

    Returns:
        One row per result, and a column for each label with its number of presets: medians with 95%
        intervals.

    Raises:
        NotMeasuredError: There is no such result.
    """
    results = [r for r in data.select(**where) if r.provenance.kind != "reference"]
    counts = results[0].table.groupby("label", observed=True)["row"].nunique()
    columns = {str(label): f"{label} ({n:,})" for label, n in counts.items()}
    lines = []
    for r in results:
        values = {
            str(k): part.groupby("row")[metric].mean() for k, part in r.table.groupby("label", observed=True)
        }
        lines.append([with_estimate(column, values.get(label, [])) for label, column in columns.items()])
    m = METRICS[metric]
    return described(
        _frame(lines, results),
        f"{metric_column(m)} by label, medians with 95% intervals",
        formats=dict.fromkeys(columns.values(), metric_format(m)),
    )


def results_provenance_table(data: ResultData) -> pd.DataFrame:
    """Tabulate the provenance of each result, as text.

    Args:
        data: Results to read.

    Raises:
        NotMeasuredError: There are no results.
    """
    if not data.results:
        raise NotMeasuredError("There are no results yet. `latentdx evaluate` makes them.")
    frame = pd.DataFrame(
        {
            "result": p.title,
            "inference": p.inference,
            "split": p.split,
            "presets": p.selection or f"all {r.table['row'].nunique():,}",
            "notes": ", ".join(f"({note}, {velocity})" for note, velocity in p.notes),
            "checkpoint": p.checkpoint_sha256 or "–",
            "engine": p.engine,
            "commit": describe_commit(p.commit),
        }
        for r in data.results
        for p in [r.provenance]
    )
    return described(frame, "Provenance of the results")


def ablations_table(data: ResultData) -> pd.DataFrame:
    """Tabulate the ablations: what was tried, whether it helped or not.

    Args:
        data: Results to read.

    Returns:
        Columns ablation, what was changed, metric, before, after, change (relative), n, p and kept.

    Raises:
        NotMeasuredError: There are none.
    """
    found = ablations.read(data.folder)
    if not found:
        raise NotMeasuredError(
            "No ablation has been recorded yet. `latentdx.evaluation.ablations.record` records one."
        )
    frame = pd.DataFrame(
        {
            "ablation": ablation.lever,
            "what was changed": ablation.changed,
            "metric": ablation.metric,
            "before": ablation.before,
            "after": ablation.after,
            "change": ablation.after / ablation.before - 1 if ablation.before else np.nan,
            "n": ablation.n,
            "p": ablation.p,
            "kept": ablation.kept,
        }
        for ablation in found
    )
    subsets = ", ".join(sorted({ablation.subset for ablation in found}))
    return described(
        frame,
        f"Ablations, measured on the {subsets} set; p-values without correction",
        formats={"change": "+.1%", "p": "p"},
    )


def _frame(lines: Iterable[Iterable[Mapping[str, float | None]]], results: Iterable[Result]) -> pd.DataFrame:
    """Return a table of numbers, with a line for each result."""
    titles = pd.Index([r.provenance.title for r in results], name="result")
    return pd.DataFrame(
        [{k: v for cell in line for k, v in cell.items()} for line in lines], index=titles
    ).astype(np.float64)


def _best(
    data: ResultData, results: list[Result], metrics: Iterable[str], selection: str = ""
) -> dict[str, str]:
    """Return column -> title of the result that beats all others, where there is one."""
    titles = {r.provenance.name: r.provenance.title for r in results}
    found = {metric_column(METRICS[m]): data.best(results, m, selection) for m in metrics}
    return {column: titles[name] for column, name in found.items() if name in titles}


def _summarized(data: ResultData, r: Result) -> Mapping[str, Any]:
    """Return the summary's metrics of a result over all its presets."""
    p = r.provenance
    for entry in data.summary.get("results", {}).values():
        known = entry["provenance"]
        if all(str(known[key]) == str(getattr(p, key)) for key in ("name", "split", "notes", "selection")):
            metrics: Mapping[str, Any] = entry["all"]["metrics"]
            return metrics
    raise NotMeasuredError(f"The summary lacks {p.title}. `latentdx evaluate summary` updates it.")
