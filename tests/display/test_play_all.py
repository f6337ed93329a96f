""" "Play all" and "true level" of a row in a real Chromium, opened as a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from latentdx.display import Clip, row
from pages import PLAYING, TIME, opened, slow_down, wait_playing, write_page
from tones import tone

pytestmark = pytest.mark.browser

SHORT = 12_000  # samples of a step: about half a second
LIT = "[...document.querySelectorAll('.ldx-clip')].flatMap((c, i) => c.ariaCurrent === 'step' ? [i] : [])"
# records (number, position, highlighted clips) of each player that begins
LOG = f"""() => {{
    window.begun = [];
    document.addEventListener('playing', event => {{
        const all = [...document.querySelectorAll('audio')];
        begun.push([all.indexOf(event.target), event.target.currentTime, {LIT}]);
    }}, true);
}}"""


@pytest.fixture(scope="module")
def address(shared_chapter: Path) -> str:
    steps = [Clip(tone(0.1 * (i + 1), 200 * (i + 1), SHORT), f"step {i + 1}") for i in range(4)]
    others = [Clip(tone(0.3, f), f"{f} Hz") for f in (300, 600)]
    rows = [
        row(steps, "Steps", sequence=True),
        row(others, "Others"),
        row([Clip(tone(2.0, 500, SHORT), "too loud")], "Loud"),
        row([Clip(tone(0.95, 500, SHORT), "nearly full")], "Nearly"),
    ]
    return write_page(shared_chapter, rows)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as page:
        yield page


def play_all(page: Page) -> Locator:
    return page.get_by_role("button", name="Play all, Steps")


def wait_over(page: Page) -> None:
    expect(play_all(page)).to_be_visible()  # while it plays the button says "Stop"
    wait_playing(page, None)
    assert page.evaluate(LIT) == []


def test_play_all_plays_the_steps_in_order_from_their_beginning_and_highlights_each(page: Page) -> None:
    page.evaluate(LOG)
    third = page.locator(".ldx-seek").nth(2)
    third.focus()
    page.keyboard.press("ArrowRight")  # a position that must not be kept
    page.wait_for_function(f"({TIME})(2) > 0.05")
    play_all(page).click()
    page.wait_for_function("begun.length === 4")
    wait_over(page)
    begun = page.evaluate("begun")
    assert [(which, lit) for which, _, lit in begun] == [(i, [i]) for i in range(4)]
    assert all(where < 0.05 for _, where, _ in begun)


def test_only_rows_of_steps_have_a_play_all_button(page: Page) -> None:
    assert page.locator(".ldx-all").count() == 1
    expect(play_all(page)).to_have_text("Play all")


def test_a_slider_leads_from_step_to_step_and_follows_what_is_played(page: Page) -> None:
    slow_down(page, 0.1)
    assert page.locator(".ldx-steps").count() == 1
    slider = page.get_by_label("Step, Steps")
    slider.focus()
    for key, at in (("ArrowRight", 1), ("End", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        wait_playing(page, at)
        expect(slider).to_have_attribute("aria-valuetext", f"step {at + 1}")
    page.get_by_role("button", name="Play step 1").click()
    wait_playing(page, 0)
    expect(slider).to_have_value("0")
    play_all(page).click()
    slider.focus()
    page.keyboard.press("ArrowRight")  # ends the walk
    wait_playing(page, 1)
    expect(play_all(page)).to_have_text("Play all")


def test_steps_passed_in_one_breath_end_at_the_last(page: Page) -> None:
    slow_down(page, 0.1)
    slider = ".ldx-steps"
    # no event of a player comes between these
    page.evaluate(f"""() => {{
        const slider = document.querySelector('{slider}');
        for (const at of [1, 3, 2]) {{ slider.value = at; slider.dispatchEvent(new Event('input')); }}
    }}""")
    wait_playing(page, 2)
    page.wait_for_function(f"({TIME})(2) > 0.02")
    wait_playing(page, 2)
    expect(page.locator(slider)).to_have_value("2")


@pytest.mark.parametrize("how", ["Escape", "button", "the step's own button"])
def test_play_all_can_be_stopped(page: Page, how: str) -> None:
    slow_down(page, 0.1)
    play_all(page).focus()
    page.keyboard.press("Enter")
    wait_playing(page, 0)
    expect(page.locator(".ldx-count")).to_have_text("1 of 4")
    if how == "Escape":
        page.keyboard.press("Escape")
    elif how == "button":
        page.get_by_role("button", name="Stop, Steps").click()
    else:
        page.locator(".ldx-play").nth(0).click()
    wait_over(page)


def test_starting_another_player_ends_play_all_and_is_not_interrupted(page: Page) -> None:
    slow_down(page, 0.1)
    play_all(page).click()
    wait_playing(page, 0)
    page.evaluate("document.querySelector('audio').currentTime = 0.53")  # the next step is near
    page.locator(".ldx-play").nth(5).click()
    wait_playing(page, 5)
    expect(play_all(page)).to_be_visible()
    assert page.evaluate(LIT) == []
    page.wait_for_function(f"({TIME})(5) > 0.1")
    assert page.evaluate(PLAYING) == [i == 5 for i in range(8)]


def test_play_all_starts_from_the_first_step_while_another_plays(page: Page) -> None:
    slow_down(page, 0.1)
    page.locator(".ldx-play").nth(2).click()
    wait_playing(page, 2)
    page.wait_for_function(f"({TIME})(2) > 0.05")
    play_all(page).click()
    wait_playing(page, 0)
    assert page.evaluate(LIT) == [0]
    assert page.evaluate(TIME, 0) < 0.3  # not from where the other was


# -- true level


def volumes(page: Page) -> list[float]:
    return page.evaluate("[...document.querySelectorAll('audio')].map(audio => audio.volume)")


def test_true_level_undoes_the_boost_of_its_row(page: Page) -> None:
    assert volumes(page) == [1.0] * 8
    gain = float(page.locator(".ldx-row").nth(1).get_attribute("data-gain-db") or "nan")
    assert gain == pytest.approx(9.46, abs=0.1)  # a peak of 0.3 to -1 dBFS
    others = page.get_by_role("figure", name="Others")
    switch = others.get_by_role("button", name="true level")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(others.locator(".ldx-gain")).to_have_text("The whole row is played at the synth’s own level")
    assert volumes(page) == pytest.approx([1.0] * 4 + [10 ** (-gain / 20)] * 2 + [1.0] * 2)
    page.keyboard.press("Space")
    expect(others.locator(".ldx-gain")).to_contain_text("played at +9.5 dB")
    assert volumes(page) == [1.0] * 8


def test_the_page_remembers_which_rows_play_at_true_level(page: Page) -> None:
    page.get_by_role("figure", name="Others").get_by_role("button", name="true level").click()
    page.reload()
    switches = page.get_by_role("button", name="true level")
    expect(switches.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(switches.nth(0)).to_have_attribute("aria-pressed", "false")
    assert [volume < 1 for volume in volumes(page)] == [False] * 4 + [True] * 2 + [False] * 2


def test_a_row_that_was_turned_down_has_no_true_level_and_says_why(page: Page) -> None:
    loud, nearly = (page.get_by_role("figure", name=name) for name in ("Loud", "Nearly"))
    assert loud.get_by_role("button", name="true level").count() == 0
    expect(loud.locator(".ldx-gain")).to_contain_text("because it would clip at the synth’s own level")
    # with a peak of -0.4 dBFS it is turned down, but would not clip
    assert nearly.get_by_role("button", name="true level").count() == 0
    expect(nearly.locator(".ldx-gain")).to_have_text("The whole row is played at −0.6 dB")


def test_without_scripts_a_row_has_no_buttons(browser: Browser, address: str) -> None:
    with opened(browser, address, java_script_enabled=False) as page:
        assert page.locator("audio[controls]").count() == 8
        assert page.locator("button").count() == 0
