"""Banks: their three forms, round trips through files, selection, equality, and invalid input."""

import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import dexed
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentdx.errors import AmbiguousNameError, ParameterError, UnknownNameError
from latentdx.presets import PARAMETERS, Flag, Preset, PresetBank, parameter
from latentdx.presets.parameters import column, maxima

MakeBank = Callable[..., PresetBank]
PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "


@st.composite
def banks(draw: st.DrawFn, most: int = 40) -> PresetBank:
    n = draw(st.integers(1, most))
    values = draw(arrays(np.uint8, (n, 145))) % (maxima() + np.uint8(1))
    names = draw(st.lists(st.text(PRINTABLE, max_size=10), min_size=n, max_size=n))
    return PresetBank.from_values(values, names)


# -- making them ----------------------------------------------------------------------------------


def test_a_preset_is_shown_by_its_name_and_algorithm() -> None:
    assert repr(PresetBank.init()[0]) == "Preset 'INIT VOICE' (number 0, algorithm 1)"


@given(banks())
@settings(deadline=None, max_examples=20)
def test_a_bank_is_made_from_presets_which_keep_their_names_and_ids(bank: PresetBank) -> None:
    numbered = [Preset(p.values, p.name, 7 * p.id) for p in reversed(list(bank))]
    made = PresetBank(p for p in numbered)  # any iterable
    assert made == bank[::-1] and made.ids.tolist() == [p.id for p in numbered]
    assert not made.flags.any() and made.transposes.tolist() == [p["TRANSPOSE"] for p in numbered]
    assert PresetBank(numbered[0]) == made[:1] and len(PresetBank([])) == len(PresetBank()) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("bank.syx", "not from 'bank.syx': PresetBank.read takes a file"),
        (Path("bank.syx"), "not from PosixPath|not from WindowsPath"),
        (np.zeros((2, 145), np.uint8), "PresetBank.from_values an array"),
        ([PresetBank.init()[0], "INIT VOICE"], "not from .*INIT VOICE"),
        ([Preset(np.full(145, 99, np.uint8))], "is outside 0 …"),
    ],
)
def test_a_bank_is_made_from_nothing_but_presets(wrong: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        PresetBank(wrong)  # type: ignore[arg-type]


def test_replacing_an_attribute_leaves_the_others() -> None:
    bank = PresetBank([*PresetBank.init(), *PresetBank.init()])
    other = replace(bank, ids=np.array([5, 6]), notes=("one",))
    assert other == bank and other.ids.tolist() == [5, 6] and other.notes == ("one",) and bank.notes == ()
    with pytest.raises(TypeError, match="names"):
        PresetBank(values=bank.values)
    with pytest.raises(TypeError, match="sounds"):
        replace(bank, sounds=())


# -- views ----------------------------------------------------------------------------------------


@given(banks())
@settings(deadline=None, max_examples=50)
def test_the_packed_form_round_trips(bank: PresetBank) -> None:
    back = PresetBank.from_packed(bank.packed())
    assert back == bank
    assert not back.mended.any()
    assert not back.flags.any()


@given(banks())
@settings(deadline=None, max_examples=50)
def test_the_plugin_values_round_trip(bank: PresetBank) -> None:
    plugin = bank.plugin()
    assert plugin.shape == (len(bank), 155)
    assert plugin.dtype == np.float32
    assert 0 <= plugin.min() <= plugin.max() <= 1
    for p in PARAMETERS:
        if p.vced is None:
            assert (plugin[:, p.index] == p.locked).all(), p.name
    back = PresetBank.from_plugin(plugin, bank.names)
    assert back == bank
    assert not back.flags.any()


@given(banks())
@settings(deadline=None, max_examples=50)
def test_a_cartridge_file_round_trips(bank: PresetBank) -> None:
    with TemporaryDirectory() as folder:
        path = bank.write(Path(folder) / "bank.syx")
        assert path.stat().st_size == 4104 * -(-len(bank) // 32)
        back = PresetBank.read(path)
    assert len(back) % 32 == 0
    assert back[: len(bank)] == bank
    assert set(back.names[len(bank) :]) <= {"INIT VOICE"}
    assert (back.values[len(bank) :] == PresetBank.init().values).all()


@given(banks(most=1))
@settings(deadline=None, max_examples=50)
def test_a_single_voice_file_round_trips(bank: PresetBank) -> None:
    with TemporaryDirectory() as folder:
        path = bank[0].write(Path(folder) / "voice.syx")
        assert path.stat().st_size == 163
        assert PresetBank.read(path)[0] == bank[0]


def test_every_value_of_every_parameter_survives_the_packed_form() -> None:
    sweep = np.repeat(PresetBank.init().values, 100, axis=0)
    for col, top in enumerate(maxima()):
        values = sweep.copy()
        values[:, col] = np.arange(100) % (int(top) + 1)
        assert (PresetBank.from_packed(PresetBank.from_values(values).packed()).values == values).all(), col


# -- dexed-py as a second reader --------------------------------------------------------------------


def test_dexed_reads_our_cartridges(make_bank: MakeBank, tmp_path: Path) -> None:
    bank = make_bank(32)
    patches = dexed.Patch.load_bank(str(bank.write(tmp_path / "bank.syx")))
    assert [p.name.rstrip() for p in patches] == list(bank.names)
    assert (np.array([p.to_raw() for p in patches])[:, :145] == bank.values).all()
    assert b"".join(p.to_packed() for p in patches) == bank.packed().tobytes()


def test_dexed_reads_our_single_voices(make_bank: MakeBank, tmp_path: Path) -> None:
    for preset in make_bank(20):
        message = preset.write(tmp_path / "voice.syx").read_bytes()
        patch = dexed.Patch.from_sysex(message[6:161] + b"\x3f")  # 155 bytes and all operators on
        assert patch.name.rstrip() == preset.name
        assert (patch.to_raw()[:145] == preset.values).all()


def test_we_read_what_dexed_writes(make_bank: MakeBank, tmp_path: Path) -> None:
    bank = make_bank(32, seed=1)
    patches = [dexed.Patch.from_packed(row.tobytes()) for row in bank.packed()]
    dexed.Patch.save_to_bank(str(tmp_path / "theirs.syx"), patches)
    assert PresetBank.read(tmp_path / "theirs.syx") == bank


# -- values from outside ------------------------------------------------------------------------------


def test_from_plugin_repairs_and_flags_values_outside_the_range() -> None:
    plugin = PresetBank.init().plugin()
    plugin = np.repeat(plugin, 3, axis=0)
    plugin[1, parameter("OP1 EG LEVEL 4").index] = 105 / 99
    plugin[1, parameter("LFO SPEED").index] = 127 / 99
    plugin[2, parameter("FEEDBACK").index] = -0.2
    bank = PresetBank.from_plugin(plugin)
    assert bank[1]["OP1 EG LEVEL 4"] == 0
    assert bank[1]["LFO SPEED"] == 99
    assert bank[2]["FEEDBACK"] == 0
    assert bank.flags.tolist() == [Flag.NONE, Flag.MENDED, Flag.MENDED]
    assert [np.flatnonzero(row).tolist() for row in bank.mended] == [
        [],
        sorted([column("OP1 EG LEVEL 4"), column("LFO SPEED")]),
        [column("FEEDBACK")],
    ]


@pytest.mark.filterwarnings("error")
def test_from_plugin_accepts_any_finite_number(make_bank: MakeBank) -> None:
    plugin = np.full((2, 155), 1e308)
    plugin[1] = -1e308
    bank = PresetBank.from_plugin(plugin)
    assert bank.mended.all()
    assert (bank.values <= maxima()).all()
    assert bank[0]["OP2 EG LEVEL 4"] == 0
    assert bank[0]["OP2 EG LEVEL 3"] == 99
    assert not bank.values[1].any()


def test_from_plugin_silences_operators_that_are_switched_off(make_bank: MakeBank) -> None:
    """The paper's three-operator presets have switches 4 to 6 at 0."""
    bank = make_bank(5)
    plugin = bank.plugin()
    for k in (4, 5, 6):
        plugin[:, parameter(f"OP{k} SWITCH").index] = 0
    three = PresetBank.from_plugin(plugin, bank.names)
    levels = [column(f"OP{k} OUTPUT LEVEL") for k in range(1, 7)]
    assert (three.values[:, levels[3:]] == 0).all()
    rest = np.setdiff1d(np.arange(145), levels[3:])
    assert (three.values[:, rest] == bank.values[:, rest]).all()


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        (np.zeros((3, 144)), r"shape \(N, 155\), not \(3, 144\)"),
        (np.zeros(155), "shape"),
        (np.full((1, 155), np.nan), "preset 0: Cutoff is nan"),
        (np.full((1, 155), np.inf), "preset 0: Cutoff is inf"),
    ],
)
def test_from_plugin_refuses_wrong_shapes_and_nan(plugin: npt.NDArray, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        PresetBank.from_plugin(plugin)


def test_lengths_of_names_and_ids_must_match(make_bank: MakeBank) -> None:
    bank = make_bank(3)
    for make, view in [(PresetBank.from_plugin, bank.plugin()), (PresetBank.from_values, bank.values)]:
        with pytest.raises(ParameterError, match="3 presets, but 2 names and 3 ids"):
            make(view, ["a", "b"])
        with pytest.raises(ParameterError, match="3 presets, but 3 names and 1 ids"):
            make(view, None, [7])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.zeros((2, 144), int), r"shape \(N, 145\), not \(2, 144\)"),
        (np.zeros((2, 145)), "must be integers, not float64"),
        (np.full((2, 145), -1), r"preset 0: OP6 EG RATE 1 = -1 is outside 0 … 99"),
        (np.full((2, 145), 256), r"preset 0: OP6 EG RATE 1 = 256"),
    ],
)
def test_from_values_refuses_wrong_shapes_types_and_values(values: npt.NDArray, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        PresetBank.from_values(values)


@pytest.mark.parametrize("col", range(145))
def test_from_values_checks_the_range_of_each_parameter(col: int) -> None:
    values = PresetBank.init().values.copy()
    values[0, col] = maxima()[col] + 1
    with pytest.raises(ParameterError, match=f"outside 0 … {maxima()[col]}"):
        PresetBank.from_values(values)


@pytest.mark.parametrize(
    "packed", [np.full((1, 128), 300), np.zeros((2, 128), np.float32), np.zeros(256, np.uint8)]
)
def test_from_packed_refuses_other_arrays(packed: npt.NDArray) -> None:
    with pytest.raises(ParameterError, match="packed voices must be uint8"):
        PresetBank.from_packed(packed)


# -- as a sequence --------------------------------------------------------------------------------


def test_slices_masks_and_lists_select_from_all_attributes(make_bank: MakeBank) -> None:
    bank = make_bank(50)
    mask = np.arange(50) % 3 == 0
    for key, rows in [
        (slice(10, 20), range(10, 20)),
        (slice(None, None, -1), range(49, -1, -1)),
        (mask, np.flatnonzero(mask)),
        ([3, 3, -1], [3, 3, 49]),
        ([], []),
    ]:
        part = bank[key]
        assert part.ids.tolist() == list(rows)
        assert part.names == tuple(bank.names[i] for i in rows)
        assert (part.values == bank.values[list(rows)]).all()
        assert len(part.flags) == len(part.mended) == len(part.transposes) == len(part)


def test_indices_select_single_presets(make_bank: MakeBank) -> None:
    bank = make_bank(5)
    assert bank[np.int64(2)] == bank[2] == bank[-3]
    assert [p.id for p in bank] == list(range(5))
    assert bank[2].bank == bank[2:3]
    assert bank[2].bank.ids.tolist() == [2]
    with pytest.raises(IndexError):
        bank[5]


def test_changing_a_selection_leaves_the_bank_unchanged(make_bank: MakeBank) -> None:
    bank = make_bank(5)
    before = bank.values.copy()
    bank[1:3].values[:] = 0
    assert (bank.values == before).all()


def test_names_are_found_regardless_of_case_and_spaces() -> None:
    bank = PresetBank.from_values(
        np.repeat(PresetBank.init().values, 4, axis=0), ["Rhodes 3", "RHODES3 ", "rhodes  4", "E.PIANO"]
    )
    assert bank.find("rhodes 3").tolist() == [0, 1]
    assert bank["RHO DES 4"].id == 2
    with pytest.raises(AmbiguousNameError, match=r"2 presets are called 'Rhodes 3': indices \[0, 1\]"):
        bank["Rhodes 3"]
    with pytest.raises(UnknownNameError, match=r"no preset is called 'E.PIANA'; similar: E.PIANO"):
        bank["E.PIANA"]
    with pytest.raises(UnknownNameError, match="no preset is called 'zzzz'$"):
        bank["zzzz"]
    with pytest.raises(LookupError):
        bank.index("")


def test_concatenation_keeps_order_and_ids(make_bank: MakeBank) -> None:
    a, b = make_bank(3), make_bank(2, seed=5)
    both = a + b
    assert both[:3] == a
    assert both[3:] == b
    assert both.ids.tolist() == [0, 1, 2, 0, 1]
    assert len(PresetBank.concatenate([])) == 0


def test_equality_compares_values_and_names(make_bank: MakeBank) -> None:
    bank = make_bank(3)
    assert bank == PresetBank.from_values(bank.values, bank.names, [7, 8, 9])
    assert bank != PresetBank.from_values(bank.values, ["a", "b", "c"])
    assert bank != bank[:2]
    assert bank != bank[::-1]
    assert bank != "bank"
    assert len({bank[0], bank[0], bank[1]}) == 2


def test_repr_shows_names() -> None:
    assert repr(PresetBank.init()) == "PresetBank of 1: 'INIT VOICE'"


def test_names_outside_ascii_are_written_as_a_dx7_can_show_them() -> None:
    bank = PresetBank.from_values(PresetBank.init().values, ["Flûte\x00 à bec"])
    assert bank.names == ("Fl?te? ? b",)


# -- presets ----------------------------------------------------------------------------------------


def test_with_values_returns_a_changed_copy() -> None:
    preset = PresetBank.init()[0]
    changed = preset.with_values("SINE 2", **{"OP1 F COARSE": 2})
    assert (changed["OP1 F COARSE"], changed.name) == (2, "SINE 2")
    assert (preset["OP1 F COARSE"], preset.name) == (1, "INIT VOICE")
    with pytest.raises(ParameterError, match="OP1 F COARSE = 32 is outside 0 … 31"):
        preset.with_values(**{"OP1 F COARSE": 32})
    with pytest.raises(KeyError, match="OP1 VOLUME"):
        preset.with_values(**{"OP1 VOLUME": 3})


def test_transpose_is_neutralized_and_restored(make_bank: MakeBank) -> None:
    bank = make_bank(20)
    neutral = bank.neutral()
    assert (neutral.values[:, column("TRANSPOSE")] == 24).all()
    assert (np.delete(neutral.values, 144, 1) == np.delete(bank.values, 144, 1)).all()
    assert neutral.neutral().restored() == bank
    assert neutral[5:8].restored() == bank[5:8]


def test_writing_an_empty_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="1 to 32"):
        PresetBank.concatenate([]).write(tmp_path / "empty.syx")
    assert not (tmp_path / "empty.syx").exists()


