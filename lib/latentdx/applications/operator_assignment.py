"""Pair the operators of two presets by their function, so that interpolation blends like with like.

Operator 3 may be audible in one algorithm and modulate operator 2 in another. Interpolating it with itself
would then mix a loud carrier with a modulator.
"""

from functools import cache
from itertools import permutations

import dexed
import numpy as np
import numpy.typing as npt

from latentdx.presets.parameters import N_OPERATORS, column, operator_columns
from latentdx.typing import Floats, Values

DB_PER_LEVEL = 0.75
"""Decibels per step of OUTPUT LEVEL, over most of its range; see `decibels_of_level`."""

_STRUCTURE = 4.0  # cost of a full-level connection without counterpart, in octaves of a wrong frequency
_MOST_OCTAVES = 3.0  # frequencies further apart than this cost no more
_ENVELOPE = 2.0  # cost of envelopes at opposite ends of their range, in octaves

# total levels, in steps of 0.75 dB, of output levels 0 … 19 (the DX7's own table); above, 28 + level
_LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
_LEVELS = np.array([*_LOW_LEVELS, *(28 + level for level in range(20, 100))])


def decibels_of_level(level: npt.ArrayLike) -> Floats:
    """Return the level in dB relative to OUTPUT LEVEL 99.

    Args:
        level: OUTPUT LEVEL, integers 0 … 99 in any shape; 0 is silent.

    Returns:
        Level in dB, of the same shape; `-inf` where silent.

    >>> decibels_of_level([99, 91, 0]).tolist()
    [0.0, -6.0, -inf]
    """
    index = np.asarray(level, np.int64)
    out = DB_PER_LEVEL * (_LEVELS[index] - _LEVELS[-1])
    return np.where(index == 0, -np.inf, out)


def loudness_of_level(level: npt.ArrayLike) -> Floats:
    """Return the loudness of OUTPUT LEVEL 0 … 99, relative to full level.

    Loudness halves with each 10 dB, as in Stevens' sone scale; OUTPUT LEVEL 0 has loudness 0.

    >>> loudness_of_level([99, 0]).tolist()
    [1.0, 0.0]
    """
    return np.asarray(2.0 ** (decibels_of_level(level) / 10))


def level_of_loudness(loudness: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the OUTPUT LEVEL whose loudness is closest: the inverse of `loudness_of_level`.

    >>> level_of_loudness([1.0, 0.5, 0.0]).tolist()
    [99, 86, 0]
    """
    known = loudness_of_level(np.arange(100))
    return np.abs(known - np.asarray(loudness, np.float64)[..., None]).argmin(-1)


@cache
def _wires(number: int) -> tuple[Floats, Floats, tuple[int, int]]:
    """Describe algorithm 1 … 32: (modulated, modulator) (6, 6), carriers (6,), feedback (target, source)."""
    entry = dexed.algorithms[number - 1]
    carriers = np.isin(np.arange(N_OPERATORS), entry.carriers).astype(np.float64)
    source, target = entry.feedback_edge
    return np.array(entry.mod_matrix, np.float64), carriers, (target, source)


@cache
def _orders() -> npt.NDArray[np.int64]:
    return np.array(list(permutations(range(N_OPERATORS))))


def _structure(values: Values) -> tuple[Floats, Floats]:
    """Weight connections by the source's loudness: (modulated, modulator) (6, 6), to the output (6,)."""
    wires, carriers, feedback = _wires(int(values[column("ALGORITHM")]) + 1)
    loudness = loudness_of_level(operator_values(values, "OUTPUT LEVEL"))
    flows = wires * loudness
    flows[feedback] += loudness[feedback[1]] * values[column("FEEDBACK")] / 7
    return flows, carriers * loudness


def operator_values(values: Values, name: str) -> npt.NDArray[np.int64]:
    """Return one parameter of all operators.

    Args:
        values: Preset, uint8 (145,), VCED order.
        name: Name of the parameter without its operator, such as "F COARSE".

    Returns:
        Values of operators 1 … 6 in this order, int64 (6,).
    """
    return np.array([values[column(f"OP{k} {name}")] for k in range(1, N_OPERATORS + 1)], np.int64)


def _octaves(values: Values) -> Floats:
    """Return the frequency of each operator at middle C, in log2 Hz, (6,)."""
    coarse, fine = operator_values(values, "F COARSE"), operator_values(values, "F FINE")
    ratio = np.log2(261.63 * np.where(coarse == 0, 0.5, coarse) * (1 + fine / 100))
    fixed = np.log2(10.0) * (coarse % 4 + fine / 100)
    return np.where(operator_values(values, "MODE") == 1, fixed, ratio)


def _envelopes(values: Values) -> Floats:
    """Return the rates and levels of each operator's envelope, scaled to [0, 1], (6, 8)."""
    return np.stack([values[operator_columns(k)][:8] for k in range(1, N_OPERATORS + 1)]) / 99.0


def assign_operators(a: Values, b: Values) -> tuple[int, ...]:
    """Pair each operator of one preset with the operator of another that has its function.

    All 720 pairings are compared. The best one maps carriers to carriers and connections to connections, each
    weighted by the loudness of its source; after that, it maps operators to those with similar frequencies
    and envelopes. Among equal pairings the first in lexicographic order is taken, so a preset is paired with
    itself in order.

    Args:
        a: Preset, uint8 (145,), VCED order.
        b: Preset to pair it with, uint8 (145,).

    Returns:
        Index (0 … 5) of the operator of `b` for each operator of `a`.

    >>> from latentdx import PresetBank
    >>> preset = PresetBank.init()[0]
    >>> assign_operators(preset.values, preset.values)
    (0, 1, 2, 3, 4, 5)
    """
    orders = _orders()
    (flow_a, out_a), (flow_b, out_b) = _structure(a), _structure(b)
    moved = flow_b[orders[:, :, None], orders[:, None, :]]  # (720, 6, 6)
    misplaced = np.abs(moved - flow_a).sum((1, 2)) + np.abs(out_b[orders] - out_a).sum(1)
    octaves = np.minimum(np.abs(_octaves(a)[:, None] - _octaves(b)), _MOST_OCTAVES)
    envelopes = np.abs(_envelopes(a)[:, None] - _envelopes(b)).mean(-1)
    # the settings of an operator that is silent in one preset do not matter
    weights = np.sqrt(
        np.outer(*(loudness_of_level(operator_values(v, "OUTPUT LEVEL")) for v in (a, b)))
    )  # (6, 6)
    dissimilarity = weights * (octaves + _ENVELOPE * envelopes)
    cost = _STRUCTURE * misplaced + dissimilarity[np.arange(N_OPERATORS), orders].sum(1)
    return tuple(int(k) for k in orders[np.round(cost, 9).argmin()])
