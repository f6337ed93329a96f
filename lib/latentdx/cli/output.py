"""Files that commands write: nothing is replaced unless asked, and each file is whole or not there."""

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
    """Check before the work begins that a file can be written at its end.

    Args:
        path: The file, which need not exist.
        suffix: The suffix that it must have, with its dot.
        force: Whether an existing file may be replaced.

    Raises:
        ParameterError: Another suffix, a missing folder, or something that exists already.
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
    """Check the same for files of these names in a folder, which may be missing itself."""
    if not folder.parent.is_dir():
        raise ParameterError(f"{folder} cannot be made: there is no folder {folder.parent}")
    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        raise ParameterError(f"{folder} is a file: give the name of a folder")
    if folder.is_dir():
        for name in names:
            check_free(folder / name, Path(name).suffix, force=force)


@dataclass(frozen=True)
class MatchFiles:
    """Files of a match, all beside its cartridge and named after it."""

    cartridge: Path

    @property
    def page(self) -> Path:
        """The page to listen and compare."""
        return self.cartridge.with_suffix(".html")

    @property
    def summary(self) -> Path:
        """The report in numbers."""
        return self.cartridge.with_suffix(".json")

    @property
    def previews(self) -> Path:
        """The folder of the previews."""
        return self.cartridge.with_name(f"{self.cartridge.stem}-previews")

    def check(self, *, force: bool = False) -> None:
        """Check before the search begins that all of them can be written at its end."""
        for path, suffix in ((self.cartridge, ".syx"), (self.page, ".html"), (self.summary, ".json")):
            check_free(path, suffix, force=force)
        check_folder(self.previews, force=force)

    def write(self, report: "MatchReport") -> list[Path]:
        """Write a report's contents; returns what a user looks for."""
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
    """Encode one preset as a single voice, more as cartridges of 32, the last filled up with INIT VOICE."""
    return bank[0].sysex() if len(bank) == 1 else bank.sysex()


def previews(
    presets: Iterable[Preset], note: Note = SINGLE_NOTE[0], *, renderer: Renderer | None = None
) -> list[bytes]:
    """Render each preset as FLAC; if one would clip, all are turned down by the same gain."""
    synth = renderer or Dexed()
    sounds = [synth.render(preset, *note) for preset in presets]
    peak = max((float(np.abs(sound).max()) for sound in sounds), default=0.0)
    gain = np.float32(1 / max(peak, 1.0))
    return [encode(sound * gain, "flac", SAMPLE_RATE) for sound in sounds]
