"""Headers that lie about the length of a sound file: the samples that are there count."""

import io
import os
import struct
import sys

import numpy as np
import pytest
import soundfile

from latentdx.audio.io import headers
from latentdx.audio.io.decoding import decode
from latentdx.errors import AudioFileError

RATE = 44_100
SECONDS = 8


def decaying() -> np.ndarray:
    """Return a struck tone of 8 s: noise at first, which needs a high bit rate, and a sine at the end."""
    t = np.arange(SECONDS * RATE) / RATE
    noise = 0.3 * np.random.default_rng(0).normal(size=len(t)) * np.exp(-8 * t)
    return 0.5 * np.sin(2 * np.pi * 440 * t) * np.exp(-0.5 * t) + noise


SOUND = decaying()


def encoded(container: str, subtype: str = "PCM_16", **options: object) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, SOUND, RATE, format=container, subtype=subtype, **options)
    return buffer.getvalue()


def mp3_without_count(mode: str = "VARIABLE") -> bytes:
    """Return an MP3 file without its first frame, which states the number of frames, as a pipe gets it."""
    data = encoded("MP3", "MPEG_LAYER_III", bitrate_mode=mode, compression_level=0.3)
    first = data[:1200].find(b"\xff\xfb", 4)
    assert b"Xing" in data[:first] or b"Info" in data[:first]
    return data[first:]


def with_length(data: bytes, at: int, form: str, length: int) -> bytes:
    new = struct.pack(form, length)
    return data[:at] + new + data[at + len(new) :]


def wav(riff: int | None, samples: int | None) -> bytes:
    """Return a WAV file whose header states these lengths, `None` for the true ones."""
    data = encoded("WAV")
    for at, length in ((4, riff), (40, samples)):
        data = data if length is None else with_length(data, at, "<I", length)
    return data


def flac(frames: int) -> bytes:
    data = encoded("FLAC")
    field = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    return with_length(data, 18, ">Q", field)


def caf(length: int) -> bytes:
    data = encoded("CAF")
    return with_length(data, data.find(b"data") + 4, ">q", length)


def rf64(length: int) -> bytes:
    data = encoded("RF64")
    return with_length(data, data.find(b"ds64") + 16, "<Q", length)


def aiff(length: int, frames: int) -> bytes:
    data = with_length(encoded("AIFF"), 4, ">I", length)
    data = with_length(data, data.find(b"COMM") + 10, ">I", frames)
    return with_length(data, data.find(b"SSND") + 4, ">I", length)


WITHOUT_A_TRUE_LENGTH = {
    "mp3, variable rate": mp3_without_count(),
    "mp3, constant rate": mp3_without_count("CONSTANT"),
    "mp3 with a tag": b"ID3\x04\0\0\0\0\x02\x01" + bytes(257) + mp3_without_count(),
    "wav, all 0": wav(0, 0),
    "wav, samples 0": wav(None, 0),
    "wav, header only": wav(36, 0),
    "wav, all 2^32 - 1": wav(2**32 - 1, 2**32 - 1),
    "wav, about 2^31": wav(0x7FFFF024, 0x7FFFF000),
    "wav, 2^31": wav(0x80000024, 0x80000000),
    "rf64, 0": rf64(0),
    "flac, 0": flac(0),
    "au, 0": with_length(encoded("AU"), 8, ">I", 0),
    "au, 2^32 - 1": with_length(encoded("AU"), 8, ">I", 2**32 - 1),
    "caf, -1": caf(-1),
    "caf, 0": caf(0),
    "aiff, all 0": aiff(0, 0),
    "aiff, all 2^32 - 1": aiff(2**32 - 1, 2**32 - 1),
}


