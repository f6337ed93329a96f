"""A reader's sound in the page: what is found in it is what the library finds, and refusals are polite."""

import io
import warnings
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from playwright.sync_api import Error, Page

from latentdx.applications.target import Target, prepare_target
from latentdx.audio.engine.synth import Engine
from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank

Audio = npt.NDArray[np.float32]

DATA = Path(__file__).parents[2] / "data"

PREPARE = """async ([channels, rate, options]) => {
  const { prepareTarget } = await import('/search/sound_target.js');
  const decode = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const { sound, ...found } = prepareTarget(channels.map(decode), rate, options);
  return { ...found, sound: btoa(String.fromCharCode(...new Uint8Array(new Int16Array(
    sound.subarray(0, 4096).map((sample) => 32767 * sample)).buffer))), length: sound.length };
}"""
DECODE = """async (text) => {
  const { decodeSound } = await import('/search/sound_file.js');
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const { channels, rate } = await decodeSound(new Blob([bytes]));
  return { rate, channels: channels.map((channel) => [channel.length, ...channel.slice(0, 500)]) };
}"""


def encode(sound: npt.NDArray[np.floating]) -> str:
    return b64encode(np.ascontiguousarray(sound, "<f4").tobytes()).decode()


def prepare(page: Page, sound: Audio, rate: int, **options: Any) -> dict[str, Any]:
    channels = sound.T if sound.ndim == 2 else [sound]
    found: dict[str, Any] = page.evaluate(PREPARE, [[encode(c) for c in channels], rate, options])
    return found


def expected_target(sound: Audio, rate: int, **options: Any) -> Target:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return prepare_target(sound, rate, **options)


def same(found: dict[str, Any], expected: Target) -> None:
    """Compare all that is found; of the words, those that the page has, too."""
    assert found["note"] == expected.note
    assert found["hold"] == pytest.approx(expected.hold, abs=0.006)  # one frame of the envelope
    assert abs(found["length"] - len(expected.sound)) <= 128
    assert found["gainDb"] == pytest.approx(expected.gain_db, abs=0.01)
    if np.isfinite(expected.pitch.f0):
        assert 1200 * abs(np.log2(found["pitch"]["f0"] / expected.pitch.f0)) < 1
    assert found["pitch"]["voiced"] == pytest.approx(expected.pitch.voiced, abs=0.02)
    assert len(found["warnings"]) == len(expected.warnings)
    assert found["envelope"]["ending"] == (expected.envelope.ending if expected.envelope else None)


def played(number: int, key: int, hold: float, rate: int, before: float = 0.2) -> Audio:
    bank = PresetBank.read(DATA / "starter")
    sound = Engine(rate).render(bank[number], key, hold=hold, n_samples=3 * rate)
    return np.concatenate([np.zeros(round(before * rate), np.float32), sound])


OUT_OF_DOMAIN = sorted((DATA / "targets/ood").glob("*.flac"))


@pytest.mark.parametrize("path", OUT_OF_DOMAIN, ids=lambda path: path.stem)
def test_other_instruments_are_prepared_as_in_the_library(page: Page, path: Path) -> None:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    found, expected = prepare(page, sound, rate), expected_target(sound, rate)
    same(found, expected)
    heard = np.frombuffer(b64decode(found["sound"]), "<i2") / 32767
    assert np.abs(heard - expected.sound[:4096]).max() < 0.003  # of another resampler, with 16 bits
    assert found["remarks"] == [text for text in expected.remarks if not text.startswith("read ")]


@pytest.mark.parametrize(
    ("number", "key", "hold", "rate"),
    [(6, 62, 1.91, 48_000), (66, 59, 0.36, 44_100), (101, 56, 0.57, 22_050), (191, 41, 0.69, 32_000)],
)
def test_presets_are_prepared_as_in_the_library(
    page: Page, number: int, key: int, hold: float, rate: int
) -> None:
    sound = played(number, key, hold, rate)
    found = prepare(page, sound, rate)
    same(found, expected_target(sound, rate))
    assert found["start"] == pytest.approx(0.2, abs=0.05)


