"""Properties of the splits that hold for any groups."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentdx.dataset import splits

GROUPS = st.lists(st.integers(0, 40), min_size=1, max_size=200).map(np.array)
SEEDS = st.integers(0, 2**31)


@given(GROUPS, SEEDS, st.data())
def test_groups_stay_together_and_held_out_ones_are_in_the_test_set(groups, seed, data) -> None:
    held = np.array(data.draw(st.lists(st.booleans(), min_size=len(groups), max_size=len(groups))))
    fold = splits.folds(groups, held, seed)
    assert fold.shape == groups.shape
    assert set(np.unique(fold)) <= {-1, 0, 1, 2, 3, 4}
    for group in np.unique(groups):
        assert len(set(fold[groups == group])) == 1
    assert (fold[held] == splits.TEST).all()
    np.testing.assert_array_equal(fold, splits.folds(groups, held, seed))


@given(st.integers(1, 3_000), SEEDS, st.integers(0, 20))
def test_sizes_are_exact_for_single_presets(n, seed, n_held) -> None:
    held = np.arange(n) < n_held
    fold = splits.folds(np.arange(n), held, seed)
    n_test = max(
        int(np.ceil(0.2 * n - 0.5)), min(n_held, n)
    )  # a half rounds down, as "middle < share" has it
    assert (fold == splits.TEST).sum() == n_test
    sizes = np.bincount(fold[fold >= 0], minlength=5)
    assert sizes.max() - sizes.min() <= 1


@given(GROUPS, SEEDS)
def test_sizes_are_approximate_for_groups(groups, seed) -> None:
    """A boundary is off by at most half of the group that it cuts."""
    fold = splits.folds(groups, np.zeros(len(groups), bool), seed)
    largest = np.bincount(groups).max()
    assert abs((fold == splits.TEST).sum() - 0.2 * len(groups)) <= largest / 2


def test_seeds_and_order_matter() -> None:
    nobody = np.zeros(1_000, bool)
    first, second = (splits.folds(np.arange(1_000), nobody, seed) for seed in (0, 1))
    assert 0.1 < (first != second).mean() < 0.9
    assert (np.diff(np.flatnonzero(first == splits.TEST)) > 1).any()  # shuffled, not the last fifth


def test_subsets_name_the_folds() -> None:
    fold = np.array([-1, 0, 1, 4], np.int8)
    assert splits.subsets(fold).tolist() == ["test", "validation", "train", "train"]
    assert splits.subsets(fold, validation=4).tolist() == ["test", "train", "train", "validation"]
