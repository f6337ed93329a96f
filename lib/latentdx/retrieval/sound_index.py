"""A small index of a corpus by sound, which finds the presets closest to a sound.

A spectrogram becomes 64 numbers: amplitudes to the power of 0.4 (roughly loudness) are averaged over blocks
that are finer during the attack, projected on their principal components over the corpus, and stored in 8
bits. The index holds these numbers and rows of the corpus, but no parameters, so it may ship where the
presets may not.

The method was chosen on validation presets without their relatives, by the distance of the best of 16
rendered results. That distance is smaller than with the exact search in decibels
(`retrieval.exact_neighbors`), which needs 1.7 GB of spectrograms and takes ten times as long
(`benchmarks/index.py`). `python -m latentdx.retrieval.build_index` builds the indexes that ship.
"""

import hashlib
import json
import sys
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
from latentdx.caching import code_hash
from latentdx.dataset.store import Store
from latentdx.errors import DataMissingError, ParameterError, SoundIndexError
from latentdx.files import atomic_write
from latentdx.typing import Codes

DIMENSIONS = 64

_KEY = "latentdx"
_POWER = 0.4
_ONE = 2**16  # amplitude 1 in fixed point; sums of integers are equal on every machine
_MEL_STARTS = np.arange(0, N_MELS, 4)
_FRAME_STARTS = np.array([*range(0, 64, 8), *range(64, N_FRAMES, 24)])  # finer in the first 0.7 s
_MEL_SIZES = np.diff(_MEL_STARTS, append=N_MELS)
_FRAME_SIZES = np.diff(_FRAME_STARTS, append=N_FRAMES)
_N_BLOCKS = len(_MEL_STARTS) * len(_FRAME_STARTS)  # 1,300
_TENSORS = {"rows": np.int32, "codes": np.int8, "basis": np.float16, "offset": np.float32}


def _block_means(codes: Codes) -> npt.NDArray[np.float64]:
    """Return block means, (1300,), scaled so that their squared differences sum to the mean over all bins."""
    table = np.rint(_ONE * 10 ** (from_codes(np.arange(256, dtype=np.uint8)).astype(float) * _POWER / 20))
    sums = np.add.reduceat(table.astype(np.int32)[codes], _MEL_STARTS, axis=0)
    sums = np.add.reduceat(sums, _FRAME_STARTS, axis=1)
    area = np.outer(_MEL_SIZES, _FRAME_SIZES)
    return (sums / np.sqrt(area) / (_ONE * np.sqrt(area.sum()))).ravel()


