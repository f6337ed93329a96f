"""Files and folders of presets: which format a file has, and what of a folder is read."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from latentdx.errors import PresetFileError
from latentdx.presets import paper_database, sysex_reader, sysex_recovery

if TYPE_CHECKING:
    from latentdx.presets.bank import PresetBank

    Bank = TypeVar("Bank", bound=PresetBank)

Format = Literal["sysex", "packed", "sqlite"]

MAX_FILE_BYTES = 64 * 2**20
"""Size of the largest file that is read; 64 MiB hold half a million voices, or 80,000 rows of the paper's."""

_SUFFIXES: dict[str, Format] = {".syx": "sysex", ".bin": "packed", ".sqlite": "sqlite", ".db": "sqlite"}
_READ_ALONE = (".bin", ".mid", ".sqlite", ".db")  # in a folder, most files of these names are something else
_ARCHIVE = re.compile(r".*\.(zip|gz|tgz|tar|bz2|xz|7z|rar|sit|hqx|lzh|lha|arc|cab)", re.IGNORECASE)
_SQLITE_MAGIC = b"SQLite format 3\0"


def read(bank: "type[Bank]", path: Path, strict: bool, format: Format | None) -> "Bank":
    """Read a file or folder into a bank; see `PresetBank.read`."""
    try:
        return _read_folder(bank, path, strict) if path.is_dir() else _read_file(bank, path, strict, format)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        found = f"a file that cannot be read ({reason})"
        raise PresetFileError(path, None, found, "a readable file") from error
    except PresetFileError as error:
        if strict:
            with suppress(PresetFileError):
                read(bank, path, False, format)
                error.forgivable = True
        raise


def _read_file(bank: "type[Bank]", path: Path, strict: bool, format: Format | None) -> "Bank":
    if not path.exists():
        raise PresetFileError(path, None, "no such file", "a file or folder of presets")
    if not path.is_file():
        raise PresetFileError(path, None, "a device, pipe or socket", "an ordinary file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise PresetFileError(path, None, f"{size:,} bytes", f"at most {MAX_FILE_BYTES:,}")
    data = path.read_bytes()
    if format == "sqlite" or (format is None and data.startswith(_SQLITE_MAGIC)):
        plugin, names, ids, notes = paper_database.read(path)
        return replace(bank.from_plugin(plugin, names, ids), notes=notes)
    chosen = format or _SUFFIXES.get(path.suffix.lower(), "sysex")
    if chosen == "sqlite":
        raise PresetFileError(path, 0, "no SQLite header", "'SQLite format 3'")
    if chosen == "packed":
        return bank.from_voices(sysex_reader.read_packed(data, path))
    if format is None and sysex_reader.is_headerless(data):
        note = f"{path}: read as packed voices without a header"
        return replace(bank.from_voices(sysex_reader.read_packed(data, path)), notes=(note,))
    read_messages = sysex_reader.read_messages if strict else sysex_recovery.recover_messages
    return bank.from_voices(read_messages(data, path))


def _is_of_the_system(path: Path) -> bool:
    """Check whether an operating system, rather than a user, put a file there (.DS_Store, ._bank.syx, …)."""
    return path.name.startswith((".", "__MACOSX")) or path.name.lower() in {"thumbs.db", "desktop.ini"}


def _read_folder(bank: "type[Bank]", folder: Path, strict: bool) -> "Bank":
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(map(_is_of_the_system, [path, *path.relative_to(folder).parents]))
    ]
    files = [path for path in found if path.suffix.lower() in (".syx", ".dx7")]
    archives = [path for path in found if _ARCHIVE.fullmatch(path.name)]
    alone = [path for path in found if path.suffix.lower() in _READ_ALONE]
    notes = [f"skipped: {path} is an archive; unpack it to read what it holds" for path in archives]
    notes += [f"skipped: {path} is read if it is named itself, not its folder" for path in alone]
    banks: list[Bank] = []
    for file in files:
        try:
            banks.append(_read_file(bank, file, strict, None))
        except PresetFileError as error:
            if strict:
                raise
            notes.append(f"skipped: {error}")
    if not banks:
        what = f"{len(files)} .syx files, none of them readable" if files else "no .syx file"
        if archives:
            what += f" (but archives, which must be unpacked first: {archives[0].name}, …)"
        if alone:
            what += f" (but files that must be named one by one: {alone[0].name}, …)"
        raise PresetFileError(folder, None, what, "at least one .syx file with DX7 voices")
    whole = bank.concatenate(banks)
    return replace(whole, ids=np.arange(len(whole)), notes=(*whole.notes, *notes))