@pytest.mark.parametrize("kind", WITHOUT_A_TRUE_LENGTH)
def test_all_samples_are_read_without_a_warning_if_the_header_states_no_true_length(tmp_path, kind):
    path = tmp_path / f"a.{kind.split(',')[0].split()[0]}"
    path.write_bytes(WITHOUT_A_TRUE_LENGTH[kind])
    found = decode(path, 34)
    assert found.length == pytest.approx(SECONDS, abs=0.1) and not found.warnings
    assert len(found.samples) == round(found.length * RATE)
    assert found.remarks[0].startswith(f"read {found.length:.2f} s") and "lasts" not in found.remarks[0]
    quarter = 2 * RATE  # MP3 begins with a delay of up to 0.05 s
    lag = int(np.argmax(np.correlate(found.samples[: quarter + 3000], SOUND[:quarter], "valid")))
    assert np.corrcoef(found.samples[lag : lag + 7 * RATE], SOUND[: 7 * RATE])[0, 1] > 0.99


def test_the_beginning_of_a_file_without_a_length_is_read(tmp_path):
    for kind, lasts in (("mp3, variable rate", "it lasts 8.0 s"), ("flac, 0", "it lasts longer")):
        path = tmp_path / f"a.{kind[:4].strip(',')}"
        path.write_bytes(WITHOUT_A_TRUE_LENGTH[kind])
        found = decode(path, 2)
        assert len(found.samples) == 2 * RATE and not found.warnings
        assert found.remarks[0].endswith(f"from its beginning; {lasts}")


MISSING = {
    "wav": wav(None, len(SOUND) * 2 + 1000),
    "aiff": aiff(len(SOUND) * 2 + 1008, len(SOUND) + 500),
    "au": with_length(encoded("AU"), 8, ">I", len(SOUND) * 2 + 1000),
    "caf": caf(len(SOUND) * 2 + 1004),
    "rf64": rf64(len(SOUND) * 2 + 1000),
}


@pytest.mark.parametrize("container", MISSING)
def test_samples_that_the_header_states_and_the_file_lacks_are_counted(tmp_path, container):
    path = tmp_path / f"a.{container}"
    path.write_bytes(MISSING[container])
    found = decode(path, 34)
    assert found.warnings == ("the file is cut short: its header promises 1,000 bytes more",)
    assert len(found.samples) == len(SOUND)


def test_a_file_that_lacks_something_other_than_samples_has_no_warning(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(len(SOUND) * 2 + 36 + 500, None))  # a chunk after the samples has been cut off
    found = decode(path, 34)
    assert len(found.samples) == len(SOUND) and not found.warnings


def test_an_ogg_file_without_its_last_page_has_a_warning(tmp_path):
    data = encoded("OGG", "VORBIS")
    path = tmp_path / "a.ogg"
    path.write_bytes(data)
    assert not decode(path, 34).warnings
    path.write_bytes(data[: data.rfind(b"OggS")])
    assert decode(path, 34).warnings == ("the file is cut short: its end is missing",)


def test_an_mp3_file_that_states_more_frames_than_it_has_gives_a_warning(tmp_path):
    data = encoded("MP3", "MPEG_LAYER_III")
    (tmp_path / "a.mp3").write_bytes(data[: len(data) // 2])
    (warning,) = decode(tmp_path / "a.mp3", 34).warnings
    assert "of the 8.00 s that its header promises" in warning


def test_chunks_after_an_empty_one_are_no_samples(tmp_path):
    text = b"LIST" + struct.pack("<I", 4000) + b"INFO" + bytes(3996)
    data = wav(36 + len(text), 0)[:44] + text
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(AudioFileError, match="has no samples"):
        decode(tmp_path / "a.wav", 34)


def test_true_lengths_need_no_patch(tmp_path):
    for container, subtype in (
        ("WAV", "PCM_16"),
        ("MP3", "MPEG_LAYER_III"),
        ("CAF", "PCM_16"),
        ("W64", "PCM_16"),
    ):
        path = tmp_path / f"a.{container}"
        path.write_bytes(encoded(container, subtype))
        stated = headers.examine(path)
        assert stated == headers.Stated() and headers.patched(path, stated) is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name files by characters, not bytes")
def test_a_file_name_in_any_encoding_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"fl\xfcte.wav")
    path.write_bytes(wav(None, None))
    assert len(decode(path, 34).samples) == len(SOUND)
