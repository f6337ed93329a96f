"""The slider between two presets in Chromium: what it plays and draws, its keyboard, and from a file."""

import base64

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from book_folder import Book
from latentdx.applications.interpolate import METHODS, interpolate
from latentdx.display import morph_slider
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import voice_parameters
from live_sound import SILENT, hear
from pages import opened

N = 5
METHOD_NAMES = ("naive", "matched", "switch")
PLAYER = "async () => { window.player = (await ldxLoad('player.js')).player; }"
VOICES = "[...document.querySelectorAll('.ldx-clip')].map(card => card.dataset.voice)"
PRESET = "[...player.preset]"


@pytest.fixture(scope="module")
def paths() -> dict[str, PresetBank]:
    starter = corpora.read("starter").neutral()
    a, b = starter["NYLONGTR 1"], starter["TINE EP 1"]
    return {METHODS[name].title: interpolate(a, b, N, name) for name in METHOD_NAMES}


@pytest.fixture(scope="module")
def address(book: Book, paths: dict[str, PresetBank]) -> str:
    return book.write("morph.html", morph_slider(paths, "From <A> to B", "Listen."))


def bytes_of(voice: str) -> bytes:
    return base64.urlsafe_b64decode(voice + "==")


def set_slider(page: Page, step: int) -> None:
    page.get_by_role("slider", name="From <A> to B: step").fill(str(step))


def test_the_slider_plays_and_draws_the_computed_presets(
    browser: Browser, address: str, paths: dict[str, PresetBank]
) -> None:
    packed = [bank.packed() for bank in paths.values()]
    first, last = (paths["Parameters (naive)"].values[i].astype(int) for i in (0, -1))
    with opened(browser, address, viewport={"width": 1280, "height": 800}) as page:
        foreign: list[str] = []
        page.on(
            "request", lambda r: r.url.startswith((address[:20], "data:", "blob:")) or foreign.append(r.url)
        )
        page.evaluate(PLAYER)
        cards = page.locator("ldx-morph .ldx-clip")
        assert cards.count() == len(METHOD_NAMES)
        expect(page.locator(".ldx-morph-bar")).to_have_text("NYLONGTR 1TINE EP 1")
        for step in (0, 3, 4, 2):
            set_slider(page, step)
            voices = [bytes_of(voice) for voice in page.evaluate(VOICES)]
            assert voices == [bank[step].tobytes() for bank in packed]
            expect(page.get_by_role("slider", name="From <A>")).to_have_attribute(
                "aria-valuetext", f"step {step + 1} of {N}"
            )
        page.wait_for_function("player.state === 'on'")
        page.wait_for_function(
            f"{PRESET}.join() === '{','.join(map(str, packed[0][2]))}'"
        )  # not each is struck
        assert hear(page)["peak"] > 0.01
        # a dot for each parameter that differs, between its start and its end
        moved = [k for k in range(len(first)) if first[k] != last[k]]
        plot = cards.first.locator("svg.ldx-morph-plot")
        assert plot.locator("circle").count() >= len(moved)
        label = plot.get_attribute("aria-label") or ""
        middle = paths["Parameters (naive)"].values[2].astype(int)
        left = sum(int(middle[k] != first[k]) for k in moved)
        algorithm = middle[[p.name for p in voice_parameters()].index("ALGORITHM")] + 1
        assert f"algorithm {algorithm}; {left} of {len(moved)} parameters have moved" in label
        switched = cards.nth(2).locator("circle")
        before = [dot.get_attribute("cy") for dot in switched.all()]
        set_slider(page, 1)
        assert [
            dot.get_attribute("cy") for dot in switched.all()
        ] != before  # it was at the end, and is at the start
        # another path sounds after a press, and all its steps one after another
        page.get_by_role("button", name="Listen to Operators matched").click()
        expect(page.get_by_role("button", name="Listen to Operators matched")).to_have_attribute(
            "aria-pressed", "true"
        )
        assert page.evaluate(PRESET) == packed[1][1].tolist()
        page.get_by_role("button", name="Play from start to end").click()
        page.wait_for_function(f"document.querySelector('.ldx-morph input').value === '{N - 1}'")
        expect(page.get_by_role("button", name="Play from start to end")).to_be_visible()
        assert page.evaluate(PRESET) == packed[1][-1].tolist()
        page.keyboard.press("Escape")
        page.wait_for_function(SILENT)
        assert foreign == []


def test_the_keyboard_follows_the_slider(
    browser: Browser, address: str, paths: dict[str, PresetBank]
) -> None:
    with opened(browser, address, viewport={"width": 1280, "height": 900}) as page:
        page.get_by_role("button", name="play it on a keyboard: Operators matched").click()
        expect(page.locator("ldx-dock h2")).to_have_text("NYLONGTR 1")
        page.evaluate(PLAYER)
        page.keyboard.down("a")
        set_slider(page, 2)
        bank = paths["Operators matched"]
        expect(page.locator("ldx-dock h2")).to_have_text(bank.names[2])
        assert page.evaluate(PRESET) == bank.packed()[2].tolist()
        assert page.evaluate("[...player.held.keys()]") == [60]
        page.keyboard.up("a")
        page.get_by_role("button", name="Listen to Parameters (naive)").click()
        naive = paths["Parameters (naive)"]
        expect(page.locator("ldx-dock h2")).to_have_text(naive.names[2])
        assert page.evaluate(PRESET) == naive.packed()[2].tolist()
        page.locator("ldx-dock").get_by_role("button", name="No interpolation: a switch").click()
        set_slider(page, 1)
        switch = paths["No interpolation: a switch"].packed()
        assert page.evaluate(PRESET) == switch[1].tolist()
        expect(page.get_by_role("button", name="Listen to No interpolation")).to_have_attribute(
            "aria-pressed", "true"
        )


def test_axe_finds_nothing_and_a_phone_does_not_scroll_sideways(browser: Browser, address: str) -> None:
    with opened(browser, address, viewport={"width": 1280, "height": 800}) as page:
        page.wait_for_selector(".ldx-morph-bar")
        assert Axe().run(page).response["violations"] == []
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_from_a_file_it_plays_and_without_scripts_it_says_what_can_be_played(
    browser: Browser, book: Book, address: str
) -> None:
    file = (book.root / "book/morph.html").as_uri()
    with opened(browser, file) as page:
        page.wait_for_selector(".ldx-morph-bar")
        page.evaluate(PLAYER)
        set_slider(page, 1)
        page.wait_for_function("player.state === 'on'")
    with opened(browser, address, java_script_enabled=False) as page:
        expect(page.get_by_text("Without it, the recordings of the steps can be played.")).to_be_visible()
