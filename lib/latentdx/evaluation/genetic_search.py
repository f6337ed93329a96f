"""A seeded genetic search for one preset by its rendered sound: what patience alone finds, without learning.

Population 40, starting from one preset and mutants of it; tournaments of two; uniform crossover by operator
block; each learnable parameter mutated with probability 0.03; the four best survive. The fitness is the mean
absolute difference of dB mel spectrograms, as of the nearest preset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, maxima, operator_columns, voice_parameters
from latentdx.typing import Values

POPULATION = 40
ELITES = 4
MUTATION = 0.03
RENDERS = 2_000


@dataclass(frozen=True)
class GeneticSearchResult:
    """What a search ends with.

    Attributes:
        preset: the best one found.
        distance: its mean absolute difference, dB.
        start: that of the preset it began with.
        renders: how many were made.
    """

    preset: Preset
    distance: float
    start: float
    renders: int


def _blocks() -> list[npt.NDArray[np.int64]]:
    """Columns that are inherited together: of each operator, and the global ones."""
    operators = [np.arange(N_VALUES)[operator_columns(k)] for k in range(1, N_OPERATORS + 1)]
    return [*operators, np.setdiff1d(np.arange(N_VALUES), np.concatenate(operators))]


def mutate(values: Values, rng: np.random.Generator) -> Values:
    """A copy in which each learnable parameter has, with probability 0.03, another value drawn evenly."""
    chosen = rng.random(N_VALUES) < MUTATION
    chosen &= np.array([p.learnable for p in voice_parameters()])
    # any of the other values: the drawn ones from the present value upwards move up by one
    drawn = rng.integers(0, maxima())
    return np.where(chosen, drawn + (drawn >= values), values).astype(np.uint8)


def cross(a: Values, b: Values, rng: np.random.Generator) -> Values:
    """Each operator, and the global parameters, from either parent."""
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
    """Search for the preset that sounds like `target`: about 3 ms a render.

    Args:
        target: float (samples,) at plug-in scale.
        start: where to begin, such as the nearest known preset.
        note: (MIDI note, velocity) of the target.
        renders: the budget, at least one; presets already heard cost nothing.
        seed: the same seed, the same search; give [seed, row] where many presets are searched for.
        renderer: default `Dexed`.
    """
    if renders < 1:
        raise ParameterError(f"a search of {renders} renders finds nothing: at least 1")
    synth, rng = renderer or Dexed(), np.random.default_rng(seed)
    wanted = mel_spectrogram(target)
    heard: dict[bytes, float] = {}

    def distance(values: Values) -> float:
        key = values.tobytes()
        if key not in heard:
            sound = synth.render(Preset(values), *note, n_samples=len(target))
            heard[key] = float(np.abs(mel_spectrogram(sound) - wanted).mean())
        return heard[key]

    first = start.values
    population = [first, *(mutate(first, rng) for _ in range(POPULATION - 1))]
    while True:
        scored = []
        for values in population:
            if len(heard) == renders and values.tobytes() not in heard:
                continue
            scored.append((distance(values), values))
        scored.sort(key=lambda pair: pair[0])  # stable: of equals the older one is kept
        if len(heard) == renders:
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
    return GeneticSearchResult(Preset(values, start.name), best, heard[first.tobytes()], len(heard))
