"""Torch datasets and loaders over a spectrogram store."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from latentdx.audio.spectrogram import CEILING_DB, FLOOR_DB
from latentdx.dataset.store import Store
from latentdx.errors import ParameterError, StoreMismatchError
from latentdx.presets.bank import PresetBank
from latentdx.presets.corpora import bank_hash


class Item(NamedTuple):
    """One preset, or a batch of presets with a leading dimension.

    Attributes:
        spectrogram: Mel spectrogram at each note as uint8 codes, or as float32 in dB, (note, 257, 347).
        values: Preset as DX7 integers, uint8 (145,).
        row: Row of the preset in the store and in the bank, int64 ().
    """

    spectrogram: Tensor
    values: Tensor
    row: Tensor


def to_decibels(codes: Tensor) -> Tensor:
    """Convert the codes of spectrograms to dB, like `audio.spectrogram.from_codes` does for arrays.

    Convert on the target device: codes take a quarter of the bytes that floats would take on the way there.

    Args:
        codes: uint8 of any shape, on any device.

    Returns:
        Levels in dB, float32, of the same shape and on the same device.

    >>> to_decibels(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
    [-120.0, 20.0]
    """
    return codes.to(torch.float32, copy=True).mul_((CEILING_DB - FLOOR_DB) / 255.0).add_(FLOOR_DB)


class SpectrogramDataset(Dataset[Item]):
    """Dataset of a store's spectrograms and the presets that they were rendered from.

    `dataset[3]` is one `Item`, `dataset[[3, 1, 4]]` is a batch. The store stays on the disk.

    Args:
        store: Store, see `render_store`.
        bank: Bank that the store was rendered from.
        rows: Rows to serve, in this order, such as those of a split; default all.
        decibels: Serve float32 levels in dB instead of uint8 codes.

    Raises:
        StoreMismatchError: The store was rendered from another bank.
        ParameterError: A row is outside the store.
    """

    def __init__(
        self,
        store: Store,
        bank: PresetBank,
        rows: npt.ArrayLike | None = None,
        *,
        decibels: bool = False,
    ) -> None:
        found, expected = bank_hash(bank), store.manifest.corpus_sha256
        if found != expected:
            raise StoreMismatchError(
                f"{store.folder} was rendered from a bank with SHA-256 {expected}, but this bank has {found}"
            )
        self.rows = np.arange(len(store)) if rows is None else np.array(rows, np.int64)
        if len(self.rows) and not 0 <= self.rows.min() <= self.rows.max() < len(store):
            raise ParameterError(
                f"rows {self.rows.min()} … {self.rows.max()} are not within 0 … {len(store) - 1}"
            )
        self.store, self.decibels = store, decibels
        self._values = torch.tensor(bank.values)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | Sequence[int] | npt.NDArray[np.int64]) -> Item:
        rows = self.rows[index]
        codes = torch.from_numpy(self.store.codes(rows))
        spectrogram = to_decibels(codes) if self.decibels else codes
        row = torch.as_tensor(rows)
        return Item(spectrogram if row.ndim else spectrogram[0], self._values[row], row)


def loader(
    dataset: SpectrogramDataset,
    batch_size: int,
    *,
    shuffle: bool = False,
    drop_last: bool = False,
    workers: int = 0,
    seed: int = 0,
) -> DataLoader[Item]:
    """Return a loader of batched `Item`s, which gathers each batch at once instead of collating copies.

    Args:
        dataset: Dataset to load from.
        batch_size: Number of presets in a batch.
        shuffle: Shuffle the rows anew in each epoch.
        drop_last: Leave out the last batch if it is incomplete.
        workers: Number of processes that load batches in advance; 0 loads in the current process, which is
            fast enough for a store that fits into memory.
        seed: Random seed of the shuffling; equal seeds give equal orders.
    """
    sampler = (
        RandomSampler(dataset, generator=torch.Generator().manual_seed(seed))
        if shuffle
        else SequentialSampler(dataset)
    )
    batches = BatchSampler(sampler, batch_size, drop_last)
    return DataLoader(
        dataset, sampler=batches, batch_size=None, num_workers=workers, persistent_workers=workers > 0
    )
