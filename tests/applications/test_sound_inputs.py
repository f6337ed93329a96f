"""Test how `program` and `match` take sounds: files, arrays, prepared sounds, several notes, and lists."""

from pathlib import Path

import numpy as np
import pytest
from small_models import small, write

from latentdx import Dexed, PresetBank, match
from latentdx.applications.match import match_targets
from latentdx.applications.preset_names import NAMELESS
from latentdx.applications.programmer import Programmer, program_targets
from latentdx.applications.sound_inputs import prepare_sounds
from latentdx.applications.target import TargetFile, prepare_target
from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE, SIX_NOTES
from latentdx.errors import AudioFileError, ParameterError
from latentdx.presets import corpora
from latentdx.presets.bank import Preset


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Programmer:
    return small("latentdx", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def six(tmp_path_factory) -> Programmer:
    return small("numcat++-six", tmp_path_factory.mktemp("six"))


@pytest.fixture(scope="module")
def low(bank, tmp_path_factory) -> Path:
    """A sound file at note 48."""
    return write(bank[5], 48, 85, tmp_path_factory.mktemp("low")).rename("Low flute.flac")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("folder"))
        yield


def same(a: Preset, b: Preset) -> bool:
    return bool((a.values == b.values).all())


# -- one sound -----------------------------------------------------------------------------------------------


def test_a_file_an_array_and_a_prepared_sound_give_one_preset(model, low) -> None:
    samples = encoding.read(low)
    file = model.program(low)
    assert file.name == "Low flute" and file["TRANSPOSE"] == 24 + 12  # made for note 48
    assert model.program(str(low)) == file == model.program(samples, rate=SAMPLE_RATE, name="Low flute")
    assert same(model.program(prepare_target(low)), file)
    stereo = np.repeat((samples * 2**15).astype(np.int16)[:, None], 2, axis=1)
    assert same(model.program(stereo, rate=SAMPLE_RATE), file)
    assert same(program_targets(model, [prepare_target(low)]).preset, file)


def test_a_render_needs_no_rate_and_is_heard_as_it_is(model, bank) -> None:
    sound = Dexed().render(bank[5])
    expected = model.predict(model.spectrograms(sound)).values[0]
    np.testing.assert_array_equal(model.program(sound).values, expected)
    assert model.program(sound).name == NAMELESS
    assert model.program(sound, note=48)["TRANSPOSE"] == 24 + 12


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(44_100, np.float32),
        np.zeros(88_575),
        np.zeros(88_576, np.int16),
        np.zeros((88_576, 2), np.float32),
        np.zeros((6, 88_576), np.float32),
    ],
)
def test_an_array_that_may_have_another_rate_is_refused_without_one(model, array) -> None:
    message = rf"rate of this array is not known \({array.dtype}, shape .*{array.shape[0]}.*rate=… in Hz"
    for call in (model.program, model.program_best, lambda sound: match(sound, model)):
        with pytest.raises(ParameterError, match=message):
            call(array)


@pytest.mark.parametrize("n", [0, -1, 2.5, "4"])
def test_the_number_of_presets_to_try_is_a_positive_integer(model, low, n) -> None:
    with pytest.raises(ParameterError, match=f"n is the number of presets to try, .* at least 1, not {n!r}"):
        model.program_best(low, n)


@pytest.mark.parametrize(
    ("sounds", "options", "message"),
    [
        ("low.wav", {"rate": 44_100}, "no sound is an array, .* 44100 Hz is of no use"),
        ([0.1, 0.2], {}, "sound 0: a sound is a file, an array or a `Target`, not 0.1"),
        ([0.1, 0.2], {"rate": 44_100}, "sound 0: a sound is a file, an array or a `Target`, not 0.1"),
        (None, {}, "a sound is a file, an array or a `Target`, not None"),
        (np.ones(9), {"rate": "44k"}, "the sample rate is a number of Hz, not '44k'"),
        (
            np.ones((2, 88_576)),
            {"rate": 44_100},
            r"the first axis is the channels, give its transpose \(\.T\)",
        ),
        ({}, {}, "mapping from notes to sounds is empty"),
        ({48: np.zeros(9), 60: np.zeros(9)}, {"rate": 44_100}, "too short"),
        (np.ones(88_576, np.float32), {"note": 128}, "note 128 is not an integer in 0 … 127"),
        (np.ones(88_576, np.float32), {"velocity": 0}, "velocity 0 is not an integer in 1 … 127"),
        (np.ones(88_576, np.float32), {"name": ["a"]}, r"one sound has one name, .* not \['a'\]"),
        ([np.ones(88_576)] * 2, {"name": "ab"}, "a list of 2 has 2 names, not 'ab'"),
        ([np.ones(88_576)] * 2, {"name": ["a"]}, r"a list of 2 has 2 names, not \['a'\]"),
    ],
)
def test_unusable_sounds_and_names_are_refused(model, sounds, options, message) -> None:
    with pytest.raises(ParameterError, match=message):
        model.program(sounds, **options)


def test_a_prepared_sound_has_its_note(model, low) -> None:
    with pytest.raises(ParameterError, match="note 60 is given for a sound that was prepared as note 48"):
        model.program(prepare_target(low), note=60)
    with pytest.raises(
        ParameterError, match="velocity 100 is given for a sound that was prepared with velocity 85"
    ):
        model.program({(48, 100): prepare_target(low)})


