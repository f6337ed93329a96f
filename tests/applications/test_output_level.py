"""A preset's level is moved by its carriers, as far as its sound stays the same."""

import numpy as np
import pytest

from latentdx import Engine, Preset, PresetBank
from latentdx.applications.output_level import SAME, with_gain
from latentdx.metrics.gain import gain_db
from latentdx.metrics.objective import FastObjective
from latentdx.presets import corpora
from latentdx.presets.algorithms import algorithm

NOTES = [(60, 85)]


def nothing(values: np.ndarray) -> np.ndarray:
    """Find no distance at all."""
    return np.zeros(len(values))


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def shifted(preset: Preset, steps: int) -> Preset:
    """Return a preset whose sounding carriers are all moved by some steps."""
    names = [f"OP{k} OUTPUT LEVEL" for k in algorithm(preset["ALGORITHM"] + 1).carriers]
    return preset.with_values(**{name: preset[name] + steps for name in names if preset[name]})


@pytest.mark.parametrize("steps", [-12, -4])
@pytest.mark.parametrize("row", [0, 40, 100])
def test_a_preset_is_brought_to_the_level_of_a_sound(bank: PresetBank, row: int, steps: int) -> None:
    soft = shifted(bank[row], steps)
    for target, given in ((soft, bank[row]), (bank[row], soft)):
        sound = Engine().render(target)
        wanted = gain_db([sound], [Engine().render(given)])
        assert abs(wanted) == pytest.approx(0.75 * abs(steps), abs=0.5)
        assert with_gain(given, wanted, FastObjective([sound], NOTES, threads=1)) == target


def test_a_carrier_at_its_maximum_sets_the_bound() -> None:
    init = PresetBank.init()[0]  # its only carrier is at 99
    assert with_gain(init, 6.0, nothing) == init
    assert with_gain(shifted(init, -8), 20.0, nothing) == init
    assert with_gain(init, -200.0, nothing)["OP1 OUTPUT LEVEL"] == 1  # not silent


def test_a_level_that_changes_the_sound_is_not_taken() -> None:
    """With full feedback a carrier's level sets its brightness."""
    saw = PresetBank.init()[0].with_values(**{"ALGORITHM": 31, "FEEDBACK": 7, "OP6 OUTPUT LEVEL": 99})
    saw = saw.with_values(**{"OP1 OUTPUT LEVEL": 0})
    objective = FastObjective([Engine().render(saw)], NOTES, threads=1)
    found = with_gain(saw, -20.0, objective)
    assert found.values.tolist() != with_gain(saw, -20.0, nothing).values.tolist()
    assert objective(found.values[None])[0] <= SAME


def test_a_preset_without_a_sounding_carrier_stays_as_it_is() -> None:
    silent = PresetBank.init()[0].with_values(**{"OP1 OUTPUT LEVEL": 0})
    assert with_gain(silent, -6.0, nothing) == silent
