"""Judge, moves and search: by hand-made distances where sounds do not matter, by renders where they do."""

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.applications import mutations
from latentdx.applications.evolutionary_search import CHILDREN, POPULATION, PROPOSED, evolutionary_search
from latentdx.errors import ParameterError
from latentdx.metrics.objective import FastObjective, distance
from latentdx.metrics.sound_features import SoundFeatures
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


# -- moves


@pytest.mark.parametrize("name", mutations.MOVES)
def test_a_move_stays_within_bounds_and_changes_only_what_is_learned(name, bank) -> None:
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


def test_a_step_is_of_one_parameter_that_may_be_heard(bank) -> None:
    silent = bank[0].with_values(**{"OP3 OUTPUT LEVEL": 0}).values
    columns = mutations.audible(silent)
    assert column("OP3 OUTPUT LEVEL") in columns and column("OP3 F COARSE") not in columns
    assert column("TRANSPOSE") not in columns and column("ALGORITHM") in columns
    for seed in range(200):
        differ = np.flatnonzero(mutations.step(silent, rng(seed)) != silent)
        assert len(differ) <= 1 and set(differ) <= set(columns)


def test_operators_change_places_and_are_copied(bank) -> None:
    values = bank.values[7]
    blocks = [values[21 * i : 21 * (i + 1)].tobytes() for i in range(6)]
    swapped = mutations.swap(values, rng(1))
    assert sorted(blocks) == sorted(swapped[21 * i : 21 * (i + 1)].tobytes() for i in range(6))
    doubled = mutations.double(values, rng(1))
    assert {doubled[21 * i : 21 * (i + 1)].tobytes() for i in range(6)} < set(blocks)


def test_levels_never_silence(bank) -> None:
    quiet = bank[3].with_values(**{f"OP{k} OUTPUT LEVEL": 2 for k in range(1, 6)}, **{"OP6 OUTPUT LEVEL": 0})
    columns = [column(f"OP{k} OUTPUT LEVEL") for k in range(1, 7)]
    for seed in range(50):
        after = mutations.levels(quiet.values, rng(seed))[columns]
        assert (after[:5] > 0).all() and after[5] == 0


def test_a_change_is_repeated_as_far_as_it_goes(bank) -> None:
    before = bank[0].with_values(**{"OP1 F COARSE": 1, "FEEDBACK": 2}).values
    after = bank[0].with_values(**{"OP1 F COARSE": 20, "FEEDBACK": 1}).values
    other = bank[9].with_values(**{"OP1 F COARSE": 15, "FEEDBACK": 0})
    out = Preset(mutations.repeat(other.values, before, after))
    assert (out["OP1 F COARSE"], out["FEEDBACK"]) == (31, 0)
    assert (out.values != other.values).sum() == 1


# -- judge


def test_the_judge_follows_the_distance_that_it_stands_for(bank) -> None:
    synth = Dexed()
    target = synth.render(bank[100], *NOTE[0])
    judge = FastObjective([target], NOTE, threads=1)
    quick = judge(bank.values[:20])
    whole = [distance(SoundFeatures(target), SoundFeatures(synth.render(p, *NOTE[0]))) for p in bank[:20]]
    np.testing.assert_allclose(quick, whole, rtol=0.02)
    assert judge(bank.values[[100]])[0] < 1e-6


