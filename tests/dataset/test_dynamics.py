"""Dependence of timbre on velocity and key: measured on suitable presets, and the choice by it."""

import numpy as np
import pandas as pd
import pytest

from latentdx import Dexed, PresetBank
from latentdx.dataset import curation, dynamics
from latentdx.errors import DataMissingError
from latentdx.presets import corpora

PAIR = {"ALGORITHM": 0, "OP2 OUTPUT LEVEL": 80}
PLAIN = PresetBank.init()[0].with_values(**PAIR)


def measured(**changes: int) -> pd.Series:
    return dynamics.measure(PLAIN.with_values(**changes).values[None]).iloc[0]


def test_a_preset_without_scaling_depends_on_nothing() -> None:
    """The partials are the same at every key; only the resolution of a low key's bands differs."""
    line = measured()
    assert line["velocity"] == 0
    assert line["key"] < 4 and line["detune"] < 5


def test_velocity_changes_timbre_at_the_modulator_and_only_level_at_the_carrier() -> None:
    bright = measured(**{"OP2 KEY VELOCITY": 7})
    loud = measured(**{"OP1 KEY VELOCITY": 7})
    assert bright["velocity"] > 2 and loud["velocity"] < 1
    assert loud["softest_db"] < bright["softest_db"] - 10


def test_level_scaling_of_the_modulator_is_measured_as_dependence_on_key() -> None:
    scaled = measured(**{"OP2 BREAK POINT": 39, "OP2 R SCALE DEPTH": 99, "OP2 R KEY SCALE": 0})
    assert scaled["key"] > measured()["key"] + 2 and scaled["velocity"] == 0


def test_a_fixed_frequency_does_not_follow_the_key() -> None:
    fixed = measured(**{"OP1 MODE": 1, "OP1 F COARSE": 2, "OP2 OUTPUT LEVEL": 0})
    assert fixed["detune"] > dynamics.MOST_DETUNED


def test_bands_count_from_the_key() -> None:
    """A sine lies in the band of its own frequency at every key, and nothing else is above the floor."""
    sine = PresetBank.init()[0]
    for key in (40, 60, 70):
        found = dynamics.bands(Dexed().render(sine, key, 85), key)
        assert found.max() <= 1e-3 and found.min() >= dynamics.FLOOR_DB - 1e-3
        assert found.mean(1).argmax() == 3  # an octave above half the key's frequency


def test_most_shared_is_the_largest_share_of_equal_values() -> None:
    one = PLAIN.values[None]
    other = one.copy()
    other[0, :29] += 1
    assert dynamics.most_shared(one, np.concatenate([other, one + 1]))[0] == pytest.approx(1 - 29 / 145)


def test_choose_takes_the_largest_measures_of_fit_candidates() -> None:
    """Silent or detuned candidates do not fit, and no preset is chosen twice."""
    table = pd.DataFrame(
        [
            [7, 9.0, 9.0, 0.0, -20.0],
            [3, 9.0, 8.0, 0.0, -20.0],
            [1, 99.0, 1.0, 0.0, -41.0],
            [2, 1.0, 99.0, 51.0, -20.0],
        ],
        columns=["row", *dynamics.MEASURES],
    )
    assert dynamics.choose(table) == {"velocity": 3, "key": 7}


def test_the_shipped_table_holds_test_presets_only() -> None:
    table, curated = dynamics.read(), curation.read_curation().set_index("index")
    found = curated.loc[table["row"]]
    assert (found["split_twin_disjoint"] == "test").all() and (found["label"] == "harmonic").all()
    assert not found["held_out"].any() and table["row"].is_unique
    assert list(table.columns) == ["row", *dynamics.MEASURES]


@pytest.mark.corpus
def test_the_shipped_table_is_what_the_code_measures() -> None:
    try:
        corpora.find("learnfm")
    except DataMissingError as error:
        pytest.skip(str(error))
    bank, table = corpora.read("learnfm").neutral(), dynamics.read()
    chosen = table["row"].isin(list(dynamics.choose(table).values()))
    part = pd.concat([table[chosen], table.iloc[::200]])
    fresh = dynamics.measure(bank.values[part["row"]])
    np.testing.assert_allclose(fresh, part[list(dynamics.MEASURES)], atol=0.05)
    training = bank.values[curation.rows("learnfm", "twin-disjoint", "train")]
    assert (dynamics.most_shared(bank.values[part["row"]], training) < dynamics.RELATED).all()


def test_a_missing_table_is_reported_with_the_command_that_makes_it(tmp_path) -> None:
    with pytest.raises(DataMissingError, match="dataset.dynamics"):
        dynamics.read(tmp_path)
