"""Representations have the paper's layout, encode and decode without loss, and convert masks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentdx.errors import ParameterError
from latentdx.models.representation import REPRESENTATIONS, Representation, representation
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import (
    NEUTRAL_TRANSPOSE,
    PARAMETERS,
    column,
    maxima,
    operator_columns,
    parameter,
)

ALL = [representation(name, n) for name in REPRESENTATIONS for n in (6, 3)]
EVERY = pytest.mark.parametrize("rep", ALL, ids=lambda r: f"{r.name}-{r.n_operators}")
LEVELS = [column(f"OP{k} OUTPUT LEVEL") for k in range(1, 7)]


def random_values(seed: int, n: int = 20) -> np.ndarray:
    """Return presets that cover all ranges, ends included, with the TRANSPOSE that the models see."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, maxima().astype(int) + 1, (n, 145)).astype(np.uint8)
    values[0], values[1] = 0, maxima()
    values[:, column("TRANSPOSE")] = NEUTRAL_TRANSPOSE
    return values


def kept_columns(rep: Representation) -> np.ndarray:
    kept = np.ones(145, bool)
    for operator in range(rep.n_operators + 1, 7):
        kept[operator_columns(operator)] = False
    return kept


# -- layout --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operators", "length", "scalars", "blocks"),
    [
        ("num", 6, 144, 144, 0),
        ("numcat", 6, 224, 122, 22),
        ("numcat++", 6, 610, 90, 54),
        ("num", 3, 81, 81, 0),
        ("numcat", 3, 140, 68, 13),
        ("numcat++", 3, 340, 51, 30),
    ],
)
def test_lengths_equal_those_of_the_paper(name, operators, length, scalars, blocks) -> None:
    rep = representation(name, operators)
    assert (rep.length, len(rep.scalars), len(rep.blocks)) == (length, scalars, blocks)


@pytest.mark.parametrize(
    ("name", "globals_", "per_operator"), [("num", 18, 21), ("numcat", 56, 28), ("numcat++", 70, 90)]
)
def test_global_parameters_come_first_then_one_operator_after_the_other(name, globals_, per_operator) -> None:
    rep = representation(name)
    for slot in rep.slots:
        operator = slot.parameter.operator
        first = 0 if operator is None else globals_ + (operator - 1) * per_operator
        last = globals_ if operator is None else first + per_operator
        assert first <= slot.start and slot.slice.stop <= last, slot.parameter.name


def test_blocks_are_the_categorical_and_in_numcat_plus_plus_small_parameters() -> None:
    categorical = {p.name for p in PARAMETERS if p.learnable and p.kind == "categorical"}
    assert {s.parameter.name for s in representation("numcat").blocks} == categorical
    added = {s.parameter.name for s in representation("numcat++").blocks} - categorical
    small = ("F COARSE", "OSC DETUNE", "RATE SCALING", "A MOD SENS.", "KEY VELOCITY")
    assert added == {"FEEDBACK", "P MODE SENS."} | {f"OP{k} {n}" for k in range(1, 7) for n in small}


@EVERY
def test_slots_cover_the_vector_once_in_plugin_order(rep) -> None:
    assert [i for s in rep.slots for i in range(s.start, s.slice.stop)] == list(range(rep.length))
    order = [s.parameter.index for s in rep.slots]
    assert order == sorted(order)
    assert rep.parameter_of_element.tolist() == [i for i, s in enumerate(rep.slots) for _ in range(s.width)]
    assert rep["ALGORITHM"].width == (1 if rep.name == "num" else 32)


# -- encoding and decoding -----------------------------------------------------------------------------------


@EVERY
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_decoding_inverts_encoding(rep, seed) -> None:
    values = random_values(seed)
    vectors = rep.encode(values)
    assert vectors.dtype == torch.float32 and vectors.shape == (len(values), rep.length)
    assert vectors.min() >= 0.0 and vectors.max() <= 1.0
    back, kept = rep.decode(vectors), kept_columns(rep)
    np.testing.assert_array_equal(back[:, kept], values[:, kept])
    PresetBank.from_values(back)  # all presets are valid
    torch.testing.assert_close(rep.encode(back), vectors, rtol=0, atol=0)
    for slot in rep.blocks:
        block = vectors[:, slot.slice]
        assert (block.sum(1) == 1).all() and ((block == 0) | (block == 1)).all()
    for slot in rep.scalars:
        expected = values[:, slot.column] / np.float32(slot.parameter.maximum)
        np.testing.assert_array_equal(vectors[:, slot.start].numpy(), expected)