def test_the_judge_hears_every_note_and_remembers(bank) -> None:
    synth = Dexed()
    notes = [(60, 85), (40, 100)]
    targets = [synth.render(bank[5], *note) for note in notes]
    both = FastObjective(targets, notes)(bank.values[:9])
    each = [FastObjective([t], [n])(bank.values[:9]) for t, n in zip(targets, notes, strict=True)]
    np.testing.assert_allclose(both, np.mean(each, 0), rtol=1e-6)

    class Counting(Dexed):
        count = 0

        def render(self, *args, **kwargs):
            self.count += 1
            return super().render(*args, **kwargs)

    counting = Counting()
    judge = FastObjective([targets[0]], NOTE, renderer=counting)
    first, again = (judge(bank.values[[1, 2, 1]]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert counting.count == 2


def test_the_judge_refuses_silence_and_miscounted_sounds(bank) -> None:
    with pytest.raises(ParameterError, match="note 60 is silent"):
        FastObjective([np.zeros(88_576, np.float32)], NOTE)
    with pytest.raises(ParameterError, match="2 sounds for 1 notes"):
        FastObjective([np.ones(88_576, np.float32)] * 2, NOTE)


# -- search


class Far:
    """Distance from one preset, in parameters; counts what it is asked."""

    def __init__(self, goal) -> None:
        self.goal, self.seen = goal, []

    def __call__(self, values):
        self.seen += [v.tobytes() for v in values]
        return np.abs(values.astype(float) - self.goal)[:, LEARNABLE].mean(1)


def test_it_comes_nearer_within_its_budget_and_judges_nothing_twice(bank) -> None:
    far, told = Far(bank.values[50]), []
    tried = evolutionary_search(bank.values[:10], far, 600, progress=lambda n, best: told.append((n, best)))
    assert len(tried.values) == len(tried.distances) == len(far.seen) == len(set(far.seen)) == 600
    np.testing.assert_array_equal(tried.values[:10], bank.values[:10])
    assert tried.distances.min() < 0.8 * tried.distances[:10].min()
    assert [n for n, _ in told] == sorted(n for n, _ in told) and told[-1] == (600, tried.distances.min())


def test_the_same_seed_the_same_search(bank) -> None:
    a, b, c = (
        evolutionary_search(bank.values[:4], Far(bank.values[50]), 200, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a.values, b.values)
    assert (a.values != c.values).any()


def test_a_budget_smaller_than_the_starts_and_one_of_one(bank) -> None:
    for most in (1, 3):
        tried = evolutionary_search(bank.values[:10], Far(bank.values[50]), most)
        np.testing.assert_array_equal(tried.values, bank.values[:most])


def test_proposals_come_regularly_and_are_used(bank) -> None:
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


def test_it_ends_when_told_and_when_there_is_nothing_new(bank, monkeypatch) -> None:
    asked = []
    far = Far(bank.values[50])
    tried = evolutionary_search(
        bank.values[:5], far, 10_000, enough=lambda: asked.append(1) or len(asked) > 3
    )
    assert len(tried.values) == 5 + 3 * CHILDREN and not tried.interrupted
    for name in (*mutations.MOVES, "cross", "repeat"):
        monkeypatch.setattr(mutations, name, lambda values, *_: values)
    monkeypatch.setattr(mutations, "MOVES", {"step": lambda values, rng: values})
    tried = evolutionary_search(bank.values[:5], far, 10_000)
    assert len(tried.values) == 5


def test_ctrl_c_keeps_what_was_found(bank) -> None:
    far = Far(bank.values[50])

    def judge(values):
        if len(far.seen) > 100:
            raise KeyboardInterrupt
        return far(values)

    tried = evolutionary_search(bank.values[:5], judge, 10_000)
    assert tried.interrupted and 100 < len(tried.values) == len(tried.distances) < 120
    with pytest.raises(KeyboardInterrupt):  # nothing was found yet
        evolutionary_search(bank.values[:5], judge, 10_000)


def test_bounds(bank) -> None:
    with pytest.raises(ParameterError, match="not 0"):
        evolutionary_search(bank.values[:5], Far(bank.values[50]), 0)
    with pytest.raises(ParameterError, match=r"not \(0, 145\)"):
        evolutionary_search(bank.values[:0], Far(bank.values[50]), 10)


def test_only_the_best_have_children(bank) -> None:
    """Starts far beyond the population's size: the worst of them are no one's parents."""
    goal = bank.values[50]
    far = Far(goal)
    distances = far(bank.values)
    tried = evolutionary_search(bank.values, far, len(bank) + 200)
    worst = bank.values[np.argsort(distances)[POPULATION + 200 :]]
    for child in tried.values[len(bank) :]:
        assert (worst == child).mean(1).max() < 0.98
