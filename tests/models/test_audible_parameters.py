"""Live parameters found by rendering agree with what the synth's structure predicts."""

import numpy as np
import pytest

from latentdx.audio.renderer import SIX_NOTES, Dexed
from latentdx.models.audible_parameters import live_parameters, other_values
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import column, maxima, operator_columns, voice_parameters
from latentdx.run_options import RunOptions


def names_of(mask: np.ndarray) -> set[str]:
    return {p.name for p, live in zip(voice_parameters(), mask, strict=True) if live}


@pytest.fixture(scope="module")
def init() -> set[str]:
    return names_of(live_parameters(PresetBank.init())[0])


def test_live_parameters_of_the_init_voice(init) -> None:
    """The INIT VOICE is one sine: its pitch, level and envelope are live, and levels that add operators."""
    sine = {
        "OUTPUT LEVEL",
        "F COARSE",
        "F FINE",
        "MODE",
        "OSC DETUNE",
        "EG RATE 1",
        "EG RATE 4",
        "EG LEVEL 3",
    }
    assert {f"OP1 {name}" for name in sine} | {"OP1 KEY VELOCITY", "PITCH EG LEVEL 1"} <= init
    # in algorithm 1, 3 is a carrier and 2 modulates 1; 4 modulates 3, 5 and 6 modulate 4: silent all the way
    others = {name for name in init if name.startswith("OP") and not name.startswith("OP1 ")}
    assert others == {"OP2 OUTPUT LEVEL", "OP3 OUTPUT LEVEL"}
    # operator 1 is a carrier in all algorithms, and nothing modulates it
    assert not {"ALGORITHM", "FEEDBACK", "OSC KEY SYNC", "TRANSPOSE"} & init
    # both depths of the LFO are 0, but the voice is sensitive to pitch modulation
    assert {name for name in init if name.startswith("LFO")} == {"LFO PM DEPTH"}


def test_live_parameters_of_starter_presets_agree_with_the_plain_definition() -> None:
    """The plain definition makes every render in full length, without probes and without stopping early."""
    bank = corpora.read("starter").neutral()[[5, 200]]
    columns = [
        column(n) for n in ("ALGORITHM", "FEEDBACK", "LFO WAVE", "LFO DELAY", "OP2 F COARSE", "OP6 MODE")
    ]
    columns += [
        column(n) for n in ("OP1 BREAK POINT", "OP3 R SCALE DEPTH", "OP1 OUTPUT LEVEL", "PITCH EG RATE 3")
    ]
    synth = Dexed()
    notes = ((60, 85), (40, 85))
    found = live_parameters(bank, notes, options=RunOptions(processes=2))
    for preset, mask in zip(bank, found, strict=True):
        for c in columns:
            largest = 0.0
            for value in other_values(int(preset.values[c]), int(maxima()[c])):
                changed = preset.values.copy()
                changed[c] = value
                for note in notes:
                    difference = synth.render(Preset(changed), *note) - synth.render(preset, *note)
                    largest = max(largest, float(np.abs(difference).max()))
            assert mask[c] == (largest > 1e-6), (preset.name, voice_parameters()[c].name)


def test_parameters_of_a_muted_operator_are_not_live() -> None:
    """Its parameters change nothing when its level is 0 and keyboard scaling does not raise it."""
    preset = corpora.read("starter").neutral()[0]
    depths = {f"OP6 {side} SCALE DEPTH": 0 for side in "LR"}
    muted = preset.with_values(**{"OP6 OUTPUT LEVEL": 0, **depths})
    live = live_parameters(muted.bank)[0]
    dead = set(range(*operator_columns(6).indices(145))) - {
        column(f"OP6 {n}") for n in ("OUTPUT LEVEL", "L SCALE DEPTH", "R SCALE DEPTH")
    }
    assert not live[sorted(dead)].any()
    assert live[column("OP1 OUTPUT LEVEL")]


def test_parameters_that_are_live_on_one_note_stay_live_on_six(init) -> None:
    six = names_of(live_parameters(PresetBank.init(), SIX_NOTES)[0])
    # note 40 lies left of the break point, 60 right of it
    assert six - init == {"OP1 L SCALE DEPTH"} and init <= six


def test_other_values_are_minimum_maximum_and_half_the_range_further() -> None:
    assert other_values(0, 99) == (99, 50)
    assert other_values(99, 99) == (0, 49)
    assert other_values(30, 99) == (0, 99, 80)
    assert other_values(1, 1) == (0,)
    assert other_values(2, 5) == (0, 5)
    for maximum in set(maxima().tolist()):
        for value in range(maximum + 1):
            others = other_values(value, maximum)
            assert value not in others and others and all(0 <= v <= maximum for v in others)
