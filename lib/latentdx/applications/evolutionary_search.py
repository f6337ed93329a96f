"""An evolutionary search for presets by their sound, with learned and musical moves.

The best presets so far have children by `moves`, of which those that did well come more often, by crossover
and, every so often, by a model that draws one operator (or the LFO) anew to fit all the rest and the sound.
Children that are better than the worst of the population replace it; nothing is rendered twice.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from latentdx.applications import mutations
from latentdx.errors import ParameterError
from latentdx.presets.parameters import N_VALUES
from latentdx.typing import Floats, Values

Propose = Callable[[Values], Values]

POPULATION = 24
CHILDREN = 8
"""Rendered together, so that all cores have work; the search is the same on any number of them."""

PROPOSED = 16
PROPOSED_EVERY = 100
"""So many children come from the model each time so many presets have been rendered."""

_EVEN = 0.4  # the share of the moves that is drawn evenly, whatever their success
_MEMORY = 0.995  # what is left of a success after another child
_TRIES = 1000  # children in a row that are known already, after which there is nothing new to find


class SearchHistory(NamedTuple):
    """Presets in the order of trial, uint8 (n, 145), and their distances (n,); whether it was interrupted."""

    values: Values
    distances: Floats
    interrupted: bool


class _Search:
    def __init__(self, judge: Callable[[Values], Floats], most: int, seed: int) -> None:
        self.judge, self.most = judge, most
        self.rng = np.random.default_rng(seed)
        self.values: list[Values] = []
        self.distances: list[float] = []
        self.known: set[bytes] = set()
        self.population: list[int] = []  # indices, best first
        self.names = [*mutations.MOVES, "cross", "repeat"]
        self.used, self.worked = np.ones((2, len(self.names)))
        self.success: tuple[Values, Values] | None = None

    def left(self) -> int:
        return self.most - len(self.values)

    def try_all(self, values: Values) -> list[tuple[int, float]]:
        """Judge what is new among these, within the budget: places among the given, and distances."""
        new: list[int] = []
        for i, v in enumerate(values):
            key = v.tobytes()
            if key not in self.known and len(new) < self.left():
                self.known.add(key)
                new.append(i)
        if not new:
            return []
        distances = self.judge(values[new])
        for i, distance in zip(new, distances, strict=True):
            self.population.append(len(self.values))
            self.values.append(values[i])
            self.distances.append(float(distance))
        self.population = sorted(self.population, key=self.distances.__getitem__)[:POPULATION]
        return list(zip(new, map(float, distances), strict=True))

    def parent(self) -> Values:
        """The better, the likelier."""
        return self.values[self.population[int(len(self.population) * self.rng.random() ** 2)]]

    def child(self, move: str, parent: Values) -> Values:
        if move == "cross":
            return mutations.cross(parent, self.parent(), self.rng)
        if move == "repeat":
            return (
                mutations.repeat(parent, *self.success) if self.success else mutations.step(parent, self.rng)
            )
        return mutations.MOVES[move](parent, self.rng)

    def generation(self) -> bool:
        """Some children by moves; `False` if nothing new was found."""
        rate = self.worked / self.used
        chance = (1 - _EVEN) * rate / rate.sum() + _EVEN / len(rate)
        born: dict[bytes, tuple[Values, Values, int]] = {}
        for _ in range(_TRIES):
            chosen = int(self.rng.choice(len(chance), p=chance))
            parent = self.parent()
            child = self.child(self.names[chosen], parent)
            if child.tobytes() not in self.known:
                born.setdefault(child.tobytes(), (child, parent, chosen))
            if len(born) == min(CHILDREN, self.left()):
                break
        if not born:
            return False
        good = self.distances[self.population[len(self.population) // 2]]
        families = list(born.values())
        for i, distance in self.try_all(np.stack([child for child, _, _ in families])):
            child, parent, chosen = families[i]
            self.used *= _MEMORY
            self.worked *= _MEMORY
            self.used[chosen] += 1
            if distance < good:
                self.worked[chosen] += 1
                self.success = parent, child
        return True


def evolutionary_search(
    starts: Values,
    judge: Callable[[Values], Floats],
    most: int,
    *,
    propose: Propose | None = None,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda tried, best: None,
) -> SearchHistory:
    """Search from some presets for nearer ones. Ctrl-C ends it with what it has.

    Args:
        starts: uint8 (N, 145), at least one.
        judge: presets (N, 145) -> distances (N,), one render each.
        most: presets to judge, the starts included.
        propose: a model's changed copies of presets (N, 145), the same shape.
        seed: the same, the same search, unless `enough` ends it.
        enough: asked between generations whether to stop.
        progress: told how many presets were tried, and the least distance.
    """
    if most < 1 or starts.ndim != 2 or starts.shape[1] != N_VALUES or not len(starts):
        raise ParameterError(
            f"a search tries at least one preset, not {most}, and starts from (N, {N_VALUES}),"
            f" not {starts.shape}"
        )
    state = _Search(judge, most, seed)
    interrupted = False
    try:
        state.try_all(starts[:most])
        next_proposal = 0
        while state.left() and not enough():
            if propose is not None and len(state.values) >= next_proposal:
                next_proposal = len(state.values) + PROPOSED_EVERY
                state.try_all(propose(np.stack([state.parent() for _ in range(PROPOSED)])))
            elif not state.generation():
                break
            progress(len(state.values), state.distances[state.population[0]])
    except KeyboardInterrupt:
        if not state.values:
            raise
        interrupted = True
    return SearchHistory(np.stack(state.values), np.array(state.distances), interrupted)
