"""Test what presets do after their key and while it is held, and how that is mended."""

import math

import numpy as np
import pytest

from latentdx import Dexed, Preset, PresetBank
from latentdx.applications.candidate_choice import Comparison
from latentdx.applications.key_behavior import (
    FALL_DB,
    RELEASE_RATE,
    is_sustained,
    may_ring,
    measured,
    mended,
    plausible_release,
)
from latentdx.applications.locks import Locks
from latentdx.applications.target import prepare_target
from latentdx.audio.renderer import SAMPLE_RATE


def tone(**changes: int) -> Preset:
    """An organ tone: one carrier, without any decay."""
    return PresetBank.init()[0].with_values(**{k.replace("_", " "): v for k, v in changes.items()})


def target_of(preset: Preset, hold: float, seconds: float):
    sound = Dexed().render(preset, hold=hold, n_samples=round(seconds * SAMPLE_RATE))
    return prepare_target(sound, SAMPLE_RATE, note=60, hold=hold if hold < seconds else None)


def changed(comparison: Comparison, preset: Preset) -> set[str]:
    found = comparison.completed(preset)
    return {p for p in ("EG LEVEL 3", "EG LEVEL 4", "EG RATE 4") if found[f"OP1 {p}"] != preset[f"OP1 {p}"]}


def test_levels_are_those_of_renders() -> None:
    comparison = Comparison([target_of(tone(), 9, 3)], Dexed(), 1)
    play, target = comparison.play, comparison.reference
    organ = measured(play, tone(), target)
    assert organ.held_db > -0.5 and organ.release_db < -100
    ringing = measured(play, tone(OP1_EG_LEVEL_4=80), target)
    assert -20 < ringing.release_db < -5
    fading = measured(play, tone(OP1_EG_RATE_3=35, OP1_EG_LEVEL_3=0), target)
    assert fading.held_db < -FALL_DB


def test_a_target_that_is_cut_off_says_nothing_of_a_release() -> None:
    cut = target_of(tone(), 9, 3)
    assert not may_ring(cut) and is_sustained(cut)
    comparison = Comparison([cut], Dexed(), 1)
    ringing = tone(OP1_EG_LEVEL_4=80)
    found = comparison.completed(ringing)
    assert found["OP1 EG LEVEL 4"] == 0
    assert measured(comparison.play, found, cut).release_db <= -FALL_DB
    before, after = comparison.distances(np.stack([ringing.values, found.values]))
    assert after <= 1.05 * before + 0.005


def test_a_target_that_rings_may_be_answered_by_presets_that_ring() -> None:
    rings = target_of(tone(OP1_EG_LEVEL_4=90), 1.0, 4.0)
    assert may_ring(rings)
    assert changed(Comparison([rings], Dexed(), 1), tone(OP1_EG_LEVEL_4=90)) == set()
    ends = target_of(tone(), 1.0, 4.0)
    assert not may_ring(ends)


def test_a_sustained_target_is_answered_by_presets_that_go_on() -> None:
    cut = target_of(tone(), 9, 2.5)
    comparison = Comparison([cut], Dexed(), 1)
    fading = tone(OP1_EG_RATE_3=35, OP1_EG_LEVEL_3=0)
    found = comparison.completed(fading)
    assert measured(comparison.play, fading, cut).held_db < -FALL_DB
    assert measured(comparison.play, found, cut).held_db >= -FALL_DB
    struck = target_of(tone(OP1_EG_RATE_2=45, OP1_EG_LEVEL_2=0, OP1_EG_LEVEL_3=0), 9, 4)
    assert not is_sustained(struck)


@pytest.mark.parametrize("name", ["OP1 EG LEVEL 4", "OP1 EG LEVEL 3"])
def test_locked_values_stay(name) -> None:
    cut = target_of(tone(), 9, 2.5)
    preset = tone(OP1_EG_LEVEL_4=80, OP1_EG_RATE_3=35, OP1_EG_LEVEL_3=0)
    comparison = Comparison([cut], Dexed(), 1, Locks.of({name: preset[name]}))
    assert comparison.completed(preset)[name] == preset[name]


def test_a_mend_that_costs_too_much_is_left() -> None:
    cut = target_of(tone(), 9, 2.5)
    ringing = tone(OP1_EG_LEVEL_4=80)

    def rank(values):
        return np.where((values == ringing.values).all(1), 1.0, 1.2)

    play = Comparison([cut], Dexed(), 1).play
    assert mended(ringing, cut, play, rank) == ringing
    behavior = measured(play, ringing, cut)
    assert behavior.release_db > -FALL_DB and not math.isnan(behavior.held_db)


@pytest.mark.parametrize(("note", "transpose"), [(60, 24), (48, 24), (55, 31)])
def test_a_fixed_frequency_that_sounds_like_a_ratio_follows_the_key(note, transpose) -> None:
    """The carrier sounds 523 Hz, the octave of middle C, or close to it."""
    key = note + transpose - 24
    ratio = 523.25 / (440 * 2 ** ((key - 69) / 12))
    sound = Dexed().render(tone(OP1_F_COARSE=round(ratio), TRANSPOSE=transpose), note)
    target = prepare_target(sound, SAMPLE_RATE, note=note)
    fixed = tone(OP1_MODE=1, OP1_F_COARSE=2, OP1_F_FINE=72, TRANSPOSE=transpose)  # 525 Hz
    comparison = Comparison([target], Dexed(), 1)
    found = comparison.completed(fixed)
    assert (found["OP1 MODE"], found["OP1 F COARSE"], found["OP1 F FINE"]) == (0, round(ratio), 0)
    locked = Comparison([target], Dexed(), 1, Locks.of({"OP1 MODE": 1}))
    assert locked.completed(fixed)["OP1 MODE"] == 1
    assert comparison.completed(fixed, refined=fixed) == fixed


def test_a_fixed_frequency_that_no_ratio_replaces_stays() -> None:
    """At 20 Hz, it is below the least ratio of middle C; a silent operator is left alone."""
    bell = tone(OP1_MODE=1, OP1_F_COARSE=1, OP1_F_FINE=30, OP3_MODE=1)
    assert Comparison([target_of(bell, 1.0, 2.0)], Dexed(), 1).completed(bell) == bell


def test_the_plausible_release_is_the_median_of_presets_that_end() -> None:
    values = np.stack([tone(OP1_EG_RATE_4=r).values for r in (30, 40, 70)])
    ringing = tone(OP1_EG_RATE_4=1, OP1_EG_LEVEL_4=99).values
    assert plausible_release(np.concatenate([values, ringing[None]])) == 40
    assert plausible_release(ringing[None]) == RELEASE_RATE
