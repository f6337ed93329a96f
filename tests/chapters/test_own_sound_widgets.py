"""Chapter "Program your own sound" in a real JupyterLab, operated like a reader does."""

import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
import soxr
from nbformat.v4 import new_code_cell
from playwright.sync_api import Browser, Locator, Page

import lab_server
from latentdx import Dexed, PresetBank
from latentdx.audio.renderer import SAMPLE_RATE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
VIEWPORT = {"width": 1280, "height": 1000}
RELEASE = "release"
KEEP_BUSY = f"""
import time
from pathlib import Path
while not Path({RELEASE!r}).exists():
    time.sleep(0.05)
"""
PATIENCE = 120_000  # ms; a loaded machine takes a while to import torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the server, with a copy of the chapter and a sound whose preset is known."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.read(ROOT / "book/own.ipynb", as_version=4)
    notebook.cells.append(new_code_cell(KEEP_BUSY))
    nbformat.write(notebook, folder / "own.ipynb")
    preset = PresetBank.read(ROOT / "data/starter/09-mallets.syx")[0]
    sound = 0.5 * Dexed().render(preset, 48, 100)
    soundfile.write(folder / "my <b>mallet.wav", sound, SAMPLE_RATE)
    soundfile.write(folder / "silence.wav", np.zeros_like(sound), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def running(browser: Browser, folder: Path) -> Iterator[Page]:
    """Page of the chapter while "Run All" is at work; nothing may have been requested from another host."""
    with lab_server.serve(folder) as lab, browser.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        foreign: list[str] = []
        page.on(
            "request",
            lambda r: foreign.append(r.url) if not r.url.startswith((lab, "data:", "blob:")) else None,
        )
        lab_server.open_notebook(page, lab, "own.ipynb")
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        _panel(page, "Choose a file").wait_for()
        yield page
        assert foreign == []


@pytest.fixture(scope="module")
def page(running: Page, folder: Path) -> Page:
    """Page of the chapter with all its cells run."""
    (folder / RELEASE).touch()
    running.get_by_text("| Idle").wait_for()
    return running


def _panel(page: Page, button: str) -> Locator:
    """Return the panel that has this button."""
    return page.locator(".jp-OutputArea-output", has=page.get_by_role("button", name=button)).last


def upload(page: Page, file: Path) -> Locator:
    """Choose a file, start a match with few renders, and return the panel."""
    panel = _panel(page, "Choose a file")
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)
    renders = panel.get_by_label("Renders")
    renders.fill("24")
    renders.press("Tab")
    panel.get_by_role("button", name="Match").click()
    return panel


def test_run_all_ends_at_the_panel_which_says_when_the_kernel_is_busy(running: Page, folder: Path) -> None:
    panel = _panel(running, "Match")
    panel.get_by_role("button", name="Match").click()
    waiting = panel.get_by_text(re.compile("^Waiting for the kernel"))
    waiting.wait_for()

    (folder / RELEASE).touch()
    panel.get_by_text("Choose a sound file first.").wait_for()  # the press was not lost
    assert waiting.count() == 0
    running.get_by_text("| Idle").wait_for()
    examples = running.get_by_role("heading", name="Worked examples").bounding_box()
    box = panel.bounding_box()
    assert box and box["y"] > 0 and box["y"] + box["height"] < VIEWPORT["height"]
    assert examples and examples["y"] > box["y"]

    panel.get_by_role("button", name="Match").click()  # answered at once, so nothing is said
    running.wait_for_timeout(1000)
    assert waiting.count() == 0


def test_an_uploaded_file_becomes_a_preset_whose_download_renders_to_what_was_played(
    page: Page, folder: Path
) -> None:
    panel = upload(page, folder / "my <b>mallet.wav")
    panel.get_by_text(re.compile(r"^Done: \d presets after 24 renders")).wait_for()
    assert panel.get_by_text("How my <b>mallet.wav, played at C3@85, was prepared").count() == 1

    clip = panel.locator(".ldx-clip").nth(1)  # the closest
    clip.locator(".ldx-play").click()  # by the book's own script
    page.wait_for_function("audio => audio.currentTime > 0.2", arg=clip.locator("audio").element_handle())
    clip.locator(".ldx-play").click()

    played = clip.locator("audio").get_attribute("src") or ""
    heard, rate = soundfile.read(BytesIO(b64decode(played.partition(",")[2])), dtype="float32")
    heard = soxr.resample(heard, rate, SAMPLE_RATE)
    with page.expect_download() as download:
        clip.get_by_role("link", name="get .syx").click()
    saved = folder / "saved.syx"
    download.value.save_as(saved)
    assert download.value.suggested_filename == "my _b_ma 1.syx"
    (preset,) = PresetBank.read(saved)
    rendered = Dexed().render(preset, 48, 85, n_samples=len(heard))
    assert preset.name == "my <b>ma 1"
    assert np.corrcoef(heard, rendered)[0, 1] > 0.99

    with page.expect_download() as download:
        panel.get_by_role("link", name="my <b>mall.syx").click()
    download.value.save_as(saved)
    assert PresetBank.read(saved)[0] == preset


def test_a_silent_file_is_reported_in_a_sentence(page: Page, folder: Path) -> None:
    panel = upload(page, folder / "silence.wav")
    alert = panel.get_by_role("alert")
    alert.wait_for()
    assert "silence.wav: " in alert.inner_text() and str(folder) not in alert.inner_text()
    assert panel.get_by_role("button", name="Match").is_enabled()
    assert "Traceback" not in page.content()


def test_moving_the_slider_plays_the_new_preset_at_once(page: Page) -> None:
    panel = page.locator(".jp-OutputArea-output", has=page.get_by_label("From", exact=True)).last
    before = panel.locator("audio").get_attribute("src")
    handle = panel.get_by_role("slider").first
    handle.focus()
    for _ in range(3):
        handle.press("ArrowRight")
    panel.get_by_text(re.compile(r"^0\.53: ")).wait_for()
    assert panel.locator("audio").get_attribute("src") != before
    page.wait_for_function("audio => audio.currentTime > 0.1", arg=panel.locator("audio").element_handle())


def test_a_matched_preset_can_be_edited(page: Page) -> None:
    panel = _panel(page, "Most audible now")
    panel.get_by_label("Preset").select_option("my <b>ma 1, match 1")
    panel.locator(".ldx-title", has_text=re.compile("^my <b>ma 1$")).wait_for()
    assert panel.locator(".widget-slider, .widget-hslider").count() >= 12
