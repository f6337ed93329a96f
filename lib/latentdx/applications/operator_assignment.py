"""Which operator of one preset plays the part of which in another: for interpolating like with like.

Operator 3 may be heard in one algorithm and bend operator 2 in another, so interpolating it with itself
mixes a loud carrier with a modulator. Here operators are paired by what they do.
"""

from functools import cache
from itertools import permutations

import dexed
import numpy as np
import numpy.typing as npt

from latentdx.presets.parameters import N_OPERATORS, column, operator_columns
from latentdx.typing import Floats, Values

DB_PER_LEVEL = 0.75
"""Of an output level, over most of its range (`decibels_of_level`)."""

_STRUCTURE = 4.0  # what a full-level wire that fits nowhere costs, in octaves of a wrong frequency
_MOST_OCTAVES = 3.0  # beyond this two frequencies are just different
_ENVELOPE = 2.0  # what envelopes at opposite ends of their range cost, in octaves

# total levels, in steps of 0.75 dB, of output levels 0 ... 19 (the DX7's own table); then it is 28 + level
_LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
_LEVELS = np.array([*_LOW_LEVELS, *(28 + level for level in range(20, 100))])


def decibels_of_level(level: npt.ArrayLike) -> Floats:
    """OUTPUT LEVEL 0 … 99 -> dB below full level; 0 is silent, -inf."""
    index = np.asarray(level, np.int64)
    out = DB_PER_LEVEL * (_LEVELS[index] - _LEVELS[-1])
    return np.where(index == 0, -np.inf, out)


def loudness_of_level(level: npt.ArrayLike) -> Floats:
    """OUTPUT LEVEL -> loudness, 1 at full level, half for each 10 dB less, 0 at 0 (Stevens' sone)."""
    return np.asarray(2.0 ** (decibels_of_level(level) / 10))


def level_of_loudness(loudness: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The OUTPUT LEVEL nearest in loudness; the inverse of `loudness_of_level` on its own values."""
    known = loudness_of_level(np.arange(100))
    return np.abs(known - np.asarray(loudness, np.float64)[..., None]).argmin(-1)


@cache
def _wires(number: int) -> tuple[Floats, Floats, tuple[int, int]]:
    """Algorithm 1 … 32: (modulated, modulator) (6, 6), carriers (6,), the feedback's (target, source)."""
    entry = dexed.algorithms[number - 1]
    carriers = np.isin(np.arange(N_OPERATORS), entry.carriers).astype(np.float64)
    source, target = entry.feedback_edge
    return np.array(entry.mod_matrix, np.float64), carriers, (target, source)


@cache
def _orders() -> npt.NDArray[np.int64]:
    return np.array(list(permutations(range(N_OPERATORS))))


def _structure(values: Values) -> tuple[Floats, Floats]:
    """What flows where: (modulated, modulator) (6, 6) and to the output (6,), by loudness of the source."""
    wires, carriers, feedback = _wires(int(values[column("ALGORITHM")]) + 1)
    loudness = loudness_of_level(operator_values(values, "OUTPUT LEVEL"))
    flows = wires * loudness
    flows[feedback] += loudness[feedback[1]] * values[column("FEEDBACK")] / 7
    return flows, carriers * loudness


def operator_values(values: Values, name: str) -> npt.NDArray[np.int64]:
    """One parameter of all operators, 1 first, int (6,): `operator_values(v, "F COARSE")`."""
    return np.array([values[column(f"OP{k} {name}")] for k in range(1, N_OPERATORS + 1)], np.int64)


def _octaves(values: Values) -> Floats:
    """Frequency of each operator at middle C, log2 Hz."""
    coarse, fine = operator_values(values, "F COARSE"), operator_values(values, "F FINE")
    ratio = np.log2(261.63 * np.where(coarse == 0, 0.5, coarse) * (1 + fine / 100))
    fixed = np.log2(10.0) * (coarse % 4 + fine / 100)
    return np.where(operator_values(values, "MODE") == 1, fixed, ratio)


def _envelopes(values: Values) -> Floats:
    """Rates and levels of each operator's envelope in [0, 1], (6, 8)."""
    return np.stack([values[operator_columns(k)][:8] for k in range(1, N_OPERATORS + 1)]) / 99.0


def assign_operators(a: Values, b: Values) -> tuple[int, ...]:
    """For each operator of `a`, 0 … 5, the operator of `b` that plays its part.

    Of all 720 pairings the one in which the least is out of place: carriers fall on carriers and wires on
    wires, weighted by how loud what flows there is; then frequencies and envelopes are near. Of equals the
    first in order is taken, so a preset is paired with itself as it stands.

    Args:
        a, b: uint8 (145,), VCED order.
    """
    orders = _orders()
    (flow_a, out_a), (flow_b, out_b) = _structure(a), _structure(b)
    moved = flow_b[orders[:, :, None], orders[:, None, :]]  # (720, 6, 6)
    misplaced = np.abs(moved - flow_a).sum((1, 2)) + np.abs(out_b[orders] - out_a).sum(1)
    octaves = np.minimum(np.abs(_octaves(a)[:, None] - _octaves(b)), _MOST_OCTAVES)
    envelopes = np.abs(_envelopes(a)[:, None] - _envelopes(b)).mean(-1)
    # what is silent at one end may be anything there
    heard = np.sqrt(
        np.outer(*(loudness_of_level(operator_values(v, "OUTPUT LEVEL")) for v in (a, b)))
    )  # (6, 6)
    unlike = heard * (octaves + _ENVELOPE * envelopes)
    cost = _STRUCTURE * misplaced + unlike[np.arange(N_OPERATORS), orders].sum(1)
    return tuple(int(k) for k in orders[np.round(cost, 9).argmin()])
