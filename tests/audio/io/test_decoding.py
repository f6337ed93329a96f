"""Decoding of sound files in many formats, and of files that are not sound."""

import os
import struct

import numpy as np
import pytest
import soundfile

from latentdx.audio.io import decoder_process, decoding
from latentdx.audio.io.decoding import decode, from_array
from latentdx.errors import AudioFileError, ParameterError

RATE = 44_100


def tone(seconds: float = 0.5, rate: int = RATE, f0: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * f0 * np.arange(round(seconds * rate)) / rate)


KINDS = [
    ("wav", "PCM_U8"),
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "PCM_32"),
    ("wav", "FLOAT"),
    ("wav", "DOUBLE"),
    ("wav", "ULAW"),
    ("flac", "PCM_16"),
    ("flac", "PCM_24"),
    ("mp3", "MPEG_LAYER_III"),
    ("ogg", "VORBIS"),
    ("ogg", "OPUS"),
    ("aiff", "PCM_16"),
    ("caf", "ALAC_16"),
]


@pytest.mark.parametrize(("container", "subtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_gives_the_same_sound(tmp_path, container, subtype, channels):
    rate = 48_000  # Opus does not support 44,100 Hz
    path, sound = tmp_path / f"a.{container}", tone(rate=rate)
    soundfile.write(path, np.stack([sound] * channels, 1), rate, subtype=subtype)
    found = decode(path, 10)
    assert found.rate == rate and found.samples.dtype == np.float32 and not found.warnings
    n = min(len(found.samples), len(sound))
    assert n >= 0.99 * len(sound)
    assert np.corrcoef(found.samples[:n], sound[:n])[0, 1] > (0.995 if subtype == "OPUS" else 0.999)
    at_once = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(1)  # no gaps between blocks
    assert np.abs(found.samples - at_once).max() < 1e-6
    assert ("mono" if channels == 1 else "stereo") in found.remarks[0]
    assert ("left and right averaged" in found.remarks) == (channels == 2)


def test_pedalboard_reads_formats_that_soundfile_does_not(tmp_path, monkeypatch):
    path = tmp_path / "a b.flac"
    soundfile.write(path, np.stack([tone(), 0.5 * tone()], 1), RATE)
    by_soundfile = decode(path, 0.2)

    def refuse(*_):
        raise soundfile.SoundFileError("Format not recognised.")

    monkeypatch.setattr(decoding, "_Forward", refuse)
    with pytest.raises(AudioFileError, match="cannot decode"):
        decode(path, 0.2)  # FLAC is not left to pedalboard
    monkeypatch.setattr(decoding, "_only_pedalboard", lambda: {".flac"})
    found = decode(path, 0.2)
    assert "0.20 s of FLAC, 44,100 Hz, stereo, from its beginning; it lasts 0.5 s" in found.remarks[0]
    assert np.abs(found.samples - by_soundfile.samples).max() < 1e-4
    path.write_bytes(b"no sound at all")
    with pytest.raises(AudioFileError, match="this computer cannot decode these 15 bytes") as error:
        decode(path, 0.2)
    assert "does not seem to contain audio data" in str(error.value.__cause__)


def test_a_decoder_that_crashes_or_hangs_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"x")
    with pytest.raises(RuntimeError, match="not decoded within 0.001 s"):
        decoder_process.decode(path, 1.0, timeout=0.001)
    crash = tmp_path / "crash.py"
    crash.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(decoder_process, "__file__", str(crash))
    with pytest.raises(RuntimeError, match="status"):
        decoder_process.decode(path, 1.0)


def test_the_loudest_channel_replaces_channels_that_cancel(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([0.5 * tone(), -tone()], 1), RATE)
    soundfile.write(tmp_path / "b.wav", np.stack([tone(), -tone()], 1), RATE, subtype="FLOAT")
    softer = decode(path, 1)  # 6 dB softer is not yet cancellation
    assert softer.remarks[-1] == "left and right averaged"
    alone = decode(tmp_path / "b.wav", 1)
    assert alone.remarks[-1] == "channel 1 taken alone" and "cancel" in alone.warnings[0]
    assert np.abs(alone.samples - tone()).max() < 1e-6
    again = from_array(np.stack([0.9 * tone(), -tone(), 0 * tone()], 1), RATE, 1)
    assert again.remarks[-1] == "channel 2 taken alone"
    assert np.abs(again.samples + tone()).max() < 1e-6


def test_independent_channels_do_not_cancel():
    sound = np.random.default_rng(0).normal(0, 0.1, (RATE, 32))
    assert from_array(sound, RATE, 1).remarks[-1] == "32 channels averaged"
    sound[:, 1:] = 0
    assert not from_array(sound, RATE, 1).warnings


def test_only_the_requested_part_of_an_hour_is_decoded(tmp_path):
    """The file is a sparse WAV of 1.4 GB."""
    path, rate, channels = tmp_path / "hour.wav", 48_000, 2
    frame, size = 4 * channels, 3600 * rate * 4 * channels
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, 32)
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + head + b"data" + struct.pack("<I", size)
    path.write_bytes(head + np.full((rate, channels), 2**29, "<i4").tobytes())
    os.truncate(path, 44 + size)
    found = decode(path, 34)
    assert found.decoded == 34 * rate * channels
    assert found.samples.shape == (34 * rate,) and found.samples[0] == 0.25 and not found.warnings
    assert "read 34.00 s" in found.remarks[0] and "it lasts 3,600.0 s" in found.remarks[0]


