"""The spectrogram store: a folder of .npy shards and a manifest that records how they were made.

    manifest.json      settings, ids, and the SHA-256 of every finished shard
    shard-00000.npy    uint8 (preset, note, mel 257, frame 347), dB codes (`audio.spectrogram.from_codes`)
    shard-00001.npy    …

Row i of the store is preset i of the bank it was rendered from. Shards are memory-mapped, never read whole.
Plain .npy was chosen over zarr because training only needs random access to one preset at a time, which is
about fifty times faster without chunks (`benchmarks/render.py` measures both if zarr is installed).
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import FADE, HOLD, N_SAMPLES, NOTE_SETS, Renderer, sound_identity
from latentdx.audio.spectrogram import CEILING_DB, FLOOR_DB, N_FRAMES, N_MELS, SCIPY, SETTINGS, from_codes
from latentdx.errors import ParameterError, StoreCorruptError, StoreMismatchError, StoreMissingError
from latentdx.files import atomic_write, sha256_of
from latentdx.presets.bank import PresetBank
from latentdx.presets.corpora import bank_hash
from latentdx.run_options import cache_folder
from latentdx.typing import Codes

Notes = tuple[tuple[int, int], ...]

MANIFEST = "manifest.json"
SHARD_BYTES = 64 * 2**20
"""Largest size of a shard: enough for a disk's full speed, and little to lose or to keep in memory."""

