"""The table of all 155 Dexed parameters, with their ranges, kinds, offsets and plug-in names.

A DX7 voice has three equivalent forms: the synth's own integers in VCED order (`PresetBank.values`), the 128
packed bytes of a cartridge, and the plug-in's 155 floats in [0, 1]. This table maps between them, and all
other modules use it.

Sources: section 2 of the paper and its published parameter list (Dexed up to 0.9.7; see `PluginRenderer` for
the MonoMode parameter of later versions), and the DX7 voice format ("VCED": 155 bytes, of which 10 are the
name).
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from latentdx.errors import ParameterError

N_OPERATORS = 6
"""Number of operators of a DX7 voice."""

N_VALUES = 145
"""Number of values of a voice in VCED order, without its ten-letter name."""

NAME_LENGTH = 10
"""Length of a voice's name in letters."""

NEUTRAL_TRANSPOSE = 24
"""Value of TRANSPOSE for no transposition (C3)."""

Kind = Literal["numerical", "categorical"]

LFO_WAVES = ("triangle", "saw down", "saw up", "square", "sine", "sample & hold")
KEY_SCALE_CURVES = ("-lin", "-exp", "+exp", "+lin")
FREQUENCY_MODES = ("ratio", "fixed")
OFF_ON = ("off", "on")


@dataclass(frozen=True)
class Parameter:
    """One parameter of the plug-in.

    Attributes:
        index: Position in the plug-in's list of 155 (Dexed up to 0.9.7; for later versions, map by name).
        name: Name in the plug-in, such as "OP1 F COARSE".
        vced: Byte offset in the unpacked voice; `None` for a parameter that exists only in the plug-in.
        size: Number of values (0 … size - 1); `None` for a continuous parameter.
        kind: "categorical" if the order of the values has no meaning, otherwise "numerical".
        operator: Operator, 1 … 6; `None` for a global parameter.
        locked: Constant plug-in value of a parameter that the models do not learn; otherwise `None`.
        dynamic: True if the effect depends on the note or velocity played.
        labels: Names of the values of a categorical parameter, if they have names.
    """

    index: int
    name: str
    vced: int | None
    size: int | None
    kind: Kind
    operator: int | None = None
    locked: float | None = None
    dynamic: bool = False
    labels: tuple[str, ...] = ()

    @property
    def learnable(self) -> bool:
        """True if the models learn this parameter."""
        return self.locked is None

    @property
    def maximum(self) -> int:
        """Largest DX7 integer; a continuous parameter has none and raises `ValueError`."""
        if self.size is None:
            raise ValueError(f"{self.name} is continuous and has no largest integer")
        return self.size - 1

    @property
    def group(self) -> str:
        """Name of the group: "operator 1" … "operator 6", or "global"."""
        return "global" if self.operator is None else f"operator {self.operator}"

    def text(self, value: int) -> str:
        """Format a DX7 integer for musicians, with labels for categories and centered detune and transpose.

        Args:
            value: DX7 integer, 0 … `maximum`.

        >>> parameter("LFO WAVE").text(4), parameter("OP1 OSC DETUNE").text(9)
        ('sine', '+2')
        """
        if self.labels:
            return self.labels[value]
        if self.name == "ALGORITHM":
            return str(value + 1)
        if self.name == "TRANSPOSE":
            return f"{value - NEUTRAL_TRANSPOSE:+d} semitones"
        if self.name.endswith("OSC DETUNE"):
            return f"{value - 7:+d}"
        return str(value)


