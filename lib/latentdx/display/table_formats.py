"""How tables are printed: each is a data frame of numbers whose `attrs` say how to show them.

A table keeps full precision, and names units in its columns. Its `attrs` hold, as plain JSON values:

- caption: a sentence on what the table shows
- formats: column -> format specification of its numbers, such as ",.2f", ".1%" for a share, "{:.0f} of 10" or
  "p" for p-values; or {other column: {its value: specification}} where lines differ in what they measure
- better: column -> "lower" or "higher", the direction of better values
- intervals: column -> the two columns with the ends of its 95% intervals
- best: column -> label of the line whose value beats all others by paired tests; the labels' own column is
  named like the index

Labels of lines are the frame's index, which then has a name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.evaluation import statistics
from latentdx.metrics.registry import Metric

MISSING = "–"
"""Text of a value that is missing or not finite."""

UNITS = ("ms", "s", "min", "MB", "GB", "dB", "cents", "log10")
"""Units at the end of a column's name, after a comma."""

_ARROWS = {"lower": " ↓", "higher": " ↑"}


def described(
    frame: pd.DataFrame,
    caption: str,
    *,
    metrics: Iterable[Metric] = (),
    formats: Mapping[str, str | Mapping[str, Mapping[str, str]]] | None = None,
    better: Mapping[str, str] | None = None,
    best: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the frame with `attrs` that say how to print it.

    Args:
        frame: Table; the ends of an interval are columns named by `interval_ends`.
        caption: Sentence on what it shows.
        metrics: Metrics among its columns, see `metric_column`, whose formats and directions are known.
        formats: Formats of other columns, see the module.
        better: Directions of other columns.
        best: Column -> label of the line whose value beats all others.
    """
    ours = {metric_column(m): m for m in metrics}
    frame.attrs = {
        "caption": caption,
        "formats": {name: metric_format(m) for name, m in ours.items()} | dict(formats or {}),
        "better": {name: m.better for name, m in ours.items()} | dict(better or {}),
        "intervals": {
            name: ends for name in map(str, frame.columns) if set(ends := interval_ends(name)) <= set(frame)
        },
        "best": dict(best or {}),
    }
    return frame


def interval_ends(column: str) -> list[str]:
    """Return the columns with the ends of a column's intervals, such as "error low, dB" for "error, dB"."""
    name, _, unit = column.rpartition(", ")
    return [f"{name} {end}, {unit}" if unit in UNITS else f"{column} {end}" for end in ("low", "high")]


def with_interval(
    column: str, value: float | None = None, low: float | None = None, high: float | None = None
) -> dict[str, float | None]:
    """Return the three columns of a value with its interval in one line of a table."""
    return dict(zip((column, *interval_ends(column)), (value, low, high), strict=True))


def with_estimate(
    column: str, values: npt.ArrayLike, statistic: Literal["median", "mean"] = "median"
) -> dict[str, float | None]:
    """Return the three columns of a median or mean of values, with its 95% bootstrap interval."""
    e = statistics.bootstrap(values, statistic)
    return with_interval(column, e.value, e.low, e.high)


def metric_format(metric: Metric) -> str:
    """Return the format specification of a metric's values: a share is printed as a percentage."""
    return f".{max(metric.decimals - 3, 1)}%" if metric.unit == "share" else f",.{metric.decimals}f"


def metric_column(metric: Metric) -> str:
    """Return the name of a metric's column: its title and its unit."""
    return f"{metric.title}, {metric.unit}" if metric.unit and metric.unit != "share" else metric.title


def number(value: float | None, metric: Metric) -> str:
    """Format a value of a metric."""
    return text(value, metric_format(metric))


def share(value: float) -> str:
    """Format a share as a whole percentage, such as "50%" for 0.5."""
    return text(value, ".0%")


def p_text(p: float) -> str:
    """Format a p-value with three decimals, or as below 0.001."""
    return MISSING if not np.isfinite(p) else "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def text(value: Any, specification: str = "") -> str:
    """Format one cell: text as it is, yes or no, or a number, by default with commas or four digits."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if specification == "p":
        return p_text(value)
    if "{" in specification:
        return specification.format(value)
    default = ",d" if isinstance(value, int | np.integer) else ".4g"
    return f"{value:{specification or default}}".replace("-", "−")


def cells(
    frame: pd.DataFrame,
    *,
    escape: Callable[[str], str],
    bold: Callable[[str], str],
    interval: Callable[[str, str, str], str],
    units_in_cells: bool = False,
) -> pd.DataFrame:
    """Print a table: text in every cell, intervals beside their values, arrows toward better values.

    Args:
        frame: Table to print, with or without `attrs`.
        escape: Function that makes any text safe in the language to write.
        bold: Function that makes an escaped text bold.
        interval: Function that joins a value and the two ends of its interval.
        units_in_cells: True to move the unit in a column's name into its cells.

    Returns:
        Columns of text. Labels of lines, if there are any, become the first one, named like the index.
    """
    ends, best = _ends(frame), frame.attrs.get("best", {})
    columns: dict[str, list[str]] = {}
    if frame.index.name is not None:
        labels = [(escape(str(label)), label == best.get(frame.index.name)) for label in frame.index]
        columns[escape(str(frame.index.name))] = [bold(t) if mark else t for t, mark in labels]
    for name in shown_columns(frame):
        heading, _, unit = str(name).rpartition(", ")
        moved = units_in_cells and unit in UNITS and is_number(frame[name])
        written = [escape(f"{t} {unit}" if moved and t != MISSING else t) for t in _texts(frame, name)]
        if name in best:
            marked = [label == best[name] for label in frame.index]
            written = [bold(t) if mark else t for t, mark in zip(written, marked, strict=True)]
        if name in ends:
            low, high = ([t.removesuffix("%") for t in _texts(frame, end, name)] for end in ends[name])
            written = [
                t if t == MISSING else interval(t, escape(a), escape(b))
                for t, a, b in zip(written, low, high, strict=True)
            ]
        arrow = _ARROWS.get(frame.attrs.get("better", {}).get(name, ""), "")
        columns[escape((heading if moved else str(name)) + arrow)] = written
    return pd.DataFrame(columns, dtype=object)


def is_number(column: "pd.Series[Any]") -> bool:
    """Return True for a column of numbers."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def shown_columns(frame: pd.DataFrame) -> list[Any]:
    """Return the columns that `cells` prints one by one: all but the ends of intervals."""
    inside = {end for pair in _ends(frame).values() for end in pair}
    return [name for name in frame.columns if name not in inside]


def _ends(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the columns that have an interval, as far as its ends are still there."""
    known = frame.attrs.get("intervals", {})
    return {
        name: (low, high) for name, (low, high) in known.items() if {name, low, high} <= set(frame.columns)
    }


def _texts(frame: pd.DataFrame, column: str, like: str = "") -> Iterator[str]:
    """Yield the texts of a column in its own format, or in that of another one."""
    known = frame.attrs.get("formats", {}).get(like or column, "")
    if isinstance(known, Mapping):
        ((other, of_value),) = known.items()
        if other not in frame.columns:
            return map(text, frame[column])
        return map(text, frame[column], [of_value.get(value, "") for value in frame[other]])
    return (text(value, known) for value in frame[column])
