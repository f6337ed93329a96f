"""Detection of known onsets after silence, noise, a DC offset and other notes."""

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.audio.onset import find_onset, find_onsets, without_dc
from latentdx.errors import ParameterError
from latentdx.presets import starter
from tones import kick, snare

RATE = 22_050


def tone(seconds: float = 1.0, attack: float = 0.001, f0: float = 220.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * f0 * t) * np.minimum(t / attack, 1)).astype(np.float32)


def noise(n: int, db: float) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(n) * 10 ** (db / 20)).astype(np.float32)


def late(sound: np.ndarray, onset: int) -> float:
    """Return the milliseconds from the true onset to the detected one; negative if it is early."""
    return (find_onset(sound) - onset) / RATE * 1000


@pytest.mark.parametrize("lead", [0.02, 0.31, 2.0, 20.0])
@pytest.mark.parametrize("noise_db", [-200, -70, -40, -30])
@pytest.mark.parametrize("dc", [0.0, 0.2])
def test_an_onset_after_silence_noise_and_dc_is_found(lead, noise_db, dc):
    onset = round(lead * RATE)
    sound = np.concatenate([np.zeros(onset, np.float32), tone()])
    assert -15 < late(sound + noise(len(sound), noise_db) + np.float32(dc), onset) < 0


@pytest.mark.parametrize("gain_db", [-40, 0, 60])
def test_the_gain_does_not_change_the_onset(gain_db):
    sound = np.concatenate([np.zeros(5000, np.float32), tone()])
    assert find_onset((sound * 10 ** (gain_db / 20)).astype(np.float32)) == find_onset(sound)


def test_a_dc_offset_that_starts_with_the_sound_does_not_make_the_onset_earlier():
    sound = np.concatenate([np.zeros(RATE, np.float32), tone() + np.float32(0.1)])
    assert -15 < late(sound, RATE) < 0


def test_a_sound_that_starts_at_once_has_its_onset_at_zero():
    assert find_onset(tone()) == 0
    assert find_onset(tone(attack=0.5)) == 0
    assert find_onset(tone(0.005)) == 0  # shorter than a frame


def test_a_soft_attack_after_silence_keeps_its_beginning():
    assert abs(late(np.concatenate([np.zeros(RATE, np.float32), tone(2.0, attack=1.0)]), RATE)) < 15


