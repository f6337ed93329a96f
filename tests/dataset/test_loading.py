"""Torch datasets over a store: each spectrogram comes with its preset, in any order and any process."""

import numpy as np
import pytest
import torch
from small_stores import NOTES, random_bank
from torch.utils.data import DataLoader

from latentdx import PresetBank
from latentdx.audio.spectrogram import from_codes
from latentdx.dataset.loading import Item, SpectrogramDataset, loader, to_decibels
from latentdx.dataset.store import Store
from latentdx.errors import ParameterError, StoreMismatchError


@pytest.fixture
def dataset(store: Store, bank: PresetBank) -> SpectrogramDataset:
    return SpectrogramDataset(store, bank, rows=[4, 19, 0, 7, 11])


def assert_right(item: Item, store: Store, bank: PresetBank) -> None:
    """Each spectrogram and each preset are those of the item's row."""
    rows = item.row.numpy()
    np.testing.assert_array_equal(item.spectrogram.numpy(), store.codes(rows))
    np.testing.assert_array_equal(item.values.numpy(), bank.values[rows])


def test_an_item(dataset: SpectrogramDataset, store: Store, bank: PresetBank) -> None:
    item = dataset[1]
    assert item.spectrogram.shape == (len(NOTES), 257, 347) and item.spectrogram.dtype == torch.uint8
    assert item.values.shape == (145,) and item.values.dtype == torch.uint8
    assert item.row.shape == () and int(item.row) == 19
    np.testing.assert_array_equal(item.spectrogram.numpy(), store.row(19))
    np.testing.assert_array_equal(item.values.numpy(), bank.values[19])


def test_a_batch_is_its_items(dataset: SpectrogramDataset, store: Store, bank: PresetBank) -> None:
    batch = dataset[[3, 0, 3]]
    assert batch.row.tolist() == [7, 4, 7]
    assert_right(batch, store, bank)
    assert len(dataset) == 5 and len(SpectrogramDataset(store, bank)) == 20
    assert dataset[-1].row == 11
    with pytest.raises(IndexError):
        dataset[5]


def test_decibels_are_those_of_the_codes(store: Store, bank: PresetBank) -> None:
    item = SpectrogramDataset(store, bank, decibels=True)[6]
    np.testing.assert_array_equal(item.spectrogram.numpy(), from_codes(store.row(6)))
    codes = torch.arange(256, dtype=torch.uint8)
    np.testing.assert_array_equal(to_decibels(codes).numpy(), from_codes(codes.numpy()))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_serves_every_row_once(store: Store, bank: PresetBank, workers: int) -> None:
    dataset = SpectrogramDataset(store, bank)
    batches = list(loader(dataset, 6, shuffle=True, workers=workers))
    assert [len(b.row) for b in batches] == [6, 6, 6, 2]
    for batch in batches:
        assert_right(batch, store, bank)
    rows = torch.cat([b.row for b in batches]).tolist()
    assert sorted(rows) == list(range(20)) != rows


def test_the_order_follows_the_seed(dataset: SpectrogramDataset) -> None:
    def epochs(**options: object) -> list[list[int]]:
        batches = loader(dataset, 2, **options)  # type: ignore[arg-type]
        return [torch.cat([b.row for b in batches]).tolist() for _ in range(2)]

    first, second = epochs(shuffle=True, seed=1)
    assert first != second and epochs(shuffle=True, seed=1) == [first, second]
    assert epochs(shuffle=True, seed=2)[0] != first
    assert epochs() == 2 * [[4, 19, 0, 7, 11]]
    assert epochs(drop_last=True) == 2 * [[4, 19, 0, 7]]


def test_torchs_own_loader_works_too(dataset: SpectrogramDataset, store: Store, bank: PresetBank) -> None:
    (batch,) = DataLoader(dataset, batch_size=5)
    assert batch.row.tolist() == [4, 19, 0, 7, 11]
    assert_right(batch, store, bank)


def test_another_bank_is_refused(store: Store) -> None:
    with pytest.raises(StoreMismatchError, match="was rendered from a bank with SHA-256"):
        SpectrogramDataset(store, random_bank(20, seed=1))


@pytest.mark.parametrize("row", [-1, 20])
def test_rows_beyond_the_store_are_refused(store: Store, bank: PresetBank, row: int) -> None:
    with pytest.raises(ParameterError, match="are not within 0 … 19"):
        SpectrogramDataset(store, bank, [3, row])
