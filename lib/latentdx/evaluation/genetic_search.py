"""A seeded genetic search for one preset by its rendered sound: a baseline that uses no learning.

The population of 40 starts from one preset and mutants of it. Parents are chosen in tournaments of two and
crossed uniformly by operator block; each learnable parameter is mutated with probability 0.03; the four best
survive. The fitness is the mean absolute difference of mel spectrograms in dB, as for the nearest preset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, maxima, operator_columns, voice_parameters
from latentdx.typing import Values

POPULATION = 40
"""Number of presets in each generation."""

ELITES = 4
"""Number of best presets that survive into the next generation."""

MUTATION = 0.03
"""Probability that a learnable parameter is mutated."""

RENDERS = 2_000
"""Default number of renders of a search."""


@dataclass(frozen=True)
class GeneticSearchResult:
    """Result of a genetic search.

    Attributes:
        preset: Best preset found.
        distance: Mean absolute difference of its mel spectrogram from the target's, in dB.
        start: Same difference for the preset that the search started from.
        renders: Number of renders that were made.
    """

    preset: Preset
    distance: float
    start: float
    renders: int


def _blocks() -> list[npt.NDArray[np.int64]]:
    """Return the columns that are inherited together: those of each operator, and the global ones."""
    operators = [np.arange(N_VALUES)[operator_columns(k)] for k in range(1, N_OPERATORS + 1)]
    return [*operators, np.setdiff1d(np.arange(N_VALUES), np.concatenate(operators))]


def mutate(values: Values, rng: np.random.Generator) -> Values:
    """Return a copy in which each learnable parameter has a new random value with probability 0.03.

    Args:
        values: Values of one preset, uint8 (145,).
        rng: Random number generator; its state advances.
    """
    chosen = rng.random(N_VALUES) < MUTATION
    chosen &= np.array([p.learnable for p in voice_parameters()])
    # draw uniformly from all other values: skip the present one
    drawn = rng.integers(0, maxima())
    return np.where(chosen, drawn + (drawn >= values), values).astype(np.uint8)


def cross(a: Values, b: Values, rng: np.random.Generator) -> Values:
    """Return a preset with each operator, and the global parameters, from a random one of two parents.

    Args:
        a: Values of one parent, uint8 (145,).
        b: Values of the other parent, uint8 (145,).
        rng: Random number generator; its state advances.
    """
    child = a.copy()
    for block in _blocks():
        if rng.random() < 0.5:
            child[block] = b[block]
    return child


def _tournament(distances: Sequence[float], rng: np.random.Generator) -> int:
    i, j = rng.integers(len(distances), size=2)
    return int(i if distances[i] <= distances[j] else j)


def genetic_search(
    target: npt.NDArray[np.float32],
    start: Preset,
    note: tuple[int, int] = (60, 85),
    *,
    renders: int = RENDERS,
    seed: int | Sequence[int] = 0,
    renderer: Renderer | None = None,
) -> GeneticSearchResult:
    """Search for the preset that sounds like a target, in about 3 ms per render.

    Args:
        target: Target sound, float32 (samples,), at plug-in scale (neither normalized nor in dB).
        start: Preset to start from, such as the nearest known preset.
        note: MIDI note and velocity of the target.
        renders: Number of renders, at least 1; a preset that occurs again is not rendered again.
        seed: Random seed; equal seeds give equal results. Use [seed, row] to search for many presets.
        renderer: Synth that renders; default `Engine()`.

    Raises:
        ParameterError: `renders` is below 1.
    """
    if renders < 1:
        raise ParameterError(f"a search needs at least 1 render, not {renders}")
    synth, rng = renderer or Engine(), np.random.default_rng(seed)
    wanted = mel_spectrogram(target)
    known: dict[bytes, float] = {}

    def distance(values: Values) -> float:
        key = values.tobytes()
        if key not in known:
            sound = synth.render(Preset(values), *note, n_samples=len(target))
            known[key] = float(np.abs(mel_spectrogram(sound) - wanted).mean())
        return known[key]

    first = start.values
    population = [first, *(mutate(first, rng) for _ in range(POPULATION - 1))]
    while True:
        scored = []
        for values in population:
            if len(known) == renders and values.tobytes() not in known:
                continue
            scored.append((distance(values), values))
        scored.sort(key=lambda pair: pair[0])  # stable: among equals, the older one is kept
        if len(known) == renders:
            break
        distances = [d for d, _ in scored]
        parents = [v for _, v in scored]
        children = [
            mutate(
                cross(parents[_tournament(distances, rng)], parents[_tournament(distances, rng)], rng), rng
            )
            for _ in range(POPULATION - ELITES)
        ]
        population = [*parents[:ELITES], *children]
    best, values = scored[0]
    return GeneticSearchResult(Preset(values, start.name), best, known[first.tobytes()], len(known))