def test_what_may_be_wrong_with_a_sound_is_a_warning_at_the_call(model, bank) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 30_000)
    with pytest.warns(UserWarning, match="^hiss: no pitch: ") as caught:
        model.program(noise, rate=SAMPLE_RATE, name="hiss")
    assert [w.filename for w in caught] == [__file__]
    with pytest.warns(UserWarning, match="^sound 1: note 100 is 16 semitones beyond the range of TRANSPOSE"):
        model.program_best([{60: Dexed().render(bank[5])}, {100: Dexed().render(bank[5])}], 1)


# -- several notes -------------------------------------------------------------------------------------------


def test_a_model_of_six_notes_takes_them_by_note_in_any_order(six, bank, tmp_path) -> None:
    files = {note: write(bank[5], *note, tmp_path) for note in SIX_NOTES}
    by_file = six.program({note: files[note] for note in reversed(SIX_NOTES)}, name="Six")
    targets = prepare_sounds([TargetFile(path, *note) for note, path in files.items()])
    assert by_file.name == "Six" and same(by_file, program_targets(six, targets).preset)
    renders = {note: Dexed().render(bank[5], *note) for note in SIX_NOTES}
    expected = six.predict(six.spectrograms(list(renders.values()))).values[0]
    np.testing.assert_array_equal(six.program(renders).values, expected)
    one, other = six.program([renders, files], name=["a", "b"])
    assert same(one, six.program(renders)) and same(other, by_file) and (one.name, other.name) == ("a", "b")


def test_notes_that_a_model_does_not_hear_are_refused(model, six, bank) -> None:
    sound = Dexed().render(bank[5])
    with pytest.raises(ParameterError, match=r"hears 6 sounds .*, not 1: give them as {\(note, velocity\)"):
        six.program(sound)
    with pytest.raises(ParameterError, match="hears 1 sound at once, not 2"):
        model.program({48: sound, 60: sound})
    with pytest.raises(ParameterError, match=r"not A0@85, A#0@85, B0@85, .*: give them as"):
        six.program(dict.fromkeys(range(21, 27), sound))


# -- lists ---------------------------------------------------------------------------------------------------


def test_a_list_gives_what_each_sound_gives_alone(model, bank, low, tmp_path) -> None:
    high = write(bank[9], 72, 85, tmp_path)
    for program in (model.program, lambda sounds, **more: model.program_best(sounds, 3, seed=1, **more)):
        found = program(path for path in (low, high))  # any iterable
        assert found == [program(low), program(high)] and [p.name for p in found] == ["Low flute", "72_85"]
        arrays = [encoding.read(path) for path in (low, high)]
        assert found == program(arrays, rate=SAMPLE_RATE, name=["Low flute", "72_85"])
        assert program([low, arrays[1]], rate=SAMPLE_RATE)[1].name == NAMELESS
        assert program([]) == []
    assert PresetBank(found).names == ("Low flute", "72_85")


def test_more_sounds_than_one_batch_holds(model, bank, monkeypatch) -> None:
    monkeypatch.setattr("latentdx.applications.programmer._BATCH", 2)
    sounds = [Dexed().render(preset) for preset in bank[:5]]
    assert model.program(sounds) == [model.program(sound) for sound in sounds]


def test_an_unusable_item_of_a_list_is_named(model, low) -> None:
    with pytest.raises(ParameterError, match="sound 1: too short: 0.4 ms"):
        model.program([encoding.read(low), np.ones(9)], rate=SAMPLE_RATE)
    with pytest.raises(AudioFileError, match="none.wav: there is no such file"):
        model.program([low, "none.wav"])


def test_a_list_of_one_array_for_each_note_is_still_one_sound_but_deprecated(model, six, bank) -> None:
    sound = Dexed().render(bank[5])
    with pytest.warns(DeprecationWarning, match="give the array itself") as caught:
        assert model.program([sound]) == model.program(sound)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="give the array itself"):
        assert model.program_best([sound], 2) == model.program_best(sound, 2)
    renders = {note: Dexed().render(bank[5], *note) for note in SIX_NOTES}
    with pytest.warns(DeprecationWarning, match=r"give a mapping {\(note, velocity\): array}"):
        assert six.program(list(renders.values())) == six.program(renders)


# -- match ---------------------------------------------------------------------------------------------------


def test_a_match_takes_what_program_takes(model, bank, low) -> None:
    found = match(low, model, budget=8, keep=1)
    assert found.name == "Low flute" and found.best.preset.name == "Low flut 1"
    assert (
        found.candidates
        == match_targets([prepare_target(low)], model, budget=8, keep=1, name="Low flute").candidates
    )
    sound = Dexed().render(bank[5])
    one, other = match([sound, low], model, budget=8, keep=1)
    assert (one.name, other.name) == ("MATCH", "Low flute") and other.candidates == found.candidates
    both = match({48: low, (72, 100): sound}, model, budget=8, keep=1, name="Both")
    assert both.best.preset.name == "Both 1" and both.renders == 8


def test_a_list_of_targets_is_still_one_match_but_deprecated(model, low) -> None:
    target = prepare_target(low)
    with pytest.warns(DeprecationWarning, match="a list of targets") as caught:
        found = match([target], model, budget=8, keep=1)
    assert caught[0].filename == __file__ and found.name == "MATCH"
    assert found.candidates == match_targets([target], model, budget=8, keep=1).candidates