def test_the_default_name_of_a_preset_is_empty() -> None:
    assert Preset(PresetBank.init().values[0]).name == ""


# -- real voices --------------------------------------------------------------------------------------


@pytest.mark.corpus
def test_learnfm_is_repaired_by_the_documented_rule(learnfm: tuple[PresetBank, Path]) -> None:
    """Values are clamped to their range, except that an EG level 4 out of range becomes 0."""
    bank, file = learnfm
    raw = np.frombuffer(file.read_bytes(), np.uint8).reshape(-1, 128)
    first = raw[:, 102 - 17 : 102]  # operator 1
    mended = bank.mended.any(1)
    assert (bank.flags & Flag.MENDED).astype(bool).tolist() == mended.tolist()
    assert 0.09 < mended.mean() < 0.12
    assert (bank.values <= maxima()).all()
    level = column("OP1 EG LEVEL 4")
    assert (bank.values[:, level] == np.where(first[:, 7] > 99, 0, first[:, 7])).all()
    level = column("OP1 EG LEVEL 3")
    assert (bank.values[:, level] == np.minimum(first[:, 6], 99)).all()
    clean = PresetBank.from_packed(bank.packed())
    assert clean == bank
    assert not clean.mended.any()


@pytest.mark.corpus
def test_learnfm_names_match_the_published_list(learnfm: tuple[PresetBank, Path]) -> None:
    """In names.txt unprintable bytes are spaces, whereas the bank keeps seven bits of each."""
    bank, file = learnfm
    listed = (file.parent / "names.txt").read_text("ascii").splitlines()
    differ = [i for i, name in enumerate(listed) if name.strip() != bank.names[i]]
    assert len(listed) == len(bank) == 31_380
    assert len(differ) == 4
    assert all(bank.flags[i] & Flag.RENAMED for i in differ)
    assert ((bank.flags & Flag.RENAMED) > 0).sum() == 394


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("index", "name"), [(7111, "Rhodes 3"), (27175, "LazerGun"), (31052, "Hollow.Str"), (11852, "Get it")]
)
def test_learnfm_contains_the_papers_examples(
    learnfm: tuple[PresetBank, Path], index: int, name: str
) -> None:
    bank, _ = learnfm
    assert bank[index].name.casefold() == name.casefold()
    assert index in bank.find(name.upper())


@pytest.mark.corpus
def test_learnfm_round_trips_through_cartridges(learnfm: tuple[PresetBank, Path], tmp_path: Path) -> None:
    bank, _ = learnfm
    back = PresetBank.read(bank.write(tmp_path / "all.syx"))
    assert (back.values[: len(bank)] == bank.values).all()
    assert back.names[: len(bank)] == bank.names


@pytest.mark.corpus
def test_an_ambiguous_name_lists_its_indices(learnfm: tuple[PresetBank, Path]) -> None:
    bank, _ = learnfm
    found = bank.find("Rhodes 3").tolist()
    assert len(found) == 8
    with pytest.raises(AmbiguousNameError, match=f"8 presets are called 'Rhodes 3': indices .*{found[7]}"):
        bank["Rhodes 3"]
