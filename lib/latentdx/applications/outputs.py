"""What a command writes for its user: nothing over another file unasked, everything whole or not at all."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from latentdx.audio import files
from latentdx.audio.dexed import SAMPLE_RATE, SINGLE_NOTE, Dexed, Renderer
from latentdx.dataset.store import atomic_write
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset, PresetBank


def check_free(path: Path, suffix: str, *, force: bool = False) -> None:
    """To be asked before the work begins: whether `path` can be written at its end.

    Args:
        path: of a file, which need not be there.
        suffix: that it must have, with its dot.
        force: whether a file there may be replaced.

    Raises:
        ParameterError: another suffix, no such folder, or something is there already.
    """
    if path.suffix.lower() != suffix:
        raise ParameterError(f"{path} does not end in {suffix}, which is what is written")
    if not path.parent.is_dir():
        raise ParameterError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.is_dir():
        raise ParameterError(f"{path} is a folder: the name of a {suffix} file is wanted")
    if not force and (path.exists() or path.is_symlink()):
        raise ParameterError(f"{path} is there already: --force replaces it, or choose another name")


def check_folder(folder: Path, names: Iterable[str], *, force: bool = False) -> None:
    """The same for files of these names in a folder, which may be missing itself."""
    if not folder.parent.is_dir():
        raise ParameterError(f"{folder} cannot be made: there is no folder {folder.parent}")
    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        raise ParameterError(f"{folder} is a file: the name of a folder is wanted")
    if folder.is_dir():
        for name in names:
            check_free(folder / name, Path(name).suffix, force=force)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write each file whole, in order."""
    for path, data in contents.items():
        with atomic_write(path) as file:
            file.write(data)


def sysex(bank: PresetBank) -> bytes:
    """One preset as a single voice; more as cartridges of 32, the last filled up with INIT VOICE."""
    return bank[0].sysex() if len(bank) == 1 else bank.sysex()


def previews(
    presets: Iterable[Preset],
    note: int = SINGLE_NOTE[0][0],
    velocity: int = SINGLE_NOTE[0][1],
    *,
    renderer: Renderer | None = None,
) -> list[bytes]:
    """Each preset's render as FLAC; where one would clip, all are turned down by the same gain."""
    synth = renderer or Dexed()
    sounds = [synth.render(preset, note, velocity) for preset in presets]
    peak = max((float(np.abs(sound).max()) for sound in sounds), default=0.0)
    gain = np.float32(1 / max(peak, 1.0))
    return [files.encode(sound * gain, "flac", SAMPLE_RATE) for sound in sounds]
