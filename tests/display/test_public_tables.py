"""Every public table and figure, on the shipped results: numbers, with a caption, and saved by one call."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure

from latentdx import display
from latentdx.display.table_formats import is_number
from latentdx.errors import ParameterError
from latentdx.evaluation import InterpolationData, ResultData
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.presets.bank import PresetBank

NAMES = [name for name in display.__all__ if name.endswith(("_table", "_figure")) and name != "new_figure"]
TEXTS = {"parameter_table", "results_provenance_table"}
"""Tables of texts; all others hold numbers."""

OF_A_MATCH = {"level_course_figure", "match_search_figure", "match_stages_table"}
"""What is made of a match, see `test_match_report`."""


@pytest.fixture(scope="module")
def results() -> ResultData:
    return ResultData.read()


@pytest.fixture(scope="module")
def paths() -> InterpolationData:
    return InterpolationData.read()


@pytest.fixture(scope="module")
def make(results: ResultData, paths: InterpolationData) -> Callable[[str], pd.DataFrame | Figure]:
    """Function that makes a table or figure by its name."""
    special = {
        "interpolation_changes_table": (paths, "smoothness"),
        "interpolation_steps_figure": (paths, 0),
        "parameter_skill_figure": (results, "numcat++"),
        "parameter_skill_table": (results, "numcat++"),
        "parameter_table": (),
        "published_figure": (results, ["NumCat++"]),
        "results_by_algorithm_figure": (results, ["num", "numcat++"]),
        "results_on_part_table": (results, ["mfcc13_mae"]),
        "results_table": (results, ["mfcc13_mae", "f0_error", "live_accuracy"]),
    }
    without = ("cost_table", "speed_table", "search_table", "search_distance_table", "headroom_table")

    def made(name: str) -> pd.DataFrame | Figure:
        data = () if name.endswith(without) else (paths if name.startswith("interpolation") else results,)
        found = getattr(display, name)(*special.get(name, data))
        assert isinstance(found, pd.DataFrame | Figure)
        return found

    return made


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_A_MATCH))
def test_it_is_a_table_of_numbers_or_a_figure_and_can_be_saved(
    name: str, make: Callable[[str], pd.DataFrame | Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LATENTDX_NOTEBOOK", raising=False)
    settings = dict(matplotlib.rcParams)
    found = make(name)
    assert dict(matplotlib.rcParams) == settings  # those of the caller's other figures
    assert not list(tmp_path.iterdir())
    if name.endswith("_figure"):
        assert isinstance(found, display.DescribedFigure) and found.alt
        assert display.save(found, "figure.pdf").stat().st_size > 5_000
        assert 'alt="' in display.figure_html(found)
    else:
        assert isinstance(found, pd.DataFrame) and found.attrs["caption"] and len(found)
        assert name in TEXTS or sum(is_number(found[column]) for column in found.columns)
        found.to_parquet("table.parquet")  # whatever is in `attrs`
        for suffix in (".tex", ".md", ".csv"):
            assert display.save(found, f"table{suffix}").stat().st_size > 100
        header = (tmp_path / "table.csv").read_text("utf8").splitlines()[0]
        assert header.startswith(found.index.name or str(found.columns[0]))


def test_the_numbers_of_a_table_are_those_of_the_summary(results: ResultData) -> None:
    table = display.results_table(results, ["f0_error"])
    known = results.summary["results"]["numcat++.twin-disjoint.60-85"]["all"]["metrics"]["f0_error"]["median"]
    columns = ["pitch error (YIN), cents", "pitch error (YIN) low, cents", "pitch error (YIN) high, cents"]
    assert table.loc["NumCat++", columns].tolist() == known
    assert list(table.columns) == columns and table.index.name == "result"


def test_a_metric_that_does_not_exist_is_named(results: ResultData) -> None:
    with pytest.raises(
        ParameterError, match="no metric 'mfcc_mae', only .*mfcc13_mae.* column of `Result.table`"
    ):
        display.results_table(results, ["mfcc13_mae", "mfcc_mae"])


def test_a_folder_with_results_on_parts_only_says_which(results: ResultData) -> None:
    part = next(r for r in results.select(selection=None) if r.provenance.selection)
    with pytest.raises(
        NotMeasuredError, match=re.escape(f"only on {part.provenance.selection!r}: choose one")
    ):
        display.results_table(replace(results, results=(part,)), ["mfcc13_mae"])


def test_three_views_and_differences_are_tables_too() -> None:
    init = PresetBank.init()[0]
    assert is_number(display.three_views(init, ["ALGORITHM"])["plug-in value"])
    assert display.differences(init, "a", [("b", init.with_values(ALGORITHM=3))]).iloc[0, 2] == "4"
