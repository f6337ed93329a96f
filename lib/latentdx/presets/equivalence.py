"""Presets that differ in their parameters but in no sample, and the one that stands for all of them.

Operators can change places where an algorithm treats them alike, such as the three stacks of algorithm 5 or
the carriers of algorithm 32. Algorithms are the same where the operators in which they differ are silent. A
network that learns presets as they were stored has to spread its probability over all of these; `canonical`
brings them to one form.
"""

from functools import cache
from itertools import permutations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from latentdx.presets.algorithms import N_ALGORITHMS, algorithm
from latentdx.presets.parameters import N_OPERATORS, column, init_values, operator_columns
from latentdx.typing import Mask, Values

_ALGORITHM, _FEEDBACK = column("ALGORITHM"), column("FEEDBACK")
_BLOCKS = np.array([np.r_[operator_columns(k)] for k in range(1, N_OPERATORS + 1)])  # (6, 21)


def _place(name: str) -> int:
    """Return the place of a parameter in an operator's 21 values."""
    return column(f"OP1 {name}") - int(_BLOCKS[0, 0])


_LEVEL = _place("OUTPUT LEVEL")
_SCALING = [(_place(f"{side} SCALE DEPTH"), _place(f"{side} KEY SCALE")) for side in "LR"]
_SILENT = init_values()[_BLOCKS[1]]  # the INIT VOICE's operator 2
_ORDERS = np.array(list(permutations(range(N_OPERATORS))))  # (720, 6)
_SORTED = np.r_[_LEVEL, np.delete(np.arange(len(_SILENT)), _LEVEL)]  # the loudest operator first
_LOOPS = {
    3: 0b111000,
    5: 0b110000,
}  # algorithms 4 and 6: feedback goes round these operators, see section 12.4
_OWN_SHIFT = 31  # algorithm 32 feeds less back in today's Dexed, see section 12.3


class _Form(NamedTuple):
    """How presets of one structure become canonical.

    Attributes:
        algorithm: Algorithm 0 … 31 of the canonical presets.
        orders: Orders of the operators that change no sample, (P, 6): the operator at each new place.
        heard: Whether each operator can be heard, (6,).
        feedback: Whether the feedback can be heard.
    """

    algorithm: int
    orders: npt.NDArray[np.int64]
    heard: Mask
    feedback: bool


@cache
def _graphs() -> tuple[Mask, Mask, Mask]:
    """Return all algorithms: (modulated, modulator) (32, 6, 6), carriers (32, 6), feedback (32, 6, 6)."""
    modulates = np.zeros((N_ALGORITHMS, N_OPERATORS, N_OPERATORS), bool)
    carriers, feedback = np.zeros_like(modulates[:, 0]), np.zeros_like(modulates)
    for i in range(N_ALGORITHMS):
        graph = algorithm(i + 1)
        carriers[i, np.array(graph.carriers) - 1] = True
        for source, target in graph.edges:
            modulates[i, target - 1, source - 1] = True
        source, target = graph.feedback
        feedback[i, target - 1, source - 1] = True
    return modulates, carriers, feedback


