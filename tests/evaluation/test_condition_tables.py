"""Results that compare conditions are written, read and summarized."""

import numpy as np
import pytest

from latentdx.evaluation.condition_tables import ConditionTable, condition_frame, read_conditions
from latentdx.evaluation.result_data import NotMeasuredError


@pytest.fixture
def result():
    values = np.arange(18, dtype=float).reshape(3, 2, 3)
    values[0, 1] = np.nan  # a silent target
    table = condition_frame(values, [3, 7, 9], ["sfx", "harmonic", "harmonic"], ["near", "far"])
    return ConditionTable(
        "distance", "mine", "Mine", table, "starter", "three", "none", "", "Engine 1", "0123abc"
    )


def test_there_is_a_row_for_each_target_and_condition(result):
    assert result.table["row"].tolist() == [3, 3, 7, 7, 9, 9]
    assert result.table["condition"].tolist() == ["near", "far"] * 3
    assert result.table["mfcc13_mae"].tolist()[2:] == [8, 11, 14, 17]


def test_a_result_is_written_and_read(result, tmp_path):
    assert result.write(tmp_path).name == "distance.mine.json"
    (read,) = read_conditions("distance", tmp_path)
    assert read.table.equals(result.table)
    assert (read.title, read.engine, read.commit) == ("Mine", "Engine 1", "0123abc")


def test_medians_are_over_the_targets_with_a_sound(result):
    summary = result.summary()
    assert list(summary) == ["near", "far"]
    near, far = (found["log_stft_mae"] for found in summary.values())
    assert (near.n, near.value, far.n, far.value) == (3, 6, 2, 12)
    assert result.summary("harmonic")["near"]["log_stft_mae"].value == 9


def test_no_result_is_said(tmp_path):
    with pytest.raises(NotMeasuredError, match="latentdx evaluate match"):
        read_conditions("distance", tmp_path)
