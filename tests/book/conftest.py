"""What the tests of the book share: an empty working directory, as the notebook runner gives it; Chromium."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a chapter named "chapter"."""
    return _enter(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def shared_chapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same for all tests of a file, which then write its sounds only once."""
    with pytest.MonkeyPatch.context() as patch:
        yield _enter(tmp_path_factory.mktemp("chapter"), patch)


def _enter(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    patch.chdir(folder)
    patch.setenv("LATENTDX_NOTEBOOK", "chapter")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ["chromium", "chromium-browser", "google-chrome"]
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        reason = f"no browser: none of {names} is on the path and CHROMIUM names none"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    arguments = ["--disable-gpu", "--mute-audio", "--autoplay-policy=no-user-gesture-required"]
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()
