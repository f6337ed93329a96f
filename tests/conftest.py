"""Fixtures that several packages' tests share, and a table of where the time went."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

from latentdx.run_options import cache_folder

if TYPE_CHECKING:
    from latentdx.applications.programmer import Programmer

hypothesis.settings.register_profile(
    "ci", derandomize=True
)  # the same examples each time; at a desk they vary
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

ROOT = Path(__file__).parents[1]

for variable in {"LATENTDX_DATA", "LATENTDX_CACHE"} & set(os.environ):
    os.environ[variable] = str(Path(os.environ[variable]).absolute())  # nbval runs chapters in book/

# tests with a cache of their own would compile the engine anew, half a minute each
os.environ.setdefault("LATENTDX_ENGINE_CACHE", str(cache_folder() / "engine"))

# workers would render into the same stores
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    if (corpora := cache_folder() / "corpora").is_dir():
        os.environ.setdefault("LATENTDX_DATA", str(corpora))
    os.environ["LATENTDX_CACHE"] = str(cache_folder() / "tests" / worker)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site with the smoke profile, warnings as errors: `make site PROFILE=smoke`."""
    doit = [sys.executable, "-m", "doit", "profile=smoke", "site"]
    (ROOT / "build").mkdir(exist_ok=True)
    with FileLock(ROOT / "build/smoke.lock"):  # the second of two workers finds it built
        build = subprocess.run(
            doit, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    if build.returncode:
        pytest.fail(f"the site does not build:\n{build.stdout}", pytrace=False)
    return ROOT / "build/smoke/_build/html"


# As root, Chromium refuses its sandbox; the rest keeps it from calling home and lets a test press play.
CHROMIUM = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    *["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
    *["--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
]


@pytest.fixture(scope="session")
def smoke_model(tmp_path_factory: pytest.TempPathFactory) -> "Programmer":
    """The default model, trained for a second."""
    from latentdx.applications.programmer import load_model  # here, for it takes seconds to import
    from latentdx.training.loop import train
    from latentdx.training.profile import read_profile

    folder = tmp_path_factory.mktemp("latentdx")
    return load_model(train(read_profile("latentdx", "smoke"), folder, show=False))


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


@pytest.fixture(scope="module")  # for no longer: its event loop would be in the way of notebooks
def browser() -> Iterator[Browser]:
    """Chromium, from the path or as CHROMIUM names it; without one, tests fail in CI, elsewhere they skip."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        reason = f"no browser: none of {names} is on the path and CHROMIUM names none"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM)
        yield browser
        browser.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or the site; what needs the site takes longest and comes first."""
    for item in items:
        for fixture in {"browser", "site"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(fixture)
    items.sort(key=lambda item: ("site" not in item.keywords, item.path.name == "test_browser.py"))


def stage(nodeid: str) -> str:
    """Which of CI's stages a test belongs to."""
    file = nodeid.partition("::")[0]
    return {"test_site.py": "site", "test_browser.py": "browser"}.get(Path(file).name, "unit tests")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the time of each stage."""
    times: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                times[stage(report.nodeid)] += report.duration
    terminalreporter.section("time of each stage")
    for name, seconds in sorted(times.items()):
        terminalreporter.write_line(f"== {name}: {seconds:.0f}s")
