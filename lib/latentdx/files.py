"""Writes that leave either the complete file or none, a trial of such writes, and checksums."""

import hashlib
import os
import re
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_TEMPORARY = ".writing-"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to `path` once it is complete and on the disk.

    An error or interruption within the `with` block deletes the temporary file; an older file stays.

    Args:
        path: File to write, in an existing folder.

    Yields:
        Binary file to write to.
    """
    temporary = path.parent / f"{_TEMPORARY}{uuid.uuid4().hex}"  # unique: two tasks may write one file
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name must also survive a power cut
        with suppress(OSError):  # network drives may not know this, and the file is complete
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write several files in order, each of them atomically.

    Args:
        contents: Bytes of each file, by path; missing folders are created.
    """
    for path, data in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(data)


def try_writing(paths: Iterable[Path], size: int) -> None:
    """Write files of the same names, and as large, into hidden folders beside these, and delete them.

    Args:
        paths: Files that will be written later, also into folders that do not exist yet.
        size: Size in bytes of all files in one folder together.

    Raises:
        OSError: The files cannot be written: a folder is read-only, the disk is full, a name is too long.
    """
    names = defaultdict(list)
    for path in paths:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        names[folder].append(path.absolute().relative_to(folder))
    for folder, inside in names.items():
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=folder) as trial:
            for name in inside:
                file = Path(trial, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as opened:
                    opened.write(bytes(-(-size // len(inside))))
                    opened.flush()
                    os.fsync(opened.fileno())


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of killed processes from a folder that no process is writing to."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain_suffix(name: str) -> str:
    """Return the suffix of a file name that is not trusted: at most eight letters and digits, in lower case.

    >>> plain_suffix("My Sound.WAV"), plain_suffix("a.w/../v")
    ('wav', '')
    """
    return re.sub(r"[^a-z0-9]", "", Path(name).suffix.lower())[:8]


@contextmanager
def temporary_file(name: str, content: bytes) -> Iterator[Path]:
    """Write bytes to a temporary file, because decoders need one, and yield its path.

    Args:
        name: Name of the file as it was given, of which the `plain_suffix` is kept.
        content: Content of the file.
    """
    with tempfile.TemporaryDirectory(prefix="latentdx-") as folder:
        path = Path(folder, f"file.{plain_suffix(name)}")
        path.write_bytes(content)
        yield path
