"""Parameters and their values as musicians write them: "ALGORITHM=5", "OP1 F COARSE=1", "LFO WAVE=sine"."""

import difflib

from latentdx.errors import ParameterError
from latentdx.presets.parameters import Parameter, voice_parameters


def parse_setting(text: str) -> tuple[str, int]:
    """Parse a parameter with a value.

    Spaces and case do not count. A value is written as `latentdx info` and `Parameter.text` show it:
    algorithms count from 1, detune from -7 to +7, and choices such as waves have names.

    Args:
        text: Name and value, such as "ALGORITHM=5" or "op1 f coarse = 1".

    Returns:
        Name of the parameter, and the DX7 integer of the value.

    Raises:
        ParameterError: The text has no value, or names no parameter or value; the message lists what there
            is.

    >>> parse_setting("ALGORITHM=5"), parse_setting("lfo wave = Sine"), parse_setting("OP1 OSC DETUNE=-2")
    (('ALGORITHM', 4), ('LFO WAVE', 4), ('OP1 OSC DETUNE', 5))
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ParameterError(f"{text!r} has no value: write NAME=VALUE, such as ALGORITHM=5")
    found = _named(name)
    values = {_folded(found.text(v)): v for v in range(found.maximum + 1)}
    if _folded(value) not in values:
        first, last = found.text(0), found.text(found.maximum)
        there = ", ".join(found.labels) or f"{first} … {last}"
        raise ParameterError(f"{found.name} cannot be {value.strip()!r}: it is one of {there}")
    return found.name, values[_folded(value)]


def _named(name: str) -> Parameter:
    parameters = {_folded(p.name): p for p in voice_parameters()}
    if found := parameters.get(_folded(name)):
        return found
    close = difflib.get_close_matches(_folded(name), parameters, n=3, cutoff=0.6)
    similar = ", ".join(parameters[key].name for key in close) or "ALGORITHM, FEEDBACK, OP1 F COARSE"
    raise ParameterError(f"no parameter is called {name.strip()!r}; there are, for example, {similar}")


def _folded(text: str) -> str:
    """Remove spaces, full stops, case and plus signs."""
    return "".join(text.split()).replace(".", "").removeprefix("+").casefold()
