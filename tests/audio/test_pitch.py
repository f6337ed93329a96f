"""Pitch estimates against tones of known frequency."""

import importlib.util
import sys

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.audio import pitch
from latentdx.errors import LatentDXError

RATE = 22_050


def harmonic(f0: float, seconds: float = 2.0) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * f0 * n * t) / n for n in range(1, 7))
    return (0.2 * sound).astype(np.float32)


@pytest.mark.parametrize(
    "estimator", [lambda x: pitch.estimate(x).f0, pitch.estimate_fast], ids=["pyin", "yin"]
)
@pytest.mark.parametrize("f0", [65.4, 261.6, 1046.5])
def test_known_tones_are_estimated_within_ten_cents(estimator, f0):
    assert abs(1200 * np.log2(estimator(harmonic(f0)) / f0)) < 10


def test_a_long_silence_does_not_make_a_sound_unvoiced():
    sound = np.concatenate([harmonic(220, 1.0), np.zeros(3 * RATE, np.float32)])
    found = pitch.estimate(sound)
    assert found.voiced > 0.9
    assert found.cents_from(57) == pytest.approx(0, abs=10)


def test_silence_and_noise_have_no_pitch():
    silent = pitch.estimate(np.zeros(RATE, np.float32))
    assert np.isnan(silent.f0) and silent.voiced == 0 and np.isnan(silent.midi)
    assert np.isnan(pitch.estimate_fast(np.zeros(RATE, np.float32)))
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert pitch.estimate(noise).voiced < 0.5


def test_note_60_of_the_init_voice_is_middle_c():
    sound = Dexed().render(PresetBank.init()[0], 60, 100)
    assert pitch.estimate(sound).cents_from(60) == pytest.approx(0, abs=5)


@pytest.mark.parametrize(("f0", "within"), [(65.4, 2), (130.8, 1), (261.6, 0.5), (1046.5, 0.5)])
def test_an_estimate_is_accurate_to_about_a_cent(f0, within):
    found = pitch.estimate(harmonic(f0))
    assert abs(1200 * np.log2(found.f0 / f0)) < within
    assert found.voiced > 0.95


@pytest.mark.parametrize("note", range(84, 119))
def test_high_notes_are_right_whatever_the_phases(note):
    f0, t = 440 * 2 ** ((note - 69) / 12), np.arange(RATE) / RATE
    for phase in (0.0, 1.0, 0.3 * f0):
        numbers = range(1, int(RATE / 2 / f0) + 1)
        sound = sum(np.sin(2 * np.pi * f0 * k * t + phase * k * k) / k for k in numbers)
        assert abs(pitch.estimate((0.2 * sound).astype(np.float32)).cents_from(note)) < 6


def test_a_weak_fundamental_stays_the_pitch():
    """The fundamental and its odd harmonics have 12% of the power."""
    t = np.arange(RATE) / RATE
    level = {1: 0.4, 2: 1.0, 3: 0.2, 4: 0.5, 6: 0.3}
    sound = sum(a * np.sin(2 * np.pi * 220 * k * t) for k, a in level.items())
    assert abs(pitch.estimate((0.2 * sound).astype(np.float32)).cents_from(57)) < 3


def test_notes_that_are_held_are_listed():
    melody = np.concatenate([harmonic(f, 0.4) for f in (220.0, 329.63, 329.63, 293.66)])
    assert pitch.estimate(melody).held == (57, 64, 62)
    t = np.arange(RATE) / RATE
    glide = np.sin(2 * np.pi * 220 * np.cumsum(2 ** (t * 2)) / RATE).astype(np.float32)
    assert len(pitch.estimate(glide).held) < 2 and pitch.estimate(harmonic(220.0)).held == (57,)


def test_an_estimate_of_vibrato_is_its_center():
    t = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * 440 * np.cumsum(2 ** (np.sin(2 * np.pi * 5 * t) * 25 / 1200)) / RATE
    found = pitch.estimate((0.2 * np.sin(phase)).astype(np.float32))
    assert found.cents_from(69) == pytest.approx(0, abs=3)


@pytest.mark.skipif(
    importlib.util.find_spec("torchcrepe") is None, reason="needs the optional package torchcrepe"
)
def test_crepe_agrees_with_pyin():
    found = pitch.estimate_crepe(harmonic(220.0, 1.0))
    assert found.cents_from(57) == pytest.approx(0, abs=1)
    assert found.voiced > 0.9
    assert pitch.estimate_crepe(np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)).voiced < 0.1
    assert np.isnan(pitch.estimate_crepe(np.zeros(RATE, np.float32)).f0)


def test_missing_torchcrepe_is_reported_and_leaves_no_stand_in_module_behind(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcrepe", None)
    before = sys.modules.get("torchaudio")
    with pytest.raises(LatentDXError, match="pip install --no-deps torchcrepe"):
        pitch.estimate_crepe(harmonic(220.0, 1.0))
    assert sys.modules.get("torchaudio") is before


def test_the_loudest_part_has_the_most_energy():
    audio = np.zeros(1000, np.float32)
    audio[300:400] = 0.1
    audio[350] = 1.0
    assert pitch.loudest_part(audio, 100) == slice(300, 400)
    assert pitch.loudest_part(audio[310:], 100).start == 0
    assert len(audio[pitch.loudest_part(audio, 5000)]) == 1000
