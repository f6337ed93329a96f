"""Statistics of evaluations: bootstrap intervals, paired tests, and the choice of the best model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, wilcoxon

from latentdx.errors import ParameterError

Values = npt.ArrayLike

N_RESAMPLES = 2_000
"""Number of bootstrap resamples."""

LEVEL = 0.95
"""Confidence level of intervals."""

SIGNIFICANCE = 0.05
"""Level of significance of tests."""

_AT_ONCE = 2**22  # resampled values in memory: 32 MiB


@dataclass(frozen=True)
class Estimate:
    """A statistic with its bootstrap interval at `LEVEL`.

    Attributes:
        value: Value of the statistic; `nan` if there are no values.
        low, high: Bounds of the interval; `nan` if there are no values.
        n: Number of finite values.
    """

    value: float
    low: float
    high: float
    n: int


def _finite(values: Values) -> npt.NDArray[np.float64]:
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]


@lru_cache(maxsize=4)
def _counts(size: int, n: int, seed: int) -> npt.NDArray[np.uint16]:
    """Count how often each of `size` values is in each of `n` resamples: uint16 (n, size).

    All columns of a table share the counts: with new draws for each, a summary of sixteen results took 36 s
    instead of 15 s.
    """
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(n)]).astype(
        np.uint16
    )


def bootstrap_means(values: npt.NDArray[np.float64], n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Compute the means of `n` resamples with replacement.

    Args:
        values: Finite values, float64 (M,), at least one.
        n: Number of resamples.
        seed: Random seed; equal seeds give equal resamples of any values of the same number.

    Returns:
        Means, float64 (n,).
    """
    counts, size = _counts(len(values), n, seed), len(values)
    step = max(1, _AT_ONCE // size)
    parts = [counts[i : i + step].astype(np.float64) @ values / size for i in range(0, n, step)]
    return np.concatenate(parts)


def bootstrap_medians(values: npt.NDArray[np.float64], n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Draw `n` medians of resamples with replacement, without resampling.

    A resample takes the sorted values at `floor(size * u)` for uniform u. This is monotone, so its k-th
    smallest value is the one at `floor(size * (k-th smallest u))`. Order statistics of uniform numbers are
    beta-distributed, so two draws per median give the same distribution.

    Args:
        values: Finite values, float64 (M,), at least one.
        n: Number of medians.
        seed: Random seed; equal seeds give equal medians.

    Returns:
        Medians, float64 (n,).
    """
    rng = np.random.default_rng(seed)
    ordered, size = np.sort(values), len(values)
    k = (size + 1) // 2
    lower = rng.beta(k, size + 1 - k, n)  # the k-th smallest of `size` uniform numbers
    low = ordered[np.minimum((lower * size).astype(np.int64), size - 1)]
    if size % 2:
        return low
    upper = lower + (1 - lower) * rng.beta(1, size - k, n)  # the next one: the smallest of those above
    return (low + ordered[np.minimum((upper * size).astype(np.int64), size - 1)]) / 2


def bootstrap(
    values: Values, statistic: Literal["median", "mean"], *, n: int = N_RESAMPLES, seed: int = 0
) -> Estimate:
    """Estimate the median or mean of values, with its percentile bootstrap interval at `LEVEL`.

    Args:
        values: Values; those that are not finite are left out.
        statistic: Statistic to estimate.
        n: Number of resamples.
        seed: Random seed; equal seeds give equal intervals.

    >>> bootstrap([1.0, 2.0, 4.0, float("nan")], "median")
    Estimate(value=2.0, low=1.0, high=4.0, n=3)
    """
    array = _finite(values)
    if not len(array):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    resampled = (bootstrap_medians if statistic == "median" else bootstrap_means)(array, n, seed)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = np.median(array) if statistic == "median" else array.mean()
    return Estimate(float(value), float(low), float(high), len(array))


def holm(p_values: Values) -> npt.NDArray[np.float64]:
    """Adjust p-values for multiple tests (Holm 1979), to be compared with the level of significance.

    Args:
        p_values: p-values of a family of tests, (N,).

    Returns:
        Adjusted p-values, float64 (N,), in the same order.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1.0)
    return out


@dataclass(frozen=True)
class Comparison:
    """A paired test between two models on one metric.

    Attributes:
        a, b: Names of the models.
        n: Number of presets for which both values are defined.
        p: p-value, adjusted for all pairs of models.
        a_lower, b_lower: Share of these presets in which a (b) has the lower value; the rest are ties.
        lower: Name of the model with the lower values by rank sums; "" if neither is lower.
    """

    a: str
    b: str
    n: int
    p: float
    a_lower: float
    b_lower: float
    lower: str


def compare(scores: Mapping[str, Values]) -> list[Comparison]:
    """Compare all pairs of models by Wilcoxon signed-rank tests with Holm correction; ties are left out.

    Args:
        scores: One value per preset for each model, by name, in one order for all; `nan` where undefined.

    Raises:
        ParameterError: Numbers of values differ.

    >>> (found,) = compare({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 4.0, 6.0, 8.0]})
    >>> found.lower, found.a_lower, found.p
    ('a', 1.0, 0.125)
    """
    arrays = {name: np.asarray(values, np.float64).ravel() for name, values in scores.items()}
    if len({len(a) for a in arrays.values()}) > 1:
        lengths = {name: len(values) for name, values in arrays.items()}
        raise ParameterError(f"all models need the same number of scores, not {lengths}")
    found = [_compare(a, b, arrays[a] - arrays[b]) for a, b in combinations(arrays, 2)]
    adjusted = holm([c.p for c in found])
    return [replace(c, p=float(p)) for c, p in zip(found, adjusted, strict=True)]


def _compare(a: str, b: str, difference: npt.NDArray[np.float64]) -> Comparison:
    """Run one test; its p-value is not yet adjusted."""
    pairs = _finite(difference)
    moved = pairs[pairs != 0]
    p, lower = 1.0, ""
    if len(moved):
        p = float(wilcoxon(moved).pvalue)
        above = rankdata(np.abs(moved))[moved > 0].sum()  # rank sum of the pairs in which b is lower
        middle = len(moved) * (len(moved) + 1) / 4
        lower = b if above > middle else a if above < middle else ""
    n = max(len(pairs), 1)
    return Comparison(a, b, len(pairs), p, float((pairs < 0).sum() / n), float((pairs > 0).sum() / n), lower)


def best(
    comparisons: Sequence[Comparison],
    medians: Mapping[str, float],
    better: Literal["lower", "higher"],
    level: float = SIGNIFICANCE,
) -> str | None:
    """Return the model that beats all others, which a table may print bold, or `None` if there is none.

    A model beats another if it is significantly better by their paired test and its median is not worse.

    Args:
        comparisons: Tests between all pairs of models.
        medians: Median score of each model.
        better: Direction of better scores.
        level: Level of significance.
    """

    def beats(model: str, c: Comparison) -> bool:
        other = c.b if c.a == model else c.a
        sign = 1 if better == "lower" else -1
        winner = c.lower if better == "lower" else {c.a: c.b, c.b: c.a, "": ""}[c.lower]
        return c.p < level and winner == model and sign * medians[model] <= sign * medians[other]

    for model in medians:
        own = [c for c in comparisons if model in (c.a, c.b)]
        if len(own) == len(medians) - 1 > 0 and all(beats(model, c) for c in own):
            return model
    return None
