"""How presets answer to velocity, which a sound at one velocity does not tell: as the model's draws do.

A search leaves KEY VELOCITY as it happened to be mutated, compensated by OUTPUT LEVEL. The median of what
presets that make such a sound usually have is a better guess: on answers to 100 validation presets (2,000
renders), it brought the MFCC13 distance at velocity 40 from a median of 8.9 to 8.3 (mean 9.5 to 8.7), and at
velocity 120 from 8.1 to 7.6 (8.6 to 7.9); at the note heard, it went from 5.03 to 5.14. Draws of which parts
were drawn again are left out: they descend from a few, and guess worse (8.9 to 8.6, and 8.1 to 8.0). The same
guesses for the keyboard scaling (an octave lower 8.8 to 9.0, higher 8.0 to 7.7) and for RATE SCALING did not
help.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from latentdx.audio.engine.envelope import velocity_scaling
from latentdx.audio.engine.tables import OUTPUT_LEVEL
from latentdx.presets.algorithms import algorithm
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS, column
from latentdx.typing import Floats, Values

_DOUBLING = 8  # steps of OUTPUT LEVEL by which an amplitude doubles
_COST, _LEAST_COST = 1.03, 0.005  # largest increase of the distance: a factor, and what is added to it
_EXACT = 0.01  # distance below which a preset is probably the very one, and keeps what it has


class Sensitivities(NamedTuple):
    """KEY VELOCITY of a preset's carriers and of its modulators, 0 … 7; `nan` where none sounds."""

    carriers: float
    modulators: float


def sensitivities(preset: Preset) -> Sensitivities:
    """Return the mean KEY VELOCITY of a preset's operators, the louder ones counting more."""
    means = []
    for operators in _sounding(preset):
        weights = [2 ** (preset[f"OP{k} OUTPUT LEVEL"] / _DOUBLING) for k in operators]
        values = [preset[f"OP{k} KEY VELOCITY"] for k in operators]
        means.append(float(np.average(values, weights=weights)) if operators else float("nan"))
    return Sensitivities(*means)


def plausible_sensitivities(values: Values) -> Sensitivities:
    """Return the medians of the sensitivities of presets, uint8 (N, 145), such as a model's draws."""
    found = np.array([sensitivities(Preset(each)) for each in values])
    medians = [column[np.isfinite(column)] for column in found.T]
    return Sensitivities(*(float(np.median(each)) if len(each) else float("nan") for each in medians))


def with_sensitivities(
    preset: Preset, wanted: Sensitivities, velocity: int, rank: Callable[[Values], Floats]
) -> Preset:
    """Give a preset's carriers, and then its modulators, a KEY VELOCITY, as far as that costs little in all.

    OUTPUT LEVEL makes up for it at the velocity that was heard. A preset that sounds exactly like the target
    stays as it is.

    Args:
        preset: Preset as it was found.
        wanted: KEY VELOCITY of both kinds of operators.
        velocity: MIDI velocity that was heard, 1 … 127.
        rank: Function that returns the distances (N,) of presets (N, 145) from the sound; `inf` for those
            that may not be answers.
    """
    distance = float(rank(preset.values[None])[0])
    if distance < _EXACT:
        return preset
    for operators, sensitivity in zip(_sounding(preset), wanted, strict=True):
        if operators and np.isfinite(sensitivity):
            changed = preset.values.copy()
            for k in operators:
                changed = _with_sensitivity(changed, k, int(sensitivity + 0.5), velocity)
            if float(rank(changed[None])[0]) <= _COST * distance + _LEAST_COST:
                preset = Preset(changed, preset.name, preset.id)
    return preset


def _sounding(preset: Preset) -> tuple[list[int], list[int]]:
    """Return the carriers and the modulators whose OUTPUT LEVEL is not 0."""
    carriers = algorithm(preset["ALGORITHM"] + 1).carriers
    heard = [k for k in range(1, N_OPERATORS + 1) if preset[f"OP{k} OUTPUT LEVEL"]]
    return [k for k in heard if k in carriers], [k for k in heard if k not in carriers]


def _with_sensitivity(values: Values, operator: int, sensitivity: int, velocity: int) -> Values:
    """Change an operator's KEY VELOCITY and, so that a velocity sounds as before, its OUTPUT LEVEL."""
    touch, level = column(f"OP{operator} KEY VELOCITY"), column(f"OP{operator} OUTPUT LEVEL")
    scaling = velocity_scaling.py_func  # a first match does not wait for a compiler
    change = scaling(velocity, int(values[touch])) - scaling(velocity, sensitivity)
    levels = 32 * OUTPUT_LEVEL.astype(np.int64)
    out = values.copy()
    out[touch] = sensitivity
    if change:
        out[level] = max(1, int(np.abs(levels - levels[values[level]] - change).argmin()))
    return out
