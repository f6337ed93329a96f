"""Anchors match their definitions, and the fast exact search agrees with a slow one."""

from pathlib import Path

import numpy as np
import pytest

from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import Store
from latentdx.errors import ParameterError, StoreMismatchError
from latentdx.evaluation import baselines
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import learnable_parameters, maxima, voice_parameters
from latentdx.retrieval.exact_neighbors import Neighbors
from latentdx.run_options import RunOptions

NOTES = ((60, 85), (48, 40))


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    """Return sixty starter presets, and ten of them again with three values changed."""
    bank = corpora.read("starter").neutral()[::6][:60]
    values = bank.values.copy()
    changed = values[:10].copy()
    changed[:, [3, 40, 100]] = maxima()[[3, 40, 100]] - changed[:, [3, 40, 100]]
    return PresetBank.from_values(np.concatenate([values, changed]))


@pytest.fixture(scope="module")
def store(bank, tmp_path_factory) -> Store:
    return render_store(bank, NOTES, tmp_path_factory.mktemp("store"), corpus="starter", shard_size=16)


TRAIN, TEST = np.arange(10, 70), np.arange(10)


def slow_distances(store: Store, row: int, others: np.ndarray, note: int = 0) -> np.ndarray:
    decibels = store.decibels(others)[:, note].astype(np.float64)
    return np.abs(decibels - store.decibels([row])[0, note]).mean((1, 2))


@pytest.mark.parametrize("note", [0, 1])
def test_neighbors_agree_with_a_plain_search(store, note) -> None:
    neighbors = Neighbors(store, TRAIN, note)
    excluded = np.random.default_rng(0).random(len(TRAIN)) < 0.5
    for row in (0, 3, 7, 42):
        expected = slow_distances(store, row, TRAIN, note)
        rows, distances = neighbors.nearest(store.row(row)[note], 5)
        np.testing.assert_allclose(distances, np.sort(expected)[:5], atol=1e-4)
        np.testing.assert_allclose(expected[rows - TRAIN[0]], distances, atol=1e-4)
        rows, distances = neighbors.nearest(store.row(row)[note], 3, excluded=excluded)
        assert not excluded[rows - TRAIN[0]].any()
        np.testing.assert_allclose(distances, np.sort(expected[~excluded])[:3], atol=1e-4)


def test_neighbors_with_few_or_no_candidates(store) -> None:
    neighbors = Neighbors(store, TRAIN[:4])
    rows, distances = neighbors.nearest(store.row(11)[0], 9)
    assert sorted(rows) == [10, 11, 12, 13] and rows[0] == 11 and distances[0] == 0
    assert (np.diff(distances) >= 0).all()
    rows, distances = neighbors.nearest(store.row(11)[0], excluded=np.ones(4, bool))
    assert len(rows) == len(distances) == 0
    with pytest.raises(ParameterError, match="uint8"):
        neighbors.nearest(store.row(11)[0].astype(np.float32))
    with pytest.raises(ParameterError, match="N > 0"):
        Neighbors(store, [])


def test_nearest_rows_with_and_without_relatives(bank, store, tmp_path: Path) -> None:
    """With relatives, the closest sound is found; without, near duplicates never are."""
    found = baselines.nearest_rows(bank, store, TRAIN, TEST, options=RunOptions(cache=tmp_path))
    without = baselines.nearest_rows(
        bank, store, TRAIN, TEST, related=False, options=RunOptions(cache=tmp_path)
    )
    for i, row in enumerate(TEST):
        distances = slow_distances(store, row, TRAIN)
        assert distances[found[i] - 10] == pytest.approx(distances.min(), abs=1e-4)
        shared = (bank.values[TRAIN] == bank.values[row]).sum(1)
        assert shared[without[i] - 10] < 116 and shared[60 - 10 + i] == 142
        assert distances[without[i] - 10] == pytest.approx(distances[shared < 116].min(), abs=1e-4)
    assert (found == TEST + 60).any() and (without != TEST + 60).all()


