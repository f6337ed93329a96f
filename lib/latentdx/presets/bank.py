"""`PresetBank`: DX7 presets as integers with names, ids and flags, read from files and written as .syx."""

import difflib
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from latentdx.errors import AmbiguousNameError, ParameterError, UnknownNameError
from latentdx.presets import reading, sysex, sysex_reader
from latentdx.presets.parameters import (
    N_VALUES,
    NEUTRAL_TRANSPOSE,
    column,
    init_values,
    integers_to_plugin,
    maxima,
    parameter,
    plugin_to_integers,
    voice_parameters,
)
from latentdx.presets.reading import Format

_TRANSPOSE = column("TRANSPOSE")


class Flag(IntFlag):
    """What happened to a preset when it was read."""

    NONE = 0
    MENDED = 1  # values out of range were repaired; see `PresetBank.mended`
    RENAMED = 2  # the stored name contains unprintable characters
    DAMAGED = 4  # no right checksum proves the values (read with strict=False)


@dataclass(frozen=True)
class Preset:
    """One DX7 voice.

    Attributes:
        values: Values within their ranges in VCED order, uint8 (145,).
        name: Name of at most ten letters.
        id: Number of the preset in its source.

    >>> preset = PresetBank.init()[0]
    >>> preset.name, preset["OP1 OUTPUT LEVEL"]
    ('INIT VOICE', 99)
    """

    values: npt.NDArray[np.uint8]
    name: str = ""
    id: int = 0

    def __getitem__(self, name: str) -> int:
        """Return the DX7 integer of the parameter with a plug-in name, such as `preset["OP1 F COARSE"]`."""
        return int(self.values[column(name)])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Preset)
            and self.name == other.name
            and np.array_equal(self.values, other.values)
        )

    def __repr__(self) -> str:
        return f"Preset {self.name!r} (number {self.id}, algorithm {self['ALGORITHM'] + 1})"

    def __hash__(self) -> int:
        return hash((self.name, self.values.tobytes()))

    @property
    def bank(self) -> "PresetBank":
        """This preset alone, as a bank of one."""
        return PresetBank([self])

    def with_values(self, name: str | None = None, /, **changes: int) -> "Preset":
        """Return a copy with some parameters changed.

        Args:
            name: Name of the copy; unchanged if omitted.
            **changes: DX7 integers under their plug-in names, such as `**{"OP1 F COARSE": 2}`.

        Raises:
            ParameterError: A value is out of range.
            KeyError: A name is unknown, or not part of a DX7 voice.
        """
        values = self.values.copy()
        for key, value in changes.items():
            if not 0 <= value <= parameter(key).maximum:
                raise ParameterError(f"{key} = {value} is outside 0 … {parameter(key).maximum}")
            values[column(key)] = value
        return Preset(values, self.name if name is None else name, self.id)

    def sysex(self) -> bytes:
        """Return the preset as a single-voice dump of 163 bytes."""
        return sysex.voice_message(self.values, sysex.encode_name(self.name))

    def write(self, path: str | Path) -> Path:
        """Write a single-voice .syx file, which Dexed and a DX7 can read, and return its path."""
        return _write(path, self.sysex())


