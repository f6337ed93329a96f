"""Ablations of the search: measure how each choice changes its result, at equal numbers of renders.

    python benchmarks/search_levers.py                              # 100 targets, 2,000 renders: two hours
    python benchmarks/search_levers.py --only islands restarts      # some of them
    python benchmarks/search_levers.py --only "islands that unite" --budget 7000
    python benchmarks/search_levers.py --targets 2 --budget 200     # a trial

It writes lines of data/results/levers.csv. All searches of a target start from the same draws of the default
model. Distances are measured on validation presets; the test set is never used. Needs learnfm.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from levers import METRICS, Redraw
from tqdm import tqdm

from latentdx.applications import evolutionary_search, mutations
from latentdx.applications.programmer import N_DRAWN, load_model
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset.curation import rows
from latentdx.evaluation import ablations
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.objective import FastObjective
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import maxima
from latentdx.provenance import code_commit
from latentdx.typing import Floats, Values

N_TARGETS, BUDGET = 100, 2_000

_KEPT, _MIGRANTS = 16, 4
"""Presets that one of several searches goes on with, and those that come from each other one."""

_MOVED, _SCALES = (0.5, 0.15), (0.3, 1.1)
"""Shares of the parameters that a difference changes, and between which factors it is scaled."""


class SearchSettings(NamedTuple):
    """Settings of a search that are compared.

    Attributes:
        moves: Names of its mutations.
        of_family: Most presets of the population whose algorithms are of one family.
        temperatures: Temperatures at which the model proposes, in turn.
        searches: Number of searches, which share the renders.
        rounds: Parts of the budget, between which the best of each search migrate to the others.
        islands: Most populations that a search begins with; there is one for every 2,000 renders.
        climb: Share of the renders, the last ones, that change one audible parameter at a time.
        proposed: Number of children that the model proposes at a time.
        differences: Whether one mutation moves some parameters by a part of the difference of two others of
            the population, as differential evolution does.
    """

    moves: tuple[str, ...]
    of_family: int
    temperatures: tuple[float, ...] = (DRAWING_TEMPERATURE,)
    searches: int = 1
    rounds: int = 1
    islands: int = evolutionary_search.ISLANDS
    climb: float = evolutionary_search.CLIMB
    proposed: int = evolutionary_search.PROPOSED
    differences: bool = False


_MODULATION = ("change_modulation", "change_pitch_envelope", "fix_frequency")
_SHIPPED = SearchSettings(tuple(mutations.MOVES), evolutionary_search.OF_FAMILY)


def _without(*moves: str) -> SearchSettings:
    return _SHIPPED._replace(moves=tuple(name for name in _SHIPPED.moves if name not in moves))


SEARCHES: Mapping[str, tuple[str, SearchSettings, SearchSettings]] = {
    "moves of modulation": (
        "LFO, pitch envelope and fixed frequencies change as a whole, against one by one",
        _without(*_MODULATION),
        _SHIPPED,
    ),
    "moves between algorithms": (
        "to a similar algorithm with operators in its order, against any algorithm",
        _without("change_algorithm"),
        _SHIPPED,
    ),
    "room for families": (
        f"at most {_SHIPPED.of_family} of {evolutionary_search.POPULATION} of the population, against any",
        _SHIPPED._replace(of_family=evolutionary_search.POPULATION),
        _SHIPPED,
    ),
    "proposals at two temperatures": (
        f"{DRAWING_TEMPERATURE} and 1 in turn, against {DRAWING_TEMPERATURE}",
        _SHIPPED,
        _SHIPPED._replace(temperatures=(DRAWING_TEMPERATURE, 1.0)),
    ),
    "restarts": (
        "the better one of two searches with half the renders each, against one search",
        _SHIPPED,
        _SHIPPED._replace(searches=2),
    ),
    "islands": (
        f"two populations that exchange their best {_MIGRANTS} three times, against one",
        _SHIPPED,
        _SHIPPED._replace(searches=2, rounds=4),
    ),
    "islands that unite": (
        f"{evolutionary_search.ISLANDS} populations in the first {evolutionary_search.ISOLATED:.0%} of the "
        "renders, against one",
        _SHIPPED._replace(islands=1),
        _SHIPPED,
    ),
    "steps of one parameter at the end": (
        f"the last {evolutionary_search.CLIMB:.0%} of the renders change one audible parameter at a time, "
        "by 9, 3, and 1, against none",
        _SHIPPED._replace(climb=0.0),
        _SHIPPED,
    ),
    "fewer proposals": (
        f"the model proposes 8 children at a time, against {_SHIPPED.proposed}",
        _SHIPPED,
        _SHIPPED._replace(proposed=8),
    ),
    "differences": (
        "a mutation adds the scaled difference of two others, against none",
        _SHIPPED,
        _SHIPPED._replace(differences=True),
    ),
}
"""Choices of a search: name -> description, the settings before, and those after."""


class _WithDifferences(evolutionary_search._Population):
    """Population with a mutation as in differential evolution: some parameters move as two others differ.

    Parameters without an order, such as the algorithm, become those of one of the two.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.names.append("difference")
        self.uses, self.successes = np.ones((2, len(self.names)))

    def make_child(self, mutation: str, parent: Values) -> Values:
        if mutation != "difference":
            return super().make_child(mutation, parent)
        one, other = self.draw_parent().astype(int), self.draw_parent()
        moved = (one != other) & (self.rng.random(len(one)) < self.rng.choice(_MOVED))
        step = np.rint(self.rng.uniform(*_SCALES) * (one - other)).astype(int)
        changed = np.where(mutations._UNORDERED, one, np.clip(parent + step, 0, maxima()))
        return np.where(moved, changed, parent).astype(np.uint8)


