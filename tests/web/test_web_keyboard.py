"""The keyboard element: mouse, fingers, computer keys, focus and MIDI, as events and as sound."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from live_sound import SINE, hear, open_empty_page

# a page with one keyboard, whose events are kept, and a MIDI keyboard that exists only if it is asked for
PAGE = """async ([preset, width]) => {
  window.input = {id: 'in-1', name: 'Test keys', state: 'connected', onmidimessage: null};
  window.midi = {inputs: new Map([['in-1', window.input]]), outputs: new Map(), onstatechange: null};
  window.asked = 0;
  navigator.requestMIDIAccess = async () => { window.asked++; return window.midi; };
  await import('/keyboard.js');
  window.player = (await import('/player.js')).player;
  window.player.play(preset);
  const box = `<div style="width: ${width}px"><ldx-keyboard></ldx-keyboard></div>`;
  document.body.innerHTML = `<input id="text">${box}`;
  window.keyboard = document.querySelector('ldx-keyboard');
  window.events = [];
  for (const name of ['press', 'release', 'pedal', 'bend', 'stop']) {
    const keep = ({type, detail}) => window.events.push([type, ...Object.values(detail ?? {})]);
    document.addEventListener(name, keep);
  }
}"""


def opened(page: Page, width: int = 900) -> Page:
    open_empty_page(page)
    page.evaluate(PAGE, [SINE, width])
    page.wait_for_function("player.state === 'on' && keyboard.shadowRoot.querySelector('.key')")
    return page


@pytest.fixture
def keys(page: Page) -> Iterator[Page]:
    page.set_viewport_size({"width": 1000, "height": 600})
    yield opened(page)


def events(page: Page) -> list[list[Any]]:
    taken: list[list[Any]] = page.evaluate("window.events.splice(0)")
    return taken


def place(page: Page, key: int, depth: float = 0.5) -> tuple[float, float]:
    """Where a key is; a white one's middle may be below a black one, so ask below 0.62 for those."""
    box = page.locator(f"[data-key='{key}']").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + depth * box["height"]


def midi(page: Page, *message: int) -> None:
    page.evaluate("data => input.onmidimessage({data: new Uint8Array(data)})", list(message))


def down(page: Page) -> list[str]:
    names: list[str] = page.evaluate(
        "[...keyboard.shadowRoot.querySelectorAll('.key[aria-pressed=true]')].map(key => key.ariaLabel)"
    )
    return names


def test_the_mouse_plays_louder_towards_the_front_edge(keys: Page) -> None:
    for depth, velocity in ((0.7, 101), (0.95, 121)):
        keys.mouse.move(*place(keys, 69, depth))
        keys.mouse.down()
        assert down(keys) == ["A 4"]
        keys.mouse.up()
        press, release = events(keys)
        assert press[:2] == ["press", 69] and abs(press[2] - velocity) <= 1
        assert release == ["release", 69] and down(keys) == []


def test_what_is_pressed_sounds_at_its_pitch(keys: Page) -> None:
    keys.mouse.move(*place(keys, 57, 0.8))
    keys.mouse.down()
    assert abs(hear(keys)["hertz"] - 220) < 4
    keys.mouse.up()
    keys.keyboard.down("k")  # an octave above A
    assert abs(hear(keys)["hertz"] - 523.25) < 4
    keys.keyboard.up("k")


def test_the_mouse_slides_over_black_and_white_keys(keys: Page) -> None:
    keys.mouse.move(*place(keys, 60))
    keys.mouse.down()
    for key in (61, 62, 63, 64):
        keys.mouse.move(*place(keys, key, 0.3 if key in (61, 63) else 0.8))
    x, y = place(keys, 64, 0.8)
    keys.mouse.move(x, y + 400)  # off the keys
    keys.mouse.move(x, y)
    keys.mouse.up()
    told = [(name, key) for name, key, *_ in events(keys)]
    keys_played = [60, 61, 62, 63, 64, 64]
    assert told == [pair for key in keys_played for pair in (("press", key), ("release", key))]


