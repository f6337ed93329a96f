"""The site in a real Chromium, under a sub-path as on GitHub Pages: complete, offline and accessible."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Request,
    Response,
)

from static_host import served

pytestmark = pytest.mark.browser

TOC = (Path(__file__).parents[1] / "_toc.yml").read_text("utf8")
PAGES = [f"{name}.html" for name in re.findall(r"(?:root|file): (\S+)", TOC)]

# Violations that axe finds in the theme itself (sphinx-book-theme 1.3.0): rule -> the theme's elements.
THEMES_OWN = {
    "label-content-name-mismatch": (".search-button", ".nav-link"),
    "region": (".sidebar-primary-items__start",),
}


CUT_TABLES = """[...document.querySelectorAll('.ldx-scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => e.innerText.slice(0, 60))"""
LINES_OF_FIVE = """[...new Set([...document.querySelectorAll('.ldx-clips')]
    .filter(row => row.children.length === 5)
    .map(row => new Set([...row.children].map(clip => clip.getBoundingClientRect().top)).size))]"""


@pytest.fixture(scope="module")
def address(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the site on this machine, below a sub-path."""
    root = tmp_path_factory.mktemp("host")
    (root / "latentdx").symlink_to(site)
    with served(root) as host:
        yield f"{host}/latentdx"


@pytest.fixture(params=["http", "file"])
def origin(request: pytest.FixtureRequest, address: str, site: Path) -> str:
    """Address of the site on a host, and of its files as opened by a double click."""
    return address if request.param == "http" else site.as_uri()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context


# Scrolls every lazily loaded picture into view.
SCROLL_THROUGH = """async () => {
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
        scrollTo(0, y);
        await new Promise(done => setTimeout(done, 20));
    }
}"""


def test_pages_are_complete_and_request_nothing_from_other_hosts(
    context: BrowserContext, origin: str
) -> None:
    foreign, broken, errors = [], [], []

    def leave(request: Request) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            foreign.append(request.url)

    def arrive(response: Response) -> None:
        if response.status >= 400:
            broken.append(f"{response.status} {response.url}")

    def hear(message: ConsoleMessage) -> None:
        # the page that redirects to the first one names no icon, so the browser requests the host's
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            errors.append(f"{message.text} {message.location['url']}")

    def fail(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # aborted because the page was closed
            broken.append(f"{request.failure} {request.url}")

    context.on("request", leave)
    context.on("response", arrive)
    context.on("requestfailed", fail)
    context.on("console", hear)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto(f"{origin}/index.html")  # redirects to the book's first page
    page.wait_for_url(f"{origin}/{PAGES[0]}")
    # opened as a file, the search has no excerpts and logs errors about it
    search = ["search.html?q=preset"] if origin.startswith("http") else []
    names = [*PAGES, "genindex.html", *search]
    for part in range(6):
        opened = {}
        for name in names[part::6]:
            opened[name] = page = context.new_page()
            page.goto(f"{origin}/{name}")
            page.evaluate(SCROLL_THROUGH)  # in front, for only there are pictures loaded lazily
            page.wait_for_function("[...document.images].every(i => i.complete || !i.checkVisibility())")
        for name, page in opened.items():  # which had time meanwhile
            page.wait_for_load_state("networkidle")
            assert page.locator("article h1, #search-results").first.is_visible(), name
            page.close()
    assert (foreign, broken, errors) == ([], [], [])


# Returns the problems: each element must play for 0.2 s, seek, and reach its end.
PLAY_EVERYTHING = """async () => {
    const wrong = [];
    const within = (seconds, what, promise) => Promise.race([promise, new Promise((_, reject) =>
        setTimeout(() => reject(new Error(what + ' took over ' + seconds + ' s')), 1000 * seconds))]);
    const event = (audio, name) => new Promise(done => audio.addEventListener(name, done, {once: true}));
    const reach = async (audio, time) => {
        while (audio.currentTime < time) await new Promise(done => setTimeout(done, 10));
    };
    for (const audio of document.querySelectorAll('audio')) {
        try {
            await within(10, 'play', audio.play());
            const start = audio.currentTime;
            await within(10, '0.2 s of sound', reach(audio, Math.min(start + 0.2, audio.duration)));
            const end = event(audio, 'ended');
            audio.currentTime = audio.duration - 0.1;
            await within(10, 'the end', end);
            if (audio.error) wrong.push(audio.src + ': ' + audio.error.message);
        } catch (error) { wrong.push(audio.src + ': ' + error.message); }
    }
    return wrong;
}"""


@pytest.mark.parametrize("part", range(6))
def test_every_player_plays_to_its_end(context: BrowserContext, address: str, part: int) -> None:
    pages = {name: context.new_page() for name in PAGES[part::6]}
    for name, page in pages.items():  # which play at the same time, because that takes its time
        page.goto(f"{address}/{name}")
        page.evaluate(f"window.playing = ({PLAY_EVERYTHING})(); null")
    wrong = {name: page.evaluate("window.playing") for name, page in pages.items()}
    assert not any(wrong.values()), wrong


def test_keyboard_reaches_and_starts_a_player(context: BrowserContext, address: str) -> None:
    page = context.new_page()
    page.goto(f"{address}/{PAGES[0]}")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('audio, .ldx-play')"):
            break
    page.keyboard.press("Space")
    page.wait_for_function("[...document.querySelectorAll('audio')].some(audio => audio.currentTime > 0.1)")


def test_one_player_at_a_time(context: BrowserContext, address: str) -> None:
    page = context.new_page()
    page.goto(f"{address}/{PAGES[0]}")
    players = page.locator("audio")
    assert players.count() >= 2
    for number in [0, 1]:
        players.nth(number).evaluate("async audio => { await audio.play(); }")
    page.wait_for_function(
        "document.querySelectorAll('audio')[0].paused && !document.querySelectorAll('audio')[1].paused"
    )


def is_ours(rule: str, node: dict[str, list[str]]) -> bool:
    return not any(part in " ".join(map(str, node["target"])) for part in THEMES_OWN.get(rule, ()))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_that_is_ours_and_all_fits_into_its_column_and_onto_a_phone(
    browser: Browser, address: str, name: str, scheme: str, width: int
) -> None:
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        found = [
            f"{violation['id']}: {node['html'][:200]} {node['target']}"
            for violation in Axe().run(page).response["violations"]
            for node in violation["nodes"]
            if is_ours(violation["id"], node)
        ]
        page.set_viewport_size({"width": 1200, "height": 900})
        assert page.evaluate(CUT_TABLES) == []
        assert page.evaluate(LINES_OF_FIVE) in ([], [1])
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    assert found == []


@pytest.mark.parametrize(("scheme", "color"), [("light", (255, 255, 255)), ("dark", (13, 11, 20))])
def test_plots_follow_the_theme(
    browser: Browser, address: str, scheme: str, color: tuple[int, int, int]
) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{address}/book/results.html")
        plot = page.locator('.ldx-figure img[src$=".svg"]').first
        plot.scroll_into_view_if_needed()
        page.wait_for_function("plot => plot.complete", arg=plot.element_handle())
        picture = Image.open(io.BytesIO(plot.screenshot())).convert("RGB")
    assert picture.getpixel((picture.width // 2, 3)) == color


def test_formulas_are_typeset(context: BrowserContext, address: str, site: Path) -> None:
    written = [name for name in PAGES if 'class="math' in (site / name).read_text("utf8")]
    page = context.new_page()
    for name in written:
        page.goto(f"{address}/{name}")
        page.locator(".math").first.scroll_into_view_if_needed()
        page.wait_for_selector("mjx-container", state="attached")
        assert page.locator(".math:not(:has(mjx-container))").count() == 0, name
