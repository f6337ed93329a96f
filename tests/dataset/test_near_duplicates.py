"""Groups of near duplicates against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from latentdx.dataset import near_duplicates
from latentdx.errors import DataMissingError
from latentdx.presets import corpora


def _brute_pairs(values: np.ndarray, most: int) -> np.ndarray:
    distance = np.stack([(values != row).sum(1) for row in values])
    return np.argwhere(np.triu(distance <= most, 1))


def _brute_groups(values: np.ndarray, most: int) -> np.ndarray:
    links = np.stack([(values != row).sum(1) <= most for row in values])
    _, component = connected_components(links, directed=False)
    return np.array([np.flatnonzero(component == c)[0] for c in component])


def _family(seed: int, rows: int, columns: int = 145) -> np.ndarray:
    """Rows that descend from earlier ones by 0-4 changes: chains, clusters and duplicates."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 100, (rows, columns), dtype=np.uint8)
    for row in range(1, rows):
        if rng.random() < 0.8:
            values[row] = values[rng.integers(row)]
            changed = rng.integers(0, columns, rng.integers(5))
            values[row, changed] = rng.integers(0, 100, len(changed))
    return values


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 3))
def test_groups_equal_brute_force(seed: int, rows: int, most: int) -> None:
    values = _family(seed, rows)
    np.testing.assert_array_equal(near_duplicates.near_pairs(values, most), _brute_pairs(values, most))
    np.testing.assert_array_equal(near_duplicates.twin_groups(values, most), _brute_groups(values, most))


def test_groups_are_named_by_their_first_row() -> None:
    values = np.zeros((5, 145), np.uint8)
    values[1, :3] = 1  # three away from row 0
    values[3, :2] = 1  # two from row 0, one from row 1: the link of a chain
    values[2] = values[4] = 9
    np.testing.assert_array_equal(near_duplicates.twin_groups(values), [0, 0, 2, 0, 2])
    assert near_duplicates.twin_groups(values[:0]).shape == (0,)


@pytest.mark.corpus
def test_learnfm_sample_against_brute_force() -> None:
    """2,000 presets of the corpus, sorted by their values, so that near duplicates are neighbors."""
    try:
        values = corpora.read("learnfm", corpora.find("learnfm")[0]).neutral().values
    except DataMissingError as error:
        pytest.skip(str(error))
    order = np.lexsort(values.T[:20])
    sample = values[order[10_000:12_000]]
    np.testing.assert_array_equal(near_duplicates.near_pairs(sample), _brute_pairs(sample, 2))
    np.testing.assert_array_equal(near_duplicates.twin_groups(sample), _brute_groups(sample, 2))
    assert len(np.unique(near_duplicates.twin_groups(sample))) < 1_950