def in_turn(redraws: Sequence[Redraw]) -> Redraw:
    """Return a function that calls one of several after the other."""
    turn = cycle(redraws)
    return lambda values: next(turn)(values)


def search(
    which: SearchSettings,
    starts: Values,
    judge: Callable[[Values], Floats],
    budget: int,
    redraw: Redraw,
    seed: int,
) -> Values:
    """Search with some settings, and return the best preset."""
    share = budget // (which.searches * which.rounds)
    pools, known = [starts] * which.searches, 0
    for round_ in range(which.rounds):
        found = [
            evolutionary_search.evolutionary_search(
                pool, judge, share + known, propose=redraw, seed=seed + 1000 * (which.searches * round_ + i)
            )
            for i, pool in enumerate(pools)
        ]
        best = [each.values[np.argsort(each.distances, kind="stable")[:_KEPT]] for each in found]
        pools = [
            np.concatenate([own, *(other[:_MIGRANTS] for other in best if other is not own)]) for own in best
        ]
        known = len(pools[0])  # which are not new renders
    closest = min(found, key=lambda each: each.distances.min())
    return closest.values[closest.distances.argmin()]


def compare(n: int, budget: int, levers: Sequence[str]) -> None:
    """Run ablations, and record a line for each lever and metric."""
    searches = {lever: SEARCHES[lever] for lever in levers}
    bank, model = corpora.read("learnfm").neutral(), load_model("latentdx")
    every = rows("learnfm", "twin-disjoint", "validation")
    chosen = np.sort(np.random.default_rng(0).choice(every, n, replace=False))
    settings = list(dict.fromkeys(s for _, *pair in searches.values() for s in pair))
    found: dict[SearchSettings, dict[str, list[float]]] = {
        s: {"mix": [], **{m: [] for m in METRICS}} for s in settings
    }
    all_moves = dict(mutations.MOVES)
    for row in tqdm(chosen.tolist(), desc="searches"):
        sound = Engine().render(bank[row], *SINGLE_NOTE[0])
        decibels, target = model.spectrograms(sound), SoundFeatures(sound)
        objective = FastObjective([sound], SINGLE_NOTE, threads=1)
        starts = model.explore(decibels, N_DRAWN, objective, seed=row).values
        for which in settings:
            mutations.MOVES = MappingProxyType({name: all_moves[name] for name in which.moves})
            evolutionary_search.OF_FAMILY, evolutionary_search.PROPOSED = which.of_family, which.proposed
            evolutionary_search.CLIMB, evolutionary_search.ISLANDS = which.climb, which.islands
            redraws = [model.redraw(decibels, temperature=t, seed=row) for t in which.temperatures]
            kind = _WithDifferences if which.differences else evolutionary_search._Population
            with patch.object(evolutionary_search, "_Population", kind):
                best = search(which, starts, objective, budget, in_turn(redraws), row)
            heard = Engine().render(Preset(best), *SINGLE_NOTE[0])
            features = SoundFeatures(amplified(heard, gain_db([sound], [heard])))
            found[which]["mix"].append(float(objective(best[None])[0]))
            for name, measure in METRICS.items():
                found[which][name].append(measure(target, features))
    for lever, (description, before, after) in searches.items():
        for metric in ("mix", *METRICS):
            ablations.record(
                lever,
                f"{description} ({budget:,} renders)",
                f"{metric}, median",
                found[before][metric],
                found[after][metric],
                kept=after == _SHIPPED,
                commit=code_commit(),
            )
            a, b = np.array(found[before][metric]), np.array(found[after][metric])
            ratio = np.exp(np.log((b + 1e-3) / (a + 1e-3)).mean())  # exact answers are at 0
            print(f"{lever}: {metric} {np.median(a):.3f} -> {np.median(b):.3f}, ratio {ratio:.3f} (n {n})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--targets", type=int, default=N_TARGETS, help="number of targets (default: %(default)s)"
    )
    parser.add_argument(
        "--budget", type=int, default=BUDGET, help="number of renders of each search (default: %(default)s)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=SEARCHES, default=[*SEARCHES], metavar="LEVER", help=", ".join(SEARCHES)
    )
    options = parser.parse_args()
    compare(options.targets, options.budget, options.only)


if __name__ == "__main__":
    main()
