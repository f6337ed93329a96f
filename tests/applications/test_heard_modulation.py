"""What a sound tells of its movement sets the LFO of the presets that are proposed."""

import numpy as np
import pytest

from latentdx import Engine, Preset, PresetBank
from latentdx.applications.heard_modulation import proposing_modulation, with_modulation
from latentdx.evaluation.modulated_sounds import SOUNDS, measured
from latentdx.metrics.modulation import Modulation, modulation_mismatch, strongest_modulation
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets import corpora

MOVING = {"vibrato lead": "pitch", "tremolo pad": "level", "slow swell": "level", "auto-wah": "timbre"}


@pytest.mark.parametrize("made", SOUNDS, ids=lambda made: made.name)
def test_the_movement_of_a_sound_is_heard(made) -> None:
    heard = strongest_modulation(SoundFeatures(made.sound()))
    assert heard.moving == MOVING[made.name]
    assert heard.rate == pytest.approx(made.movement.rate, abs=0.2)
    if made.name in ("vibrato lead", "tremolo pad"):
        assert heard.depth == pytest.approx(made.movement.depth, rel=0.2)


def test_a_steady_sound_has_none_and_the_proposals_stay_as_they_are() -> None:
    still = Engine().render(PresetBank.init()[0])
    assert strongest_modulation(SoundFeatures(still)) is None
    assert strongest_modulation(SoundFeatures(np.zeros_like(still))) is None
    assert proposing_modulation(np.copy, still, 0) is np.copy and proposing_modulation(None, still, 0) is None


def test_proposed_presets_move_at_the_rate_and_about_as_far() -> None:
    still = PresetBank.init()[0]
    values = np.repeat(still.values[None], 16, 0)
    proposed = with_modulation(values, Modulation("pitch", 5.5, 35.0), np.random.default_rng(0))
    found = [
        measured(Engine().render(Preset(v), hold=4.0, n_samples=88_200), "pitch", 60)
        for v in proposed
        if not Preset(v)["LFO DELAY"]
    ]
    assert len(found) > 2 and np.median([m.rate for m in found]) == pytest.approx(5.5, abs=0.4)
    assert 12 < np.median([m.depth for m in found]) < 100
    np.testing.assert_array_equal(values, np.repeat(still.values[None], 16, 0))


@pytest.mark.parametrize(("moving", "moved"), [("level", True), ("timbre", False)])
def test_a_tremolo_moves_carriers_and_a_filter_modulators(moving: str, moved: bool) -> None:
    piano = corpora.read("starter").neutral()[0]  # algorithm 5: carriers 1, 3 and 5
    assert piano["ALGORITHM"] == 4
    (values,) = with_modulation(piano.values[None], Modulation(moving, 4.0, 3.0), np.random.default_rng(1))
    preset = Preset(values)
    assert [preset[f"OP{k} A MOD SENS."] > 0 for k in range(1, 7)] == 3 * [moved, not moved]
    assert preset["LFO AM DEPTH"] and not preset["LFO PM DEPTH"]
    if moved:
        render = Engine().render(preset, hold=4.0, n_samples=88_200)
        assert 1.5 < measured(render, "level", 60).depth < 6


def test_some_proposals_are_closer_in_movement_and_the_others_are_the_models() -> None:
    bank = corpora.read("starter").neutral()
    lead = SOUNDS[0].sound()
    propose = proposing_modulation(lambda values: values + np.uint8(0), lead, seed=0)
    first, second = propose(bank.values[[5]]), propose(bank.values[[5]])
    target, before, after = (
        SoundFeatures(sound)
        for sound in (
            lead,
            *(
                Engine().render(Preset(v), 69, hold=4.0, n_samples=len(lead))
                for v in (bank.values[5], first[0])
            ),
        )
    )
    assert modulation_mismatch(target, after) < modulation_mismatch(target, before)
    np.testing.assert_array_equal(second, bank.values[[5]])
