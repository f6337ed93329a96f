"""Test how a user's sound is prepared, and the remarks and warnings on it."""

import re

import numpy as np
import pytest
import soundfile
import soxr

from latentdx import Dexed, PresetBank
from latentdx.applications.target import SEARCHED, Target, TargetFile, parse_target_file, prepare_target
from latentdx.audio.envelope import Ending
from latentdx.audio.notes import note_name
from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.dataset.loudness import leveled, training_level_db
from latentdx.errors import AudioFileError, ParameterError
from tones import kick, snare

RATE = 44_100


def tone(seconds: float = 1.0, f0: float = 261.63, rate: int = RATE) -> np.ndarray:
    """Return a note of six harmonics with a peak of 0.5."""
    t = np.arange(round(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * f0 * n * t) / n for n in range(1, 7))
    return 0.5 * sound / np.abs(sound).max()


def has(found: Target, *parts: str) -> bool:
    return all(any(part in line for line in found.remarks) for part in parts)


def first_loud(sound: np.ndarray) -> int:
    return int(np.argmax(np.abs(sound) > 0.05 * np.abs(sound).max()))


def warned(found: Target, *parts: str) -> bool:
    return len(found.warnings) == len(parts) and all(
        part in line for part, line in zip(parts, found.warnings, strict=True)
    )


def test_a_file_is_prepared_and_every_step_is_reported(tmp_path):
    path = tmp_path / "note.wav"
    sound = np.concatenate([np.zeros(round(0.3 * RATE)), tone(2.0)])
    soundfile.write(path, np.stack([sound, 0.5 * sound], 1), RATE)
    found = prepare_target(path)
    assert len(found.sound) == pytest.approx(2.006 * SAMPLE_RATE, abs=0.003 * SAMPLE_RATE)
    assert found.sound.dtype == np.float32
    assert (found.note, found.velocity) == (60, 85)
    assert has(found, "read 2.30 s of WAV (Signed 16 bit PCM), 44,100 Hz, stereo", "left and right averaged")
    assert has(found, "resampled to 22,050 Hz", "0.29", "it is cut off at 2.01 s while it sounds")
    assert has(found, "note estimated: 60 (C4) +0 cents") and not found.warnings
    assert peak_rms_db(found.sound) == pytest.approx(training_level_db(), abs=0.01)
    # the sound starts after a pre-roll of 5 ms, give or take a frame of the onset detection
    expected = soxr.resample(0.75 * tone(2.0), RATE, SAMPLE_RATE)
    lag = first_loud(found.sound) - first_loud(expected)
    assert 0.003 < lag / SAMPLE_RATE < 0.012
    kept = found.sound[lag : lag + 40_000]
    assert np.corrcoef(kept, expected[:40_000])[0, 1] > 0.999
    assert found.hold == pytest.approx(len(found.sound) / SAMPLE_RATE, abs=0.0005)  # to the millisecond


def test_a_file_and_its_samples_give_the_same_sound(tmp_path):
    sound = np.stack([tone(), -0.3 * tone()], 1)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="DOUBLE")
    a, b = prepare_target(tmp_path / "a.wav"), prepare_target(sound, RATE)
    assert np.array_equal(a.sound, b.sound) and a.note == b.note and a.remarks[1:] == b.remarks[1:]
    again = prepare_target(tmp_path / "a.wav")
    assert np.array_equal(a.sound, again.sound) and a.remarks == again.remarks


@pytest.mark.parametrize("row", [3, 67, 163, 227])
def test_a_render_of_our_own_is_only_leveled(row):
    """Preparation changes a render only by one gain, and it ends soon after the sound; its hold is found."""
    render = Dexed().render(PresetBank.read("data/starter")[row])
    found = prepare_target(render, SAMPLE_RATE, note=60)
    expected = leveled(render)[0]
    kept = len(found.sound) - round(0.1 * SAMPLE_RATE)
    assert np.abs(found.sound[:kept] - expected[:kept]).max() < 1e-4 * np.abs(expected).max()
    assert np.abs(expected[kept:]).max() < 0.005 * np.abs(expected).max()
    assert found.hold == pytest.approx(3.0, abs=0.12) and len(found.sound) < N_SAMPLES


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 48_000, 96_000, 384_000])
def test_any_sample_rate_is_accepted(rate):
    found = prepare_target(tone(rate=rate), rate)
    assert found.note == 60 and has(found, "resampled") == (rate != 22_050)
    assert warned(found, "it holds nothing above 4,000 Hz") if rate == 8_000 else not found.warnings


