"""Atomic writes, which leave either the complete file or none, and checksums."""

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write several files in order, each of them atomically.

    Args:
        contents: Bytes of each file, by path.
    """
    for path, data in contents.items():
        with atomic_write(path) as file:
            file.write(data)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of killed processes from a folder that no process is writing to."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
