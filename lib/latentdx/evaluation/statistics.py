"""Statistics of evaluations: bootstrap intervals, paired tests, and when a model may be called the best."""

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
LEVEL = 0.95
SIGNIFICANCE = 0.05
_AT_ONCE = 2**22  # resampled values in memory: 32 MiB


@dataclass(frozen=True)
class Estimate:
    """A statistic with its bootstrap interval at `LEVEL`, and of how many values; `nan` of none."""

    value: float
    low: float
    high: float
    n: int


def _finite(values: Values) -> npt.NDArray[np.float64]:
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]


@lru_cache(maxsize=4)
def _counts(size: int, n: int, seed: int) -> npt.NDArray[np.uint16]:
    """How often each of `size` values is in each of `n` resamples, (n, size): all columns of a table share
    it (drawn anew for each, a summary of sixteen results took 36 s instead of 15)."""
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(n)]).astype(
        np.uint16
    )


def bootstrap_means(values: npt.NDArray[np.float64], n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Means of `n` resamples with replacement."""
    counts, size = _counts(len(values), n, seed), len(values)
    step = max(1, _AT_ONCE // size)
    parts = [counts[i : i + step].astype(np.float64) @ values / size for i in range(0, n, step)]
    return np.concatenate(parts)


def bootstrap_medians(values: npt.NDArray[np.float64], n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Medians of `n` resamples with replacement, without resampling.

    A resample is `floor(size * u)` for uniform u into the sorted values. This is monotone, so its k-th
    smallest value is the one at `floor(size * (k-th smallest u))`, and order statistics of uniform numbers
    are beta-distributed: the same distribution, two draws a resample.
    """
    rng = np.random.default_rng(seed)
    ordered, size = np.sort(values), len(values)
    k = (size + 1) // 2
    lower = rng.beta(k, size + 1 - k, n)  # the k-th smallest of `size` uniform numbers
    low = ordered[np.minimum((lower * size).astype(np.int64), size - 1)]
    if size % 2:
        return low
    upper = lower + (1 - lower) * rng.beta(1, size - k, n)  # the next one: the least of the rest above it
    return (low + ordered[np.minimum((upper * size).astype(np.int64), size - 1)]) / 2


def bootstrap(
    values: Values, statistic: Literal["median", "mean"], *, n: int = N_RESAMPLES, seed: int = 0
) -> Estimate:
    """The median or mean of the finite values with its seeded percentile interval."""
    array = _finite(values)
    if not len(array):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    resampled = (bootstrap_medians if statistic == "median" else bootstrap_means)(array, n, seed)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = np.median(array) if statistic == "median" else array.mean()
    return Estimate(float(value), float(low), float(high), len(array))


def holm(p_values: Values) -> npt.NDArray[np.float64]:
    """p-values adjusted for being several (Holm 1979): compare them with the level as they are."""
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
        a, b: their names.
        n: pairs of which both are defined.
        p: adjusted over all pairs of the family.
        a_lower, b_lower: share of the pairs in which a (b) has the lower value; the rest are ties.
        lower: the model with the lower values by ranks; "" where nothing differs.
    """

    a: str
    b: str
    n: int
    p: float
    a_lower: float
    b_lower: float
    lower: str


def compare(scores: Mapping[str, Values]) -> list[Comparison]:
    """Wilcoxon signed-rank tests between all pairs of models, Holm-corrected over them; ties are left out.

    Args:
        scores: name -> one value a preset, in the same order for all; `nan` where undefined.
    """
    arrays = {name: np.asarray(values, np.float64).ravel() for name, values in scores.items()}
    if len({len(a) for a in arrays.values()}) > 1:
        raise ParameterError(
            f"paired scores have one length, not { ({k: len(a) for k, a in arrays.items()}) }"
        )
    found = [_compare(a, b, arrays[a] - arrays[b]) for a, b in combinations(arrays, 2)]
    adjusted = holm([c.p for c in found])
    return [replace(c, p=float(p)) for c, p in zip(found, adjusted, strict=True)]


def _compare(a: str, b: str, difference: npt.NDArray[np.float64]) -> Comparison:
    """One test, its p as it is."""
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
    """The model that beats all others, or `None`: what a table may print bold.

    To beat another is to be better by its paired test at this level, and to have no worse a median.
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