def test_fingers_play_chords_and_a_slide_while_others_hold(browser: Browser, page: Page) -> None:
    host = page.url.rpartition("/")[0]
    with browser.new_context(
        viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True
    ) as context:
        phone = context.new_page()
        open_empty_page(phone, host)
        phone.evaluate(PAGE, [SINE, 370])
        assert phone.locator(".key").count() == 25  # two octaves
        session = context.new_cdp_session(phone)

        def touch(kind: str, *played: tuple[int, int]) -> None:
            points = []
            for finger, key in played:
                x, y = place(phone, key, 0.8)
                points.append({"x": x, "y": y, "id": finger})
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", (0, 60))
        touch("touchStart", (0, 60), (1, 64))
        touch("touchMove", (0, 60), (1, 65))
        assert phone.evaluate("keyboard.held") == [60, 65]
        touch("touchEnd")
        assert phone.evaluate("keyboard.held") == []
        told = [event[:2] for event in events(phone)]
    assert told[:4] == [["press", 60], ["press", 64], ["release", 64], ["press", 65]]
    assert sorted(told[4:]) == [["release", 60], ["release", 65]]


def test_computer_keys_play_and_change_octave_and_velocity(keys: Page) -> None:
    for letter in "awk'":
        keys.keyboard.press(letter)
    assert [event[1] for event in events(keys) if event[0] == "press"] == [60, 61, 72, 77]
    keys.keyboard.press("x")
    keys.keyboard.press("v")
    keys.keyboard.press("a")
    assert events(keys)[0] == ["press", 72, 93]
    for letter in "zzcca":
        keys.keyboard.press(letter)
    assert events(keys)[0] == ["press", 48, 77]
    assert keys.locator("output.octave").text_content() == "3"


def test_computer_keys_leave_text_fields_and_shortcuts_alone(keys: Page) -> None:
    keys.locator("#text").focus()
    keys.keyboard.type("add")
    assert keys.locator("#text").input_value() == "add"
    keys.evaluate("document.activeElement.blur()")
    keys.keyboard.press("Control+a")
    assert events(keys) == []
    keys.locator(".typing").click()  # off
    keys.keyboard.press("a")
    assert events(keys) == []


def test_a_key_that_two_hold_comes_up_with_the_last(keys: Page) -> None:
    keys.keyboard.down("a")
    keys.mouse.move(*place(keys, 60, 0.8))
    keys.mouse.down()
    keys.keyboard.up("a")
    assert keys.evaluate("keyboard.held") == [60]
    keys.mouse.up()
    assert [event[:2] for event in events(keys)] == [["press", 60], ["press", 60], ["release", 60]]


def test_the_piano_is_one_stop_of_the_tab_key_and_arrows_walk_it(keys: Page) -> None:
    keys.evaluate("keyboard.focus()")
    keys.keyboard.press("ArrowRight")
    keys.keyboard.press("ArrowRight")
    keys.keyboard.down("Space")
    assert keys.evaluate("keyboard.held") == [62]
    keys.keyboard.up("Space")
    keys.keyboard.press("Home")
    keys.keyboard.press("Enter")
    assert [event[:2] for event in events(keys)] == [
        *(["press", 62], ["release", 62]),
        *(["press", 36], ["release", 36]),
    ]
    assert keys.locator(".key[tabindex='0']").count() == 1
    assert keys.locator(".piano").get_attribute("aria-label") == "Piano, C 2 to C 6"


def test_a_screen_readers_click_plays_a_note(keys: Page) -> None:
    keys.locator("[data-key='66']").evaluate("key => key.click()")
    keys.wait_for_function("events.length === 2")
    assert events(keys) == [["press", 66, 85], ["release", 66]]


def test_sustain_and_panic(keys: Page) -> None:
    keys.locator(".sustain").click()
    keys.keyboard.press("a")
    assert keys.locator(".sustain").get_attribute("aria-pressed") == "true"
    keys.keyboard.down("s")
    keys.locator(".panic").click()
    keys.wait_for_timeout(100)
    assert hear(keys, 0.5)["peak"] == 0
    names = [event[0] for event in events(keys)]
    assert names == ["pedal", "press", "release", "press", "release", "pedal", "bend", "stop"]


