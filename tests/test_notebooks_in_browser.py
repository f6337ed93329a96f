"""Notebooks that papermill has run show and play their media, in JupyterLab and as a page."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import lab_server
from media_notebook import COUNT, write_media_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SEEN = """() => [...document.querySelectorAll('img')].filter(i => i.complete && i.naturalWidth).length"""
WIDER = """() => [...document.querySelectorAll('.ldx-plot')]
  .map(plot => [plot.clientWidth, plot.querySelector('img').clientWidth])
  .filter(([axis, picture]) => axis !== picture)"""
HEARD = """async () => {
  const heard = [...document.querySelectorAll('audio')].map(async audio => {
    audio.muted = true;
    await audio.play();
    return audio.duration > 1;
  });
  return (await Promise.all(heard)).filter(Boolean).length;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a notebook that papermill has run elsewhere, and of the page that nbconvert made of it."""
    folder = tmp_path_factory.mktemp("shown")
    source = write_media_notebook(tmp_path_factory.mktemp("source") / "source.ipynb")
    for command in (
        ["papermill", "--no-progress-bar", source, folder / "out.ipynb"],
        ["jupyter", "nbconvert", "--to", "html", folder / "out.ipynb"],
    ):
        subprocess.run([sys.executable, "-m", *command], cwd=source.parent, check=True)
    return folder


def test_media_play_on_a_page_made_by_nbconvert(browser: Browser, folder: Path) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((folder / "out.html").as_uri())
        assert_all_is_shown(page)


def test_media_play_in_jupyterlab_which_has_not_run_the_notebook(browser: Browser, folder: Path) -> None:
    with lab_server.serve(folder) as lab, browser.new_context() as context:
        page = context.new_page()
        lab_server.open_notebook(page, lab, "out.ipynb")
        page.locator("audio").nth(COUNT["audio"] - 1).wait_for(state="attached")
        assert_all_is_shown(page)


def assert_all_is_shown(page: Page) -> None:
    """Without the book's style too, pictures load and are as wide as their time axis, and sounds play."""
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; })")
    page.wait_for_function(f"({SEEN})() >= {COUNT['image']}")
    assert page.evaluate(WIDER) == []
    assert page.evaluate(HEARD) == COUNT["audio"]
