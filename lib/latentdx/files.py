"""Files that are whole or not there: atomic writes and checksums."""

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
    """Open a file that takes its name only when it is complete and on the disk; an error leaves nothing."""
    temporary = path.parent / f"{_TEMPORARY}{uuid.uuid4().hex}"  # its own, should two tasks write one file
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name must survive a power cut too
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write each file whole, in order."""
    for path, data in contents.items():
        with atomic_write(path) as file:
            file.write(data)


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed process was writing in a folder that no other process writes to."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