def test_a_long_sound_is_cut_and_faded():
    found = prepare_target(tone(10.0), RATE)
    assert warned(found, "cut from 10.00 s to 8.00 s, its last 0.1 s faded out; what follows is as loud")
    end = np.abs(found.sound[-2205:])
    assert end[-1] == 0 and end[:200].max() > 10 * end[-200:].max()


def test_a_tail_that_is_cut_off_gives_no_warning():
    """The note is 26 dB softer after 8 s, and has died away by 7.7 s if it falls twice as fast."""
    t = np.arange(12 * RATE) / RATE
    found = prepare_target(tone(12.0) * np.exp(-0.375 * t), RATE)
    assert has(found, "cut from 12.00 s to 8.00 s, its last 0.1 s faded out") and not found.warnings
    found = prepare_target(tone(12.0) * np.exp(-0.75 * t), RATE)
    assert has(found, "matched up to 7.92 s: what follows is 5") and not found.warnings
    assert not found.sound[-1] and found.hold == pytest.approx(7.67, abs=0.02)


def played(hold: float, rate: float) -> np.ndarray:
    """Return a note that is let go after a time and then falls by so many dB per second."""
    t = np.arange(3 * RATE) / RATE
    return tone(3.0) * 10 ** (-np.maximum(t - hold, 0) * rate / 20)


@pytest.mark.parametrize("hold", [0.37, 1.0, 1.73])
def test_the_note_off_is_found_and_the_target_ends_soon_after_the_sound(hold):
    found = prepare_target(played(hold, 120), RATE)
    assert found.hold == pytest.approx(hold, abs=0.03) and not found.warnings
    assert found.envelope.ending is Ending.RELEASED
    assert has(found, f"sustained; key held for {found.hold:.2f} s, then falling by 1")
    end = hold + 50 / 120  # 50 dB below its loudest moment
    assert len(found.sound) / SAMPLE_RATE == pytest.approx(end + 0.25, abs=0.05)
    assert prepare_target(played(1.04, 120), RATE).hold == 1.0  # a round time within 50 ms


def test_a_given_hold_is_taken(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, played(1.0, 120), RATE)
    assert prepare_target(path, hold=0.8).hold == 0.8
    long = prepare_target(path, hold=2.5)
    assert long.hold == 2.5 and len(long.sound) / SAMPLE_RATE == pytest.approx(2.75, abs=0.01)
    for bad in (0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ParameterError, match=f"hold must be at least 0.01 s and finite, not {bad}"):
            prepare_target(path, hold=bad)


@pytest.mark.parametrize("fade", [0.0, 0.1])
def test_a_sound_that_is_cut_or_faded_while_it_sounds_is_held_to_its_end(fade):
    sound = tone(2.5)
    sound[len(sound) - round(fade * RATE) :] *= np.linspace(1, 0, round(fade * RATE))
    found = prepare_target(sound, RATE)
    assert found.envelope.ending is Ending.CUT and found.envelope.note_off is None
    assert found.hold == pytest.approx(2.5, abs=0.01) and len(found.sound) == round(found.hold * SAMPLE_RATE)
    assert has(found, "it sounds to the end of the recording")


def test_a_drum_is_matched_for_as_long_as_it_lasts():
    found = prepare_target(np.pad(kick(0.3), (0, 3 * SAMPLE_RATE)), SAMPLE_RATE)
    assert 0.3 < len(found.sound) / SAMPLE_RATE < 0.8 and has(found, "it has died away by 0.")


LOOP = np.concatenate([np.zeros(4410), kick(), snare(), kick(), snare()])