# in plug-in order: name, offset in the operator's 21 VCED bytes, number of values, kind, dynamic, labels
_OPERATOR: tuple[tuple[str, int, int, Kind, bool, tuple[str, ...]], ...] = (
    *((f"EG RATE {n}", n - 1, 100, "numerical", False, ()) for n in range(1, 5)),
    *((f"EG LEVEL {n}", n + 3, 100, "numerical", False, ()) for n in range(1, 5)),
    ("OUTPUT LEVEL", 16, 100, "numerical", False, ()),
    ("MODE", 17, 2, "categorical", False, FREQUENCY_MODES),
    ("F COARSE", 18, 32, "numerical", False, ()),
    ("F FINE", 19, 100, "numerical", False, ()),
    ("OSC DETUNE", 20, 15, "numerical", False, ()),
    ("BREAK POINT", 8, 100, "numerical", True, ()),
    ("L SCALE DEPTH", 9, 100, "numerical", True, ()),
    ("R SCALE DEPTH", 10, 100, "numerical", True, ()),
    ("L KEY SCALE", 11, 4, "categorical", True, KEY_SCALE_CURVES),
    ("R KEY SCALE", 12, 4, "categorical", True, KEY_SCALE_CURVES),
    ("RATE SCALING", 13, 8, "numerical", True, ()),
    ("A MOD SENS.", 14, 4, "numerical", False, ()),
    ("KEY VELOCITY", 15, 8, "numerical", True, ()),
)
_OPERATOR_BYTES = 21


def _build() -> tuple[Parameter, ...]:
    """Build the table."""
    table = [
        Parameter(0, "Cutoff", None, None, "numerical", locked=1.0),
        Parameter(1, "Resonance", None, None, "numerical", locked=0.0),
        Parameter(2, "Output", None, None, "numerical", locked=1.0),
        Parameter(3, "MASTER TUNE ADJ", None, None, "numerical", locked=0.5),
        Parameter(4, "ALGORITHM", 134, 32, "categorical"),
        Parameter(5, "FEEDBACK", 135, 8, "numerical"),
        Parameter(6, "OSC KEY SYNC", 136, 2, "categorical", labels=OFF_ON),
        Parameter(7, "LFO SPEED", 137, 100, "numerical"),
        Parameter(8, "LFO DELAY", 138, 100, "numerical"),
        Parameter(9, "LFO PM DEPTH", 139, 100, "numerical"),
        Parameter(10, "LFO AM DEPTH", 140, 100, "numerical"),
        Parameter(11, "LFO KEY SYNC", 141, 2, "categorical", labels=OFF_ON),
        Parameter(12, "LFO WAVE", 142, 6, "categorical", labels=LFO_WAVES),
        Parameter(13, "TRANSPOSE", 144, 49, "numerical", locked=0.5),
        Parameter(14, "P MODE SENS.", 143, 8, "numerical"),
        *(Parameter(14 + n, f"PITCH EG RATE {n}", 125 + n, 100, "numerical") for n in range(1, 5)),
        *(Parameter(18 + n, f"PITCH EG LEVEL {n}", 129 + n, 100, "numerical") for n in range(1, 5)),
    ]
    for operator in range(1, N_OPERATORS + 1):
        first = _OPERATOR_BYTES * (N_OPERATORS - operator)  # the voice stores operator 6 first
        for name, offset, size, kind, dynamic, labels in _OPERATOR:
            table.append(
                Parameter(
                    len(table),
                    f"OP{operator} {name}",
                    first + offset,
                    size,
                    kind,
                    operator,
                    dynamic=dynamic,
                    labels=labels,
                )
            )
        table.append(
            Parameter(
                len(table),
                f"OP{operator} SWITCH",
                None,
                2,
                "categorical",
                operator,
                locked=1.0,
                labels=OFF_ON,
            )
        )
    return tuple(table)


PARAMETERS: tuple[Parameter, ...] = _build()
"""All 155 parameters in plug-in order."""

_BY_NAME = {p.name: p for p in PARAMETERS}