_ITEM_BYTES = N_MELS * N_FRAMES
_LEAST_SHARDS = 16  # even for a small corpus, so that several threads share the work
_MOST_MAPS = 500  # open at the same time: each takes a file descriptor, and 1,024 is a common limit
_CODES: dict[str, str | float] = {"dtype": "uint8", "lowest_db": FLOOR_DB, "highest_db": CEILING_DB}
_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """Manifest of a store: its settings, and the shards that are finished.

    Attributes:
        corpus: Name of the corpus.
        corpus_sha256: Hash of the bank as rendered, see `presets.corpora.bank_hash`.
        ids: Id of the preset in each row.
        notes: (MIDI note, velocity) pairs.
        renderer: Name and version of the engine.
        render: Sample rate in Hz, hold and fade in seconds, and number of samples.
        spectrogram: Settings of the spectrograms, see `audio.spectrogram.SETTINGS`.
        codes: Data type of the codes, and the levels of the lowest and highest code in dB.
        shard_size: Number of presets in a shard; the last shard may hold fewer.
        shards: SHA-256 of each finished shard, by file name.
        format: Version of this format.
        code: Names of the codes that computed the spectrograms, see `audio.spectrogram.spectrogram_code`;
            several if a store was finished by another version than had begun it.
    """

    corpus: str
    corpus_sha256: str
    ids: list[int]
    notes: list[list[int]]
    renderer: str
    render: dict[str, float]
    spectrogram: dict[str, str | int | float]
    codes: dict[str, str | float]
    shard_size: int
    shards: dict[str, str] = field(default_factory=dict)
    format: int = _FORMAT
    code: list[str] = field(default_factory=lambda: [SCIPY])

    @classmethod
    def of(
        cls, bank: PresetBank, notes: Notes, renderer: Renderer, corpus: str, shard_size: int | None = None
    ) -> Self:
        """Return the manifest of a store that is not yet rendered.

        Args:
            bank: Presets to render.
            notes: (MIDI note, velocity) pairs.
            renderer: Synth that renders.
            corpus: Name of the corpus.
            shard_size: Number of presets in a shard; default at most 64 MiB, and at most a sixteenth of the
                bank.
        """
        fitting = SHARD_BYTES // (_ITEM_BYTES * max(1, len(notes)))
        size = shard_size or max(1, min(fitting, -(-len(bank) // _LEAST_SHARDS)))
        return cls(
            corpus=corpus,
            corpus_sha256=bank_hash(bank),
            ids=bank.ids.tolist(),
            notes=[[int(n), int(v)] for n, v in notes],
            renderer=renderer.engine,
            render={"sample_rate": renderer.sample_rate, "hold": HOLD, "fade": FADE, "samples": N_SAMPLES},
            spectrogram=dict(SETTINGS),
            codes=dict(_CODES),
            shard_size=size,
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a store's folder.

        Raises:
            StoreMissingError: The folder has no manifest.
            StoreCorruptError: The file is not a manifest.
        """
        path = folder / MANIFEST
        try:
            # the code was not recorded before there was another one
            found = {"code": [SCIPY], **json.loads(path.read_text("utf-8"))}
            return cls(**{f.name: found[f.name] for f in fields(cls)})
        except FileNotFoundError:
            raise StoreMissingError(f"{folder} holds no store ({MANIFEST} is missing)") from None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreCorruptError(
                f"{path} is not a manifest: {error!r}; delete it to start again"
            ) from error

    def write(self, folder: Path) -> None:
        """Write the manifest into a store's folder, atomically, with one line per field and sorted shards."""
        items = asdict(self) | {"shards": dict(sorted(self.shards.items()))}
        lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in items.items())
        with atomic_write(folder / MANIFEST) as file:
            file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())

    def check(self, wanted: "Manifest", folder: Path) -> None:
        """Compare all settings with those of another manifest; of engines, what counts is the sound.

        The code of the spectrograms does not count, because it changes them only by rounding: one in 5,000
        codes by one step of 0.55 dB.

        Args:
            wanted: Manifest with the settings to compare with; its shards are ignored.
            folder: Folder of the store, for the message.

        Raises:
            StoreMismatchError: Settings differ; the message lists each difference.
        """
        found, asked = (
            asdict(replace(manifest, renderer=sound_identity(manifest.renderer)))
            for manifest in (self, wanted)
        )
        differences = [
            f"{key}: the store has {_short(found[key])}, expected {_short(asked[key])}"
            for key in found
            if key not in ("shards", "code") and found[key] != asked[key]
        ]
        if differences:
            raise StoreMismatchError(
                f"{folder} was made with other settings: {'; '.join(differences)}. "
                "Choose another folder, or delete this one"
            )

    @property
    def n_shards(self) -> int:
        """Number of shards, including those that are not finished."""
        return -(-len(self.ids) // self.shard_size)

    def missing(self) -> list[int]:
        """Return the shards that are not finished."""
        return [i for i in range(self.n_shards) if shard_name(i) not in self.shards]

    def rows(self, shard: int) -> slice:
        """Return the range of rows that a shard holds."""
        return slice(shard * self.shard_size, min((shard + 1) * self.shard_size, len(self.ids)))

    def shape(self, shard: int) -> tuple[int, int, int, int]:
        """Return the shape (presets, notes, mel bands, frames) of a shard."""
        rows = self.rows(shard)
        return (rows.stop - rows.start, len(self.notes), N_MELS, N_FRAMES)

    def shard_bytes(self, shard: int) -> int:
        """Return the size of a shard's file in bytes."""
        return len(_header(self.shape(shard))) + int(np.prod(self.shape(shard)))


def shard_name(shard: int) -> str:
    """Return the file name of a shard.

    >>> shard_name(2)
    'shard-00002.npy'
    """
    return f"shard-{shard:05d}.npy"


def store_folder(corpus: str, notes: Notes) -> Path:
    """Return the default folder of a corpus's store, in the user's cache.

    Args:
        corpus: Name of the corpus.
        notes: (MIDI note, velocity) pairs of the store.

    >>> store_folder("learnfm", ((60, 85),)).name
    'learnfm-single'
    """
    known = {pairs: name for name, pairs in NOTE_SETS.items()}
    label = known.get(notes) or "_".join(f"{note}-{velocity}" for note, velocity in notes)
    return cache_folder() / "stores" / f"{corpus}-{label}"


def write_shard(path: Path, codes: Codes) -> str:
    """Write a shard as .npy, atomically.

    Args:
        path: File to write.
        codes: Spectrograms, uint8 (preset, note, mel, frame).

    Returns:
        SHA-256 of the file.
    """
    header, body = _header(codes.shape), np.ascontiguousarray(codes).data
    with atomic_write(path) as file:
        file.write(header)
        file.write(body)
    digest = hashlib.sha256(header)
    digest.update(body)
    return digest.hexdigest()


def _header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|u1", "fortran_order": False, "shape": tuple(int(n) for n in shape)}
    )
    return buffer.getvalue()


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:120]} … ({hashlib.sha256(text.encode()).hexdigest()[:12]})"


@dataclass(frozen=True)
class Statistics:
    """Statistics of all values of some spectrograms, in dB.

    Attributes:
        minimum: Smallest value.
        maximum: Largest value.
        mean: Mean.
        deviation: Standard deviation.
    """

    minimum: float
    maximum: float
    mean: float
    deviation: float


