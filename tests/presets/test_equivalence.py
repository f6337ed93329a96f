"""Canonical presets: the same samples, one form for all presets that share them, and the known symmetries."""

from itertools import permutations

import numpy as np
import pytest

from latentdx import Engine, Preset
from latentdx.presets import corpora
from latentdx.presets.equivalence import canonical, silent_operators
from latentdx.presets.parameters import column, maxima, operator_columns

NOTES = ((60, 85), (36, 127), (96, 30))
INTERCHANGEABLE = {5: 2, 6: 2, 10: 2, 12: 6, 13: 2, 15: 2, 17: 2, 19: 2, 20: 4, 21: 4, 22: 6, 23: 2, 24: 12,
                   25: 12, 27: 2, 29: 2, 30: 6, 31: 24, 32: 120}  # fmt: skip
"""Number of orders of the operators that change no sample, by algorithm, with feedback; 1 for all others."""


def fuzzed(n: int, seed: int) -> np.ndarray:
    """Draw presets of which each operator is silent with a chance of 0.3."""
    rng = np.random.default_rng(seed)
    values = (rng.random((n, 145)) * (maxima() + 1)).astype(np.uint8)
    for operator in range(1, 7):
        off = rng.random(n) < 0.3
        values[off, column(f"OP{operator} OUTPUT LEVEL")] = 0
        for side in "LR":
            values[off, column(f"OP{operator} {side} KEY SCALE")] &= 1  # curves that only lower the level
    values[rng.random(n) < 0.3, column("FEEDBACK")] = 0
    return values


def reordered(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return a preset with the operators `order` (0 … 5) at the places 1 … 6."""
    out = values.copy()
    for place, operator in enumerate(order, 1):
        out[operator_columns(place)] = values[operator_columns(int(operator) + 1)]
    return out


def same(a: np.ndarray, b: np.ndarray, n_samples: int = 16_384) -> bool:
    engine = Engine()
    return all(
        np.array_equal(*(engine.render(Preset(v), *note, hold=0.4, n_samples=n_samples) for v in (a, b)))
        for note in NOTES
    )


@pytest.mark.parametrize("seed", range(4))
def test_canonical_presets_have_the_same_samples(seed: int) -> None:
    values = fuzzed(100, seed)
    changed = canonical(values)
    assert (changed != values).any(1).mean() > 0.8  # silent operators, mostly
    assert all(map(same, values, changed))


def test_starter_presets_have_the_same_samples() -> None:
    values = corpora.read("starter").values[::16]
    assert all(map(same, values, canonical(values)))


def test_the_canonical_form_of_a_canonical_preset_is_itself() -> None:
    once = canonical(fuzzed(3000, 1))
    np.testing.assert_array_equal(canonical(once), once)


@pytest.mark.parametrize("number", range(1, 33))
def test_all_orders_without_effect_lead_to_one_preset(number: int) -> None:
    """Of the 720 orders, exactly those that are known to change no sample have the same canonical form."""
    preset = fuzzed(1, number)[0]
    preset[column("ALGORITHM")], preset[column("FEEDBACK")] = number - 1, 5
    for operator in range(1, 7):
        preset[column(f"OP{operator} OUTPUT LEVEL")] = 99 - operator
    orders = np.array(list(permutations(range(6))))
    forms = canonical(np.stack([reordered(preset, order) for order in orders]))
    equal = (forms == forms[0]).all(1)
    assert equal.sum() == INTERCHANGEABLE.get(number, 1)
    assert all(same(preset, reordered(preset, order), 2048) for order in orders[equal])


def test_algorithms_that_differ_in_silent_operators_only_are_one() -> None:
    preset = fuzzed(1, 0)[0]
    preset[column("FEEDBACK")] = 0
    for operator in range(1, 7):
        preset[column(f"OP{operator} OUTPUT LEVEL")] = 90 if operator < 3 else 0
        for side in "LR":
            preset[column(f"OP{operator} {side} KEY SCALE")] = 0
    stacks = np.repeat(preset[None], 2, 0)
    stacks[:, column("ALGORITHM")] = 0, 4  # operator 2 modulates operator 1 in both
    assert same(*stacks)
    first, second = canonical(stacks)
    np.testing.assert_array_equal(first, second)


def test_an_operator_that_scaling_raises_is_not_silent() -> None:
    preset = fuzzed(1, 0)
    preset[0, column("OP3 OUTPUT LEVEL")] = 0
    preset[0, column("OP3 R SCALE DEPTH")] = 99
    for curve, silent in ((0, True), (3, False)):
        preset[0, column("OP3 L KEY SCALE")] = 0
        preset[0, column("OP3 R KEY SCALE")] = curve
        assert silent_operators(preset)[0, 2] == silent
