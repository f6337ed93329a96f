"""The table and the figure of agreement with listeners, from made-up agreement."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentdx.display import listener_agreement_figure, listener_agreement_table, table_html
from latentdx.evaluation import ListenerAgreement, ResultData, statistics

RHO = {
    "spectral_convergence": [0.2, 0.4, 0.9],
    "objective": [0.5, 0.6, 0.7],
    "f0_error": [0.3, np.nan, 0.1],
    "silence_mismatch": [np.nan] * 3,
}


@pytest.fixture
def data(tmp_path: Path) -> ResultData:
    rows = [
        {
            "study": f"<Study>_{i}",
            "metric": metric,
            "sounds": 4,
            "pairs": 6,
            "defined": 5 if metric == "f0_error" else 6,
            "rho": rho,
            "triplets": (1 + rho) / 2,
            "objective_rho": RHO["objective"][i],
            "objective_triplets": (1 + RHO["objective"][i]) / 2,
        }
        for i in range(3)
        for metric, rho in ((metric, values[i]) for metric, values in RHO.items())
    ]
    facts = {key: {"a": "1"} for key in ("versions", "weights", "settings", "libraries")}
    ListenerAgreement(pd.DataFrame(rows), **facts, code="", commit="abc+").write(tmp_path)
    return ResultData.read(tmp_path)


def test_distances_are_ordered_by_their_agreement_and_compared_with_the_objective(data: ResultData) -> None:
    table = listener_agreement_table(data)
    assert table.index.tolist() == [
        "the objective of searches", "spectral convergence", "pitch error (YIN)", "silence mismatch"
    ]  # fmt: skip
    line = table.loc["spectral convergence"]
    assert line["rank correlation"] == pytest.approx(0.5) and line["triplets"] == pytest.approx(0.75)
    ahead = statistics.bootstrap([0.3, 0.2, -0.2], "mean")
    names = ["objective ahead, rank correlation" + end for end in ("", " low", " high")]
    assert line[names].tolist() == pytest.approx([ahead.value, ahead.low, ahead.high])
    assert table["objective ahead, triplets"].isna().tolist() == [True, False, False, True]


def test_what_ranks_nothing_is_counted(data: ResultData) -> None:
    table = listener_agreement_table(data)
    assert table["studies"].tolist() == [3, 3, 2, 0] and table["pairs"].tolist() == [18, 18, 10, 0]
    assert table.loc["pitch error (YIN)", "objective ahead, rank correlation"] == pytest.approx(0.4)
    html = table_html(table)
    assert "3 listening studies (12 sounds, 18 rated pairs)" in html and "abc with changes" in html


def test_the_figure_says_where_the_objective_is_ahead(data: ResultData) -> None:
    figure = listener_agreement_figure(data, ["spectral_convergence"])
    assert "highest in <Study>_2 (0.70) and lowest in <Study>_0 (0.50)" in figure.alt
    assert "ahead of all others shown in 2 of 3 studies" in figure.caption
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["<Study> 0", "<Study> 1", "<Study> 2"]
    drawn = {line.get_label(): line.get_xdata().tolist() for line in axes.lines}
    assert drawn == {
        "the objective of searches": RHO["objective"],
        "spectral convergence": RHO["spectral_convergence"],
    }