class Store:
    """A finished store, read-only and memory-mapped.

    Args:
        folder: Folder to which `render_store` wrote it.

    Raises:
        StoreMissingError: There is no store in the folder, or an unfinished one.
        StoreMismatchError: The spectrograms were made with other settings than those of this version.
        StoreCorruptError: A shard is missing or has the wrong size; `verify` checks every byte.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        self._maps: dict[int, Codes] = {}
        current = replace(self.manifest, spectrogram=dict(SETTINGS), codes=dict(_CODES), format=_FORMAT)
        self.manifest.check(current, self.folder)
        if missing := self.manifest.missing():
            raise StoreMissingError(
                f"{self.folder} is unfinished: it lacks {len(missing)} of {self.manifest.n_shards} shards. "
                "Render with the same settings to finish it"
            )
        for i in range(self.manifest.n_shards):
            path, expected = self.folder / shard_name(i), self.manifest.shard_bytes(i)
            if _size(path) != expected:
                raise StoreCorruptError(
                    f"{path}: found {_size(path):,} bytes, expected {expected:,}; render again to repair it"
                )

    def __getstate__(self) -> dict[str, object]:  # a memory map would be pickled with all of its content
        return self.__dict__ | {"_maps": {}}

    def __len__(self) -> int:
        return len(self.manifest.ids)

    @property
    def notes(self) -> Notes:
        """(MIDI note, velocity) pairs."""
        return tuple((note, velocity) for note, velocity in self.manifest.notes)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of all spectrograms, (presets, notes, 257 mel bands, 347 frames)."""
        return (len(self), len(self.notes), N_MELS, N_FRAMES)

    def row(self, row: int) -> Codes:
        """Return a read-only view of one preset's codes, uint8 (note, 257, 347).

        Args:
            row: Row of the preset, from 0 to `len(store)` - 1.

        Raises:
            ParameterError: The row is outside the store.
        """
        if not 0 <= row < len(self):
            raise ParameterError(f"row {row} is outside 0 … {len(self) - 1}")
        shard, place = divmod(row, self.manifest.shard_size)
        codes = self._maps.get(shard)
        if codes is None:
            if len(self._maps) >= _MOST_MAPS:
                self._maps = {}  # views that are still in use keep their map open
            codes = self._maps[shard] = np.load(self.folder / shard_name(shard), mmap_mode="r")
        return codes[place]

    def codes(self, rows: npt.ArrayLike) -> Codes:
        """Return a copy of some presets' codes, uint8 (len(rows), note, 257, 347).

        Args:
            rows: One row or several, in any order.

        Raises:
            ParameterError: A row is outside the store.
        """
        wanted = np.atleast_1d(np.asarray(rows, np.int64))
        out = np.empty((len(wanted), *self.shape[1:]), np.uint8)
        for target, row in zip(out, wanted.tolist(), strict=True):
            target[...] = self.row(row)
        return out

    def decibels(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return some presets' spectrograms in dB, float32 (len(rows), note, 257, 347); see `codes`."""
        return from_codes(self.codes(rows))

    def statistics(self, rows: npt.ArrayLike | None = None) -> Statistics:
        """Compute the statistics of the spectrograms in some rows, exactly.

        Args:
            rows: Rows, at least one; default all. For normalization, pass the training rows only.

        Raises:
            ParameterError: There are no rows, or a row is outside the store.
        """
        wanted = np.arange(len(self)) if rows is None else np.atleast_1d(np.asarray(rows, np.int64))
        if not len(wanted):
            raise ParameterError("statistics need at least one row, but there are no rows")
        counts = np.zeros(256, np.int64)
        for row in wanted.tolist():
            counts += np.bincount(self.row(row).reshape(-1), minlength=256)
        values = from_codes(np.arange(256, dtype=np.uint8)).astype(np.float64)
        used, share = np.flatnonzero(counts), counts / counts.sum()
        mean = float(share @ values)
        deviation = float(np.sqrt(share @ (values - mean) ** 2))
        return Statistics(float(values[used[0]]), float(values[used[-1]]), mean, deviation)

    def verify(self) -> None:
        """Compare every shard with its SHA-256.

        Raises:
            StoreCorruptError: Shards differ; the message names them.
        """
        bad = [
            name for name, digest in self.manifest.shards.items() if sha256_of(self.folder / name) != digest
        ]
        if bad:
            raise StoreCorruptError(
                f"{self.folder}: wrong SHA-256 of {', '.join(bad)}; render again to repair the store"
            )


def is_intact(folder: Path, manifest: Manifest, shard: int) -> bool:
    """Tell whether a shard is recorded as finished, and its file has the right size and SHA-256.

    Args:
        folder: Folder of the store.
        manifest: Manifest of the store.
        shard: Number of the shard.
    """
    name = shard_name(shard)
    digest, path = manifest.shards.get(name), folder / name
    return digest is not None and _size(path) == manifest.shard_bytes(shard) and sha256_of(path) == digest


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
