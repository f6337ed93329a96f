"""Listening chapters run with and without models, and without a corpus."""

import ast
from pathlib import Path
from typing import Any

import IPython.display
import nbformat
import pytest
from bs4 import BeautifulSoup
from small_checkpoints import write_checkpoints

from latentdx.dataset import target_sounds
from latentdx.display.html import HTML
from latentdx.presets.bank import PresetBank

BOOK = Path(__file__).parents[2] / "book"
CHAPTERS = {"programming": (4, 4, 4), "notes": (3, 2, 2), "outofdomain": (3, 2, 3)}
"""Numbers of targets with the defaults, of models, and of answers per target; one answer is a match."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoints(tmp_path_factory.mktemp("checkpoints"))


def run(name: str, monkeypatch: pytest.MonkeyPatch, **parameters: object) -> BeautifulSoup:
    """Run a chapter's cells in this process, five times as fast as in a kernel, and return what they show."""
    shown: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", lambda *values: shown.extend(values))
    names: dict[str, Any] = {}
    for cell in nbformat.read(BOOK / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell.id, "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            assert set(parameters) <= set(names)
            names |= parameters
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), cell.id, "eval"), names))
    return BeautifulSoup("".join(x for x in shown if isinstance(x, HTML)), "html.parser")


@pytest.fixture
def no_corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("LATENTDX_DATA", "LATENTDX_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("ORIGINALS", "1")  # has no effect without a corpus
    monkeypatch.setenv("CI", "")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_runs_with_models_and_without_a_corpus(
    name, chapter, monkeypatch, checkpoints, no_corpus
) -> None:
    n_targets, _, n_answers = CHAPTERS[name]
    page = run(name, monkeypatch, checkpoints=str(checkpoints))
    assert "are not here" not in page.text
    rows = [row for row in page.select(".ldx-row") if not row.find_parent("details")]
    clips = [clip for row in rows for clip in row.select(".ldx-clip")]
    assert len(clips) == n_targets * (1 + n_answers)
    assert len({row["aria-label"] for row in page.select(".ldx-row")}) == len(page.select(".ldx-row"))
    linking = page.select("audio, img, a[download], a.ldx-paper")
    links = {str(tag[name]) for tag in linking for name in ("src", "href", "data-src") if tag.has_attr(name)}
    assert links == {path.as_posix() for path in Path("media").rglob("*.*")}
    offered = page.select_one(".ldx-cartridge a")
    bank = PresetBank.read(offered["href"])
    assert len([name for name in bank.names if name != "INIT VOICE"]) >= n_answers
    assert all(row.has_attr("data-blind") for row in rows) == (name != "notes")
    moved = [bool(clip.select_one(".ldx-paper")) for clip in clips]
    assert any(moved) == (name != "outofdomain")  # other instruments have no version of Dexed


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_models_a_chapter_has_the_targets_only(name, chapter, monkeypatch, tmp_path) -> None:
    page = run(name, monkeypatch, checkpoints=str(tmp_path))
    n_targets, n_models, _ = CHAPTERS[name]
    assert "Trained models are not here" in page.select_one(".admonition").text
    assert page.select_one(".admonition").text.count("“") == n_models
    assert len(page.select(".ldx-clip")) == n_targets and not page.select("a[download]")


@pytest.mark.corpus
def test_originals_are_offered_in_a_private_build_only(chapter, monkeypatch, tmp_path) -> None:
    from latentdx.errors import DataMissingError
    from latentdx.presets import corpora

    try:
        corpora.find("learnfm")
    except DataMissingError as error:
        pytest.skip(str(error))
    shown = {}
    for ci in ("true", ""):
        monkeypatch.setenv("ORIGINALS", "1")
        monkeypatch.setenv("CI", ci)
        shown[ci] = run("notes", monkeypatch, checkpoints=str(tmp_path))
    assert not shown["true"].select("a[download]")
    (link,) = shown[""].select("a[download]")
    example = target_sounds.load("dynamics")[0]
    original = corpora.read("learnfm").neutral()[example.index]
    assert (PresetBank.read(link["href"])[0].values == original.values).all()
