"""Files that commands write: checked before the work, written after it, and never lost.

Existing files are replaced only on request. If a file cannot be written in the end, all of them go elsewhere.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentdx.audio.io.encoding import encode
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE, Dexed, Renderer
from latentdx.cli.common import fail
from latentdx.errors import ParameterError
from latentdx.files import try_writing, write_files
from latentdx.presets.bank import Preset, PresetBank
from latentdx.typing import Note

if TYPE_CHECKING:
    from latentdx.display.match_report import MatchReport

SOUND_BYTES = 600_000
"""Most bytes that a sound takes: a FLAC file of noise, and its player and picture in a page."""

BATCH_BYTES = 200_000
"""Bytes that a sound of a batch takes: two MP3 files of four seconds, its summary and its row in the page."""

_SMALL = 100_000
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_free(path: Path, suffix: str, *, force: bool = False, size: int = _SMALL) -> None:
    """Check that a file can be written, before the work on its content begins.

    Args:
        path: The file; it need not exist.
        suffix: Suffix that it must have, with its dot.
        force: Whether an existing file may be replaced.
        size: Size in bytes for which there must be room.

    Raises:
        ParameterError: The suffix is another, the folder is missing, read-only or full, or the file exists
            already.
    """
    if path.suffix.lower() != suffix:
        raise ParameterError(f"{path} does not end in {suffix}, the format that is written")
    with _refusal(f"{path.name} cannot be written into {path.parent.absolute()}", size):
        if not path.parent.is_dir():
            raise ParameterError(f"{path} cannot be written: there is no folder {path.parent}")
        if path.is_dir():
            raise ParameterError(f"{path} is a folder: give the name of a {suffix} file")
        if not force and _exists(path):
            raise ParameterError(f"{path} exists already: --force replaces it, or choose another name")
        try_writing([path], size)


def check_folder(
    folder: Path,
    names: Iterable[str] = (),
    *,
    force: bool = False,
    size: int = _SMALL,
    parents: bool = False,
) -> None:
    """Check that a folder and files in it can be written; see `check_free`.

    Args:
        folder: The folder; it need not exist.
        names: Names of the files, if they are known.
        force: Whether existing files may be replaced.
        size: Size in bytes of all files, for which there must be room.
        parents: Whether missing parents of the folder will be created.

    Raises:
        ParameterError: The folder cannot be created, or a file cannot be written.
    """
    paths = [folder / name for name in names]
    with _refusal(f"files cannot be written into {folder.absolute()}", size):
        if not parents and not folder.parent.is_dir():
            raise ParameterError(f"{folder} cannot be created: there is no folder {folder.parent}")
        if not folder.is_dir() and _exists(folder):
            raise ParameterError(f"{folder} is a file: give the name of a folder")
        for path in paths:
            if path.is_dir():
                raise ParameterError(f"{path} is a folder, where a file is to be written: rename it")
            if not force and _exists(path):
                raise ParameterError(f"{path} exists already: --force replaces it, or choose another folder")
        try_writing(paths or [folder / "file"], size)


def write(contents: Mapping[Path, bytes], *, force: bool = False) -> list[Path]:
    """Write the files of a command, and return their paths to show to the user.

    If a file cannot be written, or another one has taken its name since the check, all of them are written to
    a new folder elsewhere, and the command ends with a message that names the folder.

    Args:
        contents: Bytes of each file, by path; a missing folder is created.
        force: Whether existing files may be replaced.
    """
    first = next(iter(contents))
    try:
        if taken := [path for path in contents if not force and _exists(path)]:
            raise FileExistsError(f"another program has made {taken[0]} in the meantime")
        write_files(contents)
    except OSError as error:
        rescued = _rescue(contents, first.parent)
        fail(f"{first} cannot be written: {error.strerror or error}; {rescued}")
    return list(contents)


def _rescue(contents: Mapping[Path, bytes], base: Path) -> str:
    """Write files to a new folder in the first place that has room, and say which folder that is."""
    for place in (Path(), Path("~"), None):  # the last is the system's folder for temporary files
        folder = None
        try:
            folder = Path(tempfile.mkdtemp(prefix="latentdx-", dir=place and place.expanduser().absolute()))
            names = (p.name if p.parent == base else Path(p.parent.resolve().name, p.name) for p in contents)
            write_files({folder / name: data for name, data in zip(names, contents.values(), strict=True)})
        except (OSError, RuntimeError):  # the latter for a user without a home
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            return f"the result was written to {folder} instead"
    return (
        "it is lost, for it can be written neither here nor into the home folder or that of temporary files"
    )


@contextmanager
def _refusal(what: str, size: int) -> Iterator[None]:
    """Turn the system's errors in a check into one that says what cannot be done and why."""
    try:
        yield
    except OSError as error:
        room = f" ({size:,} bytes are needed)" if error.errno in _FULL else ""
        raise ParameterError(f"{what}: {error.strerror}{room}") from error


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


