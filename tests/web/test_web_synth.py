"""The synth of web pages: voices, keys, pedal and bend, rendered by the AudioWorklet, unheard."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page

from latentdx.presets.bank import PresetBank

RATE = 48_000
BLOCK = 64

# base64 travels faster than a list of numbers
ENCODE = """(sound) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(',')[1]);
  reader.readAsDataURL(new Blob([sound]));
})"""
PLAY = f"""async ([commands, seconds, rate]) => {{
  const {{ Synth }} = await import('/engine/synth.js');
  const context = new OfflineAudioContext(1, seconds * rate, rate);
  await Synth.create(context, commands);
  return ({ENCODE})((await context.startRendering()).getChannelData(0));
}}"""
RENDER = f"""async ([preset, options]) =>
  ({ENCODE})((await import('/engine/engine.js')).render(preset, options))"""

Sound = npt.NDArray[np.float64]


def evaluate(page: Page, script: str, argument: list[Any]) -> Sound:
    return np.frombuffer(b64decode(page.evaluate(script, argument)), "<f4").astype(float)


def play(page: Page, commands: list[dict[str, Any]], seconds: float) -> Sound:
    return evaluate(page, PLAY, [commands, seconds, RATE])


def render(page: Page, preset: list[int], **options: Any) -> Sound:
    return evaluate(page, RENDER, [preset, {"rate": RATE, **options}])


def piano() -> list[int]:
    path = Path(__file__).parents[2] / "data/starter/01-electric-pianos.syx"
    values: list[int] = PresetBank.read(path).values[0].tolist()
    return values


def organ(release_level: int = 0) -> list[int]:
    """A sine that sounds for as long as its key is held, and for ever if its release has a level."""
    values: list[int] = PresetBank.init().values[0].tolist()
    values[105 + 7] = release_level  # operator 1, EG level 4
    return values


def load(preset: list[int], **more: Any) -> dict[str, Any]:
    return {"type": "preset", "preset": preset, **more}


def press(key: int, time: float = 0, velocity: int = 85) -> dict[str, Any]:
    return {"type": "press", "key": key, "velocity": velocity, "time": time}


def release(key: int, time: float) -> dict[str, Any]:
    return {"type": "release", "key": key, "time": time}


def rms(sound: Sound, start: float, end: float) -> float:
    return float(np.sqrt(np.mean(sound[int(start * RATE) : int(end * RATE)] ** 2)))


def test_a_key_sounds_as_the_engine_renders_it(page: Page) -> None:
    heard = play(page, [load(piano()), press(64, 0, 99), release(64, 0.8)], 2)
    assert np.array_equal(heard, render(page, piano(), note=64, velocity=99, hold=0.8, seconds=2))


def test_notes_add_up(page: Page) -> None:
    heard = play(page, [load(piano()), press(60), press(67), release(60, 1), release(67, 1)], 1.5)
    notes = [render(page, piano(), note=note, hold=1, seconds=1.5) for note in (60, 67)]
    assert np.abs(heard - sum(notes)).max() < 1e-7


def test_the_seventeenth_voice_takes_the_place_of_the_oldest_without_a_click(page: Page) -> None:
    chord = [press(40 + i) for i in range(16)]
    kept = play(page, [load(organ()), *chord], 1)
    heard = play(page, [load(organ()), *chord, press(90, 0.5)], 1)
    before, after = int(0.5 * RATE), int(0.6 * RATE)
    assert np.array_equal(heard[:before], kept[:before])
    notes = [render(page, organ(), note=40 + i, hold=2, seconds=1) for i in range(1, 16)]
    newest = np.zeros(RATE)
    newest[before:] = render(page, organ(), note=90, hold=2, seconds=0.5)
    assert np.abs(heard - sum(notes) - newest)[after:].max() < 1e-6
    rest = np.abs(np.diff(heard - newest))  # of the fifteen, and the one that leaves
    assert rest[before : before + 400].max() < 1.2 * rest[:before].max()


def test_a_voice_that_never_ends_fades_out_six_seconds_after_its_key_is_up(page: Page) -> None:
    heard = play(page, [load(organ(99)), press(60), release(60, 0.5)], 8)
    assert abs(rms(heard, 6, 6.4) / rms(heard, 0.1, 0.4) - 1) < 0.05
    assert rms(heard, 7.1, 8) == 0
    assert rms(play(page, [load(organ(99)), press(60)], 8), 7.1, 8) > 0.01  # a key that is held goes on


def test_the_pedal_holds_notes_until_it_comes_up(page: Page) -> None:
    commands = [load(organ()), {"type": "pedal", "down": True}, press(60), release(60, 0.2)]
    heard = play(page, [*commands, {"type": "pedal", "down": False, "time": 1.0}], 2)
    assert rms(heard, 0.6, 0.9) > 0.01 and rms(heard, 1.5, 2) < 1e-4


def test_bend_moves_what_sounds(page: Page) -> None:
    heard = play(page, [load(organ()), press(69), {"type": "bend", "cents": 200, "time": 0.5}], 1)

    def pitch(start: float) -> float:
        part = heard[int(start * RATE) : int((start + 0.4) * RATE)]
        return float(np.sum((part[:-1] < 0) & (part[1:] >= 0)) / 0.4)

    assert abs(pitch(0.05) - 440) < 5 and abs(pitch(0.55) - 440 * 2 ** (2 / 12)) < 5


def test_a_preset_can_take_over_the_held_keys(page: Page) -> None:
    commands = [load(organ()), press(60), press(64), release(64, 0.3), load(piano(), again=True, time=1.0)]
    heard = play(page, commands, 2)
    expected = render(page, piano(), note=60, hold=2, seconds=1)
    assert np.abs(heard[int(1.01 * RATE) :] - expected[int(0.01 * RATE) :]).max() < 1e-7


def test_quick_presses_leave_no_note_behind(page: Page) -> None:
    keys = [
        command
        for i in range(50)
        for command in (press(50 + i % 24, i / 50), release(50 + i % 24, i / 50 + 0.01))
    ]
    assert rms(play(page, [load(organ()), *keys], 2.5), 2, 2.5) == 0


def test_stop_silences_everything_at_once(page: Page) -> None:
    stop = {"type": "stop", "time": 0.5}
    heard = play(page, [load(organ(99)), press(60), press(64), stop], 1)
    assert rms(heard, 0.51, 1) == 0


def test_muted_operators_are_silent(page: Page) -> None:
    mute = {"type": "mute", "operators": [False] * 5 + [True]}
    assert rms(play(page, [load(organ()), mute, press(60)], 0.5), 0, 0.5) == 0
