"""Test the values that one note does not tell: levels and rates against the engine, and by rendering."""

import numpy as np
import pytest

from latentdx import Dexed, Preset
from latentdx.applications import unheard_values as unheard
from latentdx.applications.match import match_targets
from latentdx.applications.target import Target
from latentdx.audio.engine import envelope
from latentdx.metrics.objective import score
from latentdx.presets import corpora
from latentdx.presets.parameters import column

NOTE = (60, 85)


@pytest.fixture(scope="module")
def values():
    return corpora.read("starter").neutral().values[::12]


def otherwise_played(values, seed: int = 0):
    """Draw all parameters of playing at random, except A MOD SENS."""
    rng, out = np.random.default_rng(seed), values.copy()
    for name, size in zip(unheard.PLAYED, (8, 8, 1, 100, 100, 100, 4, 4), strict=True):
        if size > 1:
            out[:, unheard._columns(name)] = rng.integers(0, size, (len(values), 6))
    return out


@pytest.mark.parametrize(("note", "transpose"), [((60, 85), 24), ((33, 127), 24), ((90, 1), 40)])
def test_levels_and_rates_are_those_of_the_engine(values, note, transpose) -> None:
    changed = otherwise_played(values)
    changed[:, column("TRANSPOSE")] = transpose
    level = unheard._level(changed, changed[:, unheard._LEVEL], note)
    rate = unheard._rate_scaling(changed, note)
    key = min(max(note[0] + transpose - 24, 0), 127)
    of_level, of_rate = envelope.operator_level.py_func, envelope.rate_scaling.py_func
    for i, row in enumerate(changed.astype(np.int64)):
        for k in range(6):
            expected = of_level_in_python(of_level, row, 5 - k, key, note[1])
            assert level[i, k] == expected, (i, k)
            assert rate[i, k] == of_rate(key, row[21 * (5 - k) + 13])


def of_level_in_python(function, row, op: int, key: int, velocity: int) -> int:
    """Call a compiled function of the engine, which calls others, without compiling them."""
    names = {name: getattr(envelope, name).py_func for name in ("keyboard_scaling", "velocity_scaling")}
    return int(type(function)(function.__code__, {**function.__globals__, **names})(row, op, key, velocity))


def test_other_ways_to_play_sound_the_same_at_the_note_heard(values) -> None:
    """Some levels cannot be made up for: those beyond the range of OUTPUT LEVEL."""
    changed = otherwise_played(values, 1)
    made_up = unheard.compensated(changed, values, NOTE)
    level = unheard._level(made_up, made_up[:, unheard._LEVEL], NOTE)
    wanted = unheard._level(values, values[:, unheard._LEVEL], NOTE)
    sounding = values[:, unheard._LEVEL] > 0
    close = np.abs(level - wanted) <= 16
    assert close[sounding].mean() > 0.6
    assert (made_up[:, unheard._LEVEL] > 0).tolist() == sounding.tolist()
    reachable = (close | ~sounding).all(1)
    for before, between, after in list(zip(values, changed, made_up, strict=True))[:12]:
        i = int(np.flatnonzero((made_up == after).all(1))[0])
        if not reachable[i]:
            continue
        sound = Dexed().render(Preset(before))
        as_drawn, as_made_up = score(np.stack([between, after]), [sound], [NOTE])
        assert as_made_up < max(0.5 * as_drawn, 0.15)


def test_nothing_changes_where_nothing_was_drawn(values) -> None:
    np.testing.assert_array_equal(unheard.compensated(values, values, NOTE), values)


def test_the_most_plausible_preset_of_those_that_sound_alike_is_taken(values) -> None:
    preset = values[5]

    def draw(given):
        out = given.copy()
        out[:, unheard._columns("KEY VELOCITY")] = np.arange(len(given))[:, None] % 8
        return out

    def likelihood(presets):
        return presets[:, unheard._columns("KEY VELOCITY")[0]].astype(float)

    def rank(presets):  # from KEY VELOCITY 5 on, they sound otherwise
        return np.where(presets[:, unheard._columns("KEY VELOCITY")[0]] < 5, 1.04, 1.2)

    found = unheard.plausible(preset, draw, likelihood, rank, NOTE, 8)
    assert (found[unheard._columns("KEY VELOCITY")] == 4).all()
    far = unheard.plausible(preset, draw, likelihood, lambda p: np.r_[1.0, np.full(len(p) - 1, 2.0)], NOTE, 8)
    np.testing.assert_array_equal(far, preset)


def test_the_model_draws_only_what_is_played(smoke_model, values) -> None:
    sound = Dexed().render(Preset(values[3]))
    decibels = smoke_model.spectrograms(sound)
    given = np.repeat(values[3:4], 4, 0)
    drawn = unheard.redrawn_play(smoke_model, decibels, given, temperature=1.0, seed=1)
    allowed = np.concatenate([unheard._columns(n) for n in unheard.PLAYED if n != "A MOD SENS."])
    differ = np.flatnonzero((drawn != given).any(0))
    assert len(differ) and set(differ.tolist()) <= set(allowed.tolist())
    again = unheard.redrawn_play(smoke_model, decibels, given, temperature=1.0, seed=1)
    np.testing.assert_array_equal(drawn, again)
    likely = unheard.log_likelihood(smoke_model, decibels, np.concatenate([given[:1], drawn]))
    assert likely.shape == (5,) and (likely < 0).all()


def test_a_match_can_leave_what_its_search_left(smoke_model, values) -> None:
    target = Target(Dexed().render(Preset(values[3])), *NOTE, (), ())
    kept, chosen = (
        match_targets([target], smoke_model, nearest=values[4:8], budget=60, keep=2, plausible=plausible)
        for plausible in (False, True)
    )
    assert kept.best.preset != chosen.best.preset
    assert kept.stages[:-1] == chosen.stages[:-1]
    assert chosen.best.distance <= 1.05 * kept.best.distance + 0.01
