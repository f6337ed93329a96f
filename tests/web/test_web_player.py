"""The page's shared player: level, pitch, interruption, and what is sent before it is loaded."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from live_sound import SILENT, SINE, hear


def tell(page: Page, call: str, *arguments: Any) -> None:
    page.evaluate(f"arguments_ => window.player.{call}(...arguments_)", list(arguments))


@pytest.fixture
def played(page: Page) -> Iterator[Page]:
    """A page with a new player."""
    page.evaluate("async () => { const {Player} = await import('/player.js');window.player = new Player(); }")
    yield page
    page.evaluate("async () => { window.player.stop(); await window.player.context?.close(); }")


def test_nothing_is_loaded_until_something_is_played(played: Page) -> None:
    assert played.evaluate("[player.context, player.state]") == [None, "off"]
    tell(played, "release", 60)
    assert played.evaluate("[player.context, player.state]") == [None, "off"]


def test_a_key_pressed_before_the_synth_is_loaded_sounds_once_it_is(played: Page) -> None:
    played.evaluate("preset => { player.play(preset); player.press(69, 100); }", SINE)
    played.wait_for_function("player.state === 'on'")
    assert abs(hear(played)["hertz"] - 440) < 4


def test_the_level_is_that_of_the_row(played: Page) -> None:
    peaks = []
    for gain in (0, -12):
        tell(played, "play", SINE, {"gainDb": gain})
        tell(played, "press", 60, 85)
        played.wait_for_function("player.state === 'on'")
        peaks.append(hear(played)["peak"])
        tell(played, "stop")
        played.wait_for_function(SILENT)
    assert peaks[0] > 0.05
    assert peaks[1] / peaks[0] == pytest.approx(10 ** (-12 / 20), rel=0.01)


def test_a_chord_is_rounded_off_and_never_clips(played: Page) -> None:
    tell(played, "play", SINE, {"gainDb": 12})
    for key in range(50, 62):
        tell(played, "press", key, 127)
    played.wait_for_function("player.state === 'on'")
    assert 0.9 < hear(played)["peak"] <= 1


def test_another_preset_strikes_held_keys_again_also_after_a_hush(played: Page) -> None:
    tell(played, "play", SINE)
    tell(played, "press", 69)
    played.wait_for_function("player.state === 'on'")
    tell(played, "hush")
    played.wait_for_function(SILENT)
    octave_up = list(SINE)
    octave_up[5 * 17 + 15] = 2 << 1  # operator 1's coarse ratio
    tell(played, "play", octave_up, {"again": True})
    assert abs(hear(played)["hertz"] - 880) < 4
    tell(played, "release", 69)
    played.wait_for_function(SILENT)


def test_an_interruption_ends_all_notes_and_the_next_press_goes_on(played: Page) -> None:
    tell(played, "play", SINE)
    tell(played, "press", 60)
    played.wait_for_function("player.state === 'on'")
    played.evaluate("player.context.suspend()")  # as iOS does for a call
    played.wait_for_function("player.state === 'interrupted'")
    assert played.evaluate("player.held.size") == 0
    tell(played, "press", 69)
    played.wait_for_function("player.state === 'on'")
    assert abs(hear(played)["hertz"] - 440) < 4


def test_a_resting_player_lets_the_device_sleep(played: Page) -> None:
    tell(played, "play", SINE)
    tell(played, "press", 60)
    played.wait_for_function("player.state === 'on'")
    tell(played, "rest")
    played.wait_for_function("player.context.state === 'suspended' && player.state === 'off'")
    tell(played, "press", 60)
    played.wait_for_function("player.state === 'on'")


def test_watchers_hear_of_voices_and_can_leave(played: Page) -> None:
    tell(played, "play", SINE)
    tell(played, "press", 60)
    played.evaluate(
        "window.seen = []; window.also = []; window.unwatch = player.watch(report => seen.push(report));"
        "player.watch(report => also.push(report)); 0"
    )
    played.wait_for_function("seen.length > 3 && also.length > 3 && seen.at(-1).voices === 1")
    count = played.evaluate("unwatch(); also.length = 0; seen.length")
    played.wait_for_function("also.length > 3")
    assert played.evaluate("seen.length") == count


def test_a_device_at_a_rate_beyond_the_engines_is_played_at_another(played: Page) -> None:
    played.evaluate("window.ldxContext = new AudioContext({sampleRate: 8000})")
    tell(played, "play", SINE)
    tell(played, "press", 69)
    played.wait_for_function("player.state === 'on'")
    assert played.evaluate("[player.context.sampleRate, ldxContext === player.context]") == [48000, True]
    played.evaluate("delete window.ldxContext")
    assert abs(hear(played)["hertz"] - 440) < 4


def test_after_a_failed_load_the_next_press_plays_what_was_chosen(played: Page) -> None:
    played.evaluate("""() => {
        const { addModule } = AudioWorklet.prototype;
        AudioWorklet.prototype.addModule = function () {
            AudioWorklet.prototype.addModule = addModule;
            return Promise.reject(new Error('offline'));
        };
    }""")
    tell(played, "play", SINE)
    played.wait_for_function("player.state === 'failed' && player.problem === 'offline'")
    tell(played, "press", 69)
    played.wait_for_function("player.state === 'on'")
    assert abs(hear(played)["hertz"] - 440) < 4


def test_without_live_sound_the_player_says_why(played: Page) -> None:
    message = played.evaluate(
        """async () => {
            window.ldxContext = {sampleRate: 48000, state: 'running', addEventListener() {}, close() {}};
            try { await player.start(); }
            catch (error) { return [player.state, player.problem, error.message]; }
            finally { delete window.ldxContext; }
        }"""
    )
    problem = "Live sound needs a recent browser and an address that begins with https."
    assert message == ["failed", problem, problem]


def test_a_preset_of_another_length_is_refused(played: Page) -> None:
    name = played.evaluate("() => { try { player.play([1, 2]); } catch (error) { return error.name; } }")
    assert name == "RangeError"
