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

JUPYTER = """#!/bin/sh
for last; do :; done
echo "$last" > build/opened
echo '{"played": "with"}' > "$last"
"""
"""Stand-in for JupyterLab, which saves the notebook that it opens."""


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


Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Run make in a clone where stand-ins take the place of the programs in `.venv/bin`."""
    for file in ("Makefile", ".gitignore", "requirements.lock", "book/own.ipynb", "book/synth.ipynb"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    programs = dict.fromkeys(("ruff", "lint-imports", "mypy"), "#!/bin/sh\n")
    programs["jupyter"] = JUPYTER
    programs["latentdx"] = "#!/bin/sh\necho 1.2.3\n"
    programs["python"] = '#!/bin/sh\necho "$@" > build/tested\n'
    for name, script in programs.items():
        program = tmp_path / "build/bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(script)
        program.chmod(0o755)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for git in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "all"]):
        subprocess.run(["git", *git], cwd=tmp_path, check=True)

    def run(target: str) -> subprocess.CompletedProcess[str]:
        command = ["make", target, "INSTALLED=requirements.lock", "BIN=build/bin"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True).strip()


def test_what_is_done_in_the_lab_leaves_the_repository_clean_and_is_kept(make: Make, tmp_path: Path) -> None:
    assert make("lab").returncode == 0
    assert (tmp_path / "build/opened").read_text() == "lab/own.ipynb\n"
    assert git(tmp_path, "status", "--porcelain") == ""
    assert (tmp_path / "lab/synth.ipynb").read_bytes() == (ROOT / "book/synth.ipynb").read_bytes()

    mine = tmp_path / "lab/own.ipynb"
    mine.write_text('{"my": "notes"}')
    (tmp_path / "build/bin/jupyter").write_text("#!/bin/sh\n")
    make("lab")
    assert json.loads(mine.read_text()) == {"my": "notes"}

    newer = mine.stat().st_mtime + 5
    os.utime(tmp_path / "book/own.ipynb", (newer, newer))  # as after `git pull`
    make("lab")
    assert mine.read_bytes() == (ROOT / "book/own.ipynb").read_bytes()
    (kept,) = (tmp_path / "lab/older").iterdir()
    assert json.loads(kept.read_text()) == {"my": "notes"}


def test_only_what_is_committed_tested_and_new_is_tagged(make: Make, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    refused = make("tag")
    assert refused.returncode and "commit first" in refused.stderr
    assert git(tmp_path, "tag") == "" and not (tmp_path / "build/tested").exists()

    (tmp_path / "notes.txt").unlink()
    assert "git push --atomic origin HEAD v1.2.3" in make("tag").stdout
    tested = (tmp_path / "build/tested").read_text()
    assert tested.startswith("-m pytest -n auto ") and tested.endswith(" tests\n")
    assert git(tmp_path, "tag", "--points-at", "HEAD") == "v1.2.3"
    refused = make("tag")
    assert refused.returncode and "tagged already" in refused.stderr


def test_a_version_that_fails_a_test_is_not_tagged(make: Make, tmp_path: Path) -> None:
    (tmp_path / "build/bin/python").write_text("#!/bin/sh\nexit 1\n")
    assert make("tag").returncode and git(tmp_path, "tag") == ""