@dataclass(frozen=True)
class MatchFiles:
    """Files of a match, all in the folder of its cartridge and named after it."""

    cartridge: Path

    @property
    def page(self) -> Path:
        """Page for listening and comparing."""
        return self.cartridge.with_suffix(".html")

    @property
    def summary(self) -> Path:
        """Report in numbers."""
        return self.cartridge.with_suffix(".json")

    @property
    def previews(self) -> Path:
        """Folder of the previews."""
        return self.cartridge.with_name(f"{self.cartridge.stem}-previews")

    def check(self, *, force: bool = False, keep: int = 1, n_sounds: int = 1) -> None:
        """Check that all files can be written, before the search begins; see `check_free`.

        Args:
            force: Whether existing files may be replaced.
            keep: Largest number of presets.
            n_sounds: Number of sounds that they are compared with.
        """
        for path, suffix in ((self.cartridge, ".syx"), (self.page, ".html"), (self.summary, ".json")):
            check_free(path, suffix, force=force)
        size = (1 + keep) * n_sounds * SOUND_BYTES
        with _refusal(f"files cannot be written into {self.previews.absolute()}", size):
            there = sorted(self.previews.iterdir()) if self.previews.is_dir() else []
        numbers = {"target", *map(str, range(1, keep + 1))}  # a note may follow them, as in 1.C3@85.flac
        taken = [p.name for p in there if p.suffix.lower() == ".flac" and p.name.split(".")[0] in numbers]
        check_folder(self.previews, [*taken, "target.flac"], force=force, size=size)

    def write(self, report: "MatchReport", *, force: bool = False) -> list[Path]:
        """Write a report, and return the files and the folder to show to the user; see `output.write`."""
        files = {self.cartridge: report.cartridge, self.page: report.page, self.summary: report.summary}
        previews = {self.previews / name: data for name, data in report.previews.items()}
        write(files | previews, force=force)
        return [*files, self.previews]


def sysex(bank: PresetBank) -> bytes:
    """Encode one preset as a single voice, several as cartridges of 32, the last padded with INIT VOICEs."""
    return bank[0].sysex() if len(bank) == 1 else bank.sysex()


def previews(
    presets: Iterable[Preset], note: Note = SINGLE_NOTE[0], *, renderer: Renderer | None = None
) -> list[bytes]:
    """Render presets as FLAC. If one would clip, the same gain turns all of them down.

    Args:
        presets: Presets to render.
        note: (MIDI note, velocity) that is played.
        renderer: Synth that renders; default `Dexed()`.

    Returns:
        Contents of one FLAC file per preset.
    """
    synth = renderer or Dexed()
    sounds = [synth.render(preset, *note) for preset in presets]
    peak = max((float(np.abs(sound).max()) for sound in sounds), default=0.0)
    gain = np.float32(1 / max(peak, 1.0))
    return [encode(sound * gain, "flac", SAMPLE_RATE) for sound in sounds]
