"""What several tests share: the built smoke site, and a table of where the time went."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "ci", derandomize=True
)  # the same examples each time; at a desk they vary
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

ROOT = Path(__file__).parents[1]

for variable in {"LATENTDX_DATA", "LATENTDX_CACHE"} & set(os.environ):
    os.environ[variable] = str(Path(os.environ[variable]).absolute())  # nbval runs chapters in book/


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site with the smoke profile, warnings as errors: `make site PROFILE=smoke`."""
    doit = [sys.executable, "-m", "doit", "profile=smoke", "site"]
    build = subprocess.run(
        doit, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if build.returncode:
        pytest.fail(f"the site does not build:\n{build.stdout}", pytrace=False)
    return ROOT / "build/smoke/_build/html"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser comes last, so that building the site is not counted as its time."""
    items.sort(key=lambda item: item.path.name == "test_browser.py")


def stage(nodeid: str) -> str:
    """Which of CI's stages a test belongs to."""
    file = nodeid.partition("::")[0]
    if file.endswith(".ipynb"):
        return "notebooks (nbval)"
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
