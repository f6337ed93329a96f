"""Test what is said to be missing in an answer, on sounds that differ in one known way."""

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal

from latentdx.applications.shortcomings import shortcomings
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE
from latentdx.presets import corpora

TIME = np.arange(N_SAMPLES) / SAMPLE_RATE
Sound = npt.NDArray[np.float32]


def filtered(sound: npt.NDArray[np.floating], kind: str, *hz: float) -> Sound:
    sos = scipy.signal.butter(8, hz if len(hz) > 1 else hz[0], kind, fs=SAMPLE_RATE, output="sos")
    return scipy.signal.sosfilt(sos, sound).astype(np.float32)


def tone(f0: npt.ArrayLike = 220.0) -> Sound:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, N_SAMPLES)) / SAMPLE_RATE
    return (0.1 * sum(np.sin(phase * k) / k for k in range(1, 20))).astype(np.float32)


@pytest.fixture(scope="module")
def noise() -> Sound:
    return 0.02 * np.random.default_rng(0).normal(size=N_SAMPLES).astype(np.float32)


@pytest.fixture(scope="module")
def plain() -> Sound:
    return tone() * np.exp(-TIME / 3).astype(np.float32)


def test_a_sound_lacks_nothing_of_itself_at_any_level(plain, noise) -> None:
    bank = corpora.read("starter")
    for sound in (plain, plain + noise, *(Engine().render(bank[i]) for i in (0, 100, 200, 300))):
        assert shortcomings(sound, sound / 8) == []


def test_noise_is_named_with_its_band(plain, noise) -> None:
    assert shortcomings(plain + filtered(noise, "high", 4_000), plain) == ["noise above 4 kHz"]
    (phrase,) = shortcomings(plain + 3 * filtered(noise, "band", 5_000, 7_000), plain)
    assert phrase == "noise from 4 kHz to 8 kHz"
    assert shortcomings(plain, plain + filtered(noise, "high", 4_000)) == []  # it has more, and lacks nothing


def test_missing_partials_are_named_with_their_band(plain) -> None:
    assert shortcomings(plain, filtered(plain, "low", 700)) == ["sound from 1 kHz to 4 kHz"]
    assert shortcomings(tone(60.0), filtered(tone(60.0), "high", 250)) == ["sound below 125 Hz"]


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
def test_a_fade_in_is_measured(seconds: float) -> None:
    slow = tone() * np.minimum(TIME / seconds, 1).astype(np.float32)
    (phrase,) = shortcomings(slow, tone())
    assert phrase.startswith("a fade-in of ") and float(phrase.split()[-2]) == pytest.approx(
        0.7 * seconds, abs=0.15
    )
    assert shortcomings(tone(), slow) == ["a quick start"]


def test_a_short_fade_in_is_a_soft_start() -> None:
    soft = tone() * np.minimum(TIME / 0.3, 1).astype(np.float32)
    (phrase,) = shortcomings(soft, tone())
    assert phrase == "a soft start over 0.2 s"


def test_how_long_a_sound_lasts_is_measured() -> None:
    short = tone() * np.exp(-TIME * np.log(10) / 0.5).astype(np.float32)  # 20 dB in 0.5 s
    assert shortcomings(short, tone()) == ["an end after 0.5 s"]
    assert shortcomings(tone(), short) == ["a sound that lasts for 4.0 s"]


def test_moving_frequencies_are_measured() -> None:
    down = tone(220 * 2 ** (-TIME * 0.3 / 4))
    (phrase,) = shortcomings(down, tone())
    assert phrase.startswith("frequencies that shift by ") and float(phrase.split()[-2]) == pytest.approx(
        360, abs=60
    )
    assert shortcomings(tone(), down) == []


def test_silence_has_no_words() -> None:
    assert shortcomings(np.zeros(N_SAMPLES, np.float32), tone()) == []
    assert shortcomings(tone(), np.zeros(N_SAMPLES, np.float32)) == []
