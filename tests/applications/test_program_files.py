"""Test programming from sound files at the sounds' own notes; the quality of the model does not matter."""

import re

import numpy as np
import pytest
from small_models import small, write

from latentdx import Dexed, load_model
from latentdx.applications.output_level import SAME
from latentdx.applications.preset_names import NAMELESS
from latentdx.applications.programmer import Programmer, program_targets
from latentdx.applications.sound_inputs import prepare_inputs
from latentdx.applications.target import Target, TargetFile
from latentdx.applications.transposition import nearest_c, played_at, resampled
from latentdx.audio import pitch
from latentdx.audio.renderer import SIX_NOTES
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.dataset.loudness import leveled, training_level_db
from latentdx.errors import ParameterError
from latentdx.metrics.objective import score
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Programmer:
    return small("latentdx", tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("note", [36, 47, 59, 60, 61, 84])
def test_a_transposed_preset_sounds_at_its_note_as_it_did_at_c4(bank: PresetBank, note: int) -> None:
    """This holds exactly for any preset: with scaling by key, fixed frequencies or pitch envelopes."""
    some = bank[np.arange(0, len(bank), 16)]
    for preset, moved in zip(some, played_at(some.values, note), strict=True):
        there = Dexed().render(Preset(moved), note, 85, n_samples=8192)
        np.testing.assert_array_equal(there, Dexed().render(preset, 60, 85, n_samples=8192))


@pytest.mark.parametrize(("note", "transpose"), [(0, 48), (35, 48), (36, 48), (84, 0), (85, 0), (127, 0)])
def test_transpose_stays_within_its_range(bank: PresetBank, note: int, transpose: int) -> None:
    moved = played_at(bank[0].values, note)
    assert Preset(moved)["TRANSPOSE"] == transpose
    assert np.flatnonzero(moved != bank[0].values).size == 1


def test_a_preset_is_measured_at_the_note_of_its_sound(model: Programmer, bank: PresetBank, tmp_path) -> None:
    path = write(bank[5], 48, 100, tmp_path)
    heard = prepare_inputs([TargetFile(path, 48, 100)], model.notes, None)
    one, best = (program_targets(model, heard, "Café / ü🎹 and more", n=n) for n in (1, 5))
    sound = heard[0].sound
    for made in (one, best):
        assert made.preset["TRANSPOSE"] == 24 + 12 and made.preset.name == "Cafe / u a"
        assert (
            made.distance == score(made.preset.values[None], [sound], [(48, 100)], holds=[heard[0].hold])[0]
        )
        assert made.remarks == ("transposed by +12 semitones; play it at note 48 (C3)",) and not made.warnings
    assert best.distance <= one.distance + SAME
    np.testing.assert_array_equal(
        one.preset.values, played_at(model.predict(model.hear(heard)).values[0], 48)
    )
    assert program_targets(model, heard, "♪").preset.name == NAMELESS


@pytest.mark.parametrize(
    ("note", "c"), [(60, 60), (65, 60), (66, 72), (53, 48), (91, 84), (127, 84), (29, 36), (0, 36)]
)
def test_a_sound_is_heard_at_the_nearest_c_that_transpose_reaches(note: int, c: int) -> None:
    assert nearest_c(note) == c


def test_resampling_changes_pitch_and_length(bank: PresetBank) -> None:
    sound = Dexed().render(PresetBank.init()[0], 67)
    moved = resampled(sound, 5)
    assert abs(pitch.estimate(moved).cents_from(72)) < 1 and moved.dtype == np.float32
    assert len(moved) == pytest.approx(len(sound) * 2 ** (-5 / 12), abs=1)
    assert resampled(sound, 0) is sound


def test_between_cs_the_sound_is_resampled_and_the_preset_transposed_by_octaves(
    model: Programmer, bank: PresetBank, tmp_path
) -> None:
    heard = prepare_inputs([TargetFile(write(bank[5], 45, 85, tmp_path), 45)], model.notes, None)
    made = program_targets(model, heard)
    assert made.remarks == (
        "sound resampled by +3 semitones to C3 for the model",
        "transposed by +12 semitones; play it at note 45 (A2)",
    )
    alone = model.predict(model.spectrograms(resampled(heard[0].sound, 3))).values[0]
    np.testing.assert_array_equal(made.preset.values, played_at(alone, 48))


@pytest.mark.parametrize(
    ("note", "fast"), [(91, "7 semitones .* 0.67 times"), (20, "16 semitones .* 2.5 times")]
)
def test_notes_beyond_the_range_of_transpose_give_a_warning(
    model: Programmer, bank: PresetBank, tmp_path, note: int, fast: str
) -> None:
    heard = prepare_inputs([TargetFile(write(bank[5], 60, 85, tmp_path))], model.notes, note)
    (warning,) = program_targets(model, heard).warnings
    assert re.fullmatch(f"note {note} is {fast} as fast", warning)


def test_the_shipped_model_hears_best_at_a_c(bank: PresetBank) -> None:
    """It was trained on presets that sound a C and programs a C for an A too, which TRANSPOSE would shift."""
    model, distances = load_model("latentdx"), []
    for preset in bank[np.arange(5, len(bank), 48)]:
        sound, _ = leveled(Dexed().render(preset, 57, 85))
        made = program_targets(model, [Target(sound, 57, 85, (), ())])
        as_it_is = played_at(model.program(sound).values, 57)
        distances.append((made.distance, score(as_it_is[None], [sound], [(57, 85)])[0]))
    moved, unmoved = np.mean(distances, axis=0)
    assert moved < 0.9 * unmoved


@pytest.fixture(scope="module")
def six(tmp_path_factory) -> Programmer:
    return small("numcat++-six", tmp_path_factory.mktemp("six"))


def test_six_notes_in_any_order_keep_their_levels(six: Programmer, bank: PresetBank, tmp_path) -> None:
    takes = [TargetFile(write(bank[5], n, v, tmp_path), n, v) for n, v in SIX_NOTES]
    heard = prepare_inputs([takes[i] for i in (3, 5, 0, 2, 4, 1)], six.notes, None)
    assert tuple((i.note, i.velocity) for i in heard) == SIX_NOTES
    levels = np.array([peak_rms_db(i.sound) for i in heard])
    original = np.array([peak_rms_db(Dexed().render(bank[5], *played)) for played in SIX_NOTES])
    assert np.ptp(original) > 1
    np.testing.assert_allclose(levels - levels[3], original - original[3], atol=0.1)
    assert levels[3] == pytest.approx(training_level_db(), abs=0.01)
    made = program_targets(six, heard)
    assert made.preset["TRANSPOSE"] == 24 and made.remarks == ()
    wanted = score(
        made.preset.values[None], [i.sound for i in heard], SIX_NOTES, holds=[i.hold for i in heard]
    )[0]
    assert made.distance == wanted


def test_notes_that_the_model_does_not_hear_are_refused(
    model: Programmer, six: Programmer, bank: PresetBank, tmp_path
) -> None:
    take = TargetFile(write(bank[5], 60, 85, tmp_path), 60, 85)
    with pytest.raises(ParameterError, match="hears 1 sound at once, not 2"):
        prepare_inputs([take, take], model.notes, None)
    with pytest.raises(ParameterError, match=r"hears 6 sounds at once \(E2@85, D3@85, C4@42, .*\), not 1"):
        prepare_inputs([take], six.notes, None)
    with pytest.raises(ParameterError, match=r"not C4@85, C4@85.*NOTE@VELOCITY=FILE"):
        prepare_inputs([take] * 6, six.notes, None)