def test_what_a_reader_says_counts(page: Page) -> None:
    sound = played(6, 62, 1.0, 22_050)
    found = prepare(page, sound, 22_050, note=50, hold=1.25, velocity=100)
    assert (found["note"], found["hold"], found["velocity"]) == (50, 1.25, 100)


def test_doubts_are_told_as_in_the_library(page: Page) -> None:
    """A melody, a chord, noise, a quiet and a clipped sound, and channels that cancel each other."""
    rate, rng, time = 22_050, np.random.default_rng(0), np.arange(22_050) / 22_050
    fall = np.exp(-3 * time)
    tone = (fall * np.sum([np.sin(2 * np.pi * 262 * k * time) / k for k in (1, 2, 3)], 0) / 2).astype(
        np.float32
    )
    chord = np.sum([np.sin(2 * np.pi * f * k * time) / k for f in (262, 330, 392) for k in (1, 2, 3)], 0)
    sounds = {
        "onset": np.concatenate([played(6, key, 0.4, rate, 0)[:15_000] for key in (60, 67)]),
        "chord": (0.1 * fall * chord).astype(np.float32),
        "no pitch": (fall * rng.normal(0, 0.1, rate)).astype(np.float32),
        "quiet": tone * np.float32(0.004),
        "clipped": np.clip(4 * tone, -1, 1),
        "cancel": np.stack([tone, -tone], 1),
    }
    for word, sound in sounds.items():
        found, expected = prepare(page, sound, rate), expected_target(sound, rate)
        same(found, expected)
        assert any(word in text for text in found["warnings"]), (word, found["warnings"])


@pytest.mark.parametrize(
    ("sound", "rate"),
    [
        (np.zeros(22_050, np.float32), 22_050),
        (np.zeros(0, np.float32), 22_050),
        (np.full(10, 0.5, np.float32), 22_050),
        (np.array([0, np.nan] * 4000, np.float32), 22_050),
        (np.full(5_000, 2e6, np.float32), 22_050),
        (np.full(5_000, 0.5, np.float32), 100),
    ],
)
def test_what_cannot_be_used_is_refused(page: Page, sound: Audio, rate: int) -> None:
    with pytest.raises(ParameterError):
        prepare_target(sound, rate)
    with pytest.raises(Error, match="SoundError"):
        prepare(page, sound, rate)


def test_a_recording_of_more_than_ten_minutes_is_refused(page: Page) -> None:
    script = """async (seconds) => {
      const { prepareTarget } = await import('/search/sound_target.js');
      const samples = new Float32Array(seconds * 4000);
      for (let i = 0; i < 4000; i++) samples[i] = 0.5 * Math.sin(i / 2);
      return prepareTarget(samples, 4000).sound.length;
    }"""
    assert page.evaluate(script, 599) > 0
    with pytest.raises(Error, match="too long: it lasts 10.1 minutes"):
        page.evaluate(script, 605)


def wav(sound: Audio, rate: int, kind: str = "FLOAT") -> str:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, kind, format="WAV")
    return b64encode(file.getvalue()).decode()


def test_files_are_decoded_at_their_own_rate(page: Page) -> None:
    """A WAV file of 22,050 Hz is not resampled, so a starter preset's file stays exact."""
    sound = played(6, 62, 1.0, 22_050, 0)
    found = page.evaluate(DECODE, wav(np.stack([sound, sound / 2], 1), 22_050))
    assert found["rate"] == 22_050
    for (length, *samples), expected in zip(found["channels"], (sound, sound / 2), strict=True):
        assert length == len(sound)
        assert np.array_equal(np.array(samples, np.float32), expected[:500])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"no sound at all" * 100, "cannot decode these 1,500 bytes"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt \xff\xff\xff\xff", "cannot decode"),
    ],
)
def test_files_that_are_no_sound_are_refused(page: Page, content: bytes, message: str) -> None:
    with pytest.raises(Error, match=message):
        page.evaluate(DECODE, b64encode(content).decode())


def test_a_file_of_more_than_ten_minutes_is_refused_before_it_is_decoded(page: Page) -> None:
    with pytest.raises(Error, match="too long: it lasts 11.0 minutes"):
        page.evaluate(DECODE, wav(np.zeros(660 * 3000, np.float32), 3000, "PCM_U8"))
