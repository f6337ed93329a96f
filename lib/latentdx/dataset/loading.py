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
    """One preset, or a batch of them with a leading dimension.

    Attributes:
        spectrogram: uint8 codes, or float32 dB: (note, 257, 347).
        values: uint8 (145,), the preset in the DX7's own integers.
        row: int64 (), its row in the store and in the bank.
    """

    spectrogram: Tensor
    values: Tensor
    row: Tensor


def to_decibels(codes: Tensor) -> Tensor:
    """Codes of any shape, on any device -> dB, float32: `audio.spectrogram.from_codes` for tensors.

    A quarter of the bytes travel when codes go to a device first and become floats there.
    """
    return codes.to(torch.float32, copy=True).mul_((CEILING_DB - FLOOR_DB) / 255.0).add_(FLOOR_DB)


class SpectrogramDataset(Dataset[Item]):
    """Random access to a store's spectrograms with the presets that made them; the store stays on the disk.

    `dataset[3]` is one `Item`, `dataset[[3, 1, 4]]` a batch.

    Args:
        store: what `render_store` made.
        bank: the presets it was made from.
        rows: which rows to serve, in this order (a split); default all.
        decibels: serve float32 dB instead of uint8 codes.

    Raises:
        StoreMismatchError: the store was rendered from another bank.
        ParameterError: a row that the store has not.
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
                f"{store.folder} was rendered from a bank with SHA-256 {expected}, this one has {found}"
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
    """A loader of batched `Item`s; each batch is gathered at once, without a copy to collate it.

    Args:
        dataset: what to load.
        batch_size: presets a batch.
        shuffle: a new order each epoch, the same ones for the same seed.
        drop_last: leave out an incomplete last batch.
        workers: processes that load ahead; 0 loads in this one, which is enough for a store in memory.
        seed: of the order.
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
