"""The keyboard of listening rows in Chromium: on a host below a sub-path, from a file, in a single file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from latentdx import Dexed, PresetBank
from latentdx.display import Clip, media, row
from latentdx.display.listening_rows import compared
from live_sound import SILENT, hear
from pages import PLAYING, WEB
from static_host import served
from tones import tone

LOW = PresetBank.init()[0].with_values("LOW")
HIGH = LOW.with_values("HIGH", **{"OP1 F COARSE": 2})
PLAYER = "async () => { window.player = (await ldxLoad('player.js')).player; }"


@pytest.fixture(scope="module")
def folder(shared_chapter: Path) -> Path:
    """A site with two rows: its page, its scripts, and a page that is a single file."""
    synth = Dexed()
    target = Clip(tone(0.05, 440), "target")
    low, high = (Clip(synth.render(preset), preset.name, preset=preset) for preset in (LOW, HIGH))
    rows = [
        row(compared(target, [low, high]), "First", blind=True),
        row([Clip(low.sound, "moved", preset=LOW, paper_sound=high.sound), target], "Second"),
    ]
    style, script = (media.web_asset("report.css") + media.web_asset("site.css"), media.web_asset("site.js"))
    theme = "document.documentElement.dataset.theme = location.hash.slice(1) || 'light';"
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Rows</title>'
    head += (
        f'<meta name="viewport" content="width=device-width"><style>{style}</style><script>{theme}</script>'
    )
    scripts = '<script src="../_static/site.js"></script>'
    body = f"<main><h1>Rows</h1>{''.join(rows)}</main>"
    root = shared_chapter / "sub"
    (root / "book").mkdir(parents=True)
    shutil.copytree(WEB, root / "_static")
    (root / "_static/modules.js").write_text(media.web_modules("dock.js"), "utf8")
    shutil.copytree(shared_chapter / "media", root / "book/media")
    (root / "book/page.html").write_text(head + scripts + body, "utf8")
    single = f"<script>{media.web_modules('dock.js')}{script}</script>"
    (root / "book/single.html").write_text(head + single + body, "utf8")
    return root


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    with served(folder.parent) as address:
        yield f"{address}/sub"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1200, "height": 850}) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, host: str) -> Iterator[Page]:
    """The page on a host; no script may have failed, and nothing been asked of another host."""
    page = context.new_page()
    errors: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: r.url.startswith((host, "data:", "blob:")) or foreign.append(r.url))
    page.goto(f"{host}/book/page.html")
    yield page
    assert (errors, foreign) == ([], [])


def play_it(page: Page, title: str) -> None:
    """Open the keyboard for a clip, and wait until it sounds."""
    page.get_by_role("button", name=f"play it on a keyboard: {title}").click()
    page.wait_for_selector("ldx-dock")
    page.evaluate(PLAYER)
    page.wait_for_function("window.player.state === 'on'")


def dock_sounds(page: Page) -> dict[str, bool]:
    buttons = page.locator("ldx-dock .sounds button").all()
    return {str(b.text_content()): b.get_attribute("aria-pressed") == "true" for b in buttons}


def test_no_module_is_loaded_until_a_key_is_asked_for(context: BrowserContext, host: str) -> None:
    page = context.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url.rpartition("/")[2]))
    page.goto(f"{host}/book/page.html")
    page.wait_for_load_state("networkidle")
    assert not {"dock.js", "keyboard.js", "player.js", "engine.js", "modules.js"} & set(requested)
    play_it(page, "LOW, First")
    assert {"dock.js", "keyboard.js", "player.js", "engine.js"} <= set(requested)
    assert "modules.js" not in requested


def test_only_presets_have_a_key(page: Page) -> None:
    names = [key.text_content() for key in page.locator(".ldx-keys").all()]
    assert names == [
        f"play it on a keyboard: {name}" for name in ("LOW, First", "HIGH, First", "moved, Second")
    ]


def test_the_preset_sounds_at_the_rows_level(page: Page) -> None:
    play_it(page, "LOW, First")
    gain = float(str(page.locator(".ldx-row").first.get_attribute("data-gain-db")))
    page.keyboard.down("h")  # A4
    heard = hear(page)
    assert abs(heard["hertz"] - 440) < 4
    whole = abs(Dexed().render(LOW, 69)).max() * 10 ** (gain / 20)
    assert heard["peak"] == pytest.approx(whole, rel=0.02)
    page.keyboard.up("h")
    page.wait_for_function(SILENT)


def test_another_preset_takes_over_the_held_note(page: Page) -> None:
    play_it(page, "LOW, First")
    page.keyboard.down("h")
    assert abs(hear(page)["hertz"] - 440) < 4
    page.get_by_role("button", name="play it on a keyboard: HIGH, First").click()
    assert abs(hear(page)["hertz"] - 880) < 4
    page.locator("ldx-dock .sounds").get_by_text("LOW").click()
    assert abs(hear(page)["hertz"] - 440) < 4
    page.keyboard.press("3")
    assert abs(hear(page)["hertz"] - 880) < 4
    assert dock_sounds(page) == {"target": False, "LOW": False, "HIGH": True}
    assert page.locator(".ldx-on-keys .ldx-title").all_text_contents() == ["HIGH"]
    page.keyboard.up("h")
    page.wait_for_function(SILENT)


def test_a_note_that_the_pedal_holds_is_taken_over_too(page: Page) -> None:
    play_it(page, "LOW, First")
    page.locator("ldx-dock .sustain").click()
    page.keyboard.press("h")
    page.keyboard.press("3")
    assert abs(hear(page)["hertz"] - 880) < 4
    page.locator("ldx-dock .sustain").click()
    page.wait_for_function(SILENT)


def test_the_recorded_target_alternates_with_the_held_note(page: Page) -> None:
    play_it(page, "LOW, First")
    page.keyboard.down("h")
    assert hear(page)["peak"] > 0.01
    page.keyboard.press("1")
    page.wait_for_function(f"{PLAYING}[0]")
    page.wait_for_function(SILENT)
    assert dock_sounds(page) == {"target": True, "LOW": False, "HIGH": False}
    page.keyboard.press("2")
    assert page.evaluate(PLAYING) == [False] * 5
    assert abs(hear(page)["hertz"] - 440) < 4
    page.locator(".ldx-play").first.click()  # the row's own player
    page.wait_for_function(SILENT)
    page.keyboard.up("h")
    page.keyboard.press("a")
    assert page.evaluate(PLAYING) == [False] * 5


def test_the_rows_switches_reach_the_keyboard(page: Page) -> None:
    play_it(page, "moved, Second")
    page.evaluate(
        "window.told = []; const play = player.play.bind(player);"
        "player.play = (preset, options) => { told.push(options); play(preset, options); }; 0"
    )
    second = page.locator(".ldx-row").nth(1)
    second.locator(".ldx-era").click()
    second.locator(".ldx-level").click()
    page.locator(".ldx-row").nth(0).locator(".ldx-level").click()  # another row's
    gain = float(str(second.get_attribute("data-gain-db")))
    assert page.evaluate("told") == [
        {"gainDb": gain, "era": "0.9.3", "again": True},
        {"gainDb": 0, "era": "0.9.3", "again": True},
    ]


def test_escape_closes_releases_and_gives_the_focus_back(page: Page) -> None:
    play_it(page, "LOW, First")
    assert page.evaluate("document.activeElement.localName") == "ldx-dock"
    page.keyboard.down("h")
    assert page.evaluate("player.held.size") == 1
    page.keyboard.press("Escape")
    page.keyboard.up("h")
    expect(page.locator("ldx-dock")).to_have_count(0)
    page.wait_for_function("player.context.state === 'suspended'")
    assert page.evaluate("[player.held.size, document.body.style.paddingBottom]") == [0, ""]
    assert page.evaluate("document.activeElement.textContent") == "play it on a keyboard: LOW, First"
    assert page.locator(".ldx-keys[aria-pressed=true], .ldx-on-keys").count() == 0
    page.keyboard.press("Enter")
    page.wait_for_function("player.state === 'on'")
    page.keyboard.down("h")
    assert abs(hear(page)["hertz"] - 440) < 4


def test_the_menu_has_link_file_and_synth(page: Page, context: BrowserContext, host: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    play_it(page, "HIGH, First")
    menu = page.locator("ldx-dock summary")
    menu.click()
    address = str(page.get_by_role("link", name="Open in the synth").get_attribute("href"))
    assert address.startswith(f"{host}/book/")
    opened = page.evaluate(
        "async address => [...(await ldxLoad('voice_link.js')).decodeVoice(new URL(address).hash)]",
        address,
    )
    assert opened == HIGH.bank.packed()[0].tolist()
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("ldx-dock .status").first).to_contain_text("was copied")
    assert page.evaluate("navigator.clipboard.readText()") == address
    menu.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as .syx").click()
    assert download.value.suggested_filename == "HIGH.syx"
    assert download.value.path().read_bytes() == HIGH.sysex()


def test_a_voice_is_sent_to_the_synth_that_the_reader_chooses(page: Page) -> None:
    play_it(page, "HIGH, First")
    page.evaluate(
        """() => {
            window.sent = [];
            const output = name => ({id: name, name, send: data => sent.push([name, ...data])});
            const outputs = () => new Map(window.synths.map(name => [name, output(name)]));
            navigator.requestMIDIAccess = async () => ({outputs: outputs()});
            window.synths = ['DX7'];
        }"""
    )
    status = page.locator("ldx-dock .status").first
    for synths in (["DX7"], ["TX802", "DX7"], []):
        page.evaluate("synths => { window.synths = synths; window.sent = []; }", synths)
        page.locator("ldx-dock summary").click()
        page.get_by_role("button", name="Send to a synth").click()
        if len(synths) > 1:
            status.get_by_role("button", name="DX7").click()
        if synths:
            expect(status).to_contain_text("HIGH was sent to DX7, to its edit buffer")
            assert page.evaluate("window.sent") == [["DX7", *HIGH.sysex()]]
        else:
            expect(status).to_contain_text("No MIDI output was found.")
            assert page.evaluate("window.sent") == []


def test_escape_shuts_the_menu_first(page: Page) -> None:
    play_it(page, "LOW, First")
    page.locator("ldx-dock summary").click()
    page.keyboard.press("Escape")
    assert not page.locator("ldx-dock details").evaluate("details => details.open")
    expect(page.locator("ldx-dock")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("ldx-dock")).to_have_count(0)


def test_a_blind_test_is_not_given_away(page: Page) -> None:
    play_it(page, "LOW, First")
    page.get_by_role("button", name="Hide which is which").click()
    expect(page.locator("ldx-dock")).to_have_count(0)
    assert page.locator(".ldx-row").first.locator(".ldx-keys:visible").count() == 0


@pytest.mark.parametrize("name", ["page", "single"])
def test_a_page_opened_as_a_file_can_be_played(context: BrowserContext, folder: Path, name: str) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((folder / f"book/{name}.html").as_uri())
    page.get_by_role("button", name="play it on a keyboard: HIGH, First").click()
    page.wait_for_selector("ldx-dock")
    page.evaluate(PLAYER)
    page.wait_for_function("window.player.state === 'on'")
    page.keyboard.down("h")
    assert abs(hear(page)["hertz"] - 880) < 4
    page.locator("ldx-dock summary").click()
    links = page.locator("ldx-dock .open, ldx-dock .copy").evaluate_all("all => all.map(link => link.hidden)")
    assert links == [name == "single"] * 2  # a page on its own is part of no site
    assert errors == []


def test_where_nothing_can_be_loaded_the_page_says_so_and_recordings_play(
    context: BrowserContext, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "site")
    (tmp_path / "site/_static/modules.js").unlink()
    page = context.new_page()
    page.goto((tmp_path / "site/book/page.html").as_uri())
    page.get_by_role("button", name="play it on a keyboard: LOW, First").click()
    expect(page.locator(".ldx-facts").nth(1)).to_contain_text("It cannot be played live here")
    page.locator(".ldx-play").first.click()
    page.wait_for_function(f"{PLAYING}[0]")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_and_a_phone_does_not_scroll_sideways(
    browser: Browser, host: str, width: int, theme: str
) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        page.goto(f"{host}/book/page.html#{theme}")
        play_it(page, "LOW, First")
        page.locator("ldx-dock summary").click()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        box = page.locator("ldx-dock .menu").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
        found = Axe().run(page).response["violations"]
        assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in found] == []
