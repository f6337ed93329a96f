"""The spectrogram store: a folder of .npy shards and a manifest that says all that made them.

    manifest.json      settings, ids, and the SHA-256 of every finished shard
    shard-00000.npy    uint8 (preset, note, mel 257, frame 347), dB codes (`audio.spectrogram.from_codes`)
    shard-00001.npy    …

Row i of the store is preset i of the bank it was rendered from. Shards are memory-mapped, never read whole.
Plain .npy was chosen over zarr: all that is needed is random access to one preset at a time, and that is some
fifty times faster without chunks to look up (`benchmarks/render.py` measures both where zarr is installed).
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import FADE, HOLD, N_SAMPLES, NOTE_SETS, Renderer
from latentdx.audio.spectrogram import CEILING_DB, FLOOR_DB, N_FRAMES, N_MELS, SETTINGS, from_codes
from latentdx.errors import ParameterError, StoreCorruptError, StoreMismatchError, StoreMissingError
from latentdx.files import atomic_write, sha256_of
from latentdx.presets.bank import PresetBank
from latentdx.presets.corpora import bank_hash
from latentdx.run_options import cache_folder
from latentdx.typing import Codes

Notes = tuple[tuple[int, int], ...]

MANIFEST = "manifest.json"
SHARD_BYTES = 64 * 2**20
"""The most that a shard holds; enough for a disk's full speed, little to lose or to keep in memory."""