@pytest.mark.parametrize("event", ["new Event('blur')", "hidden"])
def test_nothing_hangs_when_the_page_is_left(keys: Page, event: str) -> None:
    keys.keyboard.down("a")
    keys.mouse.move(*place(keys, 64, 0.8))
    keys.mouse.down()
    if event == "hidden":
        keys.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange')); delete document.hidden;"
        )
    else:
        keys.evaluate(f"window.dispatchEvent({event})")
    assert keys.evaluate("[keyboard.held.length, player.held.size]") == [0, 0]
    keys.mouse.up()
    keys.keyboard.up("a")


def test_fifty_quick_presses_leave_nothing_behind(keys: Page) -> None:
    for i in range(50):
        keys.keyboard.down("asdf"[i % 4])
        keys.keyboard.up("asdf"[i % 4])
    assert keys.evaluate("[keyboard.held.length, player.held.size]") == [0, 0]
    keys.wait_for_timeout(300)
    assert hear(keys, 0.4)["peak"] == 0


def test_midi_keys_play_with_velocity_pedal_and_bend(keys: Page) -> None:
    keys.locator(".midi").click()
    keys.wait_for_function("input.onmidimessage !== null")
    assert keys.locator(".status").text_content() == "MIDI: Test keys."
    midi(keys, 0x93, 69, 33)
    midi(keys, 0xB3, 64, 127)
    midi(keys, 0x83, 69, 0)
    midi(keys, 0xE3, 0x7F, 0x7F)
    midi(keys, 0xE3, 0, 0x40)
    midi(keys, 0xB3, 64, 0)
    midi(keys, 0x90, 70, 100)
    midi(keys, 0x90, 70, 0)
    bend = 200 * (16383 / 8192 - 1)
    assert events(keys) == [
        *(["press", 69, 33], ["pedal", True], ["release", 69]),
        *(["bend", pytest.approx(bend)], ["bend", 0], ["pedal", False]),
        *(["press", 70, 100], ["release", 70]),
    ]


def test_midi_bend_is_heard(keys: Page) -> None:
    keys.locator(".midi").click()
    keys.wait_for_function("input.onmidimessage !== null")
    midi(keys, 0x90, 69, 100)
    midi(keys, 0xE0, 0, 0)
    assert abs(hear(keys)["hertz"] - 440 * 2 ** (-2 / 12)) < 4
    midi(keys, 0xB0, 123, 0)  # all notes off
    assert keys.evaluate("keyboard.held") == []


def test_a_midi_keyboard_that_is_unplugged_leaves_no_note(keys: Page) -> None:
    keys.locator(".midi").click()
    keys.wait_for_function("input.onmidimessage !== null")
    midi(keys, 0x90, 60, 100)
    keys.evaluate("midi.inputs.clear(); midi.onstatechange()")
    assert keys.evaluate("keyboard.held") == []
    assert "No MIDI keyboard is connected" in str(keys.locator(".status").text_content())


def test_the_page_says_why_midi_does_not_work(keys: Page) -> None:
    keys.evaluate("navigator.requestMIDIAccess = async () => { throw new DOMException(); }; 0")
    keys.locator(".midi").click()
    keys.wait_for_function("keyboard.shadowRoot.querySelector('.status').textContent.includes('not allowed')")
    keys.evaluate("navigator.requestMIDIAccess = undefined")
    keys.locator(".midi").click()
    assert "This browser cannot use MIDI keyboards." in str(keys.locator(".status").text_content())


def test_a_listener_can_keep_an_event_from_the_player(keys: Page) -> None:
    keys.evaluate("document.addEventListener('press', event => event.preventDefault())")
    keys.keyboard.down("a")
    assert keys.evaluate("[keyboard.held, player.held.size]") == [[60], 0]
    keys.keyboard.up("a")


@pytest.mark.parametrize(("width", "count"), [(900, 49), (560, 37), (360, 25), (200, 13)])
def test_as_many_octaves_are_shown_as_fit_fingers(keys: Page, width: int, count: int) -> None:
    keys.evaluate("width => { keyboard.parentNode.style.width = `${width}px`; }", width)
    keys.wait_for_function(f"keyboard.shadowRoot.querySelectorAll('.key').length === {count}")
    assert keys.locator(".white").first.bounding_box()["width"] > 21  # type: ignore[index]
