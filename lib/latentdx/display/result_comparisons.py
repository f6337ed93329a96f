"""Paired comparisons of results: representations, notes, splits, seeds, and matches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.dataset import curation
from latentdx.display.table_formats import (
    described,
    metric_column,
    metric_format,
    with_estimate,
)
from latentdx.evaluation import statistics
from latentdx.evaluation.result_data import (
    LEADING,
    PARAMETERS,
    NotMeasuredError,
    ResultData,
    base_name,
    per_preset,
)
from latentdx.evaluation.results import Result
from latentdx.metrics.registry import METRICS

Part = Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]]
"""Function that marks the rows of a corpus which belong to a part of it."""


@dataclass(frozen=True)
class ModelComparison:
    """Comparison that tests whether the result `b` improves on `a`; `question` names the difference."""

    a: str
    b: str
    question: str


COMPARISONS = (
    ModelComparison("num", "numcat", "categories as categories"),
    ModelComparison("numcat", "numcat++", "small numbers as categories too"),
    ModelComparison("numcat++-mlp", "numcat++", "flow instead of MLP"),
    ModelComparison("numcat++", "latentdx", "our own model"),
    ModelComparison("numcat++", "numcat++-seed1", "only another seed"),
)
"""Comparisons of the paper's claims, and of two seeds."""


def compare_steps(
    data: ResultData,
    steps: Sequence[ModelComparison] = COMPARISONS,
    metrics: Sequence[str] = (LEADING, "log_stft_mae"),
    **where: Any,
) -> pd.DataFrame:
    """Test each comparison whose results exist on common presets, with Holm correction over all of them.

    Args:
        data: Results to read.
        steps: Comparisons to test.
        metrics: Metrics to compare by.
        **where: Results to include, see `ResultData.select`.

    Returns:
        One row per comparison and metric. Columns: step, question, metric, n, before, after (medians on
        common presets), improved (share of presets), p, better, verdict.

    Raises:
        NotMeasuredError: No comparison has both results.
    """
    lines = []
    for step in steps:
        try:
            a, b = data.get(step.a, **where), data.get(step.b, **where)
        except NotMeasuredError:
            continue
        lines += [
            _compared(a, b, m)
            | {"step": f"{a.provenance.title} → {b.provenance.title}", "question": step.question}
            for m in metrics
        ]
    if not lines:
        raise NotMeasuredError(
            "No two of the models to compare have been evaluated. `latentdx evaluate` evaluates them."
        )
    return _with_verdicts(pd.DataFrame(lines))


def _compared(a: Result, b: Result, metric: str, note: Sequence[int] | None = None) -> dict[str, Any]:
    """Return medians on common presets, the share of them in which `b` is better, and the uncorrected p."""
    x, y = (per_preset(r, metric, note) for r in (a, b))
    both = pd.concat([x, y], axis=1, keys=["a", "b"]).dropna()
    if METRICS[metric].better == "higher":
        improved, ranks = (both["b"] > both["a"]).mean(), "b"
    else:
        improved, ranks = (both["b"] < both["a"]).mean(), "a"
    tested = statistics.compare({"a": both["a"], "b": both["b"]})[0]
    better = {"a": "b", "b": "a", "": ""}[tested.lower] if ranks == "b" else tested.lower
    return {
        "metric": metric,
        "n": len(both),
        "before": both["a"].median(),
        "after": both["b"].median(),
        "improved": improved,
        "p": tested.p,
        "better": better,
    }


