"""The map of presets in Chromium: its dots, keys and switches, and presets that the model places."""

from pathlib import Path

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from book_folder import Book
from latentdx.applications.programmer import load_model
from latentdx.audio.engine.synth import Engine
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx_book.build.web_model import write_web_model
from latentdx_book.chapters.latent_map import LatentMap, Spot, map_html
from live_sound import SILENT, hear
from pages import PLAYING, opened

PLAYER = "async () => { window.player = (await ldxLoad('player.js')).player; }"
MAP = "document.querySelector('ldx-map')"
ROWS = (3, 100, 250, 300)  # starter presets
PLACES = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]])


@pytest.fixture(scope="module")
def presets() -> LatentMap:
    """Four starter presets in the corners, with the default model's latents of their sounds."""
    bank = corpora.read("starter").neutral()[list(ROWS)]
    sounds = [Engine().render(preset) for preset in bank]
    programmer = load_model("latentdx")
    with torch.inference_mode():
        normalized = programmer.model.normalize(torch.cat([programmer.spectrograms(s) for s in sounds]))
        latents = programmer.model.latent_flow(programmer.model.encode(normalized)[0])[0].numpy()
    peaks = np.array([np.abs(sound).max() for sound in sounds])
    return LatentMap(PLACES, latents, ["low", "low", "<high>", "<high>"], bank, peaks, programmer.sha256)


@pytest.fixture(scope="module")
def address(book: Book, presets: LatentMap) -> str:
    spots = [Spot(i, presets.presets.names[i], Engine().render(presets.presets[i])[:33_075]) for i in (0, 3)]
    return book.write("map.html", map_html(presets, spots, "Map", "Four."))


def wait(page: Page) -> None:
    page.wait_for_selector(".ldx-map-on")
    page.evaluate(PLAYER)


def dot(page: Page) -> str:
    """What a screen reader is told of the dot that is on."""
    found = page.locator(f"#{page.get_by_role('listbox').get_attribute('aria-activedescendant')}")
    assert found.get_attribute("aria-setsize") == "4"
    return str(found.text_content())


def preset(page: Page) -> list[int] | None:
    found: list[int] | None = page.evaluate("player.preset && [...player.preset]")
    return found


def point(page: Page, x: float, y: float, *, click: bool = False) -> None:
    """Move the mouse to a place of the map, or click there."""
    box = page.get_by_role("listbox").bounding_box()
    assert box
    at = (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.move(*at)
    if click:
        page.mouse.click(*at)


def test_keys_mouse_and_switches(browser: Browser, address: str, presets: LatentMap) -> None:
    names, packed = presets.presets.names, presets.presets.packed()
    with opened(browser, address, viewport={"width": 600, "height": 900}) as page:
        wait(page)
        assert page.evaluate(f"{MAP}.dots.length") == 4 and not page.locator("audio:visible").count()
        hover, mute = (page.get_by_role("switch", name=name) for name in ("Play on hover", "Mute"))
        expect(hover).not_to_be_checked()
        expect(mute).not_to_be_checked()
        # the keyboard: one stop, arrows to the closest dot in a direction, Enter plays
        mute.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.get_by_role("listbox", name="Map")).to_be_focused()
        assert dot(page) == f"{names[0]}, low"
        page.keyboard.press("ArrowRight")
        assert dot(page) == f"{names[1]}, low"
        page.keyboard.press("ArrowRight")  # there is none
        page.keyboard.press("ArrowDown")
        assert dot(page) == f"{names[3]}, <high>"
        expect(page.locator("ldx-map .ldx-title")).to_have_text(names[3])
        assert preset(page) is None
        page.keyboard.press("Enter")
        page.wait_for_function("player.state === 'on'")
        assert preset(page) == packed[3].tolist() and hear(page)["peak"] > 0.05
        page.keyboard.press("Escape")
        page.wait_for_function(SILENT)
        # the mouse shows, and plays only if that is wanted; away from the map, the chosen dot is on again
        point(page, 0.21, 0.2)
        assert dot(page) == f"{names[0]}, low"
        page.wait_for_timeout(100)
        assert preset(page) == packed[3].tolist()
        hover.check()
        assert dot(page) == f"{names[3]}, <high>"
        point(page, 0.2, 0.79)
        page.wait_for_function(f"player.preset.join() === '{','.join(map(str, packed[2]))}'")
        mute.check()
        page.wait_for_function(SILENT)
        point(page, 0.8, 0.2, click=True)
        page.wait_for_timeout(100)
        assert preset(page) == packed[2].tolist()
        expect(page.locator("ldx-map .ldx-title")).to_have_text(names[1])
        # the keyboard at the bottom plays the chosen dot, whatever the mouse has played meanwhile
        mute.uncheck()
        page.get_by_role("button", name=f"play it on a keyboard: {names[1]}, Map").click()
        expect(page.locator("ldx-dock h2")).to_have_text(names[1])
        page.evaluate(f"{MAP}.show(0); {MAP}.play()")
        assert preset(page) == packed[0].tolist()
        page.keyboard.down("a")
        assert preset(page) == packed[1].tolist()
        page.keyboard.up("a")
        page.evaluate(f"{MAP}.choose(2)")
        expect(page.locator("ldx-dock h2")).to_have_text(names[2])


