"""The table of parameters compared with the counts and places in the paper's notes."""

import re
from collections import Counter

import pytest

from latentdx.presets import PARAMETERS, learnable_parameters, parameter
from latentdx.presets.parameters import (
    LFO_WAVES,
    column,
    init_values,
    maxima,
    operator_columns,
    voice_parameters,
)


def test_the_table_has_155_parameters_in_plugin_order() -> None:
    assert len(PARAMETERS) == 155
    assert [p.index for p in PARAMETERS] == list(range(155))
    assert len({p.name for p in PARAMETERS}) == 155


def test_eleven_parameters_are_locked_to_the_papers_values() -> None:
    locked = {p.index: p.locked for p in PARAMETERS if not p.learnable}
    switches = {44 + 22 * k: 1.0 for k in range(6)}
    assert locked == {0: 1.0, 1: 0.0, 2: 1.0, 3: 0.5, 13: 0.5} | switches


def test_144_parameters_are_learnable_of_which_22_are_categorical() -> None:
    kinds = Counter(p.kind for p in learnable_parameters())
    assert kinds == {"numerical": 122, "categorical": 22}
    assert sum(p.operator is not None for p in learnable_parameters()) == 126


def test_three_operators_have_81_learnable_parameters_of_which_13_are_categorical() -> None:
    assert Counter(p.kind for p in learnable_parameters(3)) == {"numerical": 68, "categorical": 13}


def test_numcat_plus_plus_makes_54_blocks_of_520_classes() -> None:
    small = [p for p in learnable_parameters() if p.kind == "categorical" or p.maximum < 32]
    assert len(small) == 54
    assert 144 - 54 + sum(p.maximum + 1 for p in small) == 610


def test_42_parameters_depend_on_note_or_velocity() -> None:
    dynamic = [p for p in PARAMETERS if p.dynamic]
    assert Counter(p.kind for p in dynamic) == {"numerical": 30, "categorical": 12}
    offsets = {(p.index - 23) % 22 for p in dynamic}
    assert offsets == {13, 14, 15, 16, 17, 18, 20}


@pytest.mark.parametrize(
    ("index", "name", "maximum", "vced"),
    [
        (4, "ALGORITHM", 31, 134),
        (5, "FEEDBACK", 7, 135),
        (6, "OSC KEY SYNC", 1, 136),
        (7, "LFO SPEED", 99, 137),
        (10, "LFO AM DEPTH", 99, 140),
        (11, "LFO KEY SYNC", 1, 141),
        (12, "LFO WAVE", 5, 142),
        (13, "TRANSPOSE", 48, 144),
        (14, "P MODE SENS.", 7, 143),
        (15, "PITCH EG RATE 1", 99, 126),
        (22, "PITCH EG LEVEL 4", 99, 133),
        (23, "OP1 EG RATE 1", 99, 105),
        (30, "OP1 EG LEVEL 4", 99, 112),
        (31, "OP1 OUTPUT LEVEL", 99, 121),
        (32, "OP1 MODE", 1, 122),
        (33, "OP1 F COARSE", 31, 123),
        (34, "OP1 F FINE", 99, 124),
        (35, "OP1 OSC DETUNE", 14, 125),
        (36, "OP1 BREAK POINT", 99, 113),
        (39, "OP1 L KEY SCALE", 3, 116),
        (41, "OP1 RATE SCALING", 7, 118),
        (42, "OP1 A MOD SENS.", 3, 119),
        (43, "OP1 KEY VELOCITY", 7, 120),
        (133, "OP6 EG RATE 1", 99, 0),
        (153, "OP6 KEY VELOCITY", 7, 15),
    ],
)
def test_index_maximum_and_vced_offset(index: int, name: str, maximum: int, vced: int) -> None:
    p = PARAMETERS[index]
    assert (p.name, p.maximum, p.vced) == (name, maximum, vced)
    assert parameter(name) is p
    assert column(name) == vced


def test_indices_and_names_agree_for_every_operator() -> None:
    for p in PARAMETERS[23:]:
        assert p.operator == (p.index - 23) // 22 + 1
        assert p.name.startswith(f"OP{p.operator} ")
        assert p.group == f"operator {p.operator}"
    assert all(p.group == "global" and not re.match(r"OP\d", p.name) for p in PARAMETERS[:23])
    names = [[p.name[4:] for p in PARAMETERS if p.operator == k] for k in range(1, 7)]
    assert all(n == names[0] for n in names)


def test_a_voice_has_145_parameters_each_in_its_own_column() -> None:
    assert [p.vced for p in voice_parameters()] == list(range(145))
    for k in range(1, 7):
        assert {p.operator for p in voice_parameters()[operator_columns(k)]} == {k}


def test_maxima_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        maxima()[0] = 5


def test_init_voice_is_one_sine_wave_at_full_level() -> None:
    voice = init_values()
    assert (voice <= maxima()).all()
    levels = [voice[column(f"OP{k} OUTPUT LEVEL")] for k in range(1, 7)]
    assert levels == [99, 0, 0, 0, 0, 0]
    assert voice[column("OP1 F COARSE")] == 1
    assert voice[column("TRANSPOSE")] == 24
    assert [voice[column(f"PITCH EG LEVEL {n}")] for n in range(1, 5)] == [50] * 4


def test_values_are_formatted_for_musicians() -> None:
    assert parameter("ALGORITHM").text(4) == "5"
    assert parameter("LFO WAVE").text(5) == LFO_WAVES[5] == "sample & hold"
    assert parameter("TRANSPOSE").text(12) == "-12 semitones"
    assert parameter("OP3 OSC DETUNE").text(7) == "+0"
    assert parameter("OP3 L KEY SCALE").text(0) == "-lin"
    assert parameter("FEEDBACK").text(6) == "6"


@pytest.mark.parametrize("name", ["Cutoff", "OP2 SWITCH", "MASTER TUNE ADJ"])
def test_parameters_only_in_the_plugin_have_no_column(name: str) -> None:
    with pytest.raises(KeyError, match="only in the plug-in"):
        column(name)


def test_an_unknown_parameter_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match="MonoMode"):
        parameter("MonoMode")


@pytest.mark.parametrize("operator", [0, 7])
def test_an_operator_out_of_range_is_refused(operator: int) -> None:
    with pytest.raises(ValueError, match=str(operator)):
        operator_columns(operator)
