"""Near duplicates: presets that differ in so few values that one of them reveals the other."""

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

MOST_DIFFERENCES = 2
"""Largest number of values (of 145) in which near duplicates differ; such presets are common in corpora."""


def near_pairs(values: npt.NDArray[np.uint8], most: int = MOST_DIFFERENCES) -> npt.NDArray[np.int64]:
    """Find all pairs of rows that differ in at most `most` columns.

    If the columns are divided into `most` + 1 blocks, such rows agree in at least one of them, so only rows
    that share a block are compared. A block takes every third column (for `most` = 2), so it has some of
    every operator: a block of neighboring columns would put all presets that leave an operator unchanged into
    one huge bucket.

    Args:
        values: Distinct rows, uint8 (N, columns). Equal rows are allowed, but the time grows with the square
            of their number.
        most: Largest number of columns in which the rows of a pair differ, 0 or more.

    Returns:
        Indices of the rows, int64 (pairs, 2), each pair once, the smaller index first.

    >>> near_pairs(np.array([[1, 2, 3, 4], [1, 2, 3, 5], [6, 7, 8, 9]], np.uint8), most=1).tolist()
    [[0, 1]]
    """
    pairs = [np.empty((0, 2), np.int64)]
    for block in range(most + 1):
        _, key = np.unique(values[:, block :: most + 1], axis=0, return_inverse=True)
        order = np.argsort(key, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            for place, one in enumerate(members[:-1]):
                others = members[place + 1 :]
                near = others[np.count_nonzero(values[others] != values[one], axis=1) <= most]
                pairs.append(np.stack([np.full(len(near), one), near], axis=1))
    return np.unique(np.concatenate(pairs), axis=0)


def twin_groups(values: npt.NDArray[np.uint8], most: int = MOST_DIFFERENCES) -> npt.NDArray[np.int32]:
    """Group presets with their near duplicates.

    Groups are the connected components of the pairs that differ in at most `most` values. A chain of near
    duplicates is one group, so its ends may differ in more values.

    Args:
        values: Presets, uint8 (N, columns).
        most: Largest number of values in which near duplicates differ, 0 or more.

    Returns:
        First row of each preset's group, int32 (N,).

    >>> twin_groups(np.array([[1, 2, 3, 4], [6, 7, 8, 9], [1, 2, 3, 5]], np.uint8), most=1).tolist()
    [0, 1, 0]
    """
    if not len(values):
        return np.empty(0, np.int32)
    distinct, inverse = np.unique(values, axis=0, return_inverse=True)
    pairs = near_pairs(distinct, most)
    links = scipy.sparse.coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(len(distinct),) * 2)
    _, component = connected_components(links, directed=False)
    _, first, of_row = np.unique(component[inverse], return_index=True, return_inverse=True)
    return first[of_row].astype(np.int32)