def test_axe_finds_nothing_on_a_phone_in_the_dark(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}#dark", viewport={"width": 390, "height": 900}) as page:
        wait(page)
        page.evaluate(f"{MAP}.choose(1)")
        assert Axe().run(page).response["violations"] == []
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_a_move_over_5000_dots_takes_a_part_of_a_frame(browser: Browser, address: str) -> None:
    with opened(browser, address, viewport={"width": 1280, "height": 900}) as page:
        wait(page)
        found = page.evaluate(
            f"""() => {{
              const map = {MAP}, four = map.dots, [first] = four;
              map.dots = Array.from({{length: 5000}}, (_, i) =>
                ({{...four[i % 4], x: (i % 100 + .5) / 100, y: (Math.floor(i / 100) + .5) / 50,
                  neighbors: [0, 99, 4900, 4999]}}));
              map.draw();
              const box = map.picker.getBoundingClientRect();
              const times = [], shown = [];
              for (const i of [2550, 17, 4321, 99, 1234, 777, 4000]) {{
                const start = performance.now(), {{x, y}} = map.dots[i];
                map.picker.dispatchEvent(new PointerEvent('pointermove',
                  {{clientX: box.left + x * box.width, clientY: box.top + y * box.height}}));
                map.drawCurrent();
                times.push(performance.now() - start);
                shown.push(map.current);
              }}
              const [canvas] = map.layers, context = canvas.getContext('2d');
              const pixel = i => [...context.getImageData(
                map.dots[i].x * canvas.width, map.dots[i].y * canvas.height, 1, 1).data];
              return {{shown, time: times.sort((a, b) => a - b)[3], pixels: [pixel(0), pixel(4998)]}};
            }}"""
        )
        assert found["shown"] == [2550, 17, 4321, 99, 1234, 777, 4000]
        assert found["time"] < 8  # ms, half a frame; 0.6 on two busy cores
        assert all(pixel[3] > 150 for pixel in found["pixels"]) and found["pixels"][0] != found["pixels"][1]


def test_from_a_file_dots_play_and_without_scripts_recordings_do(
    browser: Browser, book: Book, address: str
) -> None:
    with opened(browser, (book.root / "book/map.html").as_uri()) as page:
        wait(page)
        point(page, 0.2, 0.2, click=True)
        page.wait_for_function("player.state === 'on'")
        page.locator("input[type=file]").set_input_files([{"name": "a", "mimeType": "", "buffer": b"a"}])
        expect(page.get_by_role("status")).to_contain_text("can be loaded only from a web server")
    with opened(browser, address, java_script_enabled=False) as page:
        assert page.locator("audio[controls]:visible").count() == 2
        assert page.locator(".ldx-map-dots path").count() == 2
    with browser.new_context(
        viewport={"width": 600, "height": 900}
    ) as context:  # no live sound: a recording instead
        page = context.new_page()
        page.add_init_script("delete globalThis.AudioContext")
        page.goto(address)
        wait(page)
        point(page, 0.8, 0.8, click=True)
        page.wait_for_function(f"{PLAYING}.join() === 'false,true'")
        expect(page.get_by_role("status")).to_contain_text("2 of the dots have a recording")


def test_a_preset_dropped_in_lands_on_itself(
    browser: Browser, book: Book, address: str, presets: LatentMap, tmp_path: Path
) -> None:
    bank = presets.presets
    files = [tmp_path / "one.syx", tmp_path / "broken.syx"]
    files[0].write_bytes(bank[2].with_values("MINE", TRANSPOSE=12).sysex())
    files[1].write_bytes(b"\xf0\x43")
    with opened(browser, address) as page:
        wait(page)
        status = page.get_by_role("status")
        page.locator("input[type=file]").set_input_files(files)
        expect(status).to_contain_text("The model that places presets could not be loaded", timeout=10_000)
        write_web_model(data_path("checkpoints", "latentdx.safetensors"), book.root / "_static/model")
        page.locator("input[type=file]").set_input_files(files)
        expect(status).to_contain_text("of your presets", timeout=30_000)
        assert "broken.syx" in str(status.text_content())
        mine = page.evaluate(
            f"{MAP}.dots.slice(4).map(({{name, x, y, gain, neighbors}}) => [name, x, y, gain, neighbors])"
        )
        name, x, y, gain, neighbors = mine[0]
        assert name == "MINE" and neighbors[0] == 2 and sorted(neighbors) == [0, 1, 2, 3]
        assert (x, y) == pytest.approx(PLACES[2], abs=0.01)
        assert gain == pytest.approx(page.evaluate(f"{MAP}.dots[2].gain"), abs=0.1)
        page.evaluate(f"{MAP}.play()")
        assert preset(page)[118:122] == list(b"MINE")
