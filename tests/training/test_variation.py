"""Variations are presets between and around those of a corpus."""

import numpy as np
import pytest

from latentdx.presets import corpora
from latentdx.presets.parameters import column, maxima, voice_parameters
from latentdx.training.variation import LEAST_DIFFERENCES, too_close, vary

LEARNABLE = np.array([p.learnable for p in voice_parameters()])


@pytest.fixture(scope="module")
def presets():
    return corpora.read("starter").neutral().values


def varied(presets, n=400):
    rng = np.random.default_rng(0)
    values, donors = presets[rng.integers(len(presets), size=n)], presets[rng.integers(len(presets), size=n)]
    return values, donors, vary(values, donors, rng)


def test_variations_are_valid_presets_and_change_only_what_is_learned(presets):
    values, _, out = varied(presets)
    assert out.dtype == np.uint8 and (out <= maxima()).all()
    assert np.array_equal(out[:, ~LEARNABLE], values[:, ~LEARNABLE])


def test_categories_come_from_a_preset_and_so_do_most_numbers(presets):
    values, donors, out = varied(presets)
    known = (out == values) | (out == donors)
    categories = np.array([p.kind == "categorical" for p in voice_parameters()])
    assert known[:, categories].all()
    assert 0.9 < known.mean() < 0.99


def test_some_variations_are_close_and_others_cross_two_presets(presets):
    values, _, out = varied(presets)
    changed = (out != values).sum(1)
    assert np.quantile(changed, 0.1) <= 5 and np.quantile(changed, 0.9) >= 25
    kept = out[:, column("ALGORITHM")] == values[:, column("ALGORITHM")]
    assert kept.mean() > 0.85  # operators of another algorithm seldom fit


def test_presets_that_must_not_be_known_are_recognized(presets):
    few, enough = presets[:1].copy(), presets[:1].copy()
    columns = np.flatnonzero(LEARNABLE & (maxima() > 3))
    few[0, columns[: LEAST_DIFFERENCES - 1]] = (few[0, columns[: LEAST_DIFFERENCES - 1]] + 1) % 4
    enough[0, columns[:LEAST_DIFFERENCES]] = (enough[0, columns[:LEAST_DIFFERENCES]] + 1) % 4
    assert too_close(np.concatenate([few, enough]), presets[:1]).tolist() == [True, False]
