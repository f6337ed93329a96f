"""Near-twins: presets that differ in so few values that one gives the other away."""

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

MOST_DIFFERENCES = 2
"""Values (of 145) in which twins may differ; the corpora are full of such near-copies."""


def near_pairs(values: npt.NDArray[np.uint8], most: int = MOST_DIFFERENCES) -> npt.NDArray[np.int64]:
    """All pairs of rows that differ in at most `most` columns: int64 (pairs, 2), each pair once.

    Pigeonhole: `most` differences cannot touch all of `most` + 1 blocks of columns, so the two rows agree in
    one block at least, and only rows that share a block are compared. A block takes every third column, so
    that it has some of every operator: a block of neighbors would make one huge bucket of all presets that
    leave an operator as it was.

    Args:
        values: uint8 (N, columns), rows distinct (equal rows work too, but cost their number squared).
        most: 0 or more.
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
    """Connected components of "differ in at most `most` values": int32 (N,), the first row of its group.

    A chain of twins is one group, so its ends may differ in more.
    """
    if not len(values):
        return np.empty(0, np.int32)
    distinct, inverse = np.unique(values, axis=0, return_inverse=True)
    pairs = near_pairs(distinct, most)
    links = scipy.sparse.coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(len(distinct),) * 2)
    _, component = connected_components(links, directed=False)
    _, first, of_row = np.unique(component[inverse], return_index=True, return_inverse=True)
    return first[of_row].astype(np.int32)
