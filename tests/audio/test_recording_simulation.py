"""Simulated recordings: reproducible, related to the dry sound, noisy, and silent for silence."""

import numpy as np

from latentdx.audio.recording_simulation import SimulatedRecording
from latentdx.audio.renderer import Dexed
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import init_values


def test_a_recording_is_the_same_each_time_and_differs_with_preset_note_and_seed() -> None:
    bank = corpora.read("starter").neutral()
    recorded = SimulatedRecording()
    once = recorded.render(bank[0])
    assert once.dtype == np.float32 and once.shape == Dexed().render(bank[0]).shape
    np.testing.assert_array_equal(once, SimulatedRecording().render(bank[0]))
    others = (
        SimulatedRecording(seed=1).render(bank[0]),
        recorded.render(bank[0], 61),
        Dexed().render(bank[0]),
    )
    assert all(np.abs(once - other).max() > 1e-3 for other in others)
    assert once[-1] == 0 and "seed 1" in SimulatedRecording(seed=1).engine


def test_a_recording_is_finite_and_within_20_db_of_the_dry_sound() -> None:
    bank = corpora.read("starter").neutral()
    for preset in (bank[i] for i in range(0, len(bank), 16)):
        dry, wet = Dexed().render(preset), SimulatedRecording().render(preset)
        assert np.isfinite(wet).all()
        gain = 20 * np.log10(np.sqrt(np.mean(wet**2) / np.mean(dry**2)))
        assert -20 < gain < 20  # level and filters change by up to 6 dB each; drive compresses


def test_noise_is_audible_after_the_sound_has_ended() -> None:
    short = init_values()
    short[[i for i in range(126) if i % 21 == 3]] = 99  # every release at once
    click = Preset(short)
    dry, wet = (synth.render(click, hold=0.2) for synth in (Dexed(), SimulatedRecording()))
    assert np.abs(dry[-20_000:-5_000]).max() < 1e-6
    assert 1e-5 < np.sqrt(np.mean(wet[-20_000:-5_000] ** 2)) < 1e-2


def test_silence_stays_silent() -> None:
    silent = init_values()
    silent[[i for i in range(145) if i % 21 == 16 and i < 126]] = 0  # every OUTPUT LEVEL
    assert not Dexed().render(Preset(silent)).any()
    assert not SimulatedRecording().render(Preset(silent)).any()
