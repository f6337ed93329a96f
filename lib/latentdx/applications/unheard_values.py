"""Values that one note does not tell: how a preset answers to other velocities and keys.

KEY VELOCITY, RATE SCALING and the keyboard level scaling change a note's levels and rates, which OUTPUT LEVEL
and the EG RATES change as well; one note does not say which of them did it. A search leaves there what its
mutations happened to leave. Here the model draws these values anew, given the sound and all other values of
the preset, and OUTPUT LEVEL and EG RATES make up for it at the note that was heard.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latentdx.applications.programmer import Programmer
from latentdx.audio.engine.tables import EXPONENTIAL, OUTPUT_LEVEL, VELOCITY
from latentdx.models.posterior_sampler import N_BLOCKS
from latentdx.presets.parameters import N_OPERATORS, NEUTRAL_TRANSPOSE, column
from latentdx.threads import one_thread
from latentdx.typing import Floats, Note, Values

PLAYED = (
    "KEY VELOCITY", "RATE SCALING", "A MOD SENS.", "BREAK POINT",
    "L SCALE DEPTH", "R SCALE DEPTH", "L KEY SCALE", "R KEY SCALE",
)  # fmt: skip
"""Parameters of an operator that are drawn, the last ones of its block in the sampler; A MOD SENS., which can
be heard, is put back."""

Integers = npt.NDArray[np.int64]
Chooser = Callable[[Values, Callable[[Values], Floats]], Values]
"""Function from a preset (145,), and one that returns distances of presets, to a more plausible preset."""

N_DRAWN = 8
"""Number of draws for each preset."""

TEMPERATURE = 0.7
"""Temperature of these draws."""


def _columns(name: str) -> Integers:
    return np.array([column(f"OP{k} {name}") for k in range(1, N_OPERATORS + 1)])


_LEVEL, _TREMOLO = _columns("OUTPUT LEVEL"), _columns("A MOD SENS.")
_RATES = np.stack([_columns(f"EG RATE {i}") for i in range(1, 5)])  # (4, operator)
_TRANSPOSE = column("TRANSPOSE")
_EXPONENTIAL, _OUTPUT_LEVEL, _VELOCITY = (
    np.asarray(t, np.int64) for t in (EXPONENTIAL, OUTPUT_LEVEL, VELOCITY)
)
_COST, _LEAST_COST = 1.05, 0.005  # largest increase of the distance: a factor, and what is added to it


def redrawn_play(
    model: Programmer, decibels: Tensor, values: Values, *, temperature: float, seed: int = 0
) -> Values:
    """Draw the parameters `PLAYED` anew, one operator after the other, given all other values.

    Args:
        model: Model with a sampler.
        decibels: Spectrogram of the sound as the model hears it, dB (1, 1, 257, 347).
        values: Presets, uint8 (N, 145).
        temperature: Temperature of the draws; 0 takes the likeliest values.
        seed: Random seed.

    Returns:
        Presets that may sound otherwise, uint8 (N, 145).
    """
    network = model.model
    sampler, generator = network.sampler, torch.Generator().manual_seed(seed)
    assert sampler is not None
    out = torch.from_numpy(values.copy())[None]
    with one_thread(), torch.inference_mode():
        maps = network.encoder.maps(network.normalize(decibels))
        for operator in range(1, N_OPERATORS + 1):
            if not values[:, _LEVEL[operator - 1]].any():
                continue
            out = sampler.sample(
                maps,
                len(values),
                temperature=temperature,
                blocks=[b for b in range(1, N_BLOCKS) if b != operator] + [operator],
                given=out,
                n_given=len(sampler.column) - len(PLAYED),
                generator=generator,
            )
    drawn = out[0].numpy()
    drawn[:, _TREMOLO], drawn[:, _TRANSPOSE] = values[:, _TREMOLO], values[:, _TRANSPOSE]
    silent = values[:, _LEVEL] == 0
    for name in PLAYED:
        columns = _columns(name)
        drawn[:, columns] = np.where(silent, values[:, columns], drawn[:, columns])
    return drawn


def log_likelihood(model: Programmer, decibels: Tensor, values: Values) -> Floats:
    """Return the logarithm of the probability of presets, given a sound; silent operators do not count.

    Args:
        model: Model with a sampler.
        decibels: Spectrogram of the sound as the model hears it, dB (1, 1, 257, 347).
        values: Presets, uint8 (N, 145).

    Returns:
        float64 (N,), nats.
    """
    network = model.model
    assert network.sampler is not None
    presets = torch.from_numpy(values)
    with one_thread(), torch.inference_mode():
        maps = network.encoder.maps(network.normalize(decibels)).expand(len(values), -1, -1, -1)
        nll = network.sampler(maps, presets) * network.sampler.heard(presets)
    return -nll.sum(1).double().numpy()


def compensated(values: Values, before: Values, note: Note) -> Values:
    """Change OUTPUT LEVEL and EG RATES so that levels and rates at one note are those of other presets.

    Levels agree within half a step of OUTPUT LEVEL, 0.4 dB, unless they are out of its range.

    Args:
        values: Presets whose levels and rates change, uint8 (N, 145).
        before: Presets whose levels and rates they shall have, uint8 (N, 145).
        note: (MIDI note, velocity).
    """
    out = values.copy()
    wanted = _level(before, before[:, _LEVEL], note)
    levels = np.arange(1, 100)
    found = np.stack([_level(values, np.full_like(values[:, _LEVEL], n), note) for n in levels])  # (99, N, 6)
    off = 1000 * np.abs(found - wanted) + np.abs(levels[:, None, None] - before[:, _LEVEL].astype(np.int64))
    out[:, _LEVEL] = np.where(before[:, _LEVEL] > 0, levels[off.argmin(0)], 0)
    rates = np.arange(100)
    old, new = _rate_scaling(before, note), _rate_scaling(values, note)  # (N, 6)
    speeds = np.minimum((41 * rates[:, None, None] >> 6) + new, 63)  # (100, N, 6)
    for columns in _RATES:
        rate = before[:, columns].astype(np.int64)
        speed = np.minimum((41 * rate >> 6) + old, 63)
        off = 1000 * np.abs(speeds - speed) + np.abs(rates[:, None, None] - rate)
        out[:, columns] = off.argmin(0)
    return out


def _key(values: Values, note: Note) -> Integers:
    """Return the key after transposition, (N, 1)."""
    key = values[:, [_TRANSPOSE]].astype(np.int64) + note[0] - NEUTRAL_TRANSPOSE
    return np.clip(key, 0, 127)


def _level(values: Values, levels: Values, note: Note) -> Integers:
    """Return the level of each operator with an OUTPUT LEVEL, (N, 6), as the engine computes it."""

    def of(name: str) -> Integers:
        return values[:, _columns(name)].astype(np.int64)

    offset = _key(values, note) - of("BREAK POINT") - 17
    right = offset >= 0
    group = np.where(right, (offset + 1) // 3, (1 - offset) // 3)
    depth = np.where(right, of("R SCALE DEPTH"), of("L SCALE DEPTH"))
    curve = np.where(right, of("R KEY SCALE"), of("L KEY SCALE"))
    linear = (group * depth * 329) >> 12
    exponential = (_EXPONENTIAL[np.minimum(group, 32)] * depth * 329) >> 15
    change = np.where((curve == 0) | (curve == 3), linear, exponential)
    total = np.minimum(_OUTPUT_LEVEL[levels] + np.where(curve < 2, -change, change), 127)
    velocity = ((of("KEY VELOCITY") * (_VELOCITY[note[1] >> 1] - 239) + 7) >> 3) * 16
    return np.maximum(32 * total + velocity, 0)


def _rate_scaling(values: Values, note: Note) -> Integers:
    """Return what the key adds to the rates of each operator, (N, 6)."""
    scaling = values[:, _columns("RATE SCALING")].astype(np.int64)
    return (scaling * np.clip(_key(values, note) // 3 - 7, 0, 31)) >> 3


def chooser(model: Programmer, decibels: Tensor, note: Note, seed: int = 0) -> Chooser:
    """Return the function that chooses what a sound does not tell; see `plausible`.

    Args:
        model: Model with a sampler.
        decibels: Spectrogram of the sound as the model hears it, dB (1, 1, 257, 347).
        note: (MIDI note, velocity) that was heard.
        seed: Random seed.
    """
    draw = partial(redrawn_play, model, decibels, temperature=TEMPERATURE, seed=seed)
    likelihood = partial(log_likelihood, model, decibels)
    return lambda preset, rank: plausible(preset, draw, likelihood, rank, note, N_DRAWN)


def plausible(
    preset: Values,
    draw: Callable[[Values], Values],
    likelihood: Callable[[Values], Floats],
    rank: Callable[[Values], Floats],
    note: Note,
    n: int,
) -> Values:
    """Return the most plausible of several presets that differ in `PLAYED` and sound alike at the note heard.

    Args:
        preset: Preset as it was found, uint8 (145,).
        draw: Function that draws the parameters `PLAYED` of presets (N, 145) anew.
        likelihood: Function that returns how plausible presets (N, 145) are, (N,).
        rank: Function that returns their distances from the sounds, (N,), `inf` where locks forbid them.
        note: (MIDI note, velocity) that was heard.
        n: Number of draws.
    """
    given = np.repeat(preset[None], n, 0)
    changed = np.unique(compensated(draw(given), given, note), axis=0)
    tried = np.concatenate([preset[None], changed])
    distances = rank(tried)
    near = np.flatnonzero(distances <= _COST * distances[0] + _LEAST_COST)
    return tried[near[likelihood(tried[near]).argmax()]]