def test_the_first_of_two_notes_is_found_unless_it_is_much_softer():
    gap = np.zeros(RATE // 2, np.float32)
    for soft, first in ((0.3, True), (0.05, False)):
        sound = np.concatenate([gap, soft * tone(0.5), gap, tone(0.5)])
        assert late(sound, len(gap) if first else len(gap) * 3) == pytest.approx(-7, abs=8)


def test_the_onset_of_renders_is_found():
    """Test sounds of the starter bank at the start of a file, and after a second of silence."""
    synth, found = Dexed(), []
    for row in (3, 35, 67, 99, 131, 163, 227, 259, 291):
        sound = synth.render(PresetBank.read("data/starter")[row])
        sound = sound * np.float32(0.5 / np.abs(sound).max())
        assert find_onset(sound) == 0
        found.append(late(np.concatenate([np.zeros(RATE, np.float32), sound]), RATE))
    assert min(found) > -15 and max(found) < 1


@pytest.mark.parametrize("sound", [np.zeros(RATE), np.full(RATE, 0.7), noise(RATE, -75), np.zeros(1)])
def test_silence_and_dc_alone_are_refused(sound):
    with pytest.raises(ParameterError, match=r"silent: .* dB of full scale .*below the bound of -60 dB"):
        find_onset(sound.astype(np.float32))


def test_the_high_pass_filter_removes_a_constant_and_keeps_a_note():
    assert np.abs(without_dc(np.full(1000, 0.3, np.float32))).max() < 1e-6
    assert np.abs(without_dc(tone() + np.float32(0.3))[5000:] - tone()[5000:]).max() < 0.06


# -- further onsets ------------------------------------------------------------------------------------------


def sequence(parts: list[np.ndarray], lead: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Join sounds after a silence; also return the samples at which they begin."""
    sound = np.concatenate([np.zeros(round(lead * RATE)), *parts]).astype(np.float32)
    return sound, np.cumsum([round(lead * RATE), *(len(part) for part in parts[:-1])])


def assert_found(sound: np.ndarray, begins: np.ndarray) -> None:
    """Check that each onset is found, at most 12 ms before it begins and 5 ms after."""
    found = np.array(find_onsets(sound))
    assert len(found) == len(begins), found / RATE
    late = 1000 * (found - begins) / RATE
    assert late.min() > -12 and late.max() < 5, late


@pytest.mark.parametrize("gap", [0.15, 0.3, 1.0])
def test_each_hit_of_a_drum_loop_is_an_onset(gap):
    assert_found(*sequence([hit(gap) for hit in (kick, snare, kick, snare)]))
    assert_found(*sequence([kick(gap)] * 4))
    assert_found(*sequence([0.3 * kick(gap), kick(gap), snare(gap)]))


@pytest.mark.parametrize("dc", [0.0, 0.3])
def test_notes_without_a_gap_are_onsets(dc):
    sound, begins = sequence([tone(0.5, f0=f) for f in (220, 440, 262)])
    assert_found(sound + np.float32(dc), begins)


def test_hits_over_a_ringing_note_are_onsets():
    ringing, begins = sequence([tone(2.0) * 0.1])
    hits = np.concatenate([np.zeros(RATE), kick(0.5), snare(1.0)]).astype(np.float32)
    ringing[: len(hits)] += hits[: len(ringing)]
    assert_found(ringing, np.array([*begins, RATE, RATE + RATE // 2]))


def test_a_note_much_softer_than_the_loudest_is_no_onset():
    sound, begins = sequence([tone(0.5), 0.05 * tone(0.5, f0=330), tone(0.5)])
    assert_found(sound, begins[[0, 2]])


def modulated(rate: float, depth: float) -> np.ndarray:
    """A note of six harmonics with vibrato (semitones) or, below 0, tremolo (share of the amplitude)."""
    t = np.arange(3 * RATE) / RATE
    wave = np.sin(2 * np.pi * rate * t)
    turns = np.cumsum(220 * 2 ** (max(depth, 0) / 12 * wave)) / RATE
    level = 1 + min(depth, 0) * (0.5 + 0.5 * wave)
    return sum(level * 0.2 * np.sin(2 * np.pi * k * turns) / k for k in range(1, 7)).astype(np.float32)


@pytest.mark.parametrize(("rate", "depth"), [(5.0, 0.5), (6.0, 1.0), (5.0, -0.7), (2.0, -0.9)])
def test_vibrato_and_tremolo_are_no_onsets(rate, depth):
    assert len(find_onsets(modulated(rate, depth))) == 1


@pytest.mark.parametrize(("rate", "depth"), [(4, 0.9), (5, 0.8), (6, 0.8)])
def test_a_recording_that_stops_in_the_middle_of_a_wave_has_no_onset_at_its_end(rate, depth):
    t = np.arange(round(3.03 * RATE)) / RATE
    level = 1 - depth * (0.5 - 0.5 * np.sin(2 * np.pi * rate * t))
    assert len(find_onsets((0.5 * level * np.sin(2 * np.pi * 440 * t)).astype(np.float32))) == 1


def test_beating_slow_attacks_and_falling_drums_are_no_onsets():
    beating = tone(3.0) + tone(3.0, f0=223)
    for sound in (beating, tone(3.0, attack=1.0), kick(2.0), snare(1.0), tone(0.05)):
        assert len(find_onsets(sound)) == 1


def test_no_preset_but_an_effect_has_several_onsets():
    """One preset in six of the starter bank at C5, where beats are the strongest."""
    bank, families, synth = PresetBank.read("data/starter"), starter.families(), Dexed()
    several = [p.name for p in bank[::6] if len(find_onsets(synth.render(p, 72))) > 1]
    assert several and {families[name] for name in several} == {"effect"}
