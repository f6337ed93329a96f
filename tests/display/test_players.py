"""The players of a listening row in a real Chromium, opened as a file: switching, keys, seeking."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from latentdx.display import Clip, row
from pages import PLAYING, SOURCES, TIME, opened, slow_down, wait_playing, write_page
from tones import tone

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def eras(shared_chapter: Path) -> str:
    clips = [Clip(tone(0.3, 200), "moved", paper_sound=tone(0.3, 300)), Clip(tone(0.3, 900), "other")]
    return write_page(shared_chapter, [row(clips, "Eras"), row(clips[1:], "Today")], "eras.html")


@pytest.fixture(scope="module")
def address(shared_chapter: Path) -> str:
    rows = [
        row([Clip(tone(0.3, f), f"{f} Hz") for f in (200, 400, 800)], "Three"),
        row([Clip(tone(0.3, f), f"{f} Hz") for f in (300, 600, 900, 1200)], "Four"),
    ]
    return write_page(shared_chapter, rows)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as page:
        slow_down(page)
        yield page


def test_nothing_plays_or_loads_until_it_is_asked_to(page: Page) -> None:
    assert not any(page.evaluate(PLAYING))
    assert set(page.evaluate("[...document.querySelectorAll('audio')].map(a => a.preload)")) == {"none"}


def test_switching_within_a_row_keeps_the_position(page: Page) -> None:
    buttons = page.locator(".ldx-play")
    buttons.nth(0).click()
    page.wait_for_function(f"({TIME})(0) > 0.3")
    # the first switch loads the other file; the position where it begins is what must not jump
    for number in (1, 2, 0):
        page.evaluate(
            """n => {
                const all = [...document.querySelectorAll('audio')], once = {once: true};
                const to = all[n], from = all.find(audio => !audio.paused);
                from.addEventListener('pause', () => { window.left = from.currentTime; }, once);
                to.addEventListener('playing', () => { window.jump = to.currentTime - window.left; }, once);
            }""",
            number,
        )
        buttons.nth(number).click()
        wait_playing(page, number)
        page.wait_for_function("window.jump !== undefined")
        assert abs(page.evaluate("const j = window.jump; delete window.jump; j")) < 0.05
    assert page.evaluate(TIME, 0) > 0.3


def test_another_row_starts_from_its_beginning(page: Page) -> None:
    page.locator(".ldx-play").nth(0).click()
    page.wait_for_function(f"({TIME})(0) > 0.3")
    page.locator(".ldx-play").nth(3).click()
    wait_playing(page, 3)
    assert page.evaluate(TIME, 3) < 0.2


def test_keys_play_switch_seek_and_stop(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    wait_playing(page, 0)
    page.wait_for_function(f"({TIME})(0) > 0.2")
    page.keyboard.press("3")
    wait_playing(page, 2)
    assert page.evaluate(TIME, 2) > 0.15
    page.keyboard.press("Escape")
    page.wait_for_function(f"!{PLAYING}.includes(true)")
    page.keyboard.press("9")  # does nothing: the row has three clips
    bar = page.get_by_role("slider").nth(1)
    bar.focus()
    for key in ("PageDown", "PageUp", "PageUp", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    page.wait_for_function(f"Math.abs(({TIME})(1) - 2.1) < 0.02")
    expect(bar).to_have_attribute("aria-valuetext", "2.1 of 4.0 seconds")
    page.keyboard.press("Enter")
    wait_playing(page, 1)


def test_a_click_into_the_picture_plays_from_there(page: Page) -> None:
    bar = page.get_by_role("slider").nth(2)
    box = bar.bounding_box()
    assert box
    bar.click(position={"x": box["width"] * 0.75, "y": box["height"] / 2})
    wait_playing(page, 2)
    assert page.evaluate(TIME, 2) == pytest.approx(3.0, abs=0.3)
    line = page.locator(".ldx-line").nth(2).bounding_box()
    assert line and (line["x"] - box["x"]) / box["width"] == pytest.approx(0.75, abs=0.1)


def test_a_clip_that_has_ended_starts_again_from_its_beginning(page: Page) -> None:
    bar = page.get_by_role("slider").nth(0)
    bar.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".ldx-play").nth(0).click()
    wait_playing(page, 0)
    page.evaluate("document.querySelector('audio').currentTime = 3.9")
    page.wait_for_function(f"!{PLAYING}.includes(true)")
    page.locator(".ldx-play").nth(0).click()
    wait_playing(page, 0)
    assert page.evaluate(TIME, 0) < 0.5


def test_without_scripts_there_are_plain_players(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        players = page.locator("audio[controls]")
        assert players.count() == 7
        assert all(players.nth(i).bounding_box()["height"] > 20 for i in range(7))  # type: ignore[index]


@pytest.mark.parametrize(("width", "columns"), [(360, [1, 2]), (1280, [3, 4])])
def test_side_by_side_when_wide_stacked_on_a_phone(
    browser: Browser, address: str, width: int, columns: list[int]
) -> None:
    with browser.new_context(viewport={"width": width, "height": 700}) as context:
        page = context.new_page()
        page.goto(address)
        found = page.evaluate(
            "[...document.querySelectorAll('.ldx-clips')].map(row => "
            "new Set([...row.children].map(clip => clip.getBoundingClientRect().left)).size)"
        )
        assert found == columns
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_a_button_changes_to_what_the_authors_heard_and_back(browser: Browser, eras: str) -> None:
    with opened(browser, eras) as page:
        slow_down(page)
        expect(page.locator(".ldx-paper")).to_be_hidden()
        button = page.get_by_role("button", name="as the authors heard it, Eras")
        expect(button).to_have_count(1)
        before = page.evaluate(SOURCES)
        page.locator(".ldx-play").nth(0).click()
        page.wait_for_function(f"({TIME})(0) > 0.3")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        wait_playing(page, 0)
        assert page.evaluate(TIME, 0) > 0.25
        after = page.evaluate(SOURCES)
        assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, True]
        button.click()
        assert page.evaluate(SOURCES) == before
        wait_playing(page, 0)
