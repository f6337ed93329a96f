"""Splits of a corpus: 20% for testing and a fifth of the rest for validation, as in the paper (section 1.6).

The split "random" shuffles presets as in the paper, so near duplicates may end up in different subsets; the
split "twin-disjoint" shuffles whole groups of near duplicates. Both put held-out presets into the test set.
"""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Split = Literal["random", "twin-disjoint"]
Subset = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SUBSETS: tuple[Subset, ...] = get_args(Subset)

SEED = 0
TEST_SHARE = 0.2
N_FOLDS = 5
TEST = -1
"""Number that stands for the test set in the result of `folds`."""


def folds(
    groups: npt.NDArray[np.integer], held_out: npt.NDArray[np.bool_], seed: int = SEED
) -> npt.NDArray[np.int8]:
    """Assign each row to the test set or to one of five folds, in random order.

    A group with any held-out row is in the test set as a whole. The sizes of the subsets are exact if all
    groups have one row; otherwise they are as close as whole groups allow: a group is placed where its middle
    row falls.

    Args:
        groups: Group of each row, int (N,); rows of a group stay together. `np.arange(N)` splits single rows.
        held_out: Mask of the rows that must be in the test set, bool (N,).
        seed: Random seed; equal seeds give equal folds.

    Returns:
        -1 (`TEST`) or the fold from 0 to 4, int8 (N,).

    >>> fold = folds(np.arange(100), np.zeros(100, bool))
    >>> int((fold == TEST).sum()), int((fold == 0).sum())
    (20, 16)
    """
    _, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    held = np.zeros(len(sizes), bool)
    held[of_row[held_out]] = True
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(~held[order], kind="stable")]  # held out first, the rest as shuffled
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    test = held[order] | (middle < TEST_SHARE * len(groups))
    rest = order[~test]
    middle = np.cumsum(sizes[rest]) - sizes[rest] / 2
    out = np.full(len(sizes), TEST, np.int8)
    out[rest] = N_FOLDS * middle / max(sizes[rest].sum(), 1)
    return out[of_row]


def subsets(fold: npt.NDArray[np.int8], validation: int = 0) -> npt.NDArray[np.str_]:
    """Return the name of each row's subset.

    Args:
        fold: Result of `folds`, int8 (N,).
        validation: Fold that is used for validation, 0 to 4; the other four are used for training.

    Returns:
        "train", "validation" or "test", (N,).

    >>> subsets(np.array([-1, 0, 4], np.int8)).tolist()
    ['test', 'validation', 'train']
    """
    return np.where(fold == TEST, "test", np.where(fold == validation, "validation", "train"))
