"""The differences between the eras: each concerns what it says, and nothing else moves a sound."""

import numpy as np
import pytest

from latentdx import Engine, Preset, PresetBank
from latentdx.audio.engine.eras import DIFFERENCES, differences
from latentdx.presets import corpora

INIT = PresetBank.init()[0]
SINE = INIT.with_values(**{"OP1 MODE": 1, "OP1 F COARSE": 2, "OP1 F FINE": 42})  # does not follow the key
WAVERING = {"LFO PM DEPTH": 50, "P MODE SENS.": 5}
CASES = {  # a preset that each difference concerns
    "base": INIT.with_values(**{"PITCH EG LEVEL 1": 80, "PITCH EG RATE 2": 20}),
    "detune": INIT.with_values(**{"OP1 OSC DETUNE": 9}),
    "hold": SINE.with_values(**{"OP1 EG LEVEL 1": 0, "OP1 EG RATE 1": 60}),
    "tremolo": SINE.with_values(**{"LFO AM DEPTH": 60, "OP1 A MOD SENS.": 3}),
    "fixed": SINE.with_values(**WAVERING),
    "speed": INIT.with_values(**WAVERING),
    "organ": SINE.with_values(
        ALGORITHM=31, FEEDBACK=6, **{"OP6 OUTPUT LEVEL": 99, "OP6 MODE": 1, "OP6 F COARSE": 2}
    ),
}
MORE = {"base": {"base"}, "detune": {"base"}, "tremolo": {"speed"}, "speed": {"base"}}
"""What concerns some of them besides: LFO speed with a tremolo, and what follows the key."""


def equal(preset: Preset) -> bool:
    sounds = [Engine(era=era).render(preset) for era in ("current", "0.9.3")]  # type: ignore[arg-type]
    return np.array_equal(*sounds)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_difference_is_told_and_heard(name: str) -> None:
    assert set(differences(CASES[name])) == {name} | MORE.get(name, set())
    assert not equal(CASES[name])


@pytest.mark.parametrize(
    "preset",
    [
        SINE,
        SINE.with_values(**{"OP2 OSC DETUNE": 3, "OP2 OUTPUT LEVEL": 0}),  # silent
        SINE.with_values(ALGORITHM=30, FEEDBACK=7, **{"OP6 OUTPUT LEVEL": 90, "OP6 MODE": 1}),
        SINE.with_values(**{"OP1 EG LEVEL 1": 90, "OP1 EG LEVEL 2": 90, "OP1 EG LEVEL 3": 90}),
        SINE.with_values(**{"LFO AM DEPTH": 60, "LFO SPEED": 80, "PITCH EG RATE 1": 3}),
    ],
)
def test_presets_that_no_difference_concerns_are_equal(preset: Preset) -> None:
    assert differences(preset) == () and equal(preset)


def test_starter_presets_that_no_difference_concerns_are_equal() -> None:
    concerns = {preset: differences(preset) for preset in corpora.read("starter")[::3]}
    free = [preset for preset, names in concerns.items() if not names]
    assert free and all(map(equal, free))
    moved = [preset for preset, names in concerns.items() if not equal(preset)]
    assert len(moved) > 50 and all(concerns[preset] for preset in moved)
