"""Tables of answers under several conditions."""

import numpy as np
import pytest

from latentdx.display.condition_tables import held_out_play_table, level_table
from latentdx.evaluation.condition_tables import METRICS, ConditionTable, condition_frame
from latentdx.evaluation.held_out_play import STUDY
from latentdx.evaluation.result_data import NotMeasuredError, ResultData


@pytest.fixture
def data(tmp_path):
    values = np.arange(4 * 2 * len(METRICS), dtype=float).reshape(4, 2, -1)
    table = condition_frame(values, range(4), ["sfx", "harmonic", "harmonic", "sfx"], ["heard", "soft"])
    ConditionTable(
        STUDY, "mine", "Mine", table, "starter", "4 presets", "a match", "", "Engine 1", "0123abc"
    ).write(tmp_path)
    return ResultData.read(tmp_path)


def test_there_is_a_line_for_each_condition(data):
    table = held_out_play_table(data)
    assert table.index.tolist() == ["heard", "soft"]
    assert table.loc["soft", "MFCC13"] == 14
    assert "4 presets" in table.attrs["caption"] and "0123abc" in table.attrs["caption"]


def test_a_kind_of_sound_has_a_table_of_its_own(data):
    table = held_out_play_table(data, "sfx")
    assert table["spectral convergence"]["heard"] == 10
    assert "2 sfx presets" in table.attrs["caption"]


def test_a_study_that_was_not_made_is_said_to_be_missing(data):
    with pytest.raises(NotMeasuredError, match="level is not measured yet"):
        level_table(data)
