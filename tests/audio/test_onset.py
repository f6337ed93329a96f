"""Detection of known onsets after silence, noise and a DC offset."""

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.audio.onset import find_onset, without_dc
from latentdx.errors import ParameterError

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
