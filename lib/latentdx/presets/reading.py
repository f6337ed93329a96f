"""Files and folders of presets: which format a file has, and what of a folder is read."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from latentdx.errors import PresetFileError
from latentdx.presets import paper_database, sysex

if TYPE_CHECKING:
    from latentdx.presets.bank import PresetBank

    Bank = TypeVar("Bank", bound=PresetBank)

Format = Literal["sysex", "packed", "sqlite"]

MAX_FILE_BYTES = 64 * 2**20
"""Size of the largest file that is read; 64 MiB hold half a million voices, or 80,000 rows of the paper's."""

_SUFFIXES: dict[str, Format] = {".syx": "sysex", ".bin": "packed", ".sqlite": "sqlite", ".db": "sqlite"}
_SQLITE_MAGIC = b"SQLite format 3\0"


def read_file(bank: "type[Bank]", path: Path, strict: bool, format: Format | None) -> "Bank":
    """Read one file into a bank; see `PresetBank.read`."""
    if not path.exists():
        raise PresetFileError(path, 0, "no such file", "a file or folder of presets")
    if not path.is_file():
        raise PresetFileError(path, 0, "a device, pipe or socket", "an ordinary file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise PresetFileError(path, 0, f"{size:,} bytes", f"at most {MAX_FILE_BYTES:,}")
    data = path.read_bytes()
    if format == "sqlite" or (format is None and data.startswith(_SQLITE_MAGIC)):
        plugin, names, ids, notes = paper_database.read(path)
        return replace(bank.from_plugin(plugin, names, ids), notes=notes)
    chosen = format or _SUFFIXES.get(path.suffix.lower(), "sysex")
    if chosen == "sqlite":
        raise PresetFileError(path, 0, "no SQLite header", "'SQLite format 3'")
    if chosen == "packed":
        return bank.from_voices(sysex.read_packed(data, path))
    return bank.from_voices(sysex.read_messages(data, path, strict))


def read_folder(bank: "type[Bank]", folder: Path, strict: bool) -> "Bank":
    """Read all .syx files of a folder into a bank, in order of path; see `PresetBank.read`."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".syx" and p.is_file())
    banks: list[Bank] = []
    notes: list[str] = []
    for file in files:
        try:
            banks.append(bank.read(file, strict=strict))
        except PresetFileError as error:
            if strict:
                raise
            notes.append(f"skipped: {error}")
    if not banks:
        found = f"{len(files)} .syx files, none of them readable" if files else "no .syx file"
        raise PresetFileError(folder, 0, found, "at least one .syx file with DX7 voices")
    whole = bank.concatenate(banks)
    return replace(whole, ids=np.arange(len(whole)), notes=(*whole.notes, *notes))