@EVERY
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_vector_decodes_to_a_valid_preset(rep, seed) -> None:
    """Scalars are clipped to [0, 1] and rounded by half a step at most; blocks take their largest element."""
    vectors = 0.5 + torch.randn(12, rep.length, generator=torch.Generator().manual_seed(seed))
    values, plugin = rep.decode(vectors), rep.plugin(vectors)
    PresetBank.from_values(values)
    assert plugin.min() >= 0.0 and plugin.max() <= 1.0
    for slot in rep.scalars:
        wanted = vectors[:, slot.start].clamp(0, 1).numpy()
        np.testing.assert_array_equal(plugin[:, slot.parameter.index], wanted)
        distance = np.abs(values[:, slot.column] / slot.parameter.maximum - wanted)
        assert distance.max() <= 0.5 / slot.parameter.maximum + 1e-6
    for slot in rep.blocks:
        np.testing.assert_array_equal(values[:, slot.column], vectors[:, slot.slice].argmax(1))


@EVERY
def test_parameters_that_are_not_learned_have_their_constants(rep) -> None:
    vectors = rep.encode(random_values(1))
    values, plugin = rep.decode(vectors), rep.plugin(vectors)
    assert (values[:, column("TRANSPOSE")] == NEUTRAL_TRANSPOSE).all()
    for p in PARAMETERS:
        if p.locked is not None and p.operator is None:
            assert (plugin[:, p.index] == p.locked).all(), p.name
    for operator in range(1, 7):
        absent = operator > rep.n_operators
        assert (plugin[:, parameter(f"OP{operator} SWITCH").index] == (0.0 if absent else 1.0)).all()
        if absent:
            assert (values[:, LEVELS[operator - 1]] == 0).all()


@EVERY
def test_plugin_values_with_six_operators_equal_those_of_the_bank(rep) -> None:
    if rep.n_operators == 6:
        bank = PresetBank.from_values(random_values(2))
        np.testing.assert_array_equal(rep.plugin(rep.encode(bank.values)), bank.plugin())


@EVERY
def test_arrays_tensors_and_batches_give_equal_results(rep) -> None:
    values = random_values(3)
    whole = rep.encode(values)
    assert torch.equal(whole, rep.encode(torch.from_numpy(values)))
    assert torch.equal(whole, torch.cat([rep.encode(row[None]) for row in values]))
    np.testing.assert_array_equal(rep.decode(whole.numpy()), rep.decode(whole))
    assert rep.encode(values[:0]).shape == (0, rep.length)
    assert rep.decode(whole[:0]).shape == (0, 145)
    rep.decode(whole.clone().requires_grad_())  # a model's output, with its gradient


@EVERY
def test_starter_presets_survive_encoding_and_decoding(rep) -> None:
    bank = corpora.read("starter").neutral()
    kept = kept_columns(rep)
    np.testing.assert_array_equal(rep.decode(rep.encode(bank.values))[:, kept], bank.values[:, kept])


# -- masks ---------------------------------------------------------------------------------------------------


@EVERY
def test_only_the_level_of_a_silent_operator_counts(rep) -> None:
    values = random_values(4)
    values[:, LEVELS] = 50
    values[3, LEVELS[1]] = 0  # operator 2
    mask = rep.of_sounding_operators(values)
    assert mask.shape == (len(values), len(rep.slots))
    masked = {rep.slots[i].parameter.name for i in torch.nonzero(~mask[3]).ravel().tolist()}
    expected = {p.name for p in PARAMETERS if p.operator == 2 and p.learnable} - {"OP2 OUTPUT LEVEL"}
    assert masked == expected and len(masked) == 20
    assert mask[torch.arange(len(values)) != 3].all()
    elements = rep.of_elements(mask)
    assert elements.shape == (len(values), rep.length)
    assert (~elements[3]).sum() == sum(rep[name].width for name in expected)


@EVERY
def test_masks_over_columns_become_masks_over_slots(rep) -> None:
    mask = np.zeros((2, 145), bool)
    mask[0, column("OP1 F COARSE")] = mask[1, column("FEEDBACK")] = True
    found = rep.of_columns(mask)
    names = [[rep.slots[i].parameter.name for i in torch.nonzero(row).ravel().tolist()] for row in found]
    assert names == [["OP1 F COARSE"], ["FEEDBACK"]]


# -- errors --------------------------------------------------------------------------------------------------


def test_errors_name_what_is_wrong() -> None:
    rep = representation("numcat++")
    with pytest.raises(ParameterError, match="'numcat3'; choose one of num, numcat, numcat"):
        representation("numcat3")
    with pytest.raises(ParameterError, match="must be 3 or 6, not 4"):
        representation("num", 4)
    with pytest.raises(ParameterError, match=r"floats of shape \(N, 610\), not"):
        rep.decode(torch.zeros(2, 609))
    with pytest.raises(ParameterError, match="NaN"):
        rep.decode(torch.full((2, 610), torch.nan))
    with pytest.raises(ParameterError, match=r"\(N, 145\)"):
        rep.encode(np.zeros((2, 155), np.uint8))
    with pytest.raises(ParameterError, match="out of range"):
        rep.encode(np.full((1, 145), 100, np.uint8))
    with pytest.raises(KeyError, match="OP4 MODE"):
        representation("num", 3)["OP4 MODE"]