@dataclass(frozen=True)
class IndexHeader:
    """Header of an index, which records how it was made.

    Attributes:
        corpus: Name of the corpus.
        corpus_sha256: Hash of the presets as rendered, see `presets.corpora.bank_hash`.
        split: Split of the corpus that the presets were taken from, or "".
        subset: Subset of that split.
        n: Number of presets in the index.
        note: MIDI note and velocity at which they were rendered.
        engine: Name and version of the synth that rendered them.
        scale: Size of one step of the 8-bit numbers.
        content_sha256: Hash of the arrays.
        spectrogram: Settings of the spectrograms.
        decibels: Lowest and highest level of the spectrograms' codes, in dB.
        code_sha256: Hash of this module's code; a committed file cannot name the commit that contains it.
        libraries: Libraries that the numbers depend on, and their versions.
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
    code_sha256: str = field(default_factory=lambda: code_hash(sys.modules[__name__]))
    libraries: str = field(default_factory=lambda: f"numpy {version('numpy')}")


@dataclass(frozen=True, eq=False)
class SoundIndex:
    """Index of a corpus by sound; make one with `build`, or read one with `read`.

    Attributes:
        rows: Rows of the corpus, int32 (n,).
        codes: Sounds of these presets as d numbers each, int8 (n, d).
        basis: Principal axes, which map the blocks of a spectrogram to d numbers, float16 (1300, d).
        offset: Mean of these numbers over the presets, float32 (d,).
        about: Header.
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
        """Index some rows of a store, in about 0.5 ms per preset; equal inputs give equal bytes.

        Args:
            store: Store with the spectrograms.
            rows: Rows to index, (n,), at least one, without repetitions.
            split: Split that the rows were taken from; recorded in the header.
            subset: Subset of that split; recorded in the header.
            note: Index of the note within the store's notes.
            dimensions: Numbers per preset, at least 1; at most n - 1 of them are used.

        Raises:
            ParameterError: Rows, dimensions or note are out of bounds.
        """
        wanted = np.asarray(rows)
        if wanted.ndim != 1 or not len(wanted) or len(np.unique(wanted)) < len(wanted):
            raise ParameterError(f"rows to index must be (n,), n > 0, and distinct, not {wanted.shape}")
        if dimensions < 1:
            raise ParameterError(f"an index needs at least 1 dimension, not {dimensions}")
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
        self,
        codes: Codes,
        k: int = 1,
        *,
        excluded: npt.NDArray[np.bool_] | None = None,
        at_any_level: bool = False,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Find the `k` presets that sound closest to one sound.

        Args:
            codes: Mel spectrogram of a sound at the index's note, uint8 (257, 347), see
                `audio.spectrogram.to_codes`.
            k: Number of presets to find, at least 1; fewer are returned if fewer are left.
            excluded: Mask of those of `rows` to leave out, bool (n,); default none.
            at_any_level: If true, each preset is compared at the level at which it is closest.

        Returns:
            Rows of the corpus, int64 (k,), and their distances, float64 (k,), closest first. Equally close
            presets come in the order of `rows`. A distance is approximately the RMS difference of amplitudes
            to the power of 0.4.

        Raises:
            ParameterError: Codes, `k` or mask have another dtype, shape or range.
        """
        if codes.shape != (N_MELS, N_FRAMES) or codes.dtype != np.uint8:
            raise ParameterError(
                f"codes must be uint8 ({N_MELS}, {N_FRAMES}), not {codes.dtype} {codes.shape}"
            )
        if k < 1:
            raise ParameterError(f"a search must find at least 1 preset, not {k}")
        if excluded is not None and (excluded.shape != self.rows.shape or excluded.dtype != np.bool_):
            raise ParameterError(
                f"excluded must be bool ({len(self)},), not {excluded.dtype} {excluded.shape}"
            )
        scale = self.about.scale
        query = ((_block_means(codes) @ self.basis - self.offset) / scale).astype(np.float32)
        points = self._points
        if at_any_level:  # a gain scales amplitudes, so that it scales what is not relative to the mean
            zero = self.offset / np.float32(scale)
            points, query = points + zero, query + zero
            norms = np.maximum((points**2).sum(1, keepdims=True), 1e-9)
            points = points * ((points @ query)[:, None] / norms)
        distances = np.sqrt(((points - query) ** 2).sum(1)).astype(np.float64) * scale
        order = np.argsort(distances, kind="stable")
        order = order[:k] if excluded is None else order[~excluded[order]][:k]
        return self.rows[order].astype(np.int64), distances[order]

    def write(self, file: Path) -> Path:
        """Write a safetensors file, atomically; equal indexes give equal bytes.

        Args:
            file: File to write.

        Returns:
            The same path.
        """
        # safetensors writes arrays as they lie in memory
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _TENSORS}
        with atomic_write(file) as opened:
            opened.write(serialize(arrays, {_KEY: json.dumps(asdict(self.about), sort_keys=True)}))
        return file

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read an index that was written with `write`.

        Args:
            file: Safetensors file.

        Raises:
            DataMissingError: There is no such file.
            SoundIndexError: The file is damaged, is not an index, or was made from other spectrograms.
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
            raise SoundIndexError(f"{file} is not an index of sounds: {error}") from error
        if about.spectrogram != SETTINGS or about.decibels != [FLOOR_DB, CEILING_DB]:
            raise SoundIndexError(
                f"{file} was made from other spectrograms: {about.spectrogram}, {about.decibels} dB"
            )
        n, d = arrays["codes"].shape if arrays["codes"].ndim == 2 else (0, 0)
        shapes = {"rows": (n,), "codes": (n, d), "basis": (_N_BLOCKS, d), "offset": (d,)}
        for name, shape in shapes.items():
            array = arrays[name]
            if array.shape != shape or array.dtype != _TENSORS[name] or not array.size:
                raise SoundIndexError(
                    f"{file}: {name} is {array.dtype} {array.shape}, which does not fit codes ({n}, {d})"
                )
        if about.n != n or about.content_sha256 != _content_hash(arrays):
            raise SoundIndexError(f"{file} is damaged: its content does not match its SHA-256")
        return cls(**arrays, about=about)


def _principal(means: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float16]:
    """Return the first `n` principal axes, (1300, n), each with its largest entry positive."""
    triangle = np.linalg.qr(means - means.mean(0), mode="r")  # has the same axes, and is never large
    axes = np.linalg.svd(triangle, full_matrices=False)[2][:n].T
    axes *= np.sign(axes[np.abs(axes).argmax(0), np.arange(n)])
    return axes.astype(np.float16)


def _content_hash(arrays: dict[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in _TENSORS:
        digest.update(f"{name} {arrays[name].shape}".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
