"""From sound files to a preset at the sound's own key; how good the model is does not matter here."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentdx import Dexed, load_model
from latentdx.applications.answer import NAMELESS, answer, hear
from latentdx.applications.intake import Take
from latentdx.applications.program import Programmer, played_at, score
from latentdx.audio import files
from latentdx.audio.dexed import SIX_NOTES
from latentdx.dataset.leveling import training_level_db
from latentdx.dataset.measuring import peak_rms_db
from latentdx.errors import ParameterError
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.training import checkpoint
from latentdx.training.profile import read_profile


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def small(name: str, folder: Path) -> Programmer:
    """Of random weights."""
    torch.manual_seed(1)
    profile = read_profile(name, "smoke")
    file = folder / f"{name}.safetensors"
    checkpoint.save(PresetVAE(profile.architecture), checkpoint.About(profile, "", 1, 1, 1.0, {}), file)
    return load_model(file)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Programmer:
    return small("latentdx", tmp_path_factory.mktemp("model"))


def write(preset: Preset, note: int, velocity: int, folder: Path) -> Path:
    path = folder / f"{note}_{velocity}.flac"
    path.write_bytes(files.encode(Dexed().render(preset, note, velocity), "flac"))
    return path


@pytest.mark.parametrize("note", [36, 47, 59, 60, 61, 84])
def test_moved_by_transpose_a_preset_sounds_at_its_key_as_at_c4(bank: PresetBank, note: int) -> None:
    """To the bit, whatever the preset holds: scaling by key, fixed frequencies, pitch envelopes."""
    some = bank[np.arange(0, len(bank), 16)]
    for preset, moved in zip(some, played_at(some.values, note), strict=True):
        there = Dexed().render(Preset(moved), note, 85, n_samples=8192)
        np.testing.assert_array_equal(there, Dexed().render(preset, 60, 85, n_samples=8192))


@pytest.mark.parametrize(("note", "transpose"), [(0, 48), (35, 48), (36, 48), (84, 0), (85, 0), (127, 0)])
def test_transpose_goes_no_farther_than_its_range(bank: PresetBank, note: int, transpose: int) -> None:
    moved = played_at(bank[0].values, note)
    assert Preset(moved)["TRANSPOSE"] == transpose
    assert np.flatnonzero(moved != bank[0].values).size == 1


def test_an_answer_is_measured_where_it_is_played(model: Programmer, bank: PresetBank, tmp_path) -> None:
    path = write(bank[5], 48, 100, tmp_path)
    heard = hear([Take(path, 48, 100)], model.notes, None)
    one, best = (answer(model, heard, "Café / ü🎹 and more", n=n) for n in (1, 5))
    sound = heard[0].sound
    for made in (one, best):
        assert made.preset["TRANSPOSE"] == 24 + 12 and made.preset.name == "Cafe / u a"
        assert made.distance == score(made.preset.values[None], [sound], [(48, 100)])[0]
        assert made.said == ("transposed by +12 semitones, to be played at 48 (C3)",) and not made.warnings
    assert best.distance <= one.distance
    np.testing.assert_array_equal(one.preset.values, played_at(model.program(sound).values, 48))
    assert answer(model, heard, "♪").preset.name == NAMELESS


@pytest.mark.parametrize(("note", "off"), [(90, "6 semitones too high"), (30, "6 semitones too low")])
def test_a_note_beyond_transpose_is_warned_of(
    model: Programmer, bank: PresetBank, tmp_path, note: int, off: str
) -> None:
    heard = hear([Take(write(bank[5], 60, 85, tmp_path))], model.notes, note)
    (warning,) = answer(model, heard).warnings
    assert f"note {note} asks for a transposition by {60 - note:+d} semitones" in warning
    assert warning.endswith(off) and "±24" in warning


def test_the_shipped_model_answers_a_bass_with_a_bass(bank: PresetBank, tmp_path) -> None:
    """The pitch is the key's: a moved preset is nearer than the same one at neutral TRANSPOSE."""
    model = load_model("latentdx")
    heard = hear([Take(write(bank["FM BASS 1"], 43, 85, tmp_path), 43)], model.notes, None)
    made = answer(model, heard)
    unmoved = made.preset.with_values(TRANSPOSE=24)
    assert made.distance < score(unmoved.values[None], [heard[0].sound], [(43, 85)])[0]


@pytest.fixture(scope="module")
def six(tmp_path_factory) -> Programmer:
    return small("numcat++-six", tmp_path_factory.mktemp("six"))


def test_six_notes_in_any_order_keep_their_levels(six: Programmer, bank: PresetBank, tmp_path) -> None:
    takes = [Take(write(bank[5], n, v, tmp_path), n, v) for n, v in SIX_NOTES]
    heard = hear([takes[i] for i in (3, 5, 0, 2, 4, 1)], six.notes, None)
    assert tuple((i.note, i.velocity) for i in heard) == SIX_NOTES
    levels = np.array([peak_rms_db(i.sound) for i in heard])
    original = np.array([peak_rms_db(Dexed().render(bank[5], *played)) for played in SIX_NOTES])
    assert np.ptp(original) > 1
    np.testing.assert_allclose(levels - levels[3], original - original[3], atol=0.1)
    assert levels[3] == pytest.approx(training_level_db(), abs=0.01)
    made = answer(six, heard)
    assert made.preset["TRANSPOSE"] == 24 and made.said == ()
    wanted = score(made.preset.values[None], [i.sound for i in heard], SIX_NOTES)[0]
    assert made.distance == wanted


def test_other_notes_than_the_models_are_refused(
    model: Programmer, six: Programmer, bank: PresetBank, tmp_path
) -> None:
    take = Take(write(bank[5], 60, 85, tmp_path), 60, 85)
    with pytest.raises(ParameterError, match="hears 1 sound at once, not 2"):
        hear([take, take], model.notes, None)
    with pytest.raises(ParameterError, match=r"hears 6 sounds at once \(E2@85, D3@85, C4@42, .*\), not 1"):
        hear([take], six.notes, None)
    with pytest.raises(ParameterError, match=r"not C4@85, C4@85.*NOTE@VELOCITY=FILE"):
        hear([take] * 6, six.notes, None)
