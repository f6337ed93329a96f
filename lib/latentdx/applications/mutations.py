"""Mutations: small random changes of a preset that make musical sense, for searches by sound.

Each mutation takes a preset, uint8 (145,), and a random generator, and returns a changed copy. The copy may
be equal to the preset, for instance when a value is already at the end of its range.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from latentdx.presets.algorithm_families import conversion, with_algorithm
from latentdx.presets.algorithms import N_ALGORITHMS
from latentdx.presets.parameters import (
    N_OPERATORS,
    N_VALUES,
    column,
    maxima,
    operator_columns,
    voice_parameters,
)
from latentdx.typing import Values

Mutation = Callable[[Values, np.random.Generator], Values]

_MAXIMA = maxima().astype(np.int64)
_LEARNABLE = np.array([p.learnable for p in voice_parameters()])
# all values of these parameters are equally far apart
_UNORDERED = np.array([p.kind == "categorical" for p in voice_parameters()]) | (_MAXIMA <= 3)
_OF_OPERATOR = [np.arange(N_VALUES)[operator_columns(k)] for k in range(1, N_OPERATORS + 1)]
_GLOBAL = np.setdiff1d(np.arange(N_VALUES), np.concatenate(_OF_OPERATOR))
_WIDTHS = (0.01, 0.03, 0.1)  # of a change, as a share of the parameter's range
_SHIFTS = np.array([1, 2, 4, 8])


def _columns(*names: str) -> npt.NDArray[np.int64]:
    """Return the columns of operator parameters, (operator, name)."""
    return np.array([[column(f"OP{k} {name}") for name in names] for k in range(1, N_OPERATORS + 1)])


_LEVEL = _columns("OUTPUT LEVEL")[:, 0]
_RATES = _columns(*(f"EG RATE {i}" for i in range(1, 5)))
_ENVELOPE = _columns(*(f"EG {what} {i}" for what in ("RATE", "LEVEL") for i in range(1, 5)))
_COARSE, _FINE, _DETUNE, _MODE = _columns("F COARSE", "F FINE", "OSC DETUNE", "MODE").T
_AM_SENSITIVITY = _columns("A MOD SENS.")[:, 0]
_ALGORITHM, _SPEED, _DELAY, _AM_DEPTH = (
    column(name) for name in ("ALGORITHM", "LFO SPEED", "LFO DELAY", "LFO AM DEPTH")
)
_VIBRATO = [column("LFO PM DEPTH"), column("P MODE SENS.")]
_WAVE = [column("LFO WAVE"), column("LFO KEY SYNC")]
_PITCH_RATES = np.array([column(f"PITCH EG RATE {i}") for i in range(1, 5)])
_PITCH_LEVELS = np.array([column(f"PITCH EG LEVEL {i}") for i in range(1, 5)])
_MIDDLE_C = 261.63  # Hz


def audible(values: Values) -> npt.NDArray[np.int64]:
    """Return the columns that can affect the sound of a preset (145,).

    These are all learnable parameters, except that silent operators contribute only their output level.
    """
    columns = [_GLOBAL]
    columns += [_OF_OPERATOR[k] if values[_LEVEL[k]] else _LEVEL[k : k + 1] for k in range(N_OPERATORS)]
    found = np.concatenate(columns)
    return found[_LEARNABLE[found]]


def _changed(values: Values, columns: npt.NDArray[np.int64], rng: np.random.Generator) -> Values:
    """Move numbers by a normal deviate of random width; draw categories anew."""
    out = values.copy()
    for c in columns:
        most = _MAXIMA[c]
        if _UNORDERED[c]:
            out[c] = (values[c] + rng.integers(1, most + 1)) % (most + 1)
        else:
            size = max(1, round(abs(rng.normal(0, rng.choice(_WIDTHS) * most))))
            out[c] = np.clip(values[c] + size * rng.choice((-1, 1)), 0, most)
    return out


def shifted(values: Values, columns: npt.NDArray[np.int64], by: int, least: int = 0) -> Values:
    """Add a number to some parameters, within their ranges."""
    out = values.copy()
    out[columns] = np.clip(values[columns].astype(np.int64) + by, least, _MAXIMA[columns])
    return out


def change_one(values: Values, rng: np.random.Generator) -> Values:
    """Change one parameter."""
    return _changed(values, rng.choice(audible(values), 1), rng)


def change_several(values: Values, rng: np.random.Generator) -> Values:
    """Change two to five parameters."""
    return _changed(values, rng.choice(audible(values), rng.integers(2, 6), replace=False), rng)


def scale_envelope_times(values: Values, rng: np.random.Generator) -> Values:
    """Make envelopes faster or slower: shift some rates of one operator, or of all."""
    rates = _RATES if rng.random() < 0.4 else _RATES[rng.integers(N_OPERATORS)][None]
    chosen = rates[:, rng.random(4) < 0.5].ravel()
    return shifted(values, chosen, int(rng.choice((-1, 1)) * rng.choice((1, 3, 6, 12))))


def shift_levels(values: Values, rng: np.random.Generator) -> Values:
    """Make some of the sounding operators louder or softer by the same amount; none becomes silent."""
    chosen = _LEVEL[(values[_LEVEL] > 0) & (rng.random(N_OPERATORS) < 0.5)]
    return shifted(values, chosen, int(rng.choice((-1, 1)) * rng.choice(_SHIFTS)), least=1)


def change_frequency(values: Values, rng: np.random.Generator) -> Values:
    """Change one operator's frequency: to a nearby ratio, by an octave, in its fine part, or by detuning."""
    k = rng.integers(N_OPERATORS)
    out, coarse, kind = values.copy(), int(values[_COARSE[k]]), rng.random()
    if kind < 0.5:
        return shifted(values, _COARSE[k : k + 1], int(rng.choice((-2, -1, 1, 2))))
    if kind < 0.7:
        out[_COARSE[k]] = min(2 * coarse, _MAXIMA[_COARSE[k]]) if rng.random() < 0.5 else coarse // 2
    elif kind < 0.85:
        out[_FINE[k]] = 0 if values[_FINE[k]] else rng.integers(_MAXIMA[_FINE[k]] + 1)
    else:
        return shifted(values, _DETUNE[k : k + 1], int(rng.choice((-2, -1, 1, 2))))
    return out


