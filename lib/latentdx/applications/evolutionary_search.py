"""Search for presets by their sound: an evolutionary algorithm with musical and learned mutations.

The best presets so far form the population. Their children come from the `mutations` (those that have worked
well are drawn more often), from crossover and, at regular intervals, from a model that redraws one operator
(or the LFO) so that it fits the sound and the rest of the preset. Children that are better than the worst
member of the population replace it. The last renders change one audible parameter of the best preset at a
time. No preset is rendered twice.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from latentdx.applications import mutations
from latentdx.errors import ParameterError
from latentdx.presets.algorithm_families import family
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, column
from latentdx.typing import Floats, Values

Propose = Callable[[Values], Values]

POPULATION = 24
OF_FAMILY = 20
"""Most presets of the population whose algorithms are of one family.

With this bound and the moves between algorithms, eight families came within twice the best distance instead
of three, and the best was as close (13 validation presets, 400 renders).
"""

CHILDREN = 8
"""Number of presets rendered together, so that all cores have work; the result does not depend on cores."""

PROPOSED = 16
"""Number of children that the model proposes at a time."""

PROPOSED_EVERY = 100
"""Number of rendered presets between two proposals of the model."""

CLIMB = 0.15
"""Share of the presets, the last ones, that differ from the best so far by a step of one parameter."""

_STEPS = (9, 3, 1)
_CLIMBED = [  # parameters that are heard in most presets, those that matter most first
    *(
        column(f"OP{k} {name}")
        for name in (
            *("OUTPUT LEVEL", "F COARSE", "F FINE", "EG RATE 2", "EG LEVEL 3", "EG RATE 3", "EG RATE 1"),
            *("EG LEVEL 1", "EG LEVEL 2", "EG RATE 4", "OSC DETUNE"),
        )
        for k in range(1, N_OPERATORS + 1)
    ),
    column("FEEDBACK"),
]
_ALGORITHM = column("ALGORITHM")
_EVEN = 0.4  # share of the mutations that is drawn evenly, whatever their success
_MEMORY = 0.995  # factor by which past successes fade with each child
_TRIES = 1000  # children in a row that are all known already: nothing new can be found


class SearchHistory(NamedTuple):
    """All presets that a search tried.

    Attributes:
        values: The presets in the order of trial, uint8 (n, 145).
        distances: Distance of each preset, float64 (n,).
        interrupted: Whether Ctrl-C ended the search.
    """

    values: Values
    distances: Floats
    interrupted: bool


class _Search:
    """State of one search."""

    def __init__(self, measure: Callable[[Values], Floats], most: int, seed: int, constrain: Propose) -> None:
        self.measure, self.most, self.constrain = measure, most, constrain
        self.rng = np.random.default_rng(seed)
        self.values: list[Values] = []
        self.distances: list[float] = []
        self.seen: set[bytes] = set()
        self.population: list[int] = []  # indices, best first
        self.names = [*mutations.MOVES, "crossover", "repeat_change"]
        self.uses, self.successes = np.ones((2, len(self.names)))
        self.last_success: tuple[Values, Values] | None = None

    def remaining(self) -> int:
        """Return how many presets may still be measured."""
        return self.most - len(self.values)

    def evaluate(self, values: Values) -> list[tuple[int, float]]:
        """Measure the new ones among presets, within the budget; return their indices and distances."""
        new: list[int] = []
        values = self.constrain(values)
        for i, v in enumerate(values):
            key = v.tobytes()
            if key not in self.seen and len(new) < self.remaining():
                self.seen.add(key)
                new.append(i)
        if not new:
            return []
        distances = self.measure(values[new])
        for i, distance in zip(new, distances, strict=True):
            self.population.append(len(self.values))
            self.values.append(values[i])
            self.distances.append(float(distance))
        self.population = self._selected(sorted(self.population, key=self.distances.__getitem__))
        return list(zip(new, map(float, distances), strict=True))

    def _selected(self, ordered: list[int]) -> list[int]:
        """Return the best of some presets, best first, of which not too many have one structure."""
        counts: dict[tuple[int, ...], int] = {}
        chosen = []
        for i in ordered:
            kind = family(int(self.values[i][_ALGORITHM]) + 1)
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] <= OF_FAMILY:
                chosen.append(i)
            if len(chosen) == POPULATION:
                break
        return chosen

    def draw_parent(self) -> Values:
        """Draw a preset of the population; better ones are more likely."""
        return self.values[self.population[int(len(self.population) * self.rng.random() ** 2)]]

    def make_child(self, mutation: str, parent: Values) -> Values:
        """Return a changed copy of a preset."""
        if mutation == "crossover":
            return mutations.crossover(parent, self.draw_parent(), self.rng)
        if mutation == "repeat_change":
            if self.last_success is None:
                return mutations.change_one(parent, self.rng)
            return mutations.repeat_change(parent, *self.last_success)
        return mutations.MOVES[mutation](parent, self.rng)

    def run_generation(self) -> bool:
        """Make and measure some children; return `False` if nothing new was found."""
        rate = self.successes / self.uses
        probability = (1 - _EVEN) * rate / rate.sum() + _EVEN / len(rate)
        children: dict[bytes, tuple[Values, Values, int]] = {}
        for _ in range(_TRIES):
            chosen = int(self.rng.choice(len(probability), p=probability))
            parent = self.draw_parent()
            child = self.constrain(self.make_child(self.names[chosen], parent)[None])[0]
            if child.tobytes() not in self.seen:
                children.setdefault(child.tobytes(), (child, parent, chosen))
            if len(children) == min(CHILDREN, self.remaining()):
                break
        if not children:
            return False
        median = self.distances[self.population[len(self.population) // 2]]
        families = list(children.values())
        for i, distance in self.evaluate(np.stack([child for child, _, _ in families])):
            child, parent, chosen = families[i]
            self.uses *= _MEMORY
            self.successes *= _MEMORY
            self.uses[chosen] += 1
            if distance < median:
                self.successes[chosen] += 1
                self.last_success = parent, child
        return True

    def climb(self) -> Iterator[bool]:
        """Change one audible parameter of the best preset at a time, up and down, until nothing helps.

        Yields:
            `True` after at most two presets.
        """
        reached = -1
        while reached != self.population[0]:
            reached = self.population[0]
            for step in _STEPS:
                heard = set(mutations.audible(self.values[self.population[0]]).tolist())
                for at in filter(heard.__contains__, _CLIMBED):
                    before = -1
                    while before != self.population[0]:
                        before = self.population[0]
                        best, places = self.values[before], np.array([at])
                        self.evaluate(np.stack([mutations.shifted(best, places, by) for by in (-step, step)]))
                        yield True


def evolutionary_search(
    starts: Values,
    judge: Callable[[Values], Floats],
    most: int,
    *,
    propose: Propose | None = None,
    constrain: Propose = lambda values: values,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda tried, best: None,
) -> SearchHistory:
    """Search for presets with a smaller distance, starting from given ones.

    Ctrl-C ends the search; it then returns the presets tried so far.

    Args:
        starts: Presets to start from, uint8 (N, 145), at least one.
        judge: Function that returns the distances (N,) of presets (N, 145), such as a `FastObjective`.
        most: Number of presets to try at most, the starts included.
        propose: Function that returns changed copies (N, 145) of presets (N, 145), such as
            `Programmer.redraw` gives; none if omitted.
        constrain: Function that returns presets (N, 145) as they are allowed, such as `Locks.apply`; every
            preset passes it before it is measured.
        seed: Random seed; equal seeds give equal searches, unless `enough` ends one earlier.
        enough: Function called between generations; the search stops when it returns `True`.
        progress: Function called with the number of presets tried and the least distance so far.

    Returns:
        All presets that were tried, and their distances.

    Raises:
        ParameterError: `most` is less than one, or the starts do not have the shape (N, 145).
    """
    if most < 1 or starts.ndim != 2 or starts.shape[1] != N_VALUES or not len(starts):
        raise ParameterError(
            f"a search must try at least one preset, not {most}, and its starts must have the shape"
            f" (N, {N_VALUES}), N at least 1, not {starts.shape}"
        )
    state = _Search(judge, most, seed, constrain)
    interrupted = False
    try:
        state.evaluate(starts[:most])
        next_proposal, steps = 0, state.climb()
        while state.remaining() and not enough():
            if state.remaining() <= CLIMB * most and next(steps, False):
                pass
            elif propose is not None and len(state.values) >= next_proposal:
                next_proposal = len(state.values) + PROPOSED_EVERY
                state.evaluate(propose(np.stack([state.draw_parent() for _ in range(PROPOSED)])))
            elif not state.run_generation():
                break
            progress(len(state.values), state.distances[state.population[0]])
    except KeyboardInterrupt:
        if not state.values:
            raise
        interrupted = True
    return SearchHistory(np.stack(state.values), np.array(state.distances), interrupted)