def test_the_first_of_several_onsets_is_matched_and_another_on_request():
    first = prepare_target(LOOP, SAMPLE_RATE)
    assert warned(first, "4 onsets, at 0.19, 0.49, 0.79, 1.09 s: the first is matched; --onset 2 ")
    assert not first.sound[round(0.31 * SAMPLE_RATE) :].any() and first.note == 32
    second = prepare_target(LOOP, SAMPLE_RATE, onset=2)
    assert has(second, "4 onsets, at", "number 2 is matched", "0.491 s before the onset removed")
    assert warned(second, "no pitch")
    alone = prepare_target(snare(), SAMPLE_RATE)
    heard, expected = (x.sound[: round(0.2 * SAMPLE_RATE)] for x in (second, alone))
    assert np.correlate(heard, expected, "full").max() > 0.99 * np.dot(expected, expected)
    assert np.array_equal(prepare_target(LOOP, SAMPLE_RATE, onset=1).sound, first.sound)
    whole = prepare_target(LOOP, SAMPLE_RATE, onset=0)
    assert has(whole, "4 onsets, at 0.19, 0.49, 0.79, 1.09 s: all are kept")
    assert np.abs(whole.sound[SAMPLE_RATE // 2 :]).max() > 0.1
    assert has(whole, f"all of it is matched, with the key held for {whole.hold:.2f} s")
    assert whole.hold == pytest.approx(len(whole.sound) / SAMPLE_RATE, abs=0.001)


def test_an_onset_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="onset 5 is none of the 4 onsets, at 0.19, 0.49, 0.79, 1.09 s"):
        prepare_target(LOOP, SAMPLE_RATE, onset=5)
    with pytest.raises(ParameterError, match="onset -1 is negative"):
        prepare_target(LOOP, SAMPLE_RATE, onset=-1)
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    with pytest.raises(AudioFileError, match=r"a.wav: onset 2 is none of the 1 onset, at 0.00 s"):
        prepare_target(tmp_path / "a.wav", onset=2)
    for onset in (None, 0, 1):
        found = prepare_target(tone(), RATE, onset=onset)
        assert not found.warnings and not has(found, "onset")


@pytest.mark.parametrize("drum", [kick, snare])
def test_a_drum_gives_no_hint_of_several_notes(drum):
    assert not any("several" in line for line in prepare_target(drum(1.0), SAMPLE_RATE).warnings)


def test_the_onset_is_searched_in_the_first_half_minute():
    lead = np.zeros(round((SEARCHED - 0.5) * RATE))
    found = prepare_target(np.concatenate([lead, tone(20.0)]), RATE)
    assert has(
        found, "read 38.00 s of float64 samples", "it lasts 49.5 s", "29.49", "s before the onset removed"
    )
    assert warned(found, "to 8.00 s, its last") and found.note == 60
    late = np.concatenate([lead, np.zeros(5 * RATE), tone(3.5)])
    with pytest.raises(ParameterError, match=r"silent: .* only the first 30 s of its 38\.0 s are searched"):
        prepare_target(late, RATE)
    noise = np.random.default_rng(0).normal(0, 10 ** (-55 / 20), len(late))
    cut, quiet, *_ = prepare_target(late + noise, RATE).warnings
    assert "cut from" in cut and "only the first 30 s of its 38.0 s are searched" in quiet


def test_a_dc_offset_is_removed():
    found = prepare_target(tone() + 0.2, RATE)
    assert has(found, "DC offset of 0.2 removed by a high-pass filter at 20 Hz") and not found.warnings
    assert abs(found.sound[5000:20_000].mean()) < 0.002 * found.sound.max()
    assert not has(prepare_target(tone(), RATE), "DC")


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("lead", [0.0, 0.5])
def test_a_large_dc_offset_makes_no_click(rate, lead):
    """The offset is six times the tone, which rises within 50 ms."""
    t = np.arange(2 * rate) / rate
    sound = 0.05 * np.minimum(t / 0.05, 1) * np.sin(2 * np.pi * 440 * t)
    sound = np.concatenate([np.zeros(round(lead * rate)), sound])
    found, plain = prepare_target(sound + 0.3, rate), prepare_target(sound, rate)
    assert has(found, "DC offset of 0.3 removed") and sum("DC" in line for line in found.remarks) == 1
    start = round(0.002 * SAMPLE_RATE)
    assert np.abs(found.sound[:start]).max() < 0.1 * np.abs(found.sound).max()
    assert found.gain_db == pytest.approx(plain.gain_db, abs=0.1)
    assert found.note == 69


@pytest.mark.parametrize(("drive", "clipped"), [(1.0, False), (1.9, False), (2.5, True), (6.0, True)])
def test_clipping_is_reported(drive, clipped):
    sound = np.concatenate([0.1 * tone(), np.clip(drive * tone(), -1, 1), 0.1 * tone()])
    quantized = (sound * 32_767).astype(np.int16)
    found = prepare_target(quantized, RATE)
    assert warned(found, "clipped: in its worst 0.1 s") if clipped else not found.warnings
    assert not prepare_target(
        (drive * tone()).astype(np.float32), RATE
    ).warnings  # floats may exceed full scale without clipping


def test_sounds_that_are_too_short_are_refused():
    with pytest.raises(ParameterError, match=r"too short: 10.0 ms of sound; it must last at least 20 ms"):
        prepare_target(tone(0.01), RATE)
    late = np.concatenate([np.zeros(RATE), tone(0.01)])
    with pytest.raises(ParameterError, match=r"too short: 1\d\.\d ms of sound from its onset"):
        prepare_target(late, RATE)
    assert prepare_target(tone(0.021), RATE).sound.any()


def test_silent_files_are_refused_and_quiet_ones_raised(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    with pytest.raises(AudioFileError, match=r"a.wav: silent: .* -200.0 dB .* the bound of -60 dB"):
        prepare_target(tmp_path / "a.wav")
    assert warned(prepare_target(0.01 * tone(), RATE), "quiet: raised by")
    loud = prepare_target(3e4 * tone(), RATE)  # floats as large as integers
    assert not loud.warnings and np.allclose(loud.sound, prepare_target(tone(), RATE).sound, atol=1e-5)


@pytest.mark.parametrize("note", [33, 45, 60, 72, 96])
def test_the_note_is_estimated(note):
    found = prepare_target(tone(f0=440 * 2 ** ((note - 69) / 12 + 0.02)), RATE)
    assert (
        found.note == note
        and any(re.search(r"\+2[345] cents$", line) for line in found.remarks)
        and not found.warnings
    )


def test_a_given_note_is_kept_and_a_different_pitch_is_reported():
    found = prepare_target(tone(), RATE, note=48, velocity=100)
    assert (found.note, found.velocity) == (48, 100)
    assert has(found, "its pitch is 60 (C4) +0 cents, not that of the given note, 48 (C3)")
    assert not found.warnings
    assert not has(prepare_target(tone(), RATE, note=60), "its pitch is")


def test_noise_has_no_pitch():
    sound = np.random.default_rng(0).normal(0, 0.1, RATE)
    found = prepare_target(sound, RATE)
    assert found.note == 60 and warned(found, "no pitch: only")
    assert "(the bound is 20%), so note 60 (C4) is assumed" in found.warnings[0]
    assert (
        prepare_target(sound, RATE, note=36).note == 36 and not prepare_target(sound, RATE, note=36).warnings
    )


def test_a_note_that_turns_into_noise_has_no_clear_pitch():
    """The noise grows slowly, so that it is no other onset."""
    noise = np.random.default_rng(0).normal(0, 0.2, 2 * RATE) * np.linspace(0, 1, 2 * RATE)
    found = prepare_target(noise + np.pad(tone(0.5), (0, round(1.5 * RATE))), RATE)
    assert found.note == 60 and warned(found, "no clear pitch: only")
    assert "several" not in found.warnings[0]


@pytest.mark.parametrize("root", [40, 52, 60, 67])
@pytest.mark.parametrize("shape", [(0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 7, 10), (0, 4)])
def test_a_chord_is_said_to_be_one_and_its_lowest_note_is_taken(root, shape):
    """The notes share a fundamental about two octaves below the lowest, where nothing sounds."""
    chord = sum(tone(f0=440 * 2 ** ((root + k - 69) / 12)) for k in shape)
    found = prepare_target(chord, RATE)
    assert found.note == root and round(found.pitch.midi) == root
    names = ", ".join(f"{root + k} ({note_name(root + k)})" for k in shape)
    assert warned(found, f"a chord: {names} sound at once, and the lowest is taken; please give the note")
    given = prepare_target(chord, RATE, note=48)
    assert given.note == 48 and warned(given, f"a chord: {names} sound at once")


def test_the_lowest_note_of_a_chord_of_sines_is_taken():
    """Their common fundamental, 66 Hz, is missing."""
    t = np.arange(2 * RATE) / RATE
    found = prepare_target(0.1 * sum(np.sin(2 * np.pi * 261.63 * 2 ** (k / 12) * t) for k in (0, 4, 7)), RATE)
    assert found.note == 60 and warned(found, "a chord: 60 (C4), 64 (E4), 67 (G4) sound at once")


def test_a_note_without_its_low_harmonics_keeps_its_pitch_with_a_warning():
    t = np.arange(2 * RATE) / RATE
    found = prepare_target(0.1 * sum(np.sin(2 * np.pi * 130.81 * n * t) for n in range(4, 11)), RATE)
    assert found.note == 48 and warned(found, "several notes at once? The pitch is 131 Hz")


def test_a_sequence_of_notes_gives_a_warning():
    """The steps are too small to be told from vibrato by their spectra."""
    found = prepare_target(np.concatenate([tone(f0=f) for f in (220, 330, 294)]), RATE)
    assert warned(found, "several notes one after another? Its pitch rests at A3, E4, D4")


@pytest.mark.parametrize("note", range(93, 123))
def test_high_notes_are_not_taken_for_lower_octaves(note):
    """Harmonics with rising phase up to 22 kHz, half of which resampling removes."""
    f0 = 440 * 2 ** ((note - 69) / 12)
    t = np.arange(RATE // 2) / RATE
    sound = sum(np.sin(2 * np.pi * f0 * k * t + k) / k for k in range(1, int(RATE / 2 / f0) + 1))
    found = prepare_target(0.2 * sound, RATE)
    assert found.note == note and not found.warnings


def test_arguments_out_of_bounds_are_refused():
    with pytest.raises(ParameterError, match="samples need a sample rate"):
        prepare_target(tone())
    with pytest.raises(ParameterError, match="a file has its own sample rate"):
        prepare_target("a.wav", 44_100)
    for bad in (-1, 128, 60.5, "C4"):
        with pytest.raises(ParameterError, match=r"note .* 0 … 127"):
            prepare_target("a.wav", note=bad)
    for bad in (0, 128):
        with pytest.raises(ParameterError, match=r"velocity .* 1 … 127"):
            prepare_target("a.wav", velocity=bad)
    assert peak_rms_db(prepare_target(tone(), RATE, level_db=-30).sound) == pytest.approx(-30, abs=0.01)


@pytest.mark.parametrize(
    ("text", "file", "note", "velocity"),
    [
        ("low.wav", "low.wav", None, None),
        ("C3=low.wav", "low.wav", 48, None),
        ("60=a b.wav", "a b.wav", 60, None),
        ("F#2@100=dir/x=1.wav", "dir/x=1.wav", 42, 100),
        ("./take=2.wav", "./take=2.wav", None, None),
        ("/tmp/take=2.wav", "/tmp/take=2.wav", None, None),
    ],
)
def test_target_files_are_parsed(text, file, note, velocity):
    parsed = parse_target_file(text)
    assert parsed == TargetFile(type(parsed.path)(file), note, velocity)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no file"),
        ("C3=", "names no file"),
        ("=low.wav", "'' is not a note"),
        ("take=2.wav", "'take' is not a note.*C4 is 60.*; if take=2.wav is the .* file, write ./take=2.wav$"),
        ("C3@9a=my/2.wav", "velocity '9a' is not .* write ./C3@9a=my/2.wav$"),
        ("200=low.wav", "outside 0 … 127"),
        ("C3@0=low.wav", "velocity '0' is not an integer in 1 … 127"),
        ("C3@=low.wav", "velocity ''"),
        ("C3@1e2=low.wav", "velocity '1e2'"),
        ("C3@128=low.wav", "1 … 127"),
    ],
)
def test_invalid_target_files_are_refused(text, message):
    with pytest.raises(ParameterError, match=message):
        parse_target_file(text)


def test_the_message_on_a_file_whose_name_holds_an_equals_sign_says_what_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "C3=low.wav").touch()
    with pytest.raises(ParameterError, match="there is no file low.wav; .* write ./C3=low.wav$"):
        parse_target_file("C3=low.wav")
    assert parse_target_file("./C3=low.wav").path.is_file()
    (tmp_path / "low.wav").touch()
    assert parse_target_file("C3=low.wav").note == 48
