"""A small index of a corpus by sound: which presets sound nearest, without a parameter in it.

A spectrogram becomes 64 numbers: amplitudes to the power of 0.4 (about as loudness goes), averaged over
blocks that are finer in the attack, projected on their principal components over the corpus, in 8 bits. It
holds rows of the corpus and these numbers, so that it may ship where the presets may not.

Chosen on validation presets, relatives removed, by the distance of the best of 16 answers' renders: it is
less than with the exact search of decibels (`retrieval.exact_neighbors`), which needs 1.7 GB of spectrograms
and ten times as long (`benchmarks/index.py`). `python -m latentdx.retrieval.build_index` makes what ships.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from latentdx.audio.spectrogram import CEILING_DB, FLOOR_DB, N_FRAMES, N_MELS, SETTINGS, from_codes
from latentdx.dataset.store import Store
from latentdx.errors import DataMissingError, ParameterError, SoundIndexError
from latentdx.files import atomic_write
from latentdx.typing import Codes

DIMENSIONS = 64

_KEY = "latentdx"
_POWER = 0.4
_ONE = 2**16  # what amplitude 1 becomes; whole numbers sum to the same everywhere
_MEL_STARTS = np.arange(0, N_MELS, 4)
_FRAME_STARTS = np.array([*range(0, 64, 8), *range(64, N_FRAMES, 24)])  # the first 0.7 s finer
_MEL_SIZES = np.diff(_MEL_STARTS, append=N_MELS)
_FRAME_SIZES = np.diff(_FRAME_STARTS, append=N_FRAMES)
_N_BLOCKS = len(_MEL_STARTS) * len(_FRAME_STARTS)  # 1,300
_TENSORS = {"rows": np.int32, "codes": np.int8, "basis": np.float16, "offset": np.float32}


def _block_means(codes: Codes) -> npt.NDArray[np.float64]:
    """uint8 (257, 347) -> (1300,), so scaled that squared differences sum to the mean over all bins."""
    table = np.rint(_ONE * 10 ** (from_codes(np.arange(256, dtype=np.uint8)).astype(float) * _POWER / 20))
    sums = np.add.reduceat(table.astype(np.int32)[codes], _MEL_STARTS, axis=0)
    sums = np.add.reduceat(sums, _FRAME_STARTS, axis=1)
    area = np.outer(_MEL_SIZES, _FRAME_SIZES)
    return (sums / np.sqrt(area) / (_ONE * np.sqrt(area.sum()))).ravel()


@dataclass(frozen=True)
class IndexHeader:
    """What an index says of itself.

    Attributes:
        corpus, corpus_sha256: of the presets as rendered, see `presets.corpora.bank_hash`.
        split, subset: which of its presets are in the index.
        n: how many.
        note: MIDI note and velocity that they were heard at.
        engine: that rendered them.
        scale: of one step of the 8-bit numbers.
        content_sha256: of the arrays.
        spectrogram, decibels: settings of the spectrograms, and the range of their codes.
        code_sha256, libraries: of what made it; a committed file cannot name the commit that holds it.
    """

    corpus: str
    corpus_sha256: str
    split: str
    subset: str
    n: int
    note: list[int]
    engine: str
    scale: float
    content_sha256: str
    spectrogram: dict[str, str | int | float] = field(default_factory=lambda: dict(SETTINGS))
    decibels: list[float] = field(default_factory=lambda: [FLOOR_DB, CEILING_DB])
    code_sha256: str = field(default_factory=lambda: hashlib.sha256(Path(__file__).read_bytes()).hexdigest())
    libraries: str = field(default_factory=lambda: f"numpy {version('numpy')}")


@dataclass(frozen=True, eq=False)
class SoundIndex:
    """Presets of a corpus, to be found by sound; make one with `build` or `read`.

    Attributes:
        rows: int32 (n,), rows of the corpus.
        codes: int8 (n, d), their sounds.
        basis, offset: float16 (1300, d) and float32 (d,): blocks of a spectrogram -> d numbers.
        about: what made it.
    """

    rows: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int8]
    basis: npt.NDArray[np.float16]
    offset: npt.NDArray[np.float32]
    about: IndexHeader

    @classmethod
    def build(
        cls,
        store: Store,
        rows: npt.ArrayLike,
        *,
        split: str = "",
        subset: str = "",
        note: int = 0,
        dimensions: int = DIMENSIONS,
    ) -> Self:
        """Index some rows of a store, the same bytes each time: about 0.5 ms a preset.

        Args:
            store: with their spectrograms.
            rows: which, each once, at least one.
            split, subset: what the rows are, recorded.
            note: index into the store's notes.
            dimensions: numbers a preset, at least 1; fewer where there are not more presets than that.
        """
        wanted = np.asarray(rows)
        if wanted.ndim != 1 or not len(wanted) or len(np.unique(wanted)) < len(wanted):
            raise ParameterError(f"rows to index are (n,), n > 0, each once, not {wanted.shape}")
        if dimensions < 1:
            raise ParameterError(f"{dimensions} dimensions: at least 1")
        if not 0 <= note < len(store.notes):
            raise ParameterError(f"note {note} is outside 0 … {len(store.notes) - 1}")
        means = np.stack([_block_means(store.row(row)[note]) for row in wanted.tolist()])
        basis = _principal(means, max(1, min(dimensions, len(wanted) - 1, _N_BLOCKS)))
        offset = (means.mean(0) @ basis).astype(np.float32)
        exact = means @ basis - offset
        scale = float(np.abs(exact).max() / 127) or 1.0
        codes = np.rint(exact / scale).astype(np.int8)
        arrays = {"rows": wanted.astype(np.int32), "codes": codes, "basis": basis, "offset": offset}
        about = IndexHeader(
            corpus=store.manifest.corpus,
            corpus_sha256=store.manifest.corpus_sha256,
            split=split,
            subset=subset,
            n=len(wanted),
            note=list(store.notes[note]),
            engine=store.manifest.renderer,
            scale=scale,
            content_sha256=_content_hash(arrays),
        )
        return cls(**arrays, about=about)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _points(self) -> npt.NDArray[np.float32]:
        return self.codes.astype(np.float32)

    def nearest(
        self, codes: Codes, k: int = 1, *, excluded: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The `k` presets that sound nearest, nearest first (of equals the one listed first).

        Args:
            codes: uint8 (257, 347), as of `audio.spectrogram.to_codes`, of a sound at the index's note.
            k: how many, at least 1; fewer come back where fewer are left.
            excluded: bool (n,), which of `rows` to leave out.

        Returns:
            Rows of the corpus, and about the root mean square differences of amplitudes to the power of 0.4.
        """
        if codes.shape != (N_MELS, N_FRAMES) or codes.dtype != np.uint8:
            raise ParameterError(f"codes are uint8 ({N_MELS}, {N_FRAMES}), not {codes.dtype} {codes.shape}")
        if k < 1:
            raise ParameterError(f"k {k}: at least 1")
        if excluded is not None and (excluded.shape != self.rows.shape or excluded.dtype != np.bool_):
            raise ParameterError(f"excluded is bool ({len(self)},), not {excluded.dtype} {excluded.shape}")
        scale = self.about.scale
        query = ((_block_means(codes) @ self.basis - self.offset) / scale).astype(np.float32)
        distances = np.sqrt(((self._points - query) ** 2).sum(1)).astype(np.float64) * scale
        order = np.argsort(distances, kind="stable")
        order = order[:k] if excluded is None else order[~excluded[order]][:k]
        return self.rows[order].astype(np.int64), distances[order]

    def write(self, file: Path) -> Path:
        """Write a safetensors file, atomically; the same index, the same bytes."""
        # safetensors writes arrays as they lie in memory
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _TENSORS}
        with atomic_write(file) as opened:
            opened.write(serialize(arrays, {_KEY: json.dumps(asdict(self.about), sort_keys=True)}))
        return file

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            DataMissingError: there is no such file.
            SoundIndexError: it is damaged, no index, or made of spectrograms of another kind.
        """
        if not file.is_file():
            raise DataMissingError(
                f"{file} does not exist: `python -m latentdx.retrieval.build_index` makes it"
            )
        try:
            with safe_open(file, "np") as opened:
                about = IndexHeader(**json.loads(opened.metadata()[_KEY]))
                arrays = {name: opened.get_tensor(name) for name in _TENSORS}
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise SoundIndexError(f"{file} is no index of sounds: {error}") from error
        if about.spectrogram != SETTINGS or about.decibels != [FLOOR_DB, CEILING_DB]:
            raise SoundIndexError(
                f"{file} was made of other spectrograms: {about.spectrogram}, {about.decibels} dB"
            )
        n, d = arrays["codes"].shape if arrays["codes"].ndim == 2 else (0, 0)
        shapes = {"rows": (n,), "codes": (n, d), "basis": (_N_BLOCKS, d), "offset": (d,)}
        for name, shape in shapes.items():
            array = arrays[name]
            if array.shape != shape or array.dtype != _TENSORS[name] or not array.size:
                raise SoundIndexError(
                    f"{file}: {name} is {array.dtype} {array.shape}, beside codes ({n}, {d})"
                )
        if about.n != n or about.content_sha256 != _content_hash(arrays):
            raise SoundIndexError(f"{file} is damaged: its content has not the SHA-256 that it names")
        return cls(**arrays, about=about)


def _principal(means: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float16]:
    """The first `n` principal axes (1300, n), each with its largest entry positive."""
    triangle = np.linalg.qr(means - means.mean(0), mode="r")  # of the same axes, and never large
    axes = np.linalg.svd(triangle, full_matrices=False)[2][:n].T
    axes *= np.sign(axes[np.abs(axes).argmax(0), np.arange(n)])
    return axes.astype(np.float16)


def _content_hash(arrays: dict[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in _TENSORS:
        digest.update(f"{name} {arrays[name].shape}".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
