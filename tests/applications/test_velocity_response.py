"""KEY VELOCITY of answers: the median of the model's draws, at no cost at the velocity that was heard."""

import math

import numpy as np
import pytest

from latentdx import Engine, Preset, PresetBank
from latentdx.applications.candidate_choice import Comparison
from latentdx.applications.locks import Locks
from latentdx.applications.target import Target
from latentdx.applications.velocity_response import (
    Sensitivities,
    plausible_sensitivities,
    sensitivities,
    with_sensitivities,
)
from latentdx.metrics.gain import gain_db


def pair(carrier: int, modulator: int, level: int = 80) -> Preset:
    """Operator 1, modulated by operator 2, with a KEY VELOCITY each."""
    changes = {"ALGORITHM": 0, "OP2 OUTPUT LEVEL": level, "OP1 KEY VELOCITY": carrier}
    return PresetBank.init()[0].with_values(
        **changes, **{"OP2 KEY VELOCITY": modulator, "OP1 OUTPUT LEVEL": 90}
    )


def softer_db(preset: Preset, velocity: int) -> float:
    """Fall of the level from the velocity 85 to another one."""
    return gain_db([Engine().render(preset, 60, velocity)], [Engine().render(preset, 60, 85)])


def test_louder_operators_count_more() -> None:
    assert sensitivities(pair(3, 5)) == (3.0, 5.0)
    assert math.isnan(sensitivities(pair(3, 5, level=0)).modulators)
    both = PresetBank.init()[0].with_values(
        **{"ALGORITHM": 31, "OP1 OUTPUT LEVEL": 96, "OP1 KEY VELOCITY": 0}
    )
    both = both.with_values(**{"OP2 OUTPUT LEVEL": 88, "OP2 KEY VELOCITY": 6})
    assert sensitivities(both).carriers == pytest.approx(2.0)


def test_what_is_plausible_is_the_median_of_those_that_have_such_operators() -> None:
    values = np.stack([pair(*each).values for each in ((1, 7), (2, 1), (7, 3), (2, 5, 0))])
    assert plausible_sensitivities(values) == (2.0, 3.0)


@pytest.mark.parametrize("velocity", [30, 85, 127])
def test_a_preset_sounds_as_before_at_the_velocity_that_was_heard(velocity: int) -> None:
    preset = pair(6, 1, level=60)
    target = Target(Engine().render(preset, 60, velocity), 60, velocity, (), ())
    distances = Comparison([target], Engine(), 1).objective
    found = with_sensitivities(preset, Sensitivities(2.0, 4.0), velocity, lambda v: 5.0 + distances(v))
    assert sensitivities(found) == (2.0, 4.0)
    assert distances(found.values[None])[0] < 0.1  # the modulator is off by half a step of OUTPUT LEVEL
    if velocity == 85:
        assert softer_db(found, 30) > softer_db(preset, 30) + 3


def test_what_costs_too_much_is_locked_or_is_exact_stays() -> None:
    preset, sound = pair(1, 0, level=99), Engine().render(pair(1, 0, level=97), 60, 40)
    comparison, locked = (
        Comparison([Target(sound, 60, 40, (), ())], Engine(), 1, locks)
        for locks in (Locks.of(), Locks.of({"OP1 KEY VELOCITY": 1}))
    )
    for compared, expected in ((comparison, 2), (locked, 1)):
        compared.usual = Sensitivities(2.0, 7.0)
        found = compared.responsive(preset)
        assert found["OP1 KEY VELOCITY"] == expected
        assert found["OP2 KEY VELOCITY"] == 0  # to be heard as before, it would need a level above 99
    exact = pair(1, 0, level=97)
    assert comparison.responsive(exact) == exact