_ITEM_BYTES = N_MELS * N_FRAMES
_LEAST_SHARDS = 16  # of a small corpus, so that several threads share the work
_MOST_MAPS = 500  # open at once: each holds a file descriptor, and 1,024 is a common limit
_CODES: dict[str, str | float] = {"dtype": "uint8", "lowest_db": FLOOR_DB, "highest_db": CEILING_DB}
_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What made a store, and which shards are finished.

    Attributes:
        corpus: name of the corpus.
        corpus_sha256: `presets.corpora.bank_hash` of the bank as rendered.
        ids: the bank's ids, one a row.
        notes: (MIDI note, velocity) pairs.
        renderer: name and version of the engine.
        render: sample rate (Hz), hold and fade (s), samples.
        spectrogram: `audio.spectrogram.SETTINGS`.
        codes: data type and the dB of the lowest and highest code.
        shard_size: presets a shard; the last may hold fewer.
        shards: file name -> SHA-256 of each finished shard.
        format: version of this format.
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

    @classmethod
    def of(
        cls, bank: PresetBank, notes: Notes, renderer: Renderer, corpus: str, shard_size: int | None = None
    ) -> Self:
        """The manifest of a store that is still to be rendered."""
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
        """Read a folder's manifest; raises `StoreMissingError` or `StoreCorruptError`."""
        path = folder / MANIFEST
        try:
            found = json.loads(path.read_text("utf-8"))
            return cls(**{f.name: found[f.name] for f in fields(cls)})
        except FileNotFoundError:
            raise StoreMissingError(f"{folder} holds no store ({MANIFEST} is missing)") from None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreCorruptError(
                f"{path} is not a manifest: {error!r}; delete it to start anew"
            ) from error

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest, atomically: one line a field, shards in order."""
        items = asdict(self) | {"shards": dict(sorted(self.shards.items()))}
        lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in items.items())
        with atomic_write(folder / MANIFEST) as file:
            file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())

    def check(self, wanted: "Manifest", folder: Path) -> None:
        """Raise `StoreMismatchError` listing each setting in which the folder's store differs."""
        found, asked = asdict(self), asdict(wanted)
        differences = [
            f"{key}: the store has {_short(found[key])}, now {_short(asked[key])}"
            for key in found
            if key != "shards" and found[key] != asked[key]
        ]
        if differences:
            raise StoreMismatchError(
                f"{folder} was made with other settings: {'; '.join(differences)}. "
                "Choose another folder, or delete this one"
            )

    @property
    def n_shards(self) -> int:
        return -(-len(self.ids) // self.shard_size)

    def missing(self) -> list[int]:
        """Shards that are not finished."""
        return [i for i in range(self.n_shards) if shard_name(i) not in self.shards]

    def rows(self, shard: int) -> slice:
        """Rows of the bank that a shard holds."""
        return slice(shard * self.shard_size, min((shard + 1) * self.shard_size, len(self.ids)))

    def shape(self, shard: int) -> tuple[int, int, int, int]:
        """(preset, note, mel, frame) of a shard."""
        rows = self.rows(shard)
        return (rows.stop - rows.start, len(self.notes), N_MELS, N_FRAMES)

    def shard_bytes(self, shard: int) -> int:
        """Size of a shard's file."""
        return len(_header(self.shape(shard))) + int(np.prod(self.shape(shard)))


def shard_name(shard: int) -> str:
    return f"shard-{shard:05d}.npy"


def store_folder(corpus: str, notes: Notes) -> Path:
    """Where a corpus's store lives by default, in the user's cache."""
    known = {pairs: name for name, pairs in NOTE_SETS.items()}
    label = known.get(notes) or "_".join(f"{note}-{velocity}" for note, velocity in notes)
    return cache_folder() / "stores" / f"{corpus}-{label}"


def write_shard(path: Path, codes: Codes) -> str:
    """Write uint8 (preset, note, mel, frame) as .npy, atomically; returns the file's SHA-256."""
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
    """Of all values of some spectrograms, in dB."""

    minimum: float
    maximum: float
    mean: float
    deviation: float


class Store:
    """A finished store, read-only and memory-mapped.

    Args:
        folder: where `render_store` wrote it.

    Raises:
        StoreMissingError: no store, or an unfinished one.
        StoreMismatchError: its spectrograms are not of this version's kind.
        StoreCorruptError: a shard is missing or has the wrong size (`verify` looks at every byte).
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        self._maps: dict[int, Codes] = {}
        current = replace(self.manifest, spectrogram=dict(SETTINGS), codes=dict(_CODES), format=_FORMAT)
        self.manifest.check(current, self.folder)
        if missing := self.manifest.missing():
            raise StoreMissingError(
                f"{self.folder} is unfinished, it lacks {len(missing)} of {self.manifest.n_shards} shards: "
                "render with the same settings to finish it"
            )
        for i in range(self.manifest.n_shards):
            path, expected = self.folder / shard_name(i), self.manifest.shard_bytes(i)
            if _size(path) != expected:
                raise StoreCorruptError(
                    f"{path}: found {_size(path):,} bytes, expected {expected:,}; render again to mend it"
                )

    def __getstate__(self) -> dict[str, object]:  # a memory map would be pickled as its whole content
        return self.__dict__ | {"_maps": {}}

    def __len__(self) -> int:
        return len(self.manifest.ids)

    @property
    def notes(self) -> Notes:
        return tuple((note, velocity) for note, velocity in self.manifest.notes)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(preset, note, mel 257, frame 347)."""
        return (len(self), len(self.notes), N_MELS, N_FRAMES)

    def row(self, row: int) -> Codes:
        """One preset's codes, a read-only view: uint8 (note, 257, 347)."""
        if not 0 <= row < len(self):
            raise ParameterError(f"row {row} is outside 0 … {len(self) - 1}")
        shard, place = divmod(row, self.manifest.shard_size)
        codes = self._maps.get(shard)
        if codes is None:
            if len(self._maps) >= _MOST_MAPS:
                self._maps = {}  # what is in use stays mapped
            codes = self._maps[shard] = np.load(self.folder / shard_name(shard), mmap_mode="r")
        return codes[place]

    def codes(self, rows: npt.ArrayLike) -> Codes:
        """Some presets' codes, copied: uint8 (len(rows), note, 257, 347)."""
        wanted = np.atleast_1d(np.asarray(rows, np.int64))
        out = np.empty((len(wanted), *self.shape[1:]), np.uint8)
        for target, row in zip(out, wanted.tolist(), strict=True):
            target[...] = self.row(row)
        return out

    def decibels(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Some presets' spectrograms in dB: float32 (len(rows), note, 257, 347)."""
        return from_codes(self.codes(rows))

    def statistics(self, rows: npt.ArrayLike | None = None) -> Statistics:
        """Statistics of the values of some rows (default: all), exact for the codes.

        For normalization, pass the training rows only.
        """
        wanted = np.arange(len(self)) if rows is None else np.atleast_1d(np.asarray(rows, np.int64))
        if not len(wanted):
            raise ParameterError("statistics of no rows are undefined")
        counts = np.zeros(256, np.int64)
        for row in wanted.tolist():
            counts += np.bincount(self.row(row).reshape(-1), minlength=256)
        values = from_codes(np.arange(256, dtype=np.uint8)).astype(np.float64)
        used, share = np.flatnonzero(counts), counts / counts.sum()
        mean = float(share @ values)
        deviation = float(np.sqrt(share @ (values - mean) ** 2))
        return Statistics(float(values[used[0]]), float(values[used[-1]]), mean, deviation)

    def verify(self) -> None:
        """Compare every shard with its SHA-256; raises `StoreCorruptError` naming those that differ."""
        bad = [
            name for name, digest in self.manifest.shards.items() if sha256_of(self.folder / name) != digest
        ]
        if bad:
            raise StoreCorruptError(
                f"{self.folder}: {', '.join(bad)} not as written (wrong SHA-256); render again to mend it"
            )


def is_intact(folder: Path, manifest: Manifest, shard: int) -> bool:
    """Whether a shard is recorded as finished and its file has the recorded size and SHA-256."""
    name = shard_name(shard)
    digest, path = manifest.shards.get(name), folder / name
    return digest is not None and _size(path) == manifest.shard_bytes(shard) and sha256_of(path) == digest


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