def parameter(name: str) -> Parameter:
    """Return the parameter with a given name in the plug-in.

    Args:
        name: Plug-in name, such as "OP1 F COARSE".

    Raises:
        KeyError: No parameter has this name.

    >>> parameter("FEEDBACK").maximum
    7
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise KeyError(f"no parameter named {name!r}") from None


def column(name: str) -> int:
    """Return the column of `PresetBank.values` that holds a parameter.

    Args:
        name: Plug-in name, such as "OP1 F COARSE".

    Raises:
        KeyError: No parameter has this name, or it exists only in the plug-in.

    >>> column("ALGORITHM")
    134
    """
    vced = parameter(name).vced
    if vced is None:
        raise KeyError(f"{name!r} exists only in the plug-in, not in a DX7 voice")
    return vced


@cache
def voice_parameters() -> tuple[Parameter, ...]:
    """Return the 145 parameters of a DX7 voice in VCED order: entry i describes column i."""
    return tuple(sorted((p for p in PARAMETERS if p.vced is not None), key=lambda p: p.vced or 0))


@cache
def learnable_parameters(n_operators: int = N_OPERATORS) -> tuple[Parameter, ...]:
    """Return the parameters that the models learn, in plug-in order.

    Args:
        n_operators: Number of operators that are learned, counted from operator 1: 6 give 144 parameters,
            and 3 give 81.

    >>> len(learnable_parameters()), len(learnable_parameters(3))
    (144, 81)
    """
    return tuple(p for p in PARAMETERS if p.learnable and (p.operator is None or p.operator <= n_operators))


@cache
def maxima() -> npt.NDArray[np.uint8]:
    """Return the largest integer of each column as a read-only array, uint8 (145,)."""
    array = np.array([p.maximum for p in voice_parameters()], np.uint8)
    array.flags.writeable = False
    return array


def plugin_to_integers(plugin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert plug-in values to the integers of DX7 voices: round(value * maximum).

    Args:
        plugin: Plug-in values, float64 (N, 155).

    Returns:
        Whole numbers in VCED order, float64 (N, 145); out of their ranges where values are outside [0, 1].

    Raises:
        ParameterError: A value is NaN or infinite, or the shape is wrong.
    """
    if plugin.ndim != 2 or plugin.shape[1] != len(PARAMETERS):
        raise ParameterError(f"plug-in presets must have shape (N, {len(PARAMETERS)}), not {plugin.shape}")
    if not np.isfinite(plugin).all():
        row, index = np.argwhere(~np.isfinite(plugin))[0]
        raise ParameterError(
            f"preset {row}: {PARAMETERS[index].name} is {plugin[row, index]}, not a number in 0 … 1"
        )
    order = np.array([p.index for p in voice_parameters()])
    # a value outside [0, 1] must stay out of range after rounding
    return np.rint(np.clip(plugin[:, order], -1, 3) * maxima())


def integers_to_plugin(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Convert the integers of DX7 voices, uint8 (N, 145), to plug-in values, float32 (N, 155) in [0, 1]."""
    out = np.empty((len(values), len(PARAMETERS)), np.float32)
    for p in PARAMETERS:
        out[:, p.index] = p.locked if p.vced is None else values[:, p.vced] / np.float32(p.maximum)
    return out


# values of INIT VOICE; names without "OPk" apply to all operators, and all other parameters are 0
_INIT = {
    **{f"EG RATE {n}": 99 for n in range(1, 5)},
    **{f"EG LEVEL {n}": 99 for n in range(1, 4)},
    "OP1 OUTPUT LEVEL": 99,
    "F COARSE": 1,
    "OSC DETUNE": 7,
    "BREAK POINT": 39,
    **{f"PITCH EG RATE {n}": 99 for n in range(1, 5)},
    **{f"PITCH EG LEVEL {n}": 50 for n in range(1, 5)},
    "OSC KEY SYNC": 1,
    "LFO SPEED": 35,
    "LFO KEY SYNC": 1,
    "P MODE SENS.": 3,
    "TRANSPOSE": NEUTRAL_TRANSPOSE,
}


def init_values() -> npt.NDArray[np.uint8]:
    """Return the DX7's INIT VOICE, uint8 (145,): one sine wave from operator 1 at full level."""
    short = (p.name.split(" ", 1)[1] if p.operator else p.name for p in voice_parameters())
    named = zip(voice_parameters(), short, strict=True)
    return np.array([_INIT.get(p.name, _INIT.get(name, 0)) for p, name in named], np.uint8)


def operator_columns(operator: int) -> slice:
    """Return the 21 columns of `PresetBank.values` that hold an operator.

    Args:
        operator: Operator, 1 … 6.

    Raises:
        ValueError: The operator is out of range.

    >>> operator_columns(6)
    slice(0, 21, None)
    """
    if not 1 <= operator <= N_OPERATORS:
        raise ValueError(f"operator {operator} is not in 1 … {N_OPERATORS}")
    first = _OPERATOR_BYTES * (N_OPERATORS - operator)
    return slice(first, first + _OPERATOR_BYTES)
