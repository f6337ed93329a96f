"""The commands of the Makefile: what `make help` lists, and that what one plays with is a copy."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELP = re.compile(r"^make (\w+) +(\S.*)$", re.MULTILINE)

# like JupyterLab, it saves the notebook that it opened
JUPYTER = """#!/bin/sh
for last; do :; done
echo "$last" > opened
echo '{"played": "with"}' > "$last"
"""


def test_help_lists_every_command() -> None:
    shown = subprocess.check_output(["make", "help"], cwd=ROOT, text=True).partition("\n\n")[0]
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf8"), re.MULTILINE)
    assert sorted(name for name, _ in HELP.findall(shown)) == sorted(phony.split())
    assert {"fast", "chapter", "lab"} <= set(phony.split())
    assert max(map(len, shown.splitlines())) <= 120


def test_a_chapter_that_does_not_exist_is_refused_with_those_that_do() -> None:
    for arguments in ([], ["NAME=sinth"]):
        command = ["make", "chapter", "INSTALLED=README.md", *arguments]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode and "NAME=, one of:" in run.stderr and " synth " in run.stderr


@pytest.fixture
def lab(tmp_path: Path) -> Callable[[], str]:
    """Run `make lab` in a clone with a stand-in for JupyterLab, and return the notebook that it opened."""
    for file in ("Makefile", ".gitignore", "requirements.lock", "book/own.ipynb", "book/synth.ipynb"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/jupyter").write_text(JUPYTER)
    (tmp_path / "bin/jupyter").chmod(0o755)
    (tmp_path / "opened").touch()
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for git in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "all"]):
        subprocess.run(["git", *git], cwd=tmp_path, check=True)

    def run() -> str:
        subprocess.run(["make", "lab", "INSTALLED=requirements.lock", "BIN=bin"], cwd=tmp_path, check=True)
        return (tmp_path / "opened").read_text().strip()

    return run


def test_what_is_done_in_the_lab_leaves_the_repository_clean_and_is_kept(lab, tmp_path: Path) -> None:
    assert lab() == "lab/own.ipynb"
    changed = subprocess.check_output(["git", "status", "--porcelain"], cwd=tmp_path, text=True)
    assert changed == " M opened\n"
    assert (tmp_path / "lab/synth.ipynb").read_bytes() == (ROOT / "book/synth.ipynb").read_bytes()

    mine = tmp_path / "lab/own.ipynb"
    mine.write_text('{"my": "notes"}')
    (tmp_path / "bin/jupyter").write_text("#!/bin/sh\n")
    lab()
    assert json.loads(mine.read_text()) == {"my": "notes"}

    newer = mine.stat().st_mtime + 5
    os.utime(tmp_path / "book/own.ipynb", (newer, newer))  # as after `git pull`
    lab()
    assert mine.read_bytes() == (ROOT / "book/own.ipynb").read_bytes()
    (kept,) = (tmp_path / "lab/older").iterdir()
    assert json.loads(kept.read_text()) == {"my": "notes"}
