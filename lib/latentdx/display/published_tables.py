"""Tables of the examples that the paper's authors published, in their versions and in ours."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from latentdx.display.table_formats import described, metric_format
from latentdx.evaluation.result_data import LEADING, PublishedExamples, ResultData
from latentdx.metrics.registry import METRICS


def published_table(data: ResultData) -> pd.DataFrame:
    """Tabulate means over the eight programming examples: theirs and ours, and ours uncompressed.

    Args:
        data: Results to read.

    Returns:
        One row per version, and a column for each metric and condition.

    Raises:
        NotMeasuredError: None of our models has programmed the examples.
    """
    examples = PublishedExamples.read(data)
    conditions = {
        "peak-normalized": ("as published", "peak"),
        "levels kept": ("as published", "example"),
        "uncompressed, peak-normalized": ("uncompressed", "peak"),
    }
    found = {condition: examples.means("programming", *key) for condition, key in conditions.items()}
    first = found["peak-normalized"]
    metrics = ("log_stft_mae", LEADING)
    columns = {(c, m): f"{METRICS[m].title}, {c}" for c in conditions for m in metrics}
    frame = pd.DataFrame(
        {column: found[c][m].reindex(first.index).to_numpy() for (c, m), column in columns.items()},
        index=_versions(first.index),
    )
    return described(
        frame,
        f"Means over the {first['n'].iloc[0]} published examples, in the page's audio coding; lower is "
        "better",
        formats={column: metric_format(METRICS[m]) for (_, m), column in columns.items()},
    )


def published_velocity_table(data: ResultData) -> pd.DataFrame:
    """Tabulate the one example that the page plays at three velocities, with levels kept.

    Args:
        data: Results to read.

    Returns:
        One row per version, and a column for each velocity.

    Raises:
        NotMeasuredError: None of our models has programmed the examples.
    """
    t = PublishedExamples.read(data).table
    t = t[(t["section"] == "multiple notes") & (t["coding"] == "as published") & (t["level"] == "example")]
    groups = t.groupby(["source", "title"], sort=False)
    frame = pd.DataFrame(
        [
            {f"velocity {v}": x for v, x in zip(part["velocity"], part[LEADING], strict=True)}
            for _, part in groups
        ],
        index=_versions([key for key, _ in groups]),
    )
    return described(
        frame,
        f"{t['name'].iloc[0]} at three velocities: {METRICS[LEADING].title}, levels kept",
        formats=dict.fromkeys(frame.columns, metric_format(METRICS[LEADING])),
    )


def _versions(keys: Iterable[Any]) -> "pd.Index[str]":
    """Return the labels of versions: their titles, and whose they are."""
    titles = [f"{title}, {source}" if source != "ours" else title for source, title in keys]
    return pd.Index(titles, name="version")
