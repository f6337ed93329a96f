"""Live masks of a corpus, computed once a preset and kept in the user's cache: 0.3 s a preset and core."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from tqdm import tqdm

from latentdx.audio.dexed import SINGLE_NOTE, Dexed, Renderer
from latentdx.dataset.store import atomic_write
from latentdx.download import cache_folder
from latentdx.models import live
from latentdx.presets.bank import PresetBank
from latentdx.presets.corpora import bank_hash
from latentdx.presets.parameters import N_VALUES

_METHOD = 1  # raise it when `models.live` finds otherwise, lest stale masks be reused
_UNKNOWN = 2
_CHUNK = 32  # presets between two writes: about ten seconds of one core


def mask_file(
    bank: PresetBank, notes: Sequence[tuple[int, int]], renderer: Renderer, cache: Path | None = None
) -> Path:
    """Where a corpus's masks are kept: named by its hash, the notes, the engine and the method."""
    pairs = [(int(n), int(v)) for n, v in notes]
    what = f"{_METHOD} {live.THRESHOLD} {bank_hash(bank)} {pairs} {renderer.engine}"
    return (cache or cache_folder()) / "live" / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.npy"


def live_masks(
    bank: PresetBank,
    rows: npt.NDArray[np.integer],
    notes: Sequence[tuple[int, int]] = SINGLE_NOTE,
    *,
    renderer: Renderer | None = None,
    threads: int | None = None,
    cache: Path | None = None,
    progress: bool | None = None,
) -> npt.NDArray[np.bool_]:
    """`models.live.live_parameters` of some rows of a corpus, each computed once; bool (len(rows), 145).

    What is finished is written every 32 presets, so an interruption loses seconds. All rows of a corpus share
    one file: the test sets of both splits, which overlap, are computed once where they do.

    Args:
        bank: the whole corpus, neutral.
        rows: which of it.
        notes, renderer, threads, progress: as of `live_parameters`.
        cache: default the user's.
    """
    synth = renderer or Dexed()
    path = mask_file(bank, notes, synth, cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        known = np.full((len(bank), N_VALUES), _UNKNOWN, np.uint8)
        if path.exists():
            known = np.load(path)
        missing = np.unique(rows[known[rows, 0] == _UNKNOWN])
        hidden = None if progress is None else not progress
        with tqdm(total=len(missing), unit="preset", desc="live parameters", disable=hidden) as bar:
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                known[chunk] = live.live_parameters(
                    bank[chunk], notes, renderer=synth, threads=threads, progress=False
                )
                with atomic_write(path) as file:
                    np.save(file, known)
                bar.update(len(chunk))
    return known[rows] == 1
