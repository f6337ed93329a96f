"""Training, validation and test: 20 % test, and of the rest one fifth validation, as in the paper (its 1.6).

`random` shuffles presets, as the paper did, with twins on both sides; `twin-disjoint` shuffles whole groups
of twins. Both keep what is held out in the test set.
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
"""What `folds` gives the presets of the test set."""


def folds(
    groups: npt.NDArray[np.integer], held_out: npt.NDArray[np.bool_], seed: int = SEED
) -> npt.NDArray[np.int8]:
    """Deal groups out in seeded random order: -1 (test) or the fold 0 … 4.

    A group with any row held out is in the test set, whole. Sizes are exact when all groups have one row,
    else as near as whole groups allow: a group belongs where its middle row falls.

    Args:
        groups: int (N,), equal numbers stay together; `np.arange(N)` splits preset by preset.
        held_out: bool (N,), rows that must be in the test set.
        seed: of the shuffle.

    Returns:
        int8 (N,).
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
    """Names of the subsets: fold `validation` validates, the other four train."""
    return np.where(fold == TEST, "test", np.where(fold == validation, "validation", "train"))
