"""Variations of presets, so that a training never runs out of presets that it has not seen."""

import numpy as np

from latentdx.presets.parameters import (
    N_OPERATORS,
    N_VALUES,
    column,
    maxima,
    operator_columns,
    voice_parameters,
)
from latentdx.typing import Mask, Values

LEAST_DIFFERENCES = 3
"""Number of values in which a variation differs at least from every preset that a model must not know."""

_MAXIMA = maxima().astype(np.int64)
_LEARNABLE = np.array([p.learnable for p in voice_parameters()])
_ORDERED = np.array([p.kind != "categorical" for p in voice_parameters()]) & (_MAXIMA > 3)
_OPERATORS = [np.arange(N_VALUES)[operator_columns(k)] for k in range(1, N_OPERATORS + 1)]
# what says how the operators are connected stays as it is
_REST = np.setdiff1d(
    np.arange(N_VALUES), [*np.concatenate(_OPERATORS), column("ALGORITHM"), column("FEEDBACK")]
)

# chosen so that some variations are close to real presets and others fill the space between them
_CROSSED = 0.5  # share of the variations that take over operators
_BLOCK = 0.3  # chance of each operator of these, and of the LFO with the pitch envelope, to be taken over
_MOST_CHANGED = 0.15  # largest share of the parameters that change
_WIDTH = 0.08  # standard deviation of a change, as a share of the parameter's range


def vary(values: Values, donors: Values, rng: np.random.Generator) -> Values:
    """Make a variation of each preset.

    Half of the variations take over some operators (or the LFO with the pitch envelope) from their donor. In
    all of them, a random share of the parameters changes: half of these take over the donor's value, so that
    values stay as frequent as they are among presets; the others move by a normal deviate.

    Args:
        values: Presets, uint8 (N, 145), in VCED order; not changed.
        donors: A second preset for each of them, uint8 (N, 145).
        rng: Random number generator.

    Returns:
        uint8 (N, 145).
    """
    n = len(values)
    taken = np.zeros((n, N_VALUES), bool)
    crossed = rng.random((n, 1)) < _CROSSED
    for block in (*_OPERATORS, _REST):
        taken[:, block] = crossed & (rng.random((n, 1)) < _BLOCK)
    changed = rng.random((n, N_VALUES)) < rng.uniform(0, _MOST_CHANGED, (n, 1))
    moved = changed & _ORDERED & (rng.random((n, N_VALUES)) < 0.5)
    taken |= changed & ~moved
    out = np.where(taken & _LEARNABLE, donors, values).astype(np.int64)
    steps = np.rint(rng.normal(0, _WIDTH * _MAXIMA, (n, N_VALUES))).astype(np.int64)
    out += np.where(moved & _LEARNABLE, steps, 0)
    return np.clip(out, 0, _MAXIMA).astype(np.uint8)


def too_close(values: Values, forbidden: Values) -> Mask:
    """Find presets that differ from a forbidden one in fewer than `LEAST_DIFFERENCES` learnable values.

    Args:
        values: Presets, uint8 (N, 145).
        forbidden: Presets that a model must not know, such as those of its test set, uint8 (M, 145).

    Returns:
        bool (N,).
    """
    known = forbidden[:, _LEARNABLE]
    return np.array([((known != v).sum(1) < LEAST_DIFFERENCES).any() for v in values[:, _LEARNABLE]], bool)