def test_nearest_rows_are_cached(bank, store, tmp_path: Path, monkeypatch) -> None:
    first = baselines.nearest_rows(bank, store, TRAIN, TEST, options=RunOptions(cache=tmp_path))
    monkeypatch.setattr(baselines, "Neighbors", None)  # a second search would fail
    again = baselines.nearest_rows(bank, store, TRAIN, TEST, options=RunOptions(cache=tmp_path))
    np.testing.assert_array_equal(first, again)
    for other in ({"related": False}, {"train": TRAIN[1:]}, {"rows": TEST[1:]}):
        with pytest.raises(TypeError, match="not callable"):
            baselines.nearest_rows(
                **({"bank": bank, "store": store, "train": TRAIN, "rows": TEST} | other),
                options=RunOptions(cache=tmp_path),
            )
    with pytest.raises(StoreMismatchError):
        baselines.nearest_rows(bank[:5], store, TRAIN, TEST, options=RunOptions(cache=tmp_path))


def test_a_row_with_only_relatives_is_refused(bank, store, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="row 0 has no neighbor: all training presets are its relatives"):
        baselines.nearest_neighbor_presets(
            bank, store, np.array([60]), np.array([0]), related=False, options=RunOptions(cache=tmp_path)
        )


def test_relatives_share_at_least_116_of_145_values() -> None:
    preset = PresetBank.init().values[0]
    others = preset[None].repeat(2, 0)
    others[0, :29] += 1
    others[1, :30] += 1
    assert baselines.relatives(preset, others).tolist() == [True, False]


def test_one_step_moves_one_live_parameter(bank) -> None:
    """One live parameter moves one step within its range; the draw depends on the row alone."""
    live = np.random.default_rng(0).random((70, 145)) < 0.3
    live[:, [not p.learnable for p in voice_parameters()]] = False
    live[5] = False
    rows = np.arange(70) + 1000
    found = baselines.one_step(bank, live, rows)
    difference = found.values.astype(int) - bank.values
    moved = np.abs(difference).sum(1)
    assert (moved == np.where(np.arange(70) == 5, 0, 1)).all()
    assert live[difference != 0].all()
    assert {-1, 1} <= set(difference.ravel())
    part = baselines.one_step(bank[[7, 3]], live[[7, 3]], rows[[7, 3]])
    np.testing.assert_array_equal(part.values, found.values[[7, 3]])
    assert (baselines.one_step(bank, live, rows, seed=1).values != found.values).any()


def test_one_step_stays_within_range() -> None:
    """A parameter at its minimum moves up, and one at its maximum moves down."""
    live = np.zeros((40, 145), bool)
    live[:, 0] = True
    for edge, expected in ((0, 1), (99, 98)):
        values = PresetBank.init().values.repeat(40, 0)
        values[:, 0] = edge
        found = baselines.one_step(PresetBank.from_values(values), live, np.arange(40))
        assert (found.values[:, 0] == expected).all()


def test_mean_preset(bank) -> None:
    """Means of numerical parameters, modes of categorical ones: exact in `plugin`, rounded in `values`."""
    found = baselines.mean_preset(bank, 3)
    assert len(found) == 3 and (found.values == found.values[0]).all()
    for p in learnable_parameters():
        known = bank.values[:, p.vced].astype(int)
        if p.kind == "numerical":
            assert found.plugin[1, p.index] == pytest.approx(known.mean() / p.maximum, abs=1e-6)
            assert abs(found.values[1, p.vced] - known.mean()) <= 0.5
        else:
            values, counts = np.unique(known, return_counts=True)
            assert counts[values == found.values[1, p.vced]][0] == counts.max()
    # the mean is the best constant answer by squared error: moving it anywhere is worse
    plugin = bank.plugin()
    errors = ((plugin - found.plugin[0]) ** 2).mean()
    assert errors < ((plugin - plugin[0]) ** 2).mean() and errors < ((plugin - plugin[9]) ** 2).mean()


def test_random_presets_come_from_the_training_set(bank) -> None:
    found = baselines.random_presets(bank, TRAIN, np.arange(200))
    of = {values.tobytes(): i for i, values in enumerate(bank.values)}
    drawn = [of[v.tobytes()] for v in found.values]
    assert set(drawn) <= set(TRAIN.tolist()) and len(set(drawn)) > 40
    again = baselines.random_presets(bank, TRAIN, [7, 150])
    np.testing.assert_array_equal(again.values, found.values[[7, 150]])


def test_perfect_returns_the_targets(bank) -> None:
    np.testing.assert_array_equal(baselines.perfect(bank).values, bank.values)