def _with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Correct p over the table (Holm) and add a verdict per line, for which ranks and medians must agree."""
    table = table.assign(p=statistics.holm(table["p"]))

    def verdict(line: pd.Series) -> str:
        if line["p"] >= statistics.SIGNIFICANCE or not line["better"]:
            return "no difference shown"
        sign = 1 if METRICS[line["metric"]].better == "lower" else -1
        gain = sign * (line["before"] - line["after"])
        if line["better"] == "b":
            return "better" if gain >= 0 else "mixed"
        return "worse" if gain <= 0 else "mixed"

    return table.assign(verdict=table.apply(verdict, axis=1))


def _verdict_table(table: pd.DataFrame, first: Mapping[str, str], caption: str) -> pd.DataFrame:
    """Tabulate lines of `_with_verdicts`; `first` maps the leading columns to their headings."""
    metrics = {metric_column(METRICS[m]): metric_format(METRICS[m]) for m in table["metric"]}
    frame = table.rename(columns=dict(first)).assign(
        metric=[metric_column(METRICS[m]) for m in table["metric"]]
    )
    return described(
        frame[[*first.values(), "metric", "before", "after", "improved", "p", "verdict"]],
        caption,
        formats={
            "before": {"metric": metrics},
            "after": {"metric": metrics},
            "improved": ".0%",
            "p": "p",
        },
    )


def model_comparison_table(data: ResultData, **where: Any) -> pd.DataFrame:
    """Tabulate the comparisons of `compare_steps`.

    Args:
        data: Results to read.
        **where: Results to include, see `ResultData.select`.

    Returns:
        Columns step, difference, metric, before, after (medians on common presets), improved (share of
        presets), p and verdict.

    Raises:
        NotMeasuredError: No comparison has both results.
    """
    table = compare_steps(data, **where)
    return _verdict_table(
        table,
        {"step": "step", "question": "difference"},
        f"Paired tests on {table['n'].max():,} presets, Holm-corrected over these {len(table)} tests",
    )


def notes_comparison_table(data: ResultData) -> pd.DataFrame:
    """Compare the six-note model with single-note models, at notes that not all of them were trained on.

    Args:
        data: Results to read.

    Returns:
        Columns single-note model, note, velocity; metric, before (the single-note model), after, improved, p
        and verdict, see `model_comparison_table`.

    Raises:
        NotMeasuredError: One of the two kinds of models has no result at several notes.
    """
    six = data.get("numcat++-six", notes=5, selection=None)
    lines = []
    singles = [r for r in data.select(notes=5, selection=None) if r.provenance.name.startswith("numcat++")]
    for one in (r for r in singles if r.provenance.kind == "model" and "-six" not in r.provenance.name):
        if one.provenance.selection != six.provenance.selection:
            continue
        for note in six.provenance.notes:
            line = _compared(one, six, LEADING, note)
            lines.append(line | {"note": f"({note[0]}, {note[1]})", "against": one.provenance.title})
        lines += [
            _compared(one, six, m) | {"note": "all", "against": one.provenance.title}
            for m in ("dynamic_numerical_mae", "dynamic_categorical_accuracy")
        ]
    if not lines:
        raise NotMeasuredError(
            "The single-note model has not been evaluated at the same notes. "
            "`latentdx evaluate model numcat++ --notes 60:20,60:64,60:127,40:85,70:85` evaluates it."
        )
    table = _with_verdicts(pd.DataFrame(lines))
    return _verdict_table(
        table,
        {"against": "single-note model", "note": "note, velocity"},
        f"Six notes (after) against one (before): medians over {table['n'].max():,} presets, paired tests, "
        f"Holm-corrected over these {len(table)} tests",
    )


MATCHED = (
    *("latentdx", "latentdx-best-of-64", "nearest-unrelated", "nearest-genetic"),
    *("match-500", "match-2000", "match-7000", "one-step"),
)
"""Names of the results that `match_comparison_table` compares."""


def match_comparison_table(
    data: ResultData, of: str = "match-2000", against: str = "nearest-genetic"
) -> pd.DataFrame:
    """Compare matches with other answers to a sound.

    Args:
        data: Results to read.
        of: Name of the match whose presets are used, and which the caption names.
        against: Name of the result that the shares refer to.

    Returns:
        One row per result: medians with 95% intervals, and shares of presets in which it is closer.

    Raises:
        NotMeasuredError: One of the two has no result on the same presets.
    """
    everything = data.select(selection=None)
    rows = set(data.get(of, selection=None).table["row"])
    covering = {base_name(r): r for r in everything if rows <= set(r.table["row"])}
    found = {name: covering[name] for name in MATCHED if name in covering}
    if against not in found:
        raise NotMeasuredError(
            f"There is no result of {against} on the same presets. `latentdx evaluate match` makes it."
        )
    metrics = ("spectral_convergence", LEADING, "log_stft_mae", "log_mel_mae")
    values = {name: {m: per_preset(r, m).loc[sorted(rows)] for m in metrics} for name, r in found.items()}
    lines = []
    for name in found:
        line: dict[str, float | None] = {}
        for m in metrics:
            line |= with_estimate(metric_column(METRICS[m]), values[name][m])
        for m in metrics[:2]:
            closer = float((values[name][m] < values[against][m]).mean())
            line[f"closer, {METRICS[m].title}"] = None if name == against else closer
        lines.append(line)
    less = [1 - values[of][m].median() / values[against][m].median() for m in metrics[:2]]
    gains = " and ".join(
        f"{100 * x:.0f}% in {METRICS[m].title}" for x, m in zip(less, metrics[:2], strict=True)
    )
    titles = pd.Index([r.provenance.title for r in found.values()], name="result")
    return described(
        pd.DataFrame(lines, index=titles).astype(np.float64),
        f"Medians over {len(rows)} presets with 95% intervals, and the share of presets in which each is "
        f"closer than “{found[against].provenance.title}”. In comparison, the median of "
        f"“{found[of].provenance.title}” is lower by {gains}",
        metrics=[METRICS[m] for m in metrics],
        formats={f"closer, {METRICS[m].title}": ".0%" for m in metrics[:2]},
    )


def split_comparison_table(data: ResultData) -> pd.DataFrame:
    """Compare training and testing on the paper's random split and on the split without near duplicates.

    The random split's test presets are also divided by whether the training set has a near duplicate.

    Args:
        data: Results to read.

    Returns:
        One row per split or part of it: its number of presets, medians of sounds and means of parameters,
        with 95% intervals.

    Raises:
        NotMeasuredError: The random split has not been evaluated.
    """
    metrics = ("categorical_accuracy", "numerical_mae", "live_accuracy", LEADING, "log_stft_mae")
    random = data.get("numcat++-random", split="random", selection=None)
    kept = curation.read_curation(random.provenance.corpus).query("kept")
    known = set(kept["twin_group"][kept["split_random"] == "train"])
    twins = kept["index"][kept["twin_group"].isin(known)].to_numpy()
    parts: dict[str, Part] = {
        "random split": lambda rows: np.ones(len(rows), bool),
        "… with a near duplicate in training": lambda rows: np.isin(rows, twins),
        "… without": lambda rows: ~np.isin(rows, twins),
    }
    lines = {title: _part(random, metrics, part) for title, part in parts.items()}
    with suppress(NotMeasuredError):
        disjoint = data.get("numcat++", selection=None)
        lines["twin-disjoint split"] = _part(disjoint, metrics, parts["random split"])
    frame = pd.DataFrame(list(lines.values()), index=pd.Index(lines, name="split"))
    return described(
        frame.astype({column: np.float64 for column in frame.columns if column != "presets"}),
        "NumCat++ trained and tested on each split: medians of sounds, means of parameters, 95% intervals",
        metrics=[METRICS[m] for m in metrics],
    )


def _part(r: Result, metrics: Iterable[str], part: Part) -> dict[str, float | None]:
    """Return the table's line for a part of a result's presets."""
    line: dict[str, float | None] = {}
    for m in metrics:
        values = per_preset(r, m)
        values = values[part(values.index.to_numpy())]
        line["presets"] = len(values)
        statistic: Literal["mean", "median"] = "mean" if m in PARAMETERS else "median"
        line |= with_estimate(metric_column(METRICS[m]), values, statistic)
    return line