def swap_operators(values: Values, rng: np.random.Generator) -> Values:
    """Exchange two operators."""
    a, b = rng.choice(N_OPERATORS, 2, replace=False)
    out = values.copy()
    out[_OF_OPERATOR[a]], out[_OF_OPERATOR[b]] = values[_OF_OPERATOR[b]], values[_OF_OPERATOR[a]]
    return out


def copy_operator(values: Values, rng: np.random.Generator) -> Values:
    """Replace an operator by a copy of another."""
    a, b = rng.choice(N_OPERATORS, 2, replace=False)
    out = values.copy()
    out[_OF_OPERATOR[a]] = values[_OF_OPERATOR[b]]
    return out


def copy_envelope(values: Values, rng: np.random.Generator) -> Values:
    """Replace an operator's envelope by that of another."""
    a, b = rng.choice(N_OPERATORS, 2, replace=False)
    out = values.copy()
    out[_ENVELOPE[a]] = values[_ENVELOPE[b]]
    return out


def change_algorithm(values: Values, rng: np.random.Generator) -> Values:
    """Change to one of the most similar algorithms; operators change places so that most connections stay."""
    old = int(values[_ALGORITHM]) + 1
    others = [n for n in range(1, N_ALGORITHMS + 1) if n != old]
    likely = np.exp(-np.array([conversion(old, n).cost for n in others]))
    return with_algorithm(values, int(rng.choice(others, p=likely / likely.sum())))


