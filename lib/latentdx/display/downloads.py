"""What a chapter offers as .syx: cartridges of inferred presets; and which presets it must not offer."""

import os
from collections.abc import Sequence

from latentdx.display import media
from latentdx.display.html import HTML
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.sysex import BANK_VOICES

ORIGINALS_VARIABLE = "ORIGINALS"
"""`make site ORIGINALS=1`: a site to keep to oneself."""


def originals_allowed() -> bool:
    """Whether this build may show the parameters of a corpus's presets, which are not ours to publish.

    Only a local build that asks for it may; what CI publishes never does, whatever it asks for.
    """
    return os.environ.get(ORIGINALS_VARIABLE) == "1" and os.environ.get("CI", "") in ("", "false")


def cartridge(presets: Sequence[Preset], name: str) -> HTML:
    """A link to one cartridge of 32 voices, which a DX7 and Dexed load; the rest of it is INIT VOICE.

    Writes it by `media.save`.

    Args:
        presets: 1 to 32 that may be published, each with a name to be found by on the synth's display.
        name: of the file, without ".syx".
    """
    if not 1 <= len(presets) <= BANK_VOICES:
        raise ParameterError(f"a cartridge holds 1 to {BANK_VOICES} presets, not {len(presets)}")
    if nameless := [number for number, preset in enumerate(presets, 1) if not preset.name.strip()]:
        raise ParameterError(f"presets {nameless} of the cartridge {name!r} have no name")
    bank = PresetBank.concatenate(preset.bank for preset in presets)
    return media.render_template(
        "cartridge.html", name=name, names=bank.names, link=media.save(bank.sysex(), "syx")
    )
