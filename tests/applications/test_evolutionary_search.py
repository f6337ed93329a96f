"""Test the fast objective by renders, and mutations and the search by a hand-made distance."""

import numpy as np
import pytest

from latentdx import PresetBank
from latentdx.applications import evolutionary_search as evolution
from latentdx.applications import mutations
from latentdx.applications.evolutionary_search import (
    CHILDREN,
    CLIMB,
    ISOLATED,
    PER_ISLAND,
    POPULATION,
    PROPOSED,
    evolutionary_search,
)
from latentdx.errors import ParameterError
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column, maxima, voice_parameters

NOTE = [(60, 85)]
LEARNABLE = np.array([p.learnable for p in voice_parameters()])


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- mutations


@pytest.mark.parametrize("name", mutations.MOVES)
def test_a_mutation_stays_within_bounds_and_changes_only_learnable_parameters(name, bank) -> None:
    changed, most = 0, maxima()
    for seed in range(60):
        before = bank.values[seed * 6]
        kept = before.copy()
        after = mutations.MOVES[name](before, rng(seed))
        np.testing.assert_array_equal(before, kept)
        assert after.dtype == np.uint8 and (after <= most).all()
        assert (after[~LEARNABLE] == before[~LEARNABLE]).all()
        changed += not (after == before).all()
    assert changed > 30


def test_change_one_changes_one_audible_parameter(bank) -> None:
    silent = bank[0].with_values(**{"OP3 OUTPUT LEVEL": 0}).values
    columns = mutations.audible(silent)
    assert column("OP3 OUTPUT LEVEL") in columns and column("OP3 F COARSE") not in columns
    assert column("TRANSPOSE") not in columns and column("ALGORITHM") in columns
    for seed in range(200):
        differ = np.flatnonzero(mutations.change_one(silent, rng(seed)) != silent)
        assert len(differ) <= 1 and set(differ) <= set(columns)


def test_operators_are_swapped_and_copied(bank) -> None:
    values = bank.values[7]
    blocks = [values[21 * i : 21 * (i + 1)].tobytes() for i in range(6)]
    swapped = mutations.swap_operators(values, rng(1))
    assert sorted(blocks) == sorted(swapped[21 * i : 21 * (i + 1)].tobytes() for i in range(6))
    doubled = mutations.copy_operator(values, rng(1))
    assert {doubled[21 * i : 21 * (i + 1)].tobytes() for i in range(6)} < set(blocks)


def test_shift_levels_never_silences_an_operator(bank) -> None:
    quiet = bank[3].with_values(**{f"OP{k} OUTPUT LEVEL": 2 for k in range(1, 6)}, **{"OP6 OUTPUT LEVEL": 0})
    columns = [column(f"OP{k} OUTPUT LEVEL") for k in range(1, 7)]
    for seed in range(50):
        after = mutations.shift_levels(quiet.values, rng(seed))[columns]
        assert (after[:5] > 0).all() and after[5] == 0


def test_a_change_is_repeated_within_the_bounds(bank) -> None:
    before = bank[0].with_values(**{"OP1 F COARSE": 1, "FEEDBACK": 2}).values
    after = bank[0].with_values(**{"OP1 F COARSE": 20, "FEEDBACK": 1}).values
    other = bank[9].with_values(**{"OP1 F COARSE": 15, "FEEDBACK": 0})
    out = Preset(mutations.repeat_change(other.values, before, after))
    assert (out["OP1 F COARSE"], out["FEEDBACK"]) == (31, 0)
    assert (out.values != other.values).sum() == 1


def test_a_change_of_algorithm_keeps_the_operators_and_prefers_similar_ones(bank) -> None:
    values = bank[7].with_values(ALGORITHM=0).values
    blocks = sorted(values[21 * i : 21 * (i + 1)].tobytes() for i in range(6))
    found = []
    for seed in range(100):
        after = mutations.change_algorithm(values, rng(seed))
        assert sorted(after[21 * i : 21 * (i + 1)].tobytes() for i in range(6)) == blocks
        found.append(after[column("ALGORITHM")] + 1)
    assert 1 not in found and found.count(2) > 10 > found.count(32)


