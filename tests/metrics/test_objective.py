"""The objective has one set of weights and two forms, the exact one and the fast one, which agree."""

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.errors import ParameterError
from latentdx.metrics.modulation import modulation_mismatch
from latentdx.metrics.objective import (
    MODULATION_WEIGHT,
    WEIGHTS,
    FastObjective,
    distance,
    distance_as_is,
    score,
    weighted,
)
from latentdx.metrics.registry import METRICS, log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets import corpora

NOTE = SINGLE_NOTE


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def test_the_weights_are_of_registered_metrics_and_all_forms_use_them(bank) -> None:
    a, b = (SoundFeatures(Dexed().render(bank[i])) for i in (3, 40))
    parts = {
        "log_stft_mae": log_stft_mae(a, b),
        "spectral_convergence": spectral_convergence(a, b),
        "mfcc13_mae": mfcc_mae(a, b, 13),
    }
    assert set(parts) == set(WEIGHTS) <= set(METRICS)
    expected = sum(WEIGHTS[name] * part for name, part in parts.items())
    modulation = MODULATION_WEIGHT * modulation_mismatch(a, b)
    assert distance_as_is(a, b) == pytest.approx(expected + modulation, rel=1e-12)
    columns = {name: np.array([part, np.nan]) for name, part in parts.items()}
    np.testing.assert_allclose(weighted(columns), [expected, 0.0], rtol=1e-12)
    for name, part in parts.items():
        only = dict.fromkeys(WEIGHTS, 0.0) | {name: 1.0}
        fast = FastObjective([a.audio], NOTE, weights=only, levels_count=True)(bank.values[[40]])[0]
        assert fast == pytest.approx(part, rel=0.05)


def test_the_fast_objective_approximates_the_distance(bank) -> None:
    synth = Dexed()
    target = synth.render(bank[100], *NOTE[0])
    objective = FastObjective([target], NOTE, threads=1)
    quick = objective(bank.values[:20])
    whole = [distance(SoundFeatures(target), SoundFeatures(synth.render(p, *NOTE[0]))) for p in bank[:20]]
    np.testing.assert_allclose(quick, whole, rtol=0.02)
    assert objective(bank.values[[100]])[0] < 1e-6


def test_a_gain_up_to_12_db_costs_nothing_and_more_has_a_price(bank) -> None:
    a, b = (Dexed().render(bank[i]) for i in (3, 40))
    target, found = SoundFeatures(a), SoundFeatures(b)
    equal = 10 ** ((peak_rms_db(a) - peak_rms_db(b)) / 20)
    least = distance_as_is(target, SoundFeatures(b * np.float32(equal)))
    for gain_db, price in ((0, 0), (11.9, 0), (-11.9, 0), (22, 0.1), (-22, 0.1)):
        other = SoundFeatures(b * np.float32(equal * 10 ** (gain_db / 20)))
        assert distance(target, other) == pytest.approx(least + price, abs=1e-4)
    assert distance(target, found) < distance_as_is(target, found)
    assert distance(target, SoundFeatures(np.zeros_like(a))) > 1  # no gain makes silence a sound


def test_where_the_level_is_known_every_decibel_has_a_price(bank) -> None:
    target = Dexed().render(bank[5])
    for free_db, expected in ((12.0, 0.0), (0.0, 0.0602)):  # the preset is softer than its target by 6.02 dB
        fast = FastObjective([2 * target], NOTE, free_db=free_db)(bank.values[[5]])[0]
        assert fast == pytest.approx(
            score(bank.values[[5]], [2 * target], NOTE, free_db=free_db)[0], abs=1e-4
        )
        assert fast == pytest.approx(expected, abs=1e-4)


def test_the_gain_of_several_notes_is_one(bank) -> None:
    """A target whose notes are all louder is the same; one whose soft note alone is louder is another."""
    synth, notes, preset = Dexed(), [(60, 20), (60, 127)], bank.values[[5]]
    soft, hard = (synth.render(bank[5], *note) for note in notes)
    for targets, same in (([soft * 2, hard * 2], True), ([soft * 2, hard], False)):
        found = score(preset, targets, notes)[0], FastObjective(targets, notes)(preset)[0]
        assert max(found) < 1e-3 if same else min(found) > 0.05


def test_the_fast_objective_averages_notes_and_renders_each_preset_once(bank) -> None:
    synth = Dexed()
    notes, tried = [(60, 85), (40, 100)], bank.values[:9]
    targets = [synth.render(bank[5], *note) for note in notes]
    both = FastObjective(targets, notes, levels_count=True)(tried)
    each = [FastObjective([t], [n], levels_count=True)(tried) for t, n in zip(targets, notes, strict=True)]
    np.testing.assert_allclose(both, np.mean(each, 0), rtol=1e-6)
    np.testing.assert_allclose(FastObjective(targets, notes)(tried), score(tried, targets, notes), rtol=0.02)

    class Counting(Dexed):
        count = 0

        def render(self, *args, **kwargs):
            self.count += 1
            return super().render(*args, **kwargs)

    counting = Counting()
    objective = FastObjective([targets[0]], NOTE, renderer=counting)
    first, again = (objective(bank.values[[1, 2, 1]]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert counting.count == 2


def test_the_fast_objective_refuses_silence_and_a_wrong_number_of_sounds(bank) -> None:
    with pytest.raises(ParameterError, match="note 60 is silent"):
        FastObjective([np.zeros(88_576, np.float32)], NOTE)
    with pytest.raises(ParameterError, match="2 sounds for 1 notes"):
        FastObjective([np.ones(88_576, np.float32)] * 2, NOTE)
