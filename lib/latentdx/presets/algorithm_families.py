"""Algorithms that are alike: families of equal structure, and the least change from one algorithm to another.

Operators are interchangeable, so two algorithms have one structure if a reordering of the operators makes the
modulation of one that of the other. Feedback is left out, because most presets have little of it.
"""

from functools import cache
from itertools import permutations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from latentdx.presets.algorithms import N_ALGORITHMS, algorithm
from latentdx.presets.parameters import N_OPERATORS, column, operator_columns
from latentdx.typing import Floats, Values

_ALGORITHM = column("ALGORITHM")
_BLOCKS = np.array([np.r_[operator_columns(k)] for k in range(1, N_OPERATORS + 1)])
_FEEDBACK_WEIGHT = 0.5  # of a feedback at another operator, against 1 for a connection that is not there


class Conversion(NamedTuple):
    """The least change from one algorithm to another.

    Attributes:
        cost: Number of connections, to operators or to the output, that only one of them has; 0.5 is added
            where the feedback is at another operator.
        order: Operator (0 … 5) of the old algorithm for each operator of the new one.
    """

    cost: float
    order: tuple[int, ...]


@cache
def _orders() -> npt.NDArray[np.int64]:
    return np.array(list(permutations(range(N_OPERATORS))))


@cache
def _wires(number: int) -> Floats:
    """Return (7, 6): weight from each operator (column) to each operator, and to the output (last row)."""
    graph, wires = algorithm(number), np.zeros((N_OPERATORS + 1, N_OPERATORS))
    for source, target in graph.edges:
        wires[target - 1, source - 1] = 1
    wires[-1, np.array(graph.carriers) - 1] = 1
    return wires


@cache
def conversion(old: int, new: int) -> Conversion:
    """Find the order of operators in which an algorithm is most like another.

    Args:
        old: Algorithm, 1 … 32.
        new: Algorithm, 1 … 32.

    >>> conversion(1, 2).cost, conversion(5, 5).order
    (0.5, (0, 1, 2, 3, 4, 5))
    """
    orders, before, after = _orders(), _wires(old), _wires(new)
    modulation = before[:-1][orders[:, :, None], orders[:, None, :]]
    cost = np.abs(modulation - after[:-1]).sum((1, 2)) + np.abs(before[-1][orders] - after[-1]).sum(1)
    source, target = (k - 1 for k in algorithm(new).feedback)
    feedback = orders[:, [source, target]] + 1
    cost += _FEEDBACK_WEIGHT * (feedback != algorithm(old).feedback).any(1)
    best = int(cost.argmin())
    return Conversion(float(cost[best]), tuple(orders[best].tolist()))


@cache
def family(number: int) -> tuple[int, ...]:
    """Return the algorithms that differ from an algorithm in nothing but their feedback, itself included.

    Args:
        number: Algorithm, 1 … 32.

    >>> family(5), family(7), family(32)
    ((5, 6), (7, 8, 9), (32,))
    """
    size = _wires(number).sum(), _wires(number)[-1].sum()
    alike = [n for n in range(1, N_ALGORITHMS + 1) if (_wires(n).sum(), _wires(n)[-1].sum()) == size]
    return tuple(n for n in alike if conversion(number, n).cost <= _FEEDBACK_WEIGHT)


def with_algorithm(values: Values, number: int) -> Values:
    """Change the algorithm of a preset, and reorder its operators so that most connections stay.

    Args:
        values: Preset, uint8 (145,), in VCED order.
        number: New algorithm, 1 … 32.
    """
    out = values.copy()
    order = conversion(int(values[_ALGORITHM]) + 1, number).order
    out[_BLOCKS] = values[_BLOCKS[list(order)]]
    out[_ALGORITHM] = number - 1
    return out