def test_a_fixed_frequency_is_about_that_of_the_ratio(bank) -> None:
    ratios = bank[0].with_values(
        **{f"OP{k} {name}": v for k in range(1, 7) for name, v in (("MODE", 0), ("F COARSE", k - 1))}
    )
    fixed = 0
    for seed in range(30):
        after = Preset(mutations.fix_frequency(ratios.values, rng(seed)))
        for k in range(1, 7):
            if after[f"OP{k} MODE"]:
                hertz = 10 ** (after[f"OP{k} F COARSE"] % 4 + after[f"OP{k} F FINE"] / 100)
                assert 0.97 < hertz / (261.63 * (k - 1 or 0.5)) < 1.03
                back = Preset(mutations.fix_frequency(after.values, _Chosen(k - 1)))
                found = (back[f"OP{k} F COARSE"] or 0.5) * (1 + back[f"OP{k} F FINE"] / 100)
                assert back[f"OP{k} MODE"] == 0 and 0.96 < found / (k - 1 or 0.5) < 1.04
                fixed += 1
    assert fixed == 30


class _Chosen:
    """A generator that always chooses one operator."""

    def __init__(self, operator: int) -> None:
        self.operator = operator

    def integers(self, *_: int) -> int:
        return self.operator


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("change_modulation", ("LFO", "P MODE", "A MOD")), ("change_pitch_envelope", ("PITCH EG",))],
)
def test_modulation_and_pitch_envelope_change_as_a_whole(name, allowed, bank) -> None:
    touched = set()
    for seed in range(100):
        after = mutations.MOVES[name](bank.values[30], rng(seed))
        touched |= {voice_parameters()[c].name for c in np.flatnonzero(after != bank.values[30])}
    assert len(touched) > 5 and all(any(word in n for word in allowed) for n in touched)


# -- search


class Far:
    """Distance from one preset in parameters; remembers the presets that it measured."""

    def __init__(self, goal) -> None:
        self.goal, self.seen = goal, []

    def __call__(self, values):
        self.seen += [v.tobytes() for v in values]
        return np.abs(values.astype(float) - self.goal)[:, LEARNABLE].mean(1)


def test_the_search_improves_within_its_budget_and_measures_no_preset_twice(bank) -> None:
    far, reported = Far(bank.values[50]), []
    tried = evolutionary_search(
        bank.values[:10], far, 600, progress=lambda n, best: reported.append((n, best))
    )
    assert len(tried.values) == len(tried.distances) == len(far.seen) == len(set(far.seen)) == 600
    np.testing.assert_array_equal(tried.values[:10], bank.values[:10])
    assert tried.distances.min() < 0.8 * tried.distances[:10].min()
    counts = [n for n, _ in reported]
    assert counts == sorted(counts) and reported[-1] == (600, tried.distances.min())


def test_the_last_presets_change_one_parameter_of_the_best_so_far(bank) -> None:
    n = 400
    tried = evolutionary_search(bank.values[:10], Far(bank.values[50]), n)
    steps = set()
    for i in range(n - round(CLIMB * n) + CHILDREN, n):
        best = (
            tried.values[tried.distances[:end].argmin()] for end in (i, i - 1)
        )  # two are measured at once
        changes = [np.flatnonzero(tried.values[i] != values) for values in best]
        (at,) = next(columns for columns in changes if len(columns) == 1)
        steps.add(voice_parameters()[at].name)
    assert len(steps) > 15
    assert tried.distances.argmin() > n - CLIMB * n


