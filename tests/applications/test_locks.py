"""Test locks: their names and displayed values, and that every preset of a match obeys them."""

import numpy as np
import pytest

from latentdx import Dexed, Preset, PresetBank
from latentdx.applications.locks import Locks, parse_lock
from latentdx.applications.match import match_targets
from latentdx.applications.target import prepare_target
from latentdx.applications.tune import tune
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import ParameterError
from latentdx.presets import corpora
from latentdx.presets.parameters import column


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def test_values_are_those_that_a_dx7_shows() -> None:
    locks = Locks.of(
        {"ALGORITHM": 5, "op1 osc detune": "-7", "TRANSPOSE": 12, "LFO WAVE": "Sine", "OP2 MODE": "fixed"}
    )
    found = Preset(locks.apply(PresetBank.init().values)[0])
    assert found["ALGORITHM"] == 4 and found["OP1 OSC DETUNE"] == 0 and found["TRANSPOSE"] == 36
    assert found["LFO WAVE"] == 4 and found["OP2 MODE"] == 1
    assert (found.values != PresetBank.init().values[0]).sum() == 5
    assert parse_lock("OP1 F COARSE = 1") == ("OP1 F COARSE", "1")


@pytest.mark.parametrize(
    ("locked", "algorithms", "message"),
    [
        ({"ALGORITHM": 33}, (), "ALGORITHM = 33 is outside 1 … 32"),
        ({"ALGORITHM": 0}, (), "ALGORITHM = 0 is outside 1 … 32"),
        ({"FEEDBACK": 2.5}, (), "FEEDBACK = 2.5 is outside 0 … 7"),
        ({"OP1 OSC DETUNE": 8}, (), "outside -7 … 7"),
        ({"LFO WAVE": "round"}, (), "LFO WAVE = round is outside 0 … 5, or one of triangle, saw down"),
        ({"OP7 F COARSE": 1}, (), "no parameter is called 'OP7 F COARSE'"),
        ({"OP1 SWITCH": 1}, (), "no parameter is called 'OP1 SWITCH'"),
        ({}, (5, 33), "algorithm 33 is outside 1 … 32"),
        ({"ALGORITHM": 4}, (5, 7), "locked to 4, which is none of the allowed 5, 7"),
    ],
)
def test_locks_that_make_no_sense_are_refused(locked, algorithms, message) -> None:
    with pytest.raises(ParameterError, match=message):
        Locks.of(locked, algorithms)


@pytest.mark.parametrize("text", ["ALGORITHM", "=5", "ALGORITHM="])
def test_a_lock_is_a_name_and_a_value(text) -> None:
    with pytest.raises(ParameterError, match="is not a parameter with its value"):
        parse_lock(text)


def test_an_algorithm_that_is_not_allowed_gives_way_to_the_most_similar_one() -> None:
    values = PresetBank.init().values.repeat(3, 0)
    values[:, column("ALGORITHM")] = [5, 31, 4]  # 6, 32 and 5
    locks = Locks.of(algorithms=(5, 31))
    assert (locks.apply(values)[:, column("ALGORITHM")] + 1).tolist() == [5, 31, 5]
    assert Locks.of().apply(values) is values


def test_every_answer_obeys_the_locks(smoke_model, bank) -> None:
    sound = prepare_target(Dexed().render(bank[40]), SAMPLE_RATE, note=60)
    locked = {"OP1 F COARSE": 3, "OP2 EG RATE 1": 50, "FEEDBACK": 4, "OP1 OUTPUT LEVEL": 90}
    found = match_targets(
        [sound], smoke_model, nearest=bank.values[:20], budget=150, locked=locked, algorithms=(5, 7)
    )
    presets = [c.preset for c in found.candidates] + [i.preset for i in found.curve]
    presets += [stage.preset for stage in found.stages]
    for preset in presets:
        assert {name: preset[name] for name in locked} == locked
        assert preset["ALGORITHM"] + 1 in (5, 7)


def test_tuning_moves_no_locked_parameter(bank) -> None:
    preset = bank[40]
    target = Dexed().render(preset, 63)
    free = tune(preset, target, 60)
    moved = np.flatnonzero(free.preset.values != preset.values)
    assert free.tuned and len(moved)
    found = tune(preset, target, 60, locked=moved)
    np.testing.assert_array_equal(found.preset.values[moved], preset.values[moved])
