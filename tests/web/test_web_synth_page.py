"""The synth's page as a reader uses it: cartridges, edits, undo, storing, links, the loop, a reload."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from latentdx.presets import PresetBank
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import voice_parameters
from latentdx_book.build.starter_json import write_starter

STARTER = Path(__file__).parents[2] / "data/starter"
HTML = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Synth</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="site.css">
<link rel="stylesheet" href="report.css">
<script type="module" src="synth_page.js"></script></head><body><main><h1>Synth</h1>
<ldx-synth></ldx-synth></main></body></html>"""
READY = "() => document.querySelector('ldx-synth')?.history.state.cartridges.length >= 12"
VOICE = """() => {
  const { values, name } = document.querySelector('ldx-synth').state.voice;
  return [[...values], name];
}"""
SOUND = """async ([values]) => {
  const { player } = await import('./player.js');
  const { render } = await import('./engine/engine.js');
  const options = { seconds: 0.3, rate: 22050 };
  const [heard, expected] = [render(player.preset, options), render(values, options)];
  return heard.every((sample, i) => sample === expected[i]) && heard.some((sample) => sample !== 0);
}"""

Open = Callable[..., Page]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without any memory of other tests."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000}, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def open_synth(context: BrowserContext, page: Page, tmp_path: Path) -> Iterator[Open]:
    """Function (hash) -> a page with the synth, ready to be used; errors and requests elsewhere fail."""
    trouble: list[str] = []
    home = urlsplit(page.url)
    write_starter(tmp_path / "starter.json")
    starter = (tmp_path / "starter.json").read_text()

    def answer(route: Route) -> None:
        if urlsplit(route.request.url).netloc != home.netloc:
            trouble.append(route.request.url)
        match urlsplit(route.request.url).path:
            case "/synth.html":
                route.fulfill(content_type="text/html", body=HTML)
            case "/starter.json":
                route.fulfill(content_type="application/json", body=starter)
            case _:
                route.continue_()

    context.route("**/*", answer)

    def open_page(fragment: str = "", into: Page | None = None) -> Page:
        opened = into or context.new_page()
        opened.on("pageerror", lambda error: trouble.append(str(error)))
        opened.goto(f"{home.scheme}://{home.netloc}/synth.html{fragment}")
        opened.wait_for_function(READY)
        return opened

    yield open_page
    assert not trouble


def voice(page: Page) -> Preset:
    values, name = page.evaluate(VOICE)
    return Preset(np.array(values, np.uint8), name)


def sounds_as(page: Page, preset: Preset) -> bool:
    return bool(page.evaluate(SOUND, [preset.values.tolist()]))