def test_a_long_search_begins_with_islands_that_unite(bank, monkeypatch) -> None:
    """The starts are dealt out to the islands; TRANSPOSE, which no mutation changes, says to which."""
    n, starts, at = 1_200, bank.values[:12].copy(), column("TRANSPOSE")
    starts[:, at] = np.arange(12) % 3
    tried, asked = [], []

    def judge(values):  # all are as close, so that the starts stay in the populations
        tried.extend(values)
        return np.zeros(len(values))

    def propose(values):
        asked.append((len(tried), set(values[:, at].tolist())))
        return values

    monkeypatch.setattr(evolution, "PER_ISLAND", n // 3)
    evolutionary_search(starts, judge, n, propose=propose)
    before = [islands for renders, islands in asked if renders < ISOLATED * n]
    after = [islands for renders, islands in asked if renders >= ISOLATED * n]
    assert all(len(islands) == 1 for islands in before) and set.union(*before) == {0, 1, 2}
    assert after and all(islands == {0, 1, 2} for islands in after)


def test_few_starts_make_few_islands(bank) -> None:
    tried = evolutionary_search(bank.values[:2], Far(bank.values[50]), 3 * PER_ISLAND)
    assert len(tried.values) == 3 * PER_ISLAND and tried.distances.min() < 1


def test_a_search_goes_on_when_no_step_helps(bank) -> None:
    goal = bank.values[50]
    tried = evolutionary_search(goal[None], Far(goal), 3_000)
    assert len(tried.values) == 3_000 and tried.distances.min() == 0


def test_other_families_have_room_beside_a_better_one(bank) -> None:
    """Without it, the 64 presets of algorithm 1 would fill the population."""
    goal = bank[50].with_values(ALGORITHM=0).values
    starts = np.repeat(goal[None], 80, 0)
    for i, values in enumerate(starts):
        values[column("OP1 EG RATE 1")] = i
        values[column("ALGORITHM")] = 0 if i < 64 else 31
    parents = []

    def propose(values):
        parents.extend(values[:, column("ALGORITHM")].tolist())
        return values

    evolutionary_search(starts, Far(goal), 120, propose=propose)
    assert 31 in parents and parents.count(0) > parents.count(31)


def test_every_preset_of_a_constrained_search_is_allowed(bank) -> None:
    def constrain(values):
        out = values.copy()
        out[:, column("FEEDBACK")] = 3
        return out

    tried = evolutionary_search(bank.values[:10], Far(bank.values[50]), 200, constrain=constrain)
    assert (tried.values[:, column("FEEDBACK")] == 3).all() and len(tried.values) == 200


def test_equal_seeds_give_equal_searches(bank) -> None:
    a, b, c = (
        evolutionary_search(bank.values[:4], Far(bank.values[50]), 200, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a.values, b.values)
    assert (a.values != c.values).any()


def test_a_budget_smaller_than_the_number_of_starts(bank) -> None:
    for most in (1, 3):
        tried = evolutionary_search(bank.values[:10], Far(bank.values[50]), most)
        np.testing.assert_array_equal(tried.values, bank.values[:most])


def test_the_model_proposes_regularly_and_its_proposals_are_used(bank) -> None:
    goal, asked = bank.values[50], []

    def propose(values):
        asked.append(values)
        out = values.copy()
        out[:, :21] = goal[:21]  # a model that knows the last operator
        return out

    tried = evolutionary_search(bank.values[:10], Far(goal), 400, propose=propose)
    assert 3 <= len(asked) <= 4 and all(v.shape == (PROPOSED, 145) for v in asked)
    best = tried.values[tried.distances.argmin()]
    assert np.abs(best[:21].astype(int) - goal[:21])[LEARNABLE[:21]].mean() < 3


def test_the_search_ends_on_request_and_when_nothing_new_is_found(bank, monkeypatch) -> None:
    asked = []
    far = Far(bank.values[50])
    tried = evolutionary_search(
        bank.values[:5], far, 10_000, enough=lambda: asked.append(1) or len(asked) > 3
    )
    assert len(tried.values) == 5 + 3 * CHILDREN and not tried.interrupted
    for name in (*mutations.MOVES, "crossover", "repeat_change"):
        monkeypatch.setattr(mutations, name, lambda values, *_: values)
    monkeypatch.setattr(mutations, "MOVES", {"change_one": lambda values, rng: values})
    tried = evolutionary_search(bank.values[:5], far, 10_000)
    assert len(tried.values) == 5


def test_ctrl_c_keeps_the_presets_tried_so_far(bank) -> None:
    far = Far(bank.values[50])

    def judge(values):
        if len(far.seen) > 100:
            raise KeyboardInterrupt
        return far(values)

    tried = evolutionary_search(bank.values[:5], judge, 10_000)
    assert tried.interrupted and 100 < len(tried.values) == len(tried.distances) < 120
    with pytest.raises(KeyboardInterrupt):  # nothing was found yet
        evolutionary_search(bank.values[:5], judge, 10_000)


def test_arguments_out_of_bounds_are_refused(bank) -> None:
    with pytest.raises(ParameterError, match="not 0"):
        evolutionary_search(bank.values[:5], Far(bank.values[50]), 0)
    with pytest.raises(ParameterError, match=r"not \(0, 145\)"):
        evolutionary_search(bank.values[:0], Far(bank.values[50]), 10)


def test_only_the_best_have_children(bank) -> None:
    """With far more starts than the population holds, the worst of them have no children."""
    goal = bank.values[50]
    far = Far(goal)
    distances = far(bank.values)
    tried = evolutionary_search(bank.values, far, len(bank) + 200)
    worst = bank.values[np.argsort(distances)[POPULATION + 200 :]]
    for child in tried.values[len(bank) :]:
        assert (worst == child).mean(1).max() < 0.98
