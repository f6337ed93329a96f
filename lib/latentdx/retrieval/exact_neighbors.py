"""Exact nearest neighbors among a store's spectrograms by mean absolute difference, found in milliseconds.

The sum of absolute differences over a block is at least the absolute difference of the block's sums. The sums
over blocks of 4 mel bands by 32 frames (715 numbers instead of 89,179) therefore bound each distance from
below. Presets are compared in the order of their bounds, until the next bound exceeds the distances found.
"""

import numpy as np
import numpy.typing as npt
import torch

from latentdx.audio.spectrogram import CEILING_DB, FLOOR_DB, N_FRAMES, N_MELS
from latentdx.dataset.store import Store
from latentdx.errors import ParameterError
from latentdx.typing import Codes

_BLOCK = (4, 32)  # mel bands, frames; the fastest of nine sizes: the bounds take 7 ms per query
_BATCH = 16  # presets compared at a time
_ROUNDING = 1 - 1e-5  # keeps the bounds below the distances in spite of single precision
_DB = (CEILING_DB - FLOOR_DB) / 255  # size of one step of the codes


def _block_sums(codes: Codes) -> npt.NDArray[np.float32]:
    """Return the sums over blocks: uint8 (N, 257, 347) -> float32 (N, 715)."""
    starts = [np.arange(0, size, block) for size, block in zip((N_MELS, N_FRAMES), _BLOCK, strict=True)]
    mels = np.add.reduceat(codes, starts[0], axis=1, dtype=np.int32)
    return np.add.reduceat(mels, starts[1], axis=2).reshape(len(codes), -1).astype(np.float32)


class Neighbors:
    """Nearest neighbors among some rows of a store, at one of its notes.

    Args:
        store: Store of spectrograms. Its shards stay on the disk; the rows' block sums (2.9 kB per preset)
            are kept in memory.
        rows: Rows to search, at least one.
        note: Index of the note within the store's notes.

    Raises:
        ParameterError: There are no rows, or the array has more than one dimension.
    """

    def __init__(self, store: Store, rows: npt.ArrayLike, note: int = 0) -> None:
        self.store, self.note = store, note
        self.rows = np.asarray(rows, np.int64)
        if self.rows.ndim != 1 or not len(self.rows):
            raise ParameterError(f"rows to search must have shape (N,), N > 0, not {self.rows.shape}")
        parts = (self._codes(self.rows[i : i + 256]) for i in range(0, len(self.rows), 256))
        self._sums = torch.from_numpy(np.concatenate([_block_sums(part) for part in parts]))

    def _codes(self, rows: npt.NDArray[np.int64]) -> Codes:
        return np.stack([self.store.row(row)[self.note] for row in rows.tolist()])

    def nearest(
        self, codes: Codes, k: int = 1, *, excluded: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Find the `k` rows that are closest to one sound, exactly.

        Args:
            codes: Mel spectrogram of the sound, uint8 (257, 347), see `audio.spectrogram.to_codes`.
            k: Number of rows to find, at least 1; fewer are returned if fewer are left.
            excluded: Mask of those of `rows` to leave out, bool (N,); default none.

        Returns:
            Rows of the store, int64 (k,), and their mean absolute differences in dB, float64 (k,), closest
            first. Equally close rows come in the order of `rows`.

        Raises:
            ParameterError: Codes, `k` or mask have another dtype, shape or range.
        """
        if codes.shape != (N_MELS, N_FRAMES) or codes.dtype != np.uint8:
            raise ParameterError(
                f"codes must be uint8 ({N_MELS}, {N_FRAMES}), not {codes.dtype} {codes.shape}"
            )
        if k < 1:
            raise ParameterError(f"a search must find at least 1 row, not {k}")
        if excluded is not None and (excluded.shape != self.rows.shape or excluded.dtype != np.bool_):
            raise ParameterError(
                f"excluded must be bool {self.rows.shape}, not {excluded.dtype} {excluded.shape}"
            )
        query = torch.from_numpy(_block_sums(codes[None]))
        bounds = torch.cdist(query, self._sums, p=1)[0].numpy() * _ROUNDING
        if excluded is not None:
            bounds = np.where(excluded, np.inf, bounds)
        order = np.argsort(bounds, kind="stable")
        order = order[: int(np.isfinite(bounds).sum())]
        wanted = codes.astype(np.int16)
        found: list[tuple[int, int]] = []  # (distance, place), sorted, at most k
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            if len(found) == k and bounds[places[0]] > found[-1][0]:
                break
            sums = np.abs(self._codes(self.rows[places]) - wanted).sum((1, 2), dtype=np.int64)
            found = sorted([*found, *zip(sums.tolist(), places.tolist(), strict=True)])[:k]
        distances = np.array([d for d, _ in found]) * (_DB / codes.size)
        return self.rows[[place for _, place in found]], distances
