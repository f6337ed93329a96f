"""Blind test of a page in a real Chromium, opened as a file."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from latentdx import PresetBank
from latentdx.display import Clip, Distances, row
from pages import TIME, opened, slow_down, wait_playing, write_page
from tones import tone

pytestmark = pytest.mark.browser

NAMES = ("near", "middle", "far")
TOGGLE = "Hide which is which"
NO_STORAGE = """for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, {get() { throw new DOMException('denied', 'SecurityError'); }});"""
KEPT = "Object.entries(localStorage)"


def blind_row(title: str, base: int, *, known: bool = False) -> object:
    preset = PresetBank.init()[0]
    versions = [
        Clip(
            tone(0.3, base + 50 * (i + 1)),
            name,
            (f"fact of {name}",),
            preset.with_values(name, ALGORITHM=i),
            distances=Distances(i, i, i, 0.1 * (i + 1)),
        )
        for i, name in enumerate(NAMES)
    ]
    target = Clip(tone(0.3, base), f"{title}, target", preset=preset.with_values("orig") if known else None)
    return row([target, *versions], title, blind=True)


@pytest.fixture(scope="module")
def address(shared_chapter: Path) -> str:
    plain = row([Clip(tone(0.3, 700), "alone")], "Not in the test")
    rows = [plain, blind_row("First", 300, known=True), blind_row("Second", 400)]
    return write_page(shared_chapter, rows)  # type: ignore[arg-type]


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address, viewport={"width": 360, "height": 740}) as page:
        yield page


def group(page: Page, title: str) -> Locator:
    return page.get_by_role("figure", name=title)


def titles(page: Page, title: str) -> list[str]:
    return group(page, title).locator(".ldx-title").all_text_contents()


def told(page: Page, title: str) -> str:
    """Return the texts and names of a row that a reader sees or a screen reader reads, without its target."""
    return group(page, title).evaluate(
        """row => [...row.querySelectorAll('.ldx-clip + .ldx-clip, .ldx-clips ~ *')]
            .flatMap(part => [part, ...part.querySelectorAll('*')])
            .filter(e => e.checkVisibility())
            .map(e => [e.innerText, e.ariaLabel, e.alt, e.download].join(' ')).join(' ')"""
    )


def letter_of(page: Page, title: str, name: str) -> str:
    """Return the letter that hides this version, which a reader does not know."""
    place = NAMES.index(name)
    sounds = page.evaluate("t => order(t)", title)
    return "ABC"[sounds.index(page.evaluate("t => before[t]", title)[place + 1]) - 1]


def start(page: Page) -> None:
    """Remember the order of the sounds, and hide which is which."""
    page.evaluate(
        """() => {
            window.order = title => [...document.querySelectorAll(`[aria-label="${title}"] audio`)]
                .map(audio => audio.getAttribute('src'));
            window.before = {First: order('First'), Second: order('Second')};
        }"""
    )
    page.get_by_role("button", name=TOGGLE).click()
    expect(page.get_by_role("button", name=TOGGLE)).to_have_attribute("aria-pressed", "true")


def vote(page: Page, title: str, name: str) -> None:
    group(page, title).get_by_role("button", name=f"{letter_of(page, title, name)} is closest").click()
    expect(group(page, title).locator(".ldx-result")).to_be_focused()


def test_nothing_is_hidden_until_a_reader_asks(page: Page) -> None:
    assert titles(page, "First") == ["First, target", *NAMES]
    expect(page.get_by_role("region", name="Blind test")).to_be_visible()
    assert page.get_by_role("button", name="is closest").count() == 0
    assert page.evaluate(KEPT) == []


def test_everything_that_gives_a_version_away_is_hidden_except_for_the_target(page: Page) -> None:
    start(page)
    for title in ("First", "Second"):
        assert titles(page, title) == [f"{title}, target", "Version A", "Version B", "Version C"]
        telling = r"\b(near|middle|far|fact|peak|SC|syx|algorithm|strongest|Parameters)\b"
        assert re.findall(telling, told(page, title)) == []
        seen = "row => [...row.querySelectorAll('img')].map(image => getComputedStyle(image).opacity)"
        assert group(page, title).evaluate(seen) == ["1", "0", "0", "0"]
    expect(page.get_by_role("button", name="Play Version A, First")).to_be_visible()
    assert titles(page, "Not in the test") == ["alone"]


def test_versions_are_shuffled_and_the_target_stays_first(page: Page) -> None:
    page.evaluate("Math.random = () => 0")  # moves every version
    start(page)
    before, after = page.evaluate("before.First"), page.evaluate("order('First')")
    assert after[0] == before[0] and sorted(after) == sorted(before)
    assert all(a != b for a, b in zip(before[1:], after[1:], strict=True))
    page.get_by_role("button", name=TOGGLE).click()
    expect(page.get_by_role("button", name=TOGGLE)).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("order('First')") == before
    assert titles(page, "First") == ["First, target", *NAMES]


def test_every_order_of_the_versions_is_equally_likely(page: Page) -> None:
    page.evaluate(
        "() => { window.order = () => "
        "[...document.querySelectorAll('[aria-label=\"First\"] audio')].map(a => a.src).join(); }"
    )
    seen = page.evaluate(
        """toggle => {
            const all = [...document.querySelectorAll('button')], seen = {};
            const button = all.find(b => b.textContent === toggle);
            for (let i = 0; i < 240; i++) {
                button.click();
                seen[order()] = (seen[order()] ?? 0) + 1;
                button.click();
            }
            return Object.values(seen);
        }""",
        TOGGLE,
    )
    assert len(seen) == 6
    assert min(seen) > 12  # 40 each; less than this once in a hundred thousand runs


def test_after_a_vote_the_names_and_the_measured_distances_appear(page: Page) -> None:
    start(page)
    heard = page.evaluate("order('First')")
    vote(page, "First", "near")
    first = group(page, "First")
    expect(first.locator(".ldx-result")).to_have_text(
        "You chose near, which has the smallest measured distance."
    )
    assert page.evaluate("order('First')") == heard  # as it was heard
    assert sorted(t[3:] for t in titles(page, "First")[1:]) == sorted(NAMES)
    assert [t[:3] for t in titles(page, "First")[1:]] == ["A: ", "B: ", "C: "]
    expect(first.locator(".ldx-chosen .ldx-title")).to_contain_text("near")
    assert first.get_by_role("button", name="is closest").count() == 0
    assert "fact of far" in told(page, "First") and "Parameters that differ" in told(page, "First")
    assert "fact of far" not in told(page, "Second")
    expect(page.get_by_role("status")).to_have_text(
        "You chose the version with the smallest measured distance in 1 of 1 row; "
        "guessing would do so in 0.3 on average. Votes: near 1."
    )
    vote(page, "Second", "far")
    expect(group(page, "Second").locator(".ldx-result")).to_have_text(
        "You chose far. The smallest measured distance is that of near."
    )
    expect(page.get_by_role("status")).to_have_text(
        "You chose the version with the smallest measured distance in 1 of 2 rows; "
        "guessing would do so in 0.7 on average. Votes: near 1, far 1."
    )


def test_votes_stay_in_this_browser_until_they_are_cleared(page: Page) -> None:
    start(page)
    vote(page, "Second", "middle")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("Votes: middle 1.")
    assert titles(page, "Second") == ["Second, target", *NAMES]  # voted: nothing to hide
    assert titles(page, "First")[1:] == ["Version A", "Version B", "Version C"]
    page.get_by_role("button", name="Clear my votes").click()
    expect(page.get_by_role("status")).to_have_text("")
    expect(page.get_by_role("button", name=TOGGLE)).to_be_focused()
    assert titles(page, "Second")[1:] == ["Version A", "Version B", "Version C"]
    page.get_by_role("button", name=TOGGLE).click()
    expect(page.get_by_role("button", name=TOGGLE)).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(KEPT) == []


@pytest.mark.parametrize(
    "kept", ["no JSON", "null", '{"votes": 3}', '{"on": true, "votes": {"First": "gone"}}']
)
def test_stored_votes_that_are_unreadable_or_from_another_build_are_ignored(page: Page, kept: str) -> None:
    page.evaluate("kept => localStorage.setItem(`latentdx:blind:${location.pathname}`, kept)", kept)
    page.reload()
    expect(page.get_by_role("status")).to_have_text("")
    on = '"on": true' in kept
    expect(page.get_by_role("button", name=TOGGLE)).to_have_attribute("aria-pressed", json.dumps(on))
    assert titles(page, "First")[1] == ("Version A" if on else "near")


def test_the_blind_test_works_without_storage(browser: Browser, address: str) -> None:
    with browser.new_context() as window:
        window.add_init_script(NO_STORAGE)
        page, errors = window.new_page(), list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        start(page)
        vote(page, "First", "far")
        expect(page.get_by_role("status")).to_contain_text("Votes: far 1.")
        switch = group(page, "First").get_by_role("button", name="true level")
        switch.click()
        expect(switch).to_have_attribute("aria-pressed", "true")
        assert errors == []


def test_the_blind_test_works_with_the_keyboard_alone(page: Page) -> None:
    slow_down(page)

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(
                "n => (document.activeElement.ariaLabel ?? document.activeElement.textContent) === n", name
            ):
                return
        pytest.fail(f"Tab does not reach {name!r}")

    tab_to(TOGGLE)
    page.keyboard.press("Space")
    tab_to("Play Version A, First")
    page.keyboard.press("Enter")
    wait_playing(page, 2)  # after the row that is not in the test, and the target
    page.wait_for_function(f"({TIME})(2) > 0.1")
    page.keyboard.press("1")  # the target, from the same moment
    wait_playing(page, 1)
    assert page.evaluate(TIME, 1) > 0.05
    tab_to("B is closest")
    page.keyboard.press("Enter")
    expect(group(page, "First").locator(".ldx-result")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("1 row;")
    wait_playing(page, 1)  # a vote does not stop the sound


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_blind_test_is_accessible_and_fits_a_phone(
    browser: Browser, shared_chapter: Path, theme: str
) -> None:
    (shared_chapter / theme).mkdir()
    markup = (
        (shared_chapter / "page.html")
        .read_text("utf8")
        .replace('data-theme="light"', f'data-theme="{theme}"')
    )
    # colors that the book's theme defines
    colors = {"light": ("#fff", "#323232", "#f5f5f5"), "dark": ("#14181e", "#ced6dd", "#29313d")}[theme]
    style = (
        "<style>:root {{ --pst-color-background: {0}; --pst-color-text-base: {1}; --pst-color-surface: {2}; "
        "--pst-color-text-muted: {1} }} body {{ background: {0}; color: {1} }} "
        "a {{ color: var(--pst-color-link) }}</style>"
    ).format(*colors)
    page_file = shared_chapter / f"{theme}.html"
    page_file.write_text(markup.replace("</title>", f"</title>{style}"), "utf8")
    with opened(browser, page_file.as_uri(), viewport={"width": 360, "height": 740}) as page:
        start(page)
        vote(page, "First", "near")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
        violations = (
            Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}).response["violations"]
        )
        assert [(v["id"], node["html"][:150]) for v in violations for node in v["nodes"]] == []


def test_without_scripts_there_is_no_blind_test(browser: Browser, address: str) -> None:
    with opened(browser, address, java_script_enabled=False) as page:
        assert titles(page, "First") == ["First, target", *NAMES]
        assert page.get_by_text("Blind test").count() == 0
        assert page.locator("button").count() == 0
        expect(group(page, "First").get_by_text("fact of near")).to_be_visible()
