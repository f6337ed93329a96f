"""Files that commands write: existing files are replaced only on request, and none is left incomplete."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentdx.audio.io.encoding import encode
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE, Dexed, Renderer
from latentdx.errors import ParameterError
from latentdx.files import write_files
from latentdx.presets.bank import Preset, PresetBank
from latentdx.typing import Note

if TYPE_CHECKING:
    from latentdx.display.match_report import MatchReport


def check_free(path: Path, suffix: str, *, force: bool = False) -> None:
    """Check that a file can be written, before the work on its content begins.

    Args:
        path: The file; it need not exist.
        suffix: Suffix that it must have, with its dot.
        force: Whether an existing file may be replaced.

    Raises:
        ParameterError: The suffix is another, the folder is missing, or the file exists already.
    """
    if path.suffix.lower() != suffix:
        raise ParameterError(f"{path} does not end in {suffix}, the format that is written")
    if not path.parent.is_dir():
        raise ParameterError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.is_dir():
        raise ParameterError(f"{path} is a folder: give the name of a {suffix} file")
    if not force and (path.exists() or path.is_symlink()):
        raise ParameterError(f"{path} exists already: --force replaces it, or choose another name")


def check_folder(folder: Path, names: Iterable[str] = (), *, force: bool = False) -> None:
    """Check that a folder and files in it can be written; see `check_free`.

    Args:
        folder: The folder; it need not exist, but its parent must.
        names: Names of the files.
        force: Whether existing files may be replaced.

    Raises:
        ParameterError: The folder cannot be created, or a file cannot be written.
    """
    if not folder.parent.is_dir():
        raise ParameterError(f"{folder} cannot be created: there is no folder {folder.parent}")
    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        raise ParameterError(f"{folder} is a file: give the name of a folder")
    if folder.is_dir():
        for name in names:
            check_free(folder / name, Path(name).suffix, force=force)


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

    def check(self, *, force: bool = False) -> None:
        """Check that all files can be written, before the search begins; see `check_free`."""
        for path, suffix in ((self.cartridge, ".syx"), (self.page, ".html"), (self.summary, ".json")):
            check_free(path, suffix, force=force)
        check_folder(self.previews, force=force)

    def write(self, report: "MatchReport") -> list[Path]:
        """Write a report, and return the files and the folder to show to the user."""
        self.previews.mkdir(exist_ok=True)
        write_files(
            {
                self.cartridge: report.cartridge,
                self.page: report.page,
                self.summary: report.summary,
                **{self.previews / name: data for name, data in report.previews.items()},
            }
        )
        return [self.cartridge, self.page, self.summary, self.previews]


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
