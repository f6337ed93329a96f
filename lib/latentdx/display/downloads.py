"""Downloads that a chapter offers as .syx: cartridges of inferred presets, and which presets to withhold."""

import os
from collections.abc import Sequence

from latentdx.display import media
from latentdx.display.html import HTML
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.sysex import BANK_VOICES

ORIGINALS_VARIABLE = "ORIGINALS"
"""Environment variable that allows them: `make site ORIGINALS=1` builds a site for private use only."""


def originals_allowed() -> bool:
    """Return True if this build may show the parameters of a corpus's presets, which are not ours to publish.

    Only a local build may, and only if the variable `ORIGINALS` is "1". A build that CI publishes never does.
    """
    return os.environ.get(ORIGINALS_VARIABLE) == "1" and os.environ.get("CI", "") in ("", "false")


def cartridge(presets: Sequence[Preset], name: str) -> HTML:
    """Save a cartridge of 32 voices, which a DX7 and Dexed load, and return a link to it.

    Voices after the given presets are INIT VOICE. The file is written with `media.save`.

    Args:
        presets: 1 to 32 presets that may be published, each with a name that the synth's display can show.
        name: Name of the file, without ".syx".

    Raises:
        ParameterError: There are no presets, more than 32, or some without a name.
    """
    if not 1 <= len(presets) <= BANK_VOICES:
        raise ParameterError(f"a cartridge holds 1 to {BANK_VOICES} presets, not {len(presets)}")
    if nameless := [number for number, preset in enumerate(presets, 1) if not preset.name.strip()]:
        raise ParameterError(f"presets {nameless} of the cartridge {name!r} have no name")
    bank = PresetBank(presets)
    return media.render_template(
        "cartridge.html", name=name, names=bank.names, link=media.save(bank.sysex(), "syx")
    )