@dataclass(frozen=True, eq=False, init=False)
class PresetBank:
    """N presets as the DX7's own integers.

    Make one from presets, or with `read`, `from_values`, `from_packed` or `from_plugin`. All of them check or
    repair the values, so that `values` is always within range.

    Args:
        presets: Presets, each of which keeps its name and id.

    Attributes:
        values: Values in VCED order, uint8 (N, 145); `voice_parameters()[i]` describes column i.
        names: N names of at most ten printable letters.
        ids: Number of each preset in its source (its index, or the paper's UID), int64 (N,).
        flags: Bits of `Flag`, uint8 (N,).
        mended: True for values that were out of range and were repaired, bool (N, 145).
        transposes: TRANSPOSE as read, uint8 (N,); `values` may contain the neutral 24 (see `neutral`).
        notes: Sentences about damaged and skipped parts of the files.

    Raises:
        ParameterError: Something is not a preset, or a value is out of range.

    >>> bank = PresetBank.init() + PresetBank.init()
    >>> len(bank), bank.values.shape, bank.plugin().shape
    (2, (2, 145), (2, 155))
    >>> PresetBank([bank[0], bank[1].with_values("COPY")])
    PresetBank of 2: 'INIT VOICE', 'COPY'
    """

    values: npt.NDArray[np.uint8]
    names: tuple[str, ...]
    ids: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    mended: npt.NDArray[np.bool_]
    transposes: npt.NDArray[np.uint8]
    notes: tuple[str, ...] = ()

    def __init__(self, presets: Iterable[Preset] = (), **fields: Any) -> None:
        if not fields:
            voices = list(presets) if isinstance(presets, Iterable) else [presets]
            if not all(isinstance(voice, Preset) for voice in voices):
                raise ParameterError(
                    f"a bank is made from presets, not from {reprlib.repr(presets)}: PresetBank.read takes a"
                    " file or a folder, PresetBank.from_values an array"
                )
            values = np.stack([v.values for v in voices]) if voices else np.zeros((0, N_VALUES), np.uint8)
            fields = vars(PresetBank.from_values(values, [v.name for v in voices], [v.id for v in voices]))
        elif wrong := (fields.keys() ^ self.__dataclass_fields__.keys()) - {"notes"}:
            raise TypeError(
                f"a bank is made from presets, or from all of its attributes: see {sorted(wrong)}"
            )
        self.__dict__.update(fields)  # all of them as `dataclasses.replace` gives them; the class is frozen

    @classmethod
    def from_values(
        cls, values: npt.ArrayLike, names: Sequence[str] | None = None, ids: npt.ArrayLike | None = None
    ) -> Self:
        """Make a bank from DX7 integers.

        Args:
            values: Integers in VCED order, (N, 145).
            names: N names; default empty.
            ids: N numbers; default 0 … N - 1.

        Raises:
            ParameterError: A value is out of range (the message names the first), or the lengths differ.
        """
        array = np.asarray(values)
        if array.ndim != 2 or array.shape[1] != N_VALUES:
            raise ParameterError(f"presets must have shape (N, {N_VALUES}), not {array.shape}")
        if not np.issubdtype(array.dtype, np.integer):
            raise ParameterError(f"presets must be integers, not {array.dtype}")
        bad = (array < 0) | (array > maxima())
        if bad.any():
            row, col = np.argwhere(bad)[0]
            p = voice_parameters()[col]
            raise ParameterError(f"preset {row}: {p.name} = {array[row, col]} is outside 0 … {p.maximum}")
        labels = [""] * len(array) if names is None else names
        numbers = np.array(range(len(array)) if ids is None else ids, np.int64)
        if len(labels) != len(array) or len(numbers) != len(array):
            raise ParameterError(f"{len(array)} presets, but {len(labels)} names and {len(numbers)} ids")
        array = np.array(array, np.uint8)
        return cls(
            values=array,
            names=tuple(sysex.decode_name(sysex.encode_name(n)) for n in labels),
            ids=numbers,
            flags=np.zeros(len(array), np.uint8),
            mended=np.zeros(array.shape, bool),
            transposes=array[:, _TRANSPOSE].copy(),
        )

    @classmethod
    def from_voices(cls, voices: sysex_reader.Voices, ids: npt.ArrayLike | None = None) -> Self:
        raw = np.concatenate(voices.values) if voices.values else np.zeros((0, N_VALUES), np.uint8)
        values, mended = sysex.sanitize(raw)
        names = tuple(sysex.decode_name(n) for n in voices.names)
        renamed = np.array([any(not 32 <= b < 127 for b in n) for n in voices.names], bool)
        flags = (
            mended.any(1) * Flag.MENDED
            + renamed * Flag.RENAMED
            + np.array(voices.damaged, bool) * Flag.DAMAGED
        )
        numbers = np.arange(len(values)) if ids is None else np.asarray(ids)
        return cls(
            values=values,
            names=names,
            ids=numbers.astype(np.int64),
            flags=flags.astype(np.uint8),
            mended=mended,
            transposes=values[:, _TRANSPOSE].copy(),
            notes=tuple(voices.notes),
        )

    @classmethod
    def from_packed(cls, packed: npt.ArrayLike, source: object = "packed voices") -> Self:
        """Make a bank from packed voices; values out of range are repaired and flagged.

        Args:
            packed: Packed voices, uint8 (N, 128), or their bytes.
            source: Name of the source in error messages.

        Raises:
            ParameterError: The array has another shape or dtype.
            PresetFileError: The bytes are not packed voices; see `sysex_reader.read_packed`.
        """
        if not isinstance(packed, bytes):
            array = np.asarray(packed)
            if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != sysex.PACKED_SIZE:
                raise ParameterError(
                    f"packed voices must be uint8 (N, {sysex.PACKED_SIZE}), not {array.dtype} {array.shape}"
                )
            packed = array.tobytes()
        return cls.from_voices(sysex_reader.read_packed(packed, source))

    @classmethod
    def from_plugin(
        cls, plugin: npt.ArrayLike, names: Sequence[str] | None = None, ids: npt.ArrayLike | None = None
    ) -> Self:
        """Make a bank from plug-in values: integer = round(value * maximum).

        Values outside [0, 1] are repaired and flagged like integers out of range. An operator whose switch is
        off gets OUTPUT LEVEL 0, because a DX7 voice has no switches.

        Args:
            plugin: Plug-in values in [0, 1], float (N, 155).
            names: N names; default empty.
            ids: N numbers; default 0 … N - 1.

        Raises:
            ParameterError: A value is NaN or infinite, or the shape or lengths are wrong.
        """
        array = np.array(plugin, np.float64)
        scaled = plugin_to_integers(array)
        raw = np.where(scaled < 0, 255, np.minimum(scaled, 255)).astype(np.uint8)
        values, mended = sysex.sanitize(raw)
        values[scaled < 0] = 0  # sanitize clamps upward only
        for operator in range(1, 7):
            off = array[:, parameter(f"OP{operator} SWITCH").index] < 0.5
            values[off, column(f"OP{operator} OUTPUT LEVEL")] = 0
        bank = cls.from_values(values, names, ids)
        return replace(bank, mended=mended, flags=np.asarray(mended.any(1) * Flag.MENDED, np.uint8))

    @classmethod
    def init(cls) -> Self:
        """Make a bank of the DX7's INIT VOICE: one sine wave from operator 1 at full level."""
        return cls.from_values(init_values()[None], ["INIT VOICE"])

    @classmethod
    def read(cls, path: str | Path, *, strict: bool = True, format: Format | None = None) -> Self:
        """Read a file, or all .syx and .dx7 files of a folder (recursively, in order of path).

        Args:
            path: A .syx file (bulk dumps of 32 voices or one, one or several), a .bin file (packed voices
                without a header), the paper's SQLite database, or a folder of .syx files. The system's hidden
                files are ignored, and archives are named in `notes`.
            strict: Refusal of damaged files; `False` reads what is intact (see `sysex_recovery`), and reports
                the rest in `notes` and as `Flag.DAMAGED`.
            format: Format of the file ("sysex", "packed", "sqlite"); default according to content and suffix.

        Raises:
            PresetFileError: A file cannot be read; the message names the file, the byte offset, what was
                found, what was expected, and whether `strict=False` would help. Subclasses:
                `ChecksumError` and `UnsupportedFormatError`.
        """
        return reading.read(cls, Path(path), strict, format)

    @classmethod
    def concatenate(cls, banks: Iterable["PresetBank"]) -> Self:
        """Join banks one after the other; each preset keeps its id."""
        parts: list[PresetBank] = [cls(), *banks]
        return cls(
            values=np.concatenate([b.values for b in parts]),
            names=tuple(n for b in parts for n in b.names),
            ids=np.concatenate([b.ids for b in parts]),
            flags=np.concatenate([b.flags for b in parts]),
            mended=np.concatenate([b.mended for b in parts]),
            transposes=np.concatenate([b.transposes for b in parts]),
            notes=tuple(n for b in parts for n in b.notes),
        )

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Preset]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, key: int | np.integer | str) -> Preset: ...
    @overload
    def __getitem__(self, key: slice | npt.NDArray[Any] | Sequence[int]) -> "PresetBank": ...
    def __getitem__(
        self, key: int | np.integer | str | slice | npt.NDArray[Any] | Sequence[int]
    ) -> "Preset | PresetBank":
        """Return a `Preset` for an index or a name, and a bank for a slice, mask or list of indices."""
        if isinstance(key, str):
            key = self.index(key)
        if isinstance(key, int | np.integer):
            return Preset(self.values[key], self.names[key], int(self.ids[key]))
        rows = np.arange(len(self))[key]
        return replace(
            self,
            values=self.values[rows],
            names=tuple(self.names[i] for i in rows),
            ids=self.ids[rows],
            flags=self.flags[rows],
            mended=self.mended[rows],
            transposes=self.transposes[rows],
        )

    def __add__(self, other: "PresetBank") -> "PresetBank":
        return PresetBank.concatenate([self, other])

    def __eq__(self, other: object) -> bool:
        """Compare values and names in order; ids, flags and notes describe the source and do not count."""
        if not isinstance(other, PresetBank):
            return NotImplemented
        return self.names == other.names and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(n) for n in self.names[:3])
        return f"PresetBank of {len(self)}: {shown}{', …' if len(self) > 3 else ''}"

    def find(self, name: str) -> npt.NDArray[np.int64]:
        """Return the indices of all presets with a name, int64; case and spaces are ignored."""
        wanted = _fold(name)
        return np.array([i for i, n in enumerate(self.names) if _fold(n) == wanted], np.int64)

    def index(self, name: str) -> int:
        """Return the index of the only preset with a name; case and spaces are ignored.

        Raises:
            AmbiguousNameError: Several presets have the name; the message lists their indices.
            UnknownNameError: No preset has the name; the message lists the most similar names.
        """
        found = self.find(name)
        if len(found) > 1:
            raise AmbiguousNameError(f"{len(found)} presets are called {name!r}: indices {found.tolist()}")
        if not len(found):
            known = {_fold(n): n for n in sorted(self.names)}
            similar = [known[n] for n in difflib.get_close_matches(_fold(name), known, 5, 0.5)]
            raise UnknownNameError(
                f"no preset is called {name!r}" + (f"; similar: {', '.join(similar)}" if similar else "")
            )
        return int(found[0])

    def plugin(self) -> npt.NDArray[np.float32]:
        """Return the plug-in's values, float32 (N, 155) in [0, 1], with locked constants and TRANSPOSE."""
        return integers_to_plugin(self.values)

    def packed(self) -> npt.NDArray[np.uint8]:
        """Return the packed voices of a cartridge with their names, uint8 (N, 128)."""
        return sysex.pack(self.values, [sysex.encode_name(n) for n in self.names])

    def neutral(self) -> "PresetBank":
        """Return a copy with TRANSPOSE at 24, as in the paper; `transposes` keeps the stored values."""
        values = self.values.copy()
        values[:, _TRANSPOSE] = NEUTRAL_TRANSPOSE
        return replace(self, values=values)

    def restored(self) -> "PresetBank":
        """Return a copy with TRANSPOSE as it was stored, for export; this is the inverse of `neutral`."""
        values = self.values.copy()
        values[:, _TRANSPOSE] = self.transposes
        return replace(self, values=values)

    def sysex(self) -> bytes:
        """Return the bank as bulk dumps of 32 voices each; INIT VOICE fills the last one."""
        if not len(self):
            raise ParameterError("an empty bank cannot be written: a cartridge needs 1 to 32 presets")
        missing = -len(self) % sysex.BANK_VOICES
        packed = np.concatenate([self.packed(), np.repeat(PresetBank.init().packed(), missing, axis=0)])
        cartridges = packed.reshape(-1, sysex.BANK_VOICES, sysex.PACKED_SIZE)
        return b"".join(sysex.bank_message(c) for c in cartridges)

    def write(self, path: str | Path) -> Path:
        """Write the bulk dumps of `sysex` to a .syx file and return its path."""
        return _write(path, self.sysex())


def _fold(name: str) -> str:
    """Remove spaces and case."""
    return "".join(name.split()).casefold()


def _write(path: str | Path, data: bytes) -> Path:
    path = Path(path)
    path.write_bytes(data)
    return path
