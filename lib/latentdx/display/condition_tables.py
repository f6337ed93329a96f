"""Tables of answers under several conditions: at unknown levels, and played in ways that were not heard."""

from collections.abc import Mapping

import pandas as pd

from latentdx.display.table_formats import described, metric_column, with_interval
from latentdx.evaluation.condition_tables import METRICS, ConditionTable, read_conditions
from latentdx.evaluation.held_out_play import STUDY as HELD_OUT_PLAY
from latentdx.evaluation.level_study import STUDY as LEVEL
from latentdx.evaluation.result_data import ResultData
from latentdx.evaluation.statistics import Estimate
from latentdx.metrics import registry
from latentdx.provenance import describe_commit


def level_table(data: ResultData, label: str | None = None) -> pd.DataFrame:
    """Tabulate what it costs that the level of a sound is not known.

    Args:
        data: Results to read.
        label: Kind of sound, such as "sfx", to which the table is limited; default: all.

    Returns:
        One row for each way to answer, with a known and with an unknown level: medians and 95% intervals of
        the metrics, at equal loudness.

    Raises:
        NotMeasuredError: The study has not been made.
    """
    return _table(data, LEVEL, "Known and unknown levels, compared at equal loudness", label)


def held_out_play_table(data: ResultData, label: str | None = None) -> pd.DataFrame:
    """Tabulate how close the answers to one note stay when they are played in other ways.

    Args:
        data: Results to read.
        label: Kind of sound, such as "sfx", to which the table is limited; default: all.

    Returns:
        One row for each way of playing: medians and 95% intervals of the metrics. The volume is set once, at
        the note that was heard.

    Raises:
        NotMeasuredError: The study has not been made.
    """
    return _table(data, HELD_OUT_PLAY, "Answers played in other ways, at one volume", label)


def _table(data: ResultData, study: str, caption: str, label: str | None) -> pd.DataFrame:
    found = read_conditions(study, data.folder)
    several = len(found) > 1
    lines = {
        f"{result.title}: {condition}" if several else condition: _line(estimates)
        for result in found
        for condition, estimates in result.summary(label).items()
    }
    first = found[0]
    return described(
        pd.DataFrame.from_dict(lines, orient="index").rename_axis("condition"),
        f"{caption}: medians over {_count(first, label)}, with 95% intervals. {first.corpus},"
        f" {first.selection}, {first.inference}, {first.engine}, commit {describe_commit(first.commit)}",
        metrics=[registry.METRICS[name] for name in METRICS],
    )


def _line(estimates: Mapping[str, Estimate]) -> dict[str, float | None]:
    line: dict[str, float | None] = {}
    for name, e in estimates.items():
        line |= with_interval(metric_column(registry.METRICS[name]), e.value, e.low, e.high)
    return line


def _count(result: ConditionTable, label: str | None) -> str:
    rows = result.table if label is None else result.table[result.table["label"] == label]
    return f"{rows['row'].nunique():,} {'presets' if label is None else f'{label} presets'}"
