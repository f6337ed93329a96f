"""Bootstrap intervals cover the truth, tests agree with their definitions, and the best model beats all."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import wilcoxon

from latentdx.errors import ParameterError
from latentdx.evaluation import statistics
from latentdx.evaluation.statistics import Comparison, best, bootstrap, bootstrap_medians, compare, holm


@pytest.mark.parametrize("size", [1, 2, 5, 6, 31, 200])
def test_bootstrap_medians_have_the_distribution_of_true_resamples(size) -> None:
    """The shortcut agrees with medians of true resamples, for even and odd sizes, and with ties."""
    values = np.round(np.random.default_rng(size).lognormal(size=size), 1)
    drawn = values[np.random.default_rng(1).integers(0, size, (40_000, size))]
    expected, found = np.median(drawn, axis=1), bootstrap_medians(values, 40_000)
    grid = np.unique(values)
    below = (np.array([(x <= g).mean() for g in grid]) for x in (expected, found))
    np.testing.assert_allclose(*below, atol=0.015)  # four standard deviations of a share of 40,000


def test_intervals_cover_the_true_value() -> None:
    """95% intervals contain the true value in about 95% of samples."""
    rng = np.random.default_rng(0)
    for statistic, truth in (("median", 1.0), ("mean", np.exp(0.5))):
        held = 0
        for _ in range(400):
            e = bootstrap(rng.lognormal(size=300), statistic, n=400)
            assert e.low <= e.value <= e.high
            held += e.low <= truth <= e.high
        assert 0.91 < held / 400 < 0.98, statistic


def test_bootstrap_is_seeded_and_ignores_undefined_values() -> None:
    values = np.array([1.0, np.nan, 2.0, 4.0, np.inf])
    for statistic, expected in (("median", 2.0), ("mean", 7 / 3)):
        a = bootstrap(values, statistic)
        assert a == bootstrap(values, statistic) and a.n == 3 and a.value == pytest.approx(expected)
        assert a.low >= 1 and a.high <= 4
        assert bootstrap([np.nan], statistic).n == 0 and np.isnan(bootstrap([], statistic).value)


def test_holm() -> None:
    """Four p-values are adjusted as in the textbook."""
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1, 1])
    assert len(holm([])) == 0


def test_compare_agrees_with_wilcoxon_and_holm() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=500)
    scores = {"a": base, "b": base + rng.normal(0.2, 0.5, 500), "c": base + rng.normal(0, 0.5, 500)}
    scores["c"][:10] = np.nan
    found = {(c.a, c.b): c for c in compare(scores)}
    assert set(found) == {("a", "b"), ("a", "c"), ("b", "c")}
    ab, ac = found["a", "b"], found["a", "c"]
    assert ab.lower == "a" and ab.p < 1e-6 and ab.n == 500
    assert ab.a_lower == (scores["a"] < scores["b"]).mean() and ab.a_lower + ab.b_lower == 1
    assert ac.n == 490 and ac.p > 0.05
    raw = [wilcoxon((scores[a] - scores[b])[np.isfinite(scores[a] - scores[b])]).pvalue for a, b in found]
    np.testing.assert_allclose([c.p for c in found.values()], holm(raw))


def test_compare_equal_scores() -> None:
    (c,) = compare({"a": [1.0, 2.0, np.nan], "b": [1.0, 2.0, 3.0]})
    assert (c.p, c.lower, c.n, c.a_lower, c.b_lower) == (1.0, "", 2, 0.0, 0.0)
    with pytest.raises(ParameterError, match="same number of scores"):
        compare({"a": [1.0], "b": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("better", "p", "median"), list(product(["lower", "higher"], [0.01, 0.2], [1.0, 3.0]))
)
def test_the_best_model_beats_all_others(better, p, median) -> None:
    """`a` is surely lower than `c`, and lower than `b` at `p`; its median must not be worse either."""
    comparisons = [
        Comparison("a", "b", 9, p, 0.9, 0.1, "a"),
        Comparison("a", "c", 9, 0.001, 0.9, 0.1, "a"),
        Comparison("b", "c", 9, 0.9, 0.5, 0.5, "b"),
    ]
    medians = {"a": median, "b": 2.0, "c": 2.5}
    expected = "a" if better == "lower" and p < statistics.SIGNIFICANCE and median == 1.0 else None
    assert best(comparisons, medians, better) == expected


def test_best_of_two_in_either_direction() -> None:
    rng = np.random.default_rng(0)
    scores = {"a": rng.random(100), "b": rng.random(100) + 0.5}
    medians = {k: float(np.median(v)) for k, v in scores.items()}
    assert best(compare(scores), medians, "higher") == "b"
    assert best(compare(scores), medians, "lower") == "a"
    assert best([], {"a": 1.0}, "lower") is None  # nothing to beat
