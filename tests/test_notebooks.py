"""Chapters are clean sources, profiles fit them, and the runner gives the same bytes twice."""

import ast
import json
import re
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml

from latentdx.errors import NotebookError
from latentdx_book.build import reference
from latentdx_book.build.notebook_runner import read_profile, run_notebook
from media_notebook import COUNT, write_media_notebook, write_notebook

BOOK = Path(__file__).parents[1] / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))
PROFILES = sorted((BOOK / "profiles").glob("*.yml"))

chapters = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)


@chapters
def test_a_chapter_has_no_outputs_and_asserts_something(chapter: Path) -> None:
    notebook = nbformat.read(chapter, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert not {"widgets", "papermill"} & set(notebook.metadata)
    assert not [cell.id for cell in notebook.cells if {"papermill", "execution"} & set(cell.metadata)]
    assert any("assert " in cell.source for cell in code), "nbval compares no outputs: a chapter must assert"


@chapters
def test_whatever_a_chapter_imports_from_the_project_exists(chapter: Path) -> None:
    code = [cell.source for cell in nbformat.read(chapter, as_version=4).cells if cell.cell_type == "code"]
    for node in ast.walk(ast.parse("\n".join(code))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latentdx"):
            exec(ast.unparse(node), {})
    assert code


@profiles
def test_a_profile_sets_existing_parameters_only(profile: Path) -> None:
    known = {chapter.stem: set(papermill.inspect_notebook(str(chapter))) for chapter in CHAPTERS}
    settings = yaml.safe_load(profile.read_text("utf8")) or {}
    assert set(settings) <= set(known)
    assert all(set(read_profile(profile, chapter)) <= known[chapter] for chapter in settings)


def test_the_smoke_profile_keeps_all_defaults() -> None:
    assert yaml.safe_load((BOOK / "profiles/smoke.yml").read_text("utf8")) == {}


SAVE_SOUNDS = """
import os
from hashlib import sha256
from pathlib import Path
import numpy as np
from IPython.display import HTML
from latentdx.audio.io.encoding import encode
folder = Path("media", os.environ["LATENTDX_NOTEBOOK"])
folder.mkdir(parents=True)
for frequency in range(count):
    sound = encode(0.5 * np.sin(np.arange(5000) * (1 + frequency) / 10).astype(np.float32), "mp3")
    (folder / f"{sha256(sound).hexdigest()[:16]}.mp3").write_bytes(sound)
HTML("".join(f"<audio src='{path.as_posix()}'></audio>" for path in sorted(folder.iterdir())))
"""
DRAW = "import matplotlib.pyplot as plt; plt.plot([count, 1]);"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "tones.ipynb", SAVE_SOUNDS, DRAW)
    for run in ["first", "second"]:
        run_notebook(source, tmp_path / run / "tones.ipynb", {"count": 3})
    first = contents(tmp_path / "first")
    assert first == contents(tmp_path / "second")
    assert [Path(name).parts[:2] for name in first] == [("media", "tones")] * 3 + [("tones.ipynb",)]
    assert b"count = 3" in first["tones.ipynb"] and b"image/png" in first["tones.ipynb"]


def test_a_new_run_replaces_the_old_media(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "tones.ipynb", SAVE_SOUNDS)
    target = tmp_path / "out/tones.ipynb"
    run_notebook(source, target, {"count": 3})
    run_notebook(source, target, {"count": 1})
    assert len(list((tmp_path / "out/media/tones").iterdir())) == 1


def test_a_failing_cell_keeps_the_last_good_run(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "tones.ipynb", SAVE_SOUNDS, "assert count < 3, 'too many'")
    target = tmp_path / "out/tones.ipynb"
    run_notebook(source, target, {})
    good = contents(target.parent)
    with pytest.raises(NotebookError, match=r"failed-tones.ipynb(.|\n)*too many"):
        run_notebook(source, target, {"count": 3})
    failed = target.with_name("failed-tones.ipynb")
    assert "too many" in failed.read_text("utf8")
    failed.unlink()
    assert contents(target.parent) == good


def test_a_run_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_notebook(write_notebook(tmp_path / "tones.ipynb", "count"), tmp_path / "out/tones.ipynb", {})
    assert capfd.readouterr() == ("", "")


def test_what_the_kernel_logs_is_not_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It logs an error when its interruption before the shutdown meets the end of the last cell."""
    log = "get_ipython().kernel.log.error('KeyboardInterrupt caught in kernel.')"
    run_notebook(write_notebook(tmp_path / "tones.ipynb", log), tmp_path / "out/tones.ipynb", {})
    assert capfd.readouterr() == ("", "")


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "tones.ipynb")
    with pytest.raises(NotebookError, match=r"no parameters \['cuont'\]; it has \['count'\]"):
        run_notebook(source, tmp_path / "out/tones.ipynb", {"cuont": 1})


def test_a_profile_with_a_list_for_a_chapter_is_refused(tmp_path: Path) -> None:
    profile = tmp_path / "odd.yml"
    profile.write_text("tones: [count, 3]\n", "utf8")
    with pytest.raises(NotebookError, match="'tones' must map parameters to values"):
        read_profile(profile, "tones")


@pytest.mark.slow
def test_a_notebook_run_by_papermill_from_any_folder_holds_its_media(tmp_path: Path) -> None:
    source = write_media_notebook(tmp_path / "kinds.ipynb")
    (tmp_path / "elsewhere").mkdir()
    command = ["papermill", str(source), "../out.ipynb", "-p", "count", "2"]
    subprocess.run([sys.executable, "-m", *command], cwd=tmp_path / "elsewhere", check=True)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["elsewhere", "kinds.ipynb", "out.ipynb"]

    notebook = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    outputs = [output["data"]["text/html"] for cell in notebook.cells for output in cell.get("outputs", [])]
    links = re.findall(r"(?:src|href)=[\"'](.*?)[\"']", "".join(outputs))
    assert all(b64decode(link.partition(";base64,")[2]) for link in links)
    kinds = Counter(re.match(r"data:(\w+)/", link)[1] for link in links)  # type: ignore[index]
    assert kinds == COUNT


def compare(chapter: Path, outputs: dict, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval on a copy of a chapter that holds these outputs."""
    notebook = folder / chapter.name
    reference.write_reference(chapter, outputs, notebook)
    nbval = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    return subprocess.run([*nbval, notebook], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", reference.STABLE)
def test_stable_outputs_are_as_recorded(name: str, tmp_path: Path) -> None:
    """If they changed on purpose: python -m latentdx_book.build.reference"""
    recorded = json.loads((Path(__file__).parent / f"references/{name}.json").read_text("utf8"))
    assert list(recorded) == list(reference.STABLE[name]) and all(recorded.values())
    same = compare(BOOK / f"{name}.ipynb", recorded, tmp_path)
    assert same.returncode == 0, same.stdout
    first = recorded[next(iter(recorded))][0]["data"]
    first["text/html"] = first["text/html"].replace("1", "2")
    other = compare(BOOK / f"{name}.ipynb", recorded, tmp_path)
    assert other.returncode == 1 and "1 failed" in other.stdout
