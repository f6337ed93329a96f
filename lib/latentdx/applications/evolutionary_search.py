"""Search for presets by their sound: an evolutionary algorithm with musical and learned mutations.

The best presets so far form the population. Their children come from the `mutations` (those that have worked
well are drawn more often), from crossover and, at regular intervals, from a model that redraws one operator
(or the LFO) so that it fits the sound and the rest of the preset. Children that are better than the worst
member of the population replace it. A long search begins with several populations, the islands, which become
one later. The last renders change one audible parameter of the best preset at a time. No preset is rendered
twice.
"""

from collections.abc import Callable, Iterable, Iterator
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

ISLANDS = 3
"""Most populations that a search begins with."""

PER_ISLAND = 2_000
"""Number of presets from which on a search has one more island."""

ISOLATED = 0.6
"""Share of the presets, the first ones, that are tried before the islands become one population."""

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


class _Tried:
    """All presets that were tried so far, and how many more may be."""

    def __init__(self, measure: Callable[[Values], Floats], most: int, constrain: Propose) -> None:
        self.measure, self.most, self.constrain = measure, most, constrain
        self.values: list[Values] = []
        self.distances: list[float] = []
        self.seen: set[bytes] = set()

    def remaining(self) -> int:
        """Return how many presets may still be measured."""
        return self.most - len(self.values)

    def add(self, values: Values) -> list[tuple[int, int]]:
        """Measure the new ones among presets, within the budget; return their places there and here."""
        new: list[int] = []
        values = self.constrain(values)
        for i, v in enumerate(values):
            key = v.tobytes()
            if key not in self.seen and len(new) < self.remaining():
                self.seen.add(key)
                new.append(i)
        if not new:
            return []
        begin = len(self.values)
        self.distances.extend(map(float, self.measure(values[new])))
        self.values.extend(values[new])
        return [(i, begin + k) for k, i in enumerate(new)]

    def best_first(self, places: Iterable[int]) -> list[int]:
        """Sort presets by their distances, and those that are as close by the order of trial."""
        return sorted(places, key=lambda at: (self.distances[at], at))


class _Population:
    """Best presets of a search or of one of its islands, and how well each mutation has worked there."""

    def __init__(self, tried: _Tried, rng: np.random.Generator, members: Iterable[int]) -> None:
        self.tried, self.rng = tried, rng
        self.members = self._selected(members)
        self.names = [*mutations.MOVES, "crossover", "repeat_change"]
        self.uses, self.successes = np.ones((2, len(self.names)))
        self.last_success: tuple[Values, Values] | None = None

    def evaluate(self, values: Values) -> list[tuple[int, float]]:
        """Measure the new ones among presets, within the budget; return their places and distances."""
        new = self.tried.add(values)
        self.add(at for _, at in new)
        return [(i, self.tried.distances[at]) for i, at in new]

    def add(self, places: Iterable[int]) -> None:
        """Let presets that were tried become members if they are good enough."""
        self.members = self._selected({*self.members, *places})

    def _selected(self, places: Iterable[int]) -> list[int]:
        """Return the best of some presets, best first, of which not too many have one structure."""
        counts: dict[tuple[int, ...], int] = {}
        chosen = []
        for i in self.tried.best_first(places):
            kind = family(int(self.tried.values[i][_ALGORITHM]) + 1)
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] <= OF_FAMILY:
                chosen.append(i)
            if len(chosen) == POPULATION:
                break
        return chosen

    def draw_parent(self) -> Values:
        """Draw a preset of the population; better ones are more likely."""
        return self.tried.values[self.members[int(len(self.members) * self.rng.random() ** 2)]]

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
            child = self.tried.constrain(self.make_child(self.names[chosen], parent)[None])[0]
            if child.tobytes() not in self.tried.seen:
                children.setdefault(child.tobytes(), (child, parent, chosen))
            if len(children) == min(CHILDREN, self.tried.remaining()):
                break
        if not children:
            return False
        median = self.tried.distances[self.members[len(self.members) // 2]]
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
        while reached != self.members[0]:
            reached = self.members[0]
            for step in _STEPS:
                heard = set(mutations.audible(self.tried.values[self.members[0]]).tolist())
                for at in filter(heard.__contains__, _CLIMBED):
                    before = -1
                    while before != self.members[0]:
                        before = self.members[0]
                        best, places = self.tried.values[before], np.array([at])
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
    tried = _Tried(judge, most, constrain)
    interrupted = False
    try:
        tried.add(starts[:most])
        rng, dealt = np.random.default_rng(seed), tried.best_first(range(len(tried.values)))
        islands = max(1, min(most // PER_ISLAND, ISLANDS, len(dealt)))
        populations = [_Population(tried, rng, dealt[i::islands]) for i in range(islands)]
        next_proposal, steps, turn = 0, populations[0].climb(), 0
        while tried.remaining() and not enough():
            if len(tried.values) >= ISOLATED * most:
                populations[0].add(at for island in populations[1:] for at in island.members)
                del populations[1:]
            population = populations[turn % len(populations)]
            turn += 1
            if tried.remaining() <= CLIMB * most and next(steps, False):
                pass
            elif propose is not None and len(tried.values) >= next_proposal:
                next_proposal = len(tried.values) + PROPOSED_EVERY
                population.evaluate(propose(np.stack([population.draw_parent() for _ in range(PROPOSED)])))
            elif not population.run_generation():
                break
            progress(len(tried.values), min(tried.distances[island.members[0]] for island in populations))
    except KeyboardInterrupt:
        if not tried.values:
            raise
        interrupted = True
    return SearchHistory(np.stack(tried.values), np.array(tried.distances), interrupted)
