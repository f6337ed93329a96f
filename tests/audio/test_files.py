"""Sound files: the same samples give the same bytes, nothing is clipped, what is read is what was written."""

import numpy as np
import pytest

from latentdx.audio import files
from latentdx.errors import AudioFileError, ParameterError

RATE = 22_050


@pytest.fixture
def tone():
    t = np.arange(RATE) / RATE
    return (0.8 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


@pytest.mark.parametrize("container", ["mp3", "flac"])
def test_encoding_is_deterministic_and_keeps_the_length(tone, container, tmp_path):
    data = files.encode(tone, container)
    assert data == files.encode(tone.copy(), container)
    path = tmp_path / f"tone.{container}"
    path.write_bytes(data)
    back = files.read(path)
    assert back.shape == tone.shape
    assert np.abs(back - tone)[2000:-2000].max() < (2**-23 if container == "flac" else 0.02)


def test_mp3_spends_as_much_on_silence(tone):
    """Chromium cannot seek to a quiet end of a file with a variable rate."""
    fading = tone * (np.arange(len(tone)) < RATE // 4).astype(np.float32)
    assert len(files.encode(fading, "mp3")) == len(files.encode(tone, "mp3"))


def test_flac_keeps_24_bits(tone, tmp_path):
    path = tmp_path / "tone.flac"
    path.write_bytes(files.encode(tone, "flac"))
    assert np.abs(files.read(path) - tone).max() <= 2.0**-23


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.full(9, 1.5, np.float32), "peak 1.500 is above 1"),
        (np.array([0, np.nan], np.float32), "NaN"),
        (np.zeros((2, 9), np.float32), r"not \(2, 9\)"),
        (np.zeros(0, np.float32), r"not \(0,\)"),
    ],
)
def test_what_cannot_be_encoded_is_named(sound, message):
    with pytest.raises(ParameterError, match=message):
        files.encode(sound, "mp3")


def test_what_cannot_be_read_is_named(tone, tmp_path):
    with pytest.raises(AudioFileError, match="missing.flac"):
        files.read(tmp_path / "missing.flac")
    other = tmp_path / "other.flac"
    other.write_bytes(files.encode(tone, "flac", 44_100))
    with pytest.raises(AudioFileError, match="44100 Hz"):
        files.read(other)
    text = tmp_path / "text.flac"
    text.write_text("no sound")
    with pytest.raises(AudioFileError, match="text.flac"):
        files.read(text)
