"""Encoding of sound files: the same bytes for the same samples, no clipping, and a faithful round trip."""

import io

import numpy as np
import pytest
import soundfile
import soxr

from latentdx.audio.io import encoding
from latentdx.errors import AudioFileError, ParameterError

RATE = 22_050


@pytest.fixture
def tone():
    t = np.arange(RATE) / RATE
    return (0.8 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


@pytest.mark.parametrize("container", ["mp3", "flac"])
def test_encoding_is_deterministic_and_keeps_the_length(tone, container):
    data = encoding.encode(tone, container)
    assert data == encoding.encode(tone.copy(), container)
    back, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert len(back) / rate == len(tone) / RATE
    wanted = soxr.resample(tone, RATE, rate)
    assert np.abs(back - wanted)[4000:-4000].max() < (2**-23 if container == "flac" else 0.005)


def test_mp3_keeps_the_highest_octave():
    """At a sample rate of 22,050 Hz LAME would remove everything above 9 kHz."""
    t = np.arange(RATE) / RATE
    bright = (0.5 * np.sin(2 * np.pi * 10_300 * t)).astype(np.float32)
    back, rate = soundfile.read(io.BytesIO(encoding.encode(bright, "mp3")))
    assert np.sqrt(np.mean(back[rate // 4 : -rate // 4] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_the_true_peak_includes_values_between_the_samples():
    t = np.arange(4000)
    quarter = np.sin(np.pi / 2 * t + np.pi / 4).astype(np.float32)  # every sample misses the crest
    assert np.abs(quarter).max() == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert encoding.true_peak(quarter[500:-500] * np.hanning(3000).astype(np.float32)) == pytest.approx(
        1, abs=0.02
    )
    assert encoding.true_peak(np.zeros(100, np.float32)) == 0


def test_mp3_has_a_constant_rate_even_for_silence(tone):
    """Chromium cannot seek to the quiet end of a file with a variable rate."""
    fading = tone * (np.arange(len(tone)) < RATE // 4).astype(np.float32)
    assert len(encoding.encode(fading, "mp3")) == len(encoding.encode(tone, "mp3"))


def test_flac_keeps_24_bits(tone, tmp_path):
    path = tmp_path / "tone.flac"
    path.write_bytes(encoding.encode(tone, "flac"))
    assert np.abs(encoding.read(path) - tone).max() <= 2.0**-23


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.full(9, 1.5, np.float32), r"peak of 1\.\d+ is above 1"),
        (np.array([0, np.nan], np.float32), "NaN"),
        (np.zeros((2, 9), np.float32), r"not \(2, 9\)"),
        (np.zeros(0, np.float32), r"not \(0,\)"),
    ],
)
def test_sounds_that_cannot_be_encoded_are_refused(sound, message):
    with pytest.raises(ParameterError, match=message):
        encoding.encode(sound, "mp3")


def test_files_that_cannot_be_read_are_named_in_the_error(tone, tmp_path):
    with pytest.raises(AudioFileError, match="missing.flac"):
        encoding.read(tmp_path / "missing.flac")
    other = tmp_path / "other.flac"
    other.write_bytes(encoding.encode(tone, "flac", 44_100))
    with pytest.raises(AudioFileError, match="44,100 Hz"):
        encoding.read(other)
    text = tmp_path / "text.flac"
    text.write_text("no sound")
    with pytest.raises(AudioFileError, match="text.flac"):
        encoding.read(text)