def voices(page: Page) -> Locator:
    return page.locator(".ldx-voices button")


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page, as from a file manager."""
    page.evaluate(
        """(files) => {
          const dataTransfer = new DataTransfer();
          for (const [name, text] of files) {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            dataTransfer.items.add(new File([bytes], name));
          }
          const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
          document.querySelector('h1').dispatchEvent(drop);
          if (!drop.defaultPrevented) throw new Error('the browser would leave the page');
        }""",
        [(name, b64encode(data).decode()) for name, data in files.items()],
    )


def set_value(page: Page, name: str, value: int) -> None:
    page.get_by_label(name, exact=True).evaluate(
        """(field, value) => {
          field.value = value;
          field.dispatchEvent(new Event('input', { bubbles: true }));
          field.dispatchEvent(new Event('change', { bubbles: true }));
        }""",
        str(value),
    )


def download(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_the_starter_cartridges_are_there_and_a_click_plays_a_voice(open_synth: Open) -> None:
    page = open_synth()
    bank = PresetBank.read(STARTER)
    assert voice(page) == bank[0]
    expect(page.get_by_label("Cartridge", exact=True).locator("option")).to_have_count(12)
    names = [re.sub(r"^\s*\d+ ", "", text) for text in voices(page).all_inner_texts()]
    assert names == list(bank.names[:32])
    voices(page).nth(4).click()
    assert voice(page) == bank[4] and sounds_as(page, bank[4])
    page.wait_for_function("async () => (await import('./player.js')).player.state === 'on'")


def test_search_finds_voices_of_all_cartridges(open_synth: Open) -> None:
    page = open_synth()
    bank = PresetBank.read(STARTER)
    expected = [i for i, name in enumerate(bank.names) if "ep" in name.lower().split()]
    page.get_by_label("Search all cartridges").fill("ep tine")
    found = [i for i in expected if "TINE" in bank.names[i]]
    assert found
    expect(voices(page)).to_have_count(len(found))
    expect(page.locator(".ldx-found")).to_have_text(f"{len(found)} voices found")
    page.get_by_label("Search all cartridges").fill("brass 3")
    voices(page).last.click()
    assert voice(page).name == voices(page).last.inner_text().split("\n")[0].split(maxsplit=1)[1].strip()
    page.get_by_label("Search all cartridges").fill("no such voice")
    expect(page.locator(".ldx-found")).to_have_text("0 voices found")


def test_every_value_has_a_control_that_shows_it(open_synth: Open) -> None:
    page = open_synth()
    bank = PresetBank.read(STARTER)
    shown = page.evaluate("""() => {
      const { editor } = document.querySelector('ldx-synth');
      const name = (field) => field.getAttribute('aria-label');
      return [...editor.fields].map(([at, { field }]) => [at, name(field), Number(field.value)]);
    }""")
    assert sorted(at for at, _, _ in shown) == list(range(145))
    for at, name, value in shown:
        assert name == voice_parameters()[at].name and value == bank.values[0, at]


def test_an_edit_changes_the_sound_and_undo_brings_it_back(open_synth: Open) -> None:
    page = open_synth()
    voices(page).nth(2).click()
    before = voice(page)
    level = 99 - before["OP1 OUTPUT LEVEL"] // 2
    set_value(page, "OP1 OUTPUT LEVEL", level)
    set_value(page, "ALGORITHM", 31)
    set_value(page, "OP2 EG RATE 1", 42)
    after = before.with_values(**{"OP1 OUTPUT LEVEL": level, "ALGORITHM": 31, "OP2 EG RATE 1": 42})
    assert voice(page) == after and sounds_as(page, after) and not sounds_as(page, before)
    expect(page.locator(".ldx-edited")).to_have_text("changed")
    assert "carriers 1, 2, 3, 4, 5, 6" in (page.locator(".ldx-graph").get_attribute("aria-label") or "")
    for _ in range(3):
        page.get_by_role("button", name="Undo").click()
    assert voice(page) == before and sounds_as(page, before)
    expect(page.get_by_label("OP1 OUTPUT LEVEL", exact=True)).to_have_value(str(before["OP1 OUTPUT LEVEL"]))
    page.locator(".ldx-page").press("Control+Shift+z")
    assert voice(page)["OP1 OUTPUT LEVEL"] == level


def test_a_slider_moves_by_keys_and_its_way_is_one_step(open_synth: Open) -> None:
    page = open_synth()
    before = voice(page)
    slider = page.get_by_label("FEEDBACK", exact=True)
    slider.focus()
    step = -1 if before["FEEDBACK"] > 3 else 1
    for _ in range(3):
        page.keyboard.press("ArrowRight" if step > 0 else "ArrowLeft")
    assert voice(page)["FEEDBACK"] == before["FEEDBACK"] + 3 * step
    expect(slider).to_have_attribute("aria-valuetext", str(before["FEEDBACK"] + 3 * step))
    page.keyboard.press("Control+z")
    assert voice(page) == before


def test_a_number_out_of_range_changes_nothing(open_synth: Open) -> None:
    page = open_synth()
    before = voice(page)
    field = page.get_by_label("OP3 EG RATE 2", exact=True)
    field.fill("100")
    field.blur()
    assert voice(page) == before
    expect(field).to_have_value(str(before["OP3 EG RATE 2"]))


def test_what_is_stored_and_downloaded_is_what_the_library_writes(open_synth: Open) -> None:
    page = open_synth()
    bank = PresetBank.read(STARTER / "01-electric-pianos.syx")
    set_value(page, "OP4 F COARSE", 7)
    set_value(page, "LFO WAVE", 5)
    page.get_by_label("Name of the voice").fill("MY OWN")
    edited = bank[0].with_values("MY OWN", **{"OP4 F COARSE": 7, "LFO WAVE": 5})
    name, data = download(page, "Download voice")
    assert name == "MY OWN.syx" and data == edited.sysex()
    page.get_by_label("Slot").select_option("9")
    page.get_by_role("button", name="Store here").click()
    expect(page.locator(".ldx-status")).to_have_text(
        "MY OWN is stored as number 10 of Electric pianos (my copy)."
    )
    name, data = download(page, "Download cartridge")
    assert name == "Electric pianos (my copy).syx"
    assert data == PresetBank([*bank[:9], edited, *bank[10:]]).sysex()
    page.get_by_label("Cartridge", exact=True).select_option("Electric pianos")  # ours stays as it was
    assert download(page, "Download cartridge")[1] == bank.sysex()


def test_dropped_files_are_added_and_a_broken_one_says_why_and_loses_nothing(open_synth: Open) -> None:
    page = open_synth()
    set_value(page, "FEEDBACK", 3)
    before = voice(page)
    drop(page, {"notes.syx": b"Patch list\r\n1. Piano\r\n"})
    expect(page.locator(".ldx-status")).to_contain_text(
        r"notes.syx, byte 0: found text 'Patch list\r\n1. P', expected 0xF0, start of a SysEx message"
    )
    assert voice(page) == before
    expect(page.get_by_label("Cartridge", exact=True).locator("option")).to_have_count(12)

    brass = (STARTER / "04-brass.syx").read_bytes()
    drop(page, {"cut.syx": brass[:3000], "bad.syx": b"\xf0\x42\xf7", "two.syx": brass + brass})
    expect(page.locator(".ldx-status")).to_contain_text("87 voices were added. bad.syx, byte 1")
    options = page.get_by_label("Cartridge", exact=True).locator("option").all_inner_texts()
    assert options[12:] == ["cut", "two, 1 of 2", "two, 2 of 2"]
    page.locator(".ldx-notes summary").click()
    expect(page.locator(".ldx-notes")).to_contain_text("voices read before that: 23")
    page.get_by_label("Cartridge", exact=True).select_option("cut")
    expect(voices(page).first).to_contain_text("damaged")
    for _ in range(2):  # one step for each file
        page.get_by_role("button", name="Undo").click()
    assert voice(page) == before
    expect(page.get_by_label("Cartridge", exact=True).locator("option")).to_have_count(12)


def test_a_reload_brings_everything_back(open_synth: Open) -> None:
    page = open_synth()
    drop(page, {"brass.syx": (STARTER / "04-brass.syx").read_bytes()})
    expect(page.locator(".ldx-status")).to_contain_text("32 voices were added")
    voices(page).nth(7).click()
    set_value(page, "OP1 F FINE", 33)
    page.get_by_label("Step 1", exact=True).click()
    page.get_by_label("MIDI note of step 3", exact=True).fill("72")
    before = voice(page)
    pattern = "() => JSON.stringify(document.querySelector('ldx-synth').loop.loop.pattern)"
    steps = page.evaluate(pattern)
    page.evaluate("() => document.querySelector('ldx-synth').session.keeping")
    again = open_synth(into=page)
    assert voice(again) == before
    assert again.evaluate(pattern) == steps
    assert json.loads(steps)["steps"][2]["key"] == 72
    expect(again.get_by_label("Cartridge", exact=True).locator("option:checked")).to_have_text("brass")
    expect(again.locator(".ldx-edited")).to_have_text("changed")
    expect(voices(again).nth(7)).to_have_attribute("aria-current", "true")
    again.get_by_role("button", name="Remove cartridge").click()
    again.evaluate("() => document.querySelector('ldx-synth').session.keeping")
    expect(open_synth(into=again).get_by_label("Cartridge", exact=True).locator("option")).to_have_count(12)


def test_two_tabs_do_not_overwrite_what_the_other_one_added(open_synth: Open) -> None:
    tabs = [open_synth(), open_synth()]
    for tab, name in zip(tabs, ["04-brass.syx", "05-bells.syx"], strict=True):
        drop(tab, {name: (STARTER / name).read_bytes()})
        expect(tab.locator(".ldx-status")).to_contain_text("32 voices were added")
        tab.evaluate("() => document.querySelector('ldx-synth').session.keeping")
    options = open_synth().get_by_label("Cartridge", exact=True).locator("option").all_inner_texts()
    assert sorted(options[12:]) == ["04-brass", "05-bells"]


def test_a_browser_that_keeps_nothing_is_told_of_and_works(open_synth: Open, context: BrowserContext) -> None:
    context.add_init_script("""
      for (const name of ['localStorage', 'indexedDB'])
        Object.defineProperty(window, name, { get: () => { throw new Error('not here'); } });
    """)
    page = open_synth()
    expect(page.locator(".ldx-status")).to_contain_text("doesn't keep your cartridges and changes")
    voices(page).nth(3).click()
    set_value(page, "FEEDBACK", 1)
    assert voice(page)["FEEDBACK"] == 1


def test_a_link_opens_its_voice_and_a_bad_one_says_so(open_synth: Open, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_synth()
    set_value(page, "OP6 OSC DETUNE", 14)
    page.get_by_label("Name of the voice").fill("LINKED")
    wanted = voice(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".ldx-status")).to_have_text("The link is copied: it holds the voice itself.")
    fragment = "#" + page.evaluate("() => navigator.clipboard.readText()").split("#")[1]
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    opened = open_synth(fragment)
    assert voice(opened) == wanted
    expect(opened.locator(".ldx-status")).to_have_text("LINKED came with the link.")
    bad = open_synth(fragment[:-9])
    expect(bad.locator(".ldx-status")).to_contain_text("The page shows another voice instead.")
    assert len(voice(bad).values) == 145


def test_the_keyboard_plays_the_voice_and_the_drawings_follow(open_synth: Open) -> None:
    page = open_synth()
    bank = PresetBank.read(STARTER)
    page.locator(".ldx-page h2").first.click()
    page.keyboard.down("a")
    page.wait_for_function("async () => (await import('./player.js')).player.state === 'on'")
    assert sounds_as(page, bank[0])
    page.wait_for_function("""() => [...document.querySelector('ldx-synth').algorithm.bars.values()]
      .some((bar) => bar.style.transform !== 'scaleY(0)' && bar.style.transform !== 'scaleY(0.000)')""")
    expect(page.locator(".ldx-envelope .ldx-now").first).to_be_attached()
    page.keyboard.up("a")
    page.wait_for_function("""() =>
      !document.querySelector('ldx-synth').shadowRoot.querySelector('.ldx-envelope .ldx-now')""")


def test_operators_can_be_switched_off_for_listening(open_synth: Open) -> None:
    page = open_synth()
    before = voice(page)
    page.evaluate("""async () => {
      const { player } = await import('./player.js');
      player.mute = (operators) => (window.muted = operators);
    }""")
    page.get_by_label("OP2 SWITCH").click()
    assert page.evaluate("() => window.muted") == [False] * 4 + [True, False]
    expect(page.get_by_label("OP2 SWITCH")).to_have_attribute("aria-pressed", "false")
    assert voice(page) == before


LOOP = """async ([pattern, until]) => {
  const { StepLoop } = await import('./step_loop.js');
  const sent = [];
  const output = {
    press: (key, velocity, time) => sent.push(['press', key, time]),
    release: (key, time) => sent.push(['release', key, time]),
  };
  const loop = new StepLoop(output, () => 2);
  loop.pattern = pattern;
  loop.start();
  loop.send(until);
  loop.stop();
  return sent;
}"""


def test_the_loop_presses_and_releases_at_the_right_times(open_synth: Open) -> None:
    page = open_synth()
    steps: list[dict[str, Any]] = [{"on": i in (0, 5, 15), "key": 48 + i} for i in range(16)]
    sent = page.evaluate(LOOP, [{"tempo": 120, "steps": steps}, 2.05 + 16 * 0.125 + 0.01])
    expected = []
    for at, key in [(0, 48), (5, 53), (15, 63), (16, 48)]:  # a step of 120 bpm lasts an eighth of a second
        time = 2.05 + at * 0.125
        expected += [["press", key, pytest.approx(time)], ["release", key, pytest.approx(time + 0.9 * 0.125)]]
    assert sent == expected


def test_the_loop_sounds_and_stops(open_synth: Open) -> None:
    page = open_synth()
    page.get_by_role("button", name="Play loop").click()
    page.wait_for_function("""async () => {
      const { loop } = document.querySelector('ldx-synth').loop;
      return loop.running && loop.step > 2;
    }""")
    expect(page.locator(".ldx-cell.ldx-now")).to_have_count(1)
    page.get_by_role("button", name="Stop loop").click()
    expect(page.locator(".ldx-cell.ldx-now")).to_have_count(0)
    assert not page.evaluate("() => document.querySelector('ldx-synth').loop.loop.running")


def test_the_list_of_voices_is_one_stop_of_the_tab_key(open_synth: Open) -> None:
    page = open_synth()
    assert [b.get_attribute("tabindex") for b in voices(page).all()].count("0") == 1
    voices(page).first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert voice(page) == PresetBank.read(STARTER)[2]
    expect(voices(page).nth(2)).to_be_focused()
    page.keyboard.press("End")
    expect(voices(page).last).to_be_focused()


def test_everything_fits_a_phone_and_has_a_name(open_synth: Open) -> None:
    page = open_synth()
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    nameless = page.evaluate("""() => {
      const { shadowRoot } = document.querySelector('ldx-synth');
      return [...shadowRoot.querySelectorAll('button, select, input:not([hidden])')]
        .filter((field) => !(field.ariaLabel || field.textContent.trim() || field.labels?.length))
        .map((field) => field.outerHTML);
    }""")
    assert nameless == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_synth: Open, theme: str) -> None:
    page = open_synth()
    page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
    for details in page.locator(".ldx-page details:not([hidden]) summary").all():
        details.click()
    set_value(page, "FEEDBACK", 2)
    page.get_by_label("Search all cartridges").fill("ep")
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found] == []


def test_links_to_voices_lead_to_the_page_of_the_book() -> None:
    root = Path(__file__).parents[2]
    (name,) = re.findall(
        r"SYNTH_PAGE = '(.+)\.html'", (root / "lib/latentdx/web/voice_link.js").read_text("utf8")
    )
    assert f"file: {name}\n" in (root / "_toc.yml").read_text("utf8")
    assert "<ldx-synth>" in (root / f"{name}.md").read_text("utf8")
