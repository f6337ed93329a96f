"""Test `latentdx match --each`: what it prints, writes and leaves alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from batch_stand_in import matched
from click.testing import Result
from typer.testing import CliRunner

from latentdx import PresetBank
from latentdx.applications import batch_sounds, match_batch
from latentdx.applications.batch_sounds import Surroundings
from latentdx.cli.app import app
from latentdx.presets import corpora


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 34 sounds, which are matched without a model; the text of each is a row of a bank."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("latentdx.applications.programmer.load_model", lambda name: None)
    monkeypatch.setattr("latentdx.retrieval.known_presets.known_presets", lambda: ([], ["nothing is known"]))
    monkeypatch.setattr(batch_sounds, "surroundings_of", lambda *_: Surroundings("0", "abc", "dx", "01", ()))
    monkeypatch.setattr(match_batch, "match_sound", matched)
    (tmp_path / "sounds").mkdir()
    for i in range(34):
        (tmp_path / "sounds" / f"take <{i}>.wav").write_text(str(i))
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["match", "--each", *map(str, arguments)])


def report(folder: str = "matches") -> dict[str, Any]:
    return json.loads(Path(folder, "report.json").read_text("utf8"))


def test_cartridges_a_page_and_a_report_are_written(here) -> None:
    result = run("sounds", "--workers", 1)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "nothing is known" and lines[-4:] == [
        f"matches/{name}" for name in ("cartridge-1.syx", "cartridge-2.syx", "report.html", "report.json")
    ]
    words = "close, closer than the answers in 60% of our 200 tests with 500 renders"
    assert f"sounds/take <3>.wav: take <3>, {words}" in lines
    first, second = (PresetBank.read(here / f"matches/cartridge-{i}.syx") for i in (1, 2))
    starter = corpora.read("starter")
    assert first.names == tuple(f"take <{i}>" for i in range(32)) and second.names[:2] == (
        "take <32>",
        "take <33>",
    )
    assert (first.values == starter.values[:32]).all() and (second.values[:2] == starter.values[32:34]).all()
    made = report()
    assert (made["matched"], made["failed"], made["commit"]) == (34, 0, "abc")
    last = made["sounds"][33]
    assert (last["cartridge"], last["voice"], last["name"]) == ("cartridge-2.syx", 2, "take <33>")
    assert (here / "matches" / last["part"]).is_file() and last["closeness"]["word"] == "close"


def test_the_page_names_and_plays_each_sound(here) -> None:
    run("sounds", "--workers", 1)
    page = (here / "matches/report.html").read_text("utf8")
    assert "<3>" not in page and "take &lt;3&gt;.wav" in page
    assert page.count("<tr>") == 35 and page.count("<audio ") == 68 == page.count('preload="none"')
    assert all((here / "matches" / source).is_file() for source in re.findall(r'src="([^"]+)"', page))
    assert "34 sounds have a preset: 34 close; 0 failed." in page
    assert not re.search(r'(src|href)="(http|//)', page)


def test_failures_are_listed_and_the_status_says_so(here) -> None:
    (here / "sounds" / "take <1>.wav").write_text("bad")
    (here / "sounds" / "take <2>.wav").unlink()
    result = run("sounds", "none.wav", "--workers", 1)
    assert result.exit_code == 1
    assert (
        "latentdx: 2 of 34 sounds failed; they are listed above and in matches/report.json\n" in result.stderr
    )
    assert "latentdx: warning: sounds/take <1>.wav: it is bad\n" in result.stderr
    assert "latentdx: warning: none.wav: it cannot be read: No such file or directory\n" in result.stderr
    made = report()
    assert made["failed"] == 2 and made["sounds"][-1] == {
        "file": "none.wav",
        "failure": "it cannot be read: No such file or directory",
    }
    bank = PresetBank.read(here / "matches/cartridge-1.syx")
    assert bank.names[:2] == ("take <0>", "take <3>")  # no gap
    page = (here / "matches/report.html").read_text("utf8")
    assert "<b>sounds/take &lt;1&gt;.wav</b>: it is bad" in page


def test_a_batch_of_failures_alone_has_no_cartridge(here) -> None:
    result = run("none.wav", "--workers", 1)
    assert result.exit_code == 1 and "1 of 1 sounds failed" in result.stderr
    assert sorted(path.name for path in (here / "matches").glob("*.*")) == [
        ".lock",
        "report.html",
        "report.json",
    ]


def test_an_interrupted_batch_says_how_to_go_on(here, monkeypatch) -> None:
    asked = []

    def stopped(task):
        asked.append(task)
        if len(asked) == 10:
            raise KeyboardInterrupt
        return matched(task)

    monkeypatch.setattr(match_batch, "match_sound", stopped)
    result = run("sounds", "--workers", 1, "-o", "out")
    assert result.exit_code == 130
    assert "latentdx: stopped; run the same command to go on (out/parts)" in result.stderr
    assert not list(Path("out").glob("*.syx"))
    result = run("sounds", "--workers", 1, "-o", "out")  # without --force
    assert result.exit_code == 0 and len(asked) == 10 + 25
    assert result.stdout.count("(finished before)") == 9


def test_finished_files_are_replaced_on_request_only(here) -> None:
    run("sounds", "--workers", 1)
    before = (here / "matches/report.json").read_bytes()
    (here / "sounds" / "take <0>.wav").write_text("40")
    refused = run("sounds", "--workers", 1)
    assert refused.exit_code == 1 and "matches/cartridge-1.syx exists already: --force" in refused.stderr
    assert (here / "matches/report.json").read_bytes() == before
    assert run("sounds", "--workers", 1, "--force").exit_code == 0
    assert PresetBank.read(here / "matches/cartridge-1.syx")[0] == corpora.read("starter")[40].with_values(
        "take <0>"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sounds", "-o", "sounds/take <1>.wav"], "is a file: give the name of a folder"),
        (["sounds", "-o", "no/where"], "there is no folder no"),
        (["empty"], "empty holds no sound file"),
    ],
)
def test_refusals_come_before_the_work(here, monkeypatch, arguments, message) -> None:
    (here / "empty").mkdir()
    monkeypatch.setattr(match_batch, "match_sound", None)
    result = run(*arguments)
    assert result.exit_code == 1 and message in result.stderr and not (here / "matches").exists()