def test_full_scale_is_marked():
    sound = np.array([0.5, 1.0, -1.0, 1.7, 0.99])
    assert from_array(sound, RATE, 1).full_scale.tolist() == [False, True, True, False, False]
    assert from_array(np.stack([sound, 0 * sound], 1), RATE, 1).full_scale.tolist()[1]


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "float16", "float64"])
def test_arrays_of_any_float_or_integer_type_are_scaled(dtype):
    sound = tone()
    if np.dtype(dtype).kind in "iu":
        top = np.iinfo(dtype).max
        given = (sound * top).astype(dtype) if dtype[0] == "i" else (128 + 127 * sound).astype(dtype)
    else:
        given = sound.astype(dtype)
    assert np.abs(from_array(given, RATE, 1).samples - sound).max() < 0.02


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"hello " * 100, "cannot decode these 600 bytes"),
        (b"\0\0\0\x20ftypM4A " + bytes(range(256)) * 20, "cannot decode"),
        (b"RIFF\x24\0\0\0WAVE", "cannot decode"),
        (b"\xff\xfb\x90\x64" + b"\0" * 60, "cannot decode|has no samples"),
    ],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a", "a.raw", "a"])
def test_files_without_sound_are_refused(tmp_path, content, message, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=message) as error:
        decode(path, 1)
    assert str(path) in str(error.value)


def test_paths_that_are_not_ordinary_files_are_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.wav")
    for path, message in [
        (tmp_path, "this is a folder"),
        (tmp_path / "pipe.wav", "not an ordinary file"),
        ("/dev/zero", "not an ordinary file"),
        (tmp_path / "none.wav", "no such file"),
        (tmp_path / "a\0b.wav", "null"),
        (tmp_path / ("a" * 5000), "cannot be read: File name too long"),
    ]:
        with pytest.raises(AudioFileError, match=message):
            decode(path, 1)


def test_a_file_without_read_permission_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(AudioFileError, match="cannot be read: Permission denied"):
        decode(path, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_nan_and_infinite_samples_are_refused(tmp_path, bad, subtype):
    sound = tone()
    sound[4410:4413] = bad
    if abs(bad) != 1e300 or subtype == "DOUBLE":
        soundfile.write(tmp_path / "a.wav", sound, RATE, subtype=subtype)
        with pytest.raises(AudioFileError, match="samples that are NaN or infinite, the first at 0.100 s"):
            decode(tmp_path / "a.wav", 1)
    with pytest.raises(ParameterError, match="NaN or infinite, the first at 0.100 s"):
        from_array(sound, RATE, 1)


def test_arrays_out_of_bounds_are_refused():
    with pytest.raises(ParameterError, match=r"peak of 1e\+07 is above 1e\+06"):
        from_array(np.array([0.0, 1e7]), RATE, 1)
    for rate in (0, -1, 3999, 384_001, np.nan, np.inf):
        with pytest.raises(ParameterError, match="is outside 4,000 … 384,000"):
            from_array(tone(), rate, 1)
    for shape in ((0,), (10, 33), (2, 2, 2), ()):
        with pytest.raises(ParameterError, match="at most 32"):
            from_array(np.zeros(shape), RATE, 1)
    with pytest.raises(ParameterError, match="not complex128"):
        from_array(np.zeros(10, complex), RATE, 1)


def test_a_file_with_too_many_channels_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((100, 33)), RATE)
    with pytest.raises(AudioFileError, match="number of channels, 33, is outside 1 … 32"):
        decode(tmp_path / "a.wav", 1)


@pytest.mark.parametrize("container", ["wav", "aiff"])
def test_a_truncated_file_is_read_with_a_warning(tmp_path, container):
    path = tmp_path / f"a.{container}"
    soundfile.write(path, tone(), RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20_000])
    found = decode(path, 1)
    assert found.warnings == ("the file is cut short: its header promises 20,000 bytes more",)
    assert len(found.samples) == pytest.approx(22_050 - 10_000, abs=4)


def test_a_truncated_flac_file_is_read_with_a_warning(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = decode(path, 2)
    assert "of the 1.00 s that its header promises" in found.warnings[0]
    assert 0.3 * RATE < len(found.samples) < 0.6 * RATE
