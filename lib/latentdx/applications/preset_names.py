"""Names of presets that are made from sounds, in the characters that a DX7 can show."""

from latentdx.presets.parameters import NAME_LENGTH
from latentdx.presets.sysex import display_name

NAMELESS = "LATENTDX"
"""Name of presets for files whose names hold no character that a DX7 can show."""


def preset_name(name: str) -> str:
    """Return the characters of a name that a DX7 can show, at most ten; `NAMELESS` if there are none."""
    return display_name(name) or NAMELESS


def numbered(name: str, number: int) -> str:
    """Return a name with a number, in the ten characters that a DX7 can show: "Flute 1"."""
    return f"{display_name(name)[: NAME_LENGTH - 1 - len(str(number))].rstrip()} {number}".lstrip()