@cache
def _form(number: int, sounding: int, feedback: bool) -> _Form:
    """Find the canonical form of a structure.

    Args:
        number: Algorithm, 0 … 31.
        sounding: Bits of the operators that are not silent; bit k - 1 for operator k.
        feedback: Whether FEEDBACK is above 0.
    """
    modulates, carriers, fed_back = _graphs()
    on = (sounding >> np.arange(N_OPERATORS) & 1).astype(bool)
    loop = _LOOPS.get(number, 0)
    if feedback and loop and sounding >> 5 & 1 and sounding & loop != loop:
        # operators in the loop are computed even if they are silent: leave such presets alone
        return _Form(number, np.arange(N_OPERATORS)[None], np.ones(N_OPERATORS, bool), True)
    heard = on & carriers[number]
    for _ in range(N_OPERATORS):
        heard |= on & (modulates[number] & heard[:, None]).any(0)
    target, source = np.argwhere(fed_back[number])[0]
    feedback = feedback and bool(heard[source] and heard[target])
    among = heard[:, None] & heard
    placed = heard[_ORDERS]
    places = placed[:, :, None] & placed[:, None, :]  # (720, 6, 6)

    def moved(graph: Mask) -> Mask:
        return graph[_ORDERS[:, :, None], _ORDERS[:, None, :]]

    edges, outputs = moved(modulates[number] & among), (carriers[number] & heard)[_ORDERS]
    in_order = np.array([(np.diff(order[~heard[order]]) > 0).all() for order in _ORDERS])  # of what is silent
    for other in range(N_ALGORITHMS):
        same = in_order & ((modulates[other] & places) == edges).all((1, 2))
        same &= ((carriers[other] & placed) == outputs).all(1)
        if feedback:
            same &= (fed_back[other] == moved(fed_back[number])).all((1, 2))
            same &= _feedback_kind(other) == _feedback_kind(number)
        if same.any():
            return _Form(other, _ORDERS[same], heard, feedback)
    raise AssertionError("an algorithm is equivalent to itself")


def _feedback_kind(number: int) -> int:
    """Return a number that is equal for algorithms (0 … 31) that compute their feedback alike."""
    return number if number in _LOOPS or number == _OWN_SHIFT else -1


def silent_operators(values: Values) -> Mask:
    """Find the operators that are silent at every note and velocity.

    Their OUTPUT LEVEL is 0, and keyboard level scaling does not raise it.

    Args:
        values: Presets, uint8 (N, 145), in VCED order.

    Returns:
        bool (N, 6), for operators 1 … 6.
    """
    blocks = values[:, _BLOCKS]
    raised = [(blocks[..., depth] > 0) & (blocks[..., curve] >= 2) for depth, curve in _SCALING]
    return (blocks[..., _LEVEL] == 0) & ~raised[0] & ~raised[1]


def canonical(values: Values) -> Values:
    """Bring presets to the form that stands for all presets with the same samples.

    Of all algorithms that do the same, it has the first. Operators that can change places are ordered by
    OUTPUT LEVEL, then by their other parameters, the highest first. Operators that cannot be heard are those
    of an INIT VOICE with OUTPUT LEVEL 0, and a FEEDBACK that cannot be heard is 0.

    Args:
        values: Presets, uint8 (N, 145), in VCED order.

    Returns:
        Presets that sound the same, sample by sample, uint8 (N, 145).

    >>> from latentdx import PresetBank
    >>> preset = PresetBank.init().values
    >>> preset[:, column("ALGORITHM")] = 31
    >>> int(canonical(preset)[0, column("ALGORITHM")])
    0
    """
    out = values.copy()
    bits = (~silent_operators(values)).astype(np.int64) @ (1 << np.arange(N_OPERATORS))
    keys = np.stack([values[:, _ALGORITHM].astype(np.int64), bits, values[:, _FEEDBACK] > 0], 1)
    found, which = np.unique(keys, axis=0, return_inverse=True)
    for group, (number, sounding, feedback) in enumerate(found):
        rows = np.flatnonzero(which.reshape(-1) == group)
        form = _form(int(number), int(sounding), bool(feedback))
        blocks = values[rows][:, _BLOCKS]
        blocks[:, ~form.heard] = _SILENT
        # rank of each operator among the six of its preset; equal operators share one
        _, rank = np.unique(blocks[..., _SORTED].reshape(-1, len(_SILENT)), axis=0, return_inverse=True)
        ranks = rank.reshape(len(rows), N_OPERATORS)
        ranks = (ranks[:, :, None] > ranks[:, None, :]).sum(2)
        code = ranks[:, form.orders] @ N_OPERATORS ** np.arange(N_OPERATORS)[::-1]  # (rows, P)
        orders = form.orders[code.argmax(1)]
        out[rows[:, None, None], _BLOCKS] = np.take_along_axis(blocks, orders[:, :, None], 1)
        out[rows, _ALGORITHM] = form.algorithm
        if not form.feedback:
            out[rows, _FEEDBACK] = 0
    return out
