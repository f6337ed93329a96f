"""The `starter` corpus: DX7 presets designed by this project, on twelve cartridges of 32.

Each sound is an archetype, specified the way an FM sound designer works (algorithm, ratios, envelopes,
velocity, keyboard scaling, LFO, pitch envelope). Each archetype has a few variants whose brightness, attack,
decay, detune and ratios are spread by a seeded Latin hypercube. `python -m latentdx.presets.starter
data/starter` writes the cartridges again, byte for byte.
"""

import hashlib
from pathlib import Path

import numpy as np

from latentdx.presets.bank import PresetBank
from latentdx.presets.starter import (
    basses,
    bells,
    brass,
    effects,
    electric_pianos,
    mallets,
    organs,
    percussion,
    pianos,
    plucked,
    strings,
    winds,
)
from latentdx.presets.starter.voice import SEED, Archetype

__all__ = ["CARTRIDGES", "SEED", "bank", "cartridges", "families", "write"]

CARTRIDGES: dict[str, tuple[Archetype, ...]] = {
    "01-electric-pianos": electric_pianos.ARCHETYPES,
    "02-pianos": pianos.ARCHETYPES,
    "03-basses": basses.ARCHETYPES,
    "04-brass": brass.ARCHETYPES,
    "05-bells": bells.ARCHETYPES,
    "06-organs": organs.ARCHETYPES,
    "07-strings-pads-choirs": strings.ARCHETYPES,
    "08-plucked-strings": plucked.ARCHETYPES,
    "09-mallets": mallets.ARCHETYPES,
    "10-woodwinds-leads": winds.ARCHETYPES,
    "11-percussion": percussion.ARCHETYPES,
    "12-effects": effects.ARCHETYPES,
}
"""File name of each cartridge (without .syx) -> its archetypes in order."""


def cartridges() -> dict[str, PresetBank]:
    """Make all cartridges: file name (without .syx) -> bank of 32 presets."""
    return {
        name: PresetBank.from_values(
            np.stack([voice.values() for a in archetypes for voice in a.voices()]),
            [label for a in archetypes for label in a.names()],
        )
        for name, archetypes in CARTRIDGES.items()
    }


def bank() -> PresetBank:
    """Make all presets in one bank, in the order in which `PresetBank.read("data/starter")` reads them."""
    whole = PresetBank.concatenate(cartridges().values())
    return PresetBank.from_values(whole.values, whole.names)


def families() -> dict[str, str]:
    """Return the family of each preset ("electric piano", "bell", …) by its name, in the bank's order."""
    return {name: a.family for archetypes in CARTRIDGES.values() for a in archetypes for name in a.names()}


def write(folder: str | Path) -> list[Path]:
    """Write the cartridges, SHA256SUMS and README.md; the bytes are the same every time.

    Args:
        folder: Folder to write to; it is created if needed.

    Returns:
        Paths of the files written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = [presets.write(folder / f"{name}.syx") for name, presets in cartridges().items()]
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    texts = {"SHA256SUMS": sums, "README.md": _readme()}
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())  # as bytes, so that line endings do not change on Windows
    return [*files, *(folder / name for name in texts)]


def _readme() -> str:
    """Compose the README: how the files were made, and what they contain, from the designs' docstrings."""
    parts = [_ABOUT.format(seed=SEED, presets=len(families()), cartridges=len(CARTRIDGES))]
    for name, archetypes in CARTRIDGES.items():
        parts.append(f"\n## {name}.syx\n\n| presets | family | how it is made |\n|---|---|---|\n")
        for a in archetypes:
            names = a.names()
            words = " ".join((a.design.__doc__ or "").split("\n\n")[0].split())
            parts.append(
                f"| {names[0]} … {names[-1].removeprefix(a.label).strip()} | {a.family} | {words} |\n"
            )
    return "".join(parts)


_ABOUT = """# The starter bank

{presets} presets for the Yamaha DX7 on {cartridges} cartridges of 32 voices, as ordinary SysEx files that
a DX7, Dexed and `latentdx.PresetBank.read` load. They are synthetic: no one played them in by ear and
none comes from another cartridge. This project wrote one design per sound, and a generator spread each
into variants. They are ours: part of LatentDX under GPL-3.0-or-later, and, as presets, also under
CC0-1.0, so that you may do with them as you like.

This folder, this page included, was made by

    python -m latentdx.presets.starter data/starter

with seed {seed}; a test makes it again and compares the bytes. `sha256sum -c SHA256SUMS` checks the
cartridges.
"""
