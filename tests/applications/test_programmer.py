"""Test programming presets with a model trained for a second: the mechanics, not the quality."""

from functools import partial

import numpy as np
import pytest
import torch

from latentdx import Dexed, PresetBank, load_model
from latentdx.applications.programmer import Programmer
from latentdx.audio.renderer import SINGLE_NOTE, SIX_NOTES
from latentdx.errors import CheckpointError, DataMissingError, ParameterError
from latentdx.metrics.gain import gain_db
from latentdx.metrics.objective import distance, distance_as_is, score
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.training.loop import train
from latentdx.training.profile import read_profile


def programmer(name: str, folder) -> Programmer:
    return load_model(train(read_profile(name, "smoke"), folder, show=False))


@pytest.fixture(scope="module")
def model(smoke_model) -> Programmer:
    return smoke_model


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


@pytest.fixture(scope="module")
def sound(bank):
    return Dexed().render(bank[5], 60, 85)


def test_programming_a_sound_twice_gives_the_same_preset(model, sound) -> None:
    first, again = model.program(sound), model.program(sound)
    assert first == again
    assert np.isfinite(Dexed().render(first, 60, 85)).all()


def test_one_sound_gives_the_same_preset_as_in_a_batch(model, bank, sound) -> None:
    other = Dexed().render(bank[9], 60, 85)
    decibels = [model.spectrograms(s) for s in (sound, other)]
    both = model.predict(torch.cat(decibels))
    np.testing.assert_array_equal(both.values[0], model.program(sound).values)
    np.testing.assert_array_equal(both.values[1], model.program(other).values)


def test_a_model_of_six_notes_needs_six_sounds(tmp_path, bank, sound) -> None:
    six = programmer("numcat++-six", tmp_path)
    assert six.notes == SIX_NOTES
    preset = six.program({note: Dexed().render(bank[3], *note) for note in SIX_NOTES})
    assert preset.values.shape == (145,)
    with pytest.raises(ParameterError, match="hears 6 sounds"):
        six.program(sound)
    drawn = six.sample(six.spectrograms([sound] * 6), 3)  # no sampler: parameters drawn independently
    assert drawn.shape == (1, 3, 145)
    assert (drawn[:, 0] != drawn[:, 1]).any()
    cold = [six.sample(six.spectrograms([sound] * 6), 2, temperature=0, seed=seed)[0] for seed in (1, 2)]
    assert (np.concatenate(cold) == cold[0][0]).all()


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 100), np.float32), np.zeros(0, np.float32), np.full(100, np.nan, np.float32)]
)
def test_invalid_sounds_are_refused(model, bad) -> None:
    with pytest.raises(ParameterError, match=r"mono and finite|hears 1 sounds"):
        model.spectrograms(bad)


def test_a_render_that_is_not_finite_is_refused(model, sound) -> None:
    with pytest.raises(ParameterError, match="mono and finite"):
        model.program(np.where(np.arange(len(sound)) == 9, np.inf, sound))


def test_short_and_long_sounds_are_padded_and_cut(model, sound) -> None:
    short, long = sound[:20_000], np.concatenate([sound, sound])
    padded = np.concatenate([short, np.zeros(len(sound) - len(short), np.float32)])
    assert torch.equal(model.spectrograms(short), model.spectrograms(padded))
    assert torch.equal(model.spectrograms(long), model.spectrograms(sound))


def test_equal_seeds_give_equal_draws(model, sound) -> None:
    decibels = model.spectrograms(sound)
    a, b, c = (model.sample(decibels, 3, seed=seed) for seed in (1, 1, 2))
    assert a.shape == (1, 3, 145)
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_the_best_of_several_is_no_worse_than_one_forward_pass(model, sound) -> None:
    one = model.program(sound)
    best = model.program_best(sound, 6, seed=3)
    found = score(np.stack([one.values, best.values]), [sound], SINGLE_NOTE)
    assert found[1] <= found[0]


def test_the_best_of_several_is_brought_to_the_level_of_the_sound(model, bank) -> None:
    """Candidates are ranked at equal loudness, which leaves their level to chance."""
    for number in (5, 9, 40):
        sound = Dexed().render(bank[number], 60, 85)
        rank = partial(score, targets=[sound], notes=SINGLE_NOTE)
        found = model.explore(model.spectrograms(sound), 6, rank, seed=3)
        chosen = Preset(found.values[found.distances.argmin()])
        away, left = (
            abs(gain_db([sound], [Dexed().render(preset, 60, 85)]))
            for preset in (chosen, model.program_best(sound, 6, seed=3))
        )
        assert left <= away + 0.4  # half a step of OUTPUT LEVEL
        if away > 3:
            assert left < away


def test_the_true_preset_has_distance_zero_and_a_quieter_sound_almost(bank, sound) -> None:
    found = score(bank.values[[5, 9]], [sound], SINGLE_NOTE)
    assert found[0] == 0 < found[1]
    quieter = SoundFeatures(sound / 2)
    assert distance_as_is(SoundFeatures(sound), quieter) > 0.3  # half from convergence
    assert distance(SoundFeatures(sound), quieter) < 0.02


def test_distances_from_a_silent_target_still_rank(bank, sound) -> None:
    silence = SoundFeatures(np.zeros_like(sound))
    assert (
        0 < distance(silence, SoundFeatures(sound / 1000)) < distance(silence, SoundFeatures(sound)) < np.inf
    )


def test_unknown_models_and_damaged_checkpoints_are_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(DataMissingError, match="no model 'prophet'"):
        load_model("prophet")
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="is not a checkpoint"):
        load_model(tmp_path / "x.safetensors")