def change_modulation(values: Values, rng: np.random.Generator) -> Values:
    """Change the LFO as a whole: what it modulates and how far, its speed and delay, or its wave."""
    out, kind = values.copy(), rng.random()
    if kind < 0.3:  # vibrato
        out[_VIBRATO] = (rng.integers(0, 100), rng.integers(0, 8)) if rng.random() < 0.8 else (0, 0)
    elif kind < 0.5:  # tremolo
        out[_AM_DEPTH] = rng.integers(0, 100)
        chosen = _AM_SENSITIVITY[rng.random(N_OPERATORS) < 0.4]
        out[chosen] = rng.integers(0, 4)
    elif kind < 0.75:
        out[_SPEED] = np.clip(int(values[_SPEED]) + round(rng.normal(0, 12)), 0, 99)
    elif kind < 0.9:
        out[_DELAY] = rng.integers(0, 100) if rng.random() < 0.6 else 0
    else:
        out[_WAVE] = (rng.integers(0, 6), rng.integers(0, 2))
    return out


def change_pitch_envelope(values: Values, rng: np.random.Generator) -> Values:
    """Give the pitch another course: flat, from elsewhere to the pitch, or other rates and levels."""
    out, kind = values.copy(), rng.random()
    if kind < 0.25:
        out[_PITCH_LEVELS] = 50
    elif kind < 0.5:
        out[_PITCH_LEVELS] = (50, 50, 50, np.clip(round(rng.normal(50, 15)), 0, 99))
        out[_PITCH_RATES[0]] = rng.integers(20, 100)
    elif kind < 0.75:
        chosen = rng.choice(_PITCH_LEVELS, rng.integers(1, 3), replace=False)
        out[chosen] = np.clip(values[chosen].astype(int) + np.rint(rng.normal(0, 8, len(chosen))), 0, 99)
    else:
        chosen = rng.choice(_PITCH_RATES, rng.integers(1, 3), replace=False)
        out[chosen] = np.clip(values[chosen].astype(int) + np.rint(rng.normal(0, 15, len(chosen))), 0, 99)
    return out


def fix_frequency(values: Values, rng: np.random.Generator) -> Values:
    """Give an operator a fixed frequency, or a ratio, which is about what it had at middle C."""
    k, out = rng.integers(N_OPERATORS), values.copy()
    coarse, fine = int(values[_COARSE[k]]), int(values[_FINE[k]])
    if values[_MODE[k]]:
        ratio = 10 ** (coarse % 4 + fine / 100) / _MIDDLE_C
        new = int(np.clip(ratio, 0.5, 31)) if ratio >= 1 else 0
        over = round(100 * (ratio / (new or 0.5) - 1))
    else:
        hertz = _MIDDLE_C * (coarse or 0.5) * (1 + fine / 100)
        new, over = divmod(round(100 * np.log10(min(hertz, 9772))), 100)
    out[_MODE[k]] = 1 - values[_MODE[k]]
    out[_COARSE[k]], out[_FINE[k]] = new, np.clip(over, 0, 99)
    return out


MOVES: Mapping[str, Mutation] = MappingProxyType(
    {
        mutation.__name__: mutation
        for mutation in (
            change_one,
            change_several,
            scale_envelope_times,
            shift_levels,
            change_frequency,
            swap_operators,
            copy_operator,
            copy_envelope,
            change_algorithm,
            change_modulation,
            change_pitch_envelope,
            fix_frequency,
        )
    }
)
"""Mutations of a single preset, by name; searches draw among them."""


def crossover(values: Values, other: Values, rng: np.random.Generator) -> Values:
    """Take over some operators, or the global parameters, from another preset."""
    out = values.copy()
    for block in (*_OF_OPERATOR, _GLOBAL):
        if rng.random() < 0.3:
            out[block] = other[block]
    return out


def repeat_change(values: Values, before: Values, after: Values) -> Values:
    """Apply the difference between two presets to a third, as far as the parameters' ranges allow.

    Args:
        values: Preset to change, uint8 (145,).
        before: Preset before an earlier change, uint8 (145,).
        after: The same preset after that change, uint8 (145,).
    """
    return np.clip(values.astype(np.int64) + after - before.astype(np.int64), 0, _MAXIMA).astype(np.uint8)
