"""Test the options of `latentdx match`: what they accept, what they refuse, and what reaches the search."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from latentdx import Dexed, PresetBank
from latentdx.applications import match as matching
from latentdx.audio.io import encoding
from latentdx.cli import match_options
from latentdx.cli.app import app
from latentdx.errors import (
    AmbiguousNameError,
    LatentDXError,
    ParameterError,
    PresetFileError,
    UnknownNameError,
)
from latentdx.presets import corpora


class ReachedError(LatentDXError):
    """Raised in place of the search."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.flac").write_bytes(encoding.encode(Dexed().render(PresetBank.init()[0], 57), "flac"))
    corpora.read("starter")[:32].write(tmp_path / "bank.syx")
    (tmp_path / "banks").mkdir()
    corpora.read("starter")[32:64].write(tmp_path / "banks" / "b.syx")
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Arguments that reached the search, which is not run."""
    arguments: dict[str, Any] = {}

    def search(sounds: Any, *rest: Any, **how: Any) -> None:
        arguments.update(how, sounds=sounds)
        raise ReachedError("reached")

    monkeypatch.setattr(matching, "match_targets", search)
    return arguments


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["match", *map(str, arguments)])


def test_locks_and_algorithms_reach_the_search(asked) -> None:
    result = run(
        "a.flac",
        "--lock",
        "algorithm=5",
        "--lock",
        "OP1 F COARSE = 1",
        "--lock",
        "LFO WAVE=sine",
        "--algorithm",
        "7,5",
    )
    assert "reached" in result.stderr
    assert asked["locked"] == {"ALGORITHM": "5", "OP1 F COARSE": "1", "LFO WAVE": "sine"}
    assert asked["algorithms"] == (5, 7) and "start" not in asked and "more" not in asked


def test_one_preset_is_refined_and_banks_are_known_presets(asked) -> None:
    assert "reached" in run("a.flac", "--from", "bank.syx:3", "--from", "banks", "--from", "bank.syx").stderr
    assert asked["start"] == corpora.read("starter")[3]
    assert [len(bank) for bank in asked["banks"]] == [32, 32]
    assert asked["banks"][0].names == corpora.read("starter")[32:64].names
    assert "reached" in run("a.flac", "--from", f"bank.syx:{corpora.read('starter')[7].name}").stderr
    assert asked["start"] == corpora.read("starter")[7]


def test_a_file_whose_name_holds_a_colon_is_a_bank(here, asked) -> None:
    (here / "bank.syx").rename(here / "my:3")
    assert "reached" in run("a.flac", "--from", "my:3").stderr
    assert "start" not in asked and len(asked["banks"][0]) == 32


def test_an_earlier_match_goes_on(here, asked) -> None:
    values = corpora.read("starter")[9]
    from latentdx.presets.parameters import voice_parameters

    candidate = {"name": "X 1", "parameters": {p.name: values[p.name] for p in voice_parameters()}}
    (here / "r.json").write_text(json.dumps({"candidates": [candidate]}))
    assert "reached" in run("a.flac", "--more", "r.json").stderr
    (found,) = asked["more"]
    np.testing.assert_array_equal(found.values, values.values)
    candidate["parameters"]["FEEDBACK"] = 8
    (here / "r.json").write_text(json.dumps({"candidates": [candidate]}))
    assert "--more: r.json is not the report of a match" in run("a.flac", "--more", "r.json").stderr


def test_note_names_are_counted_as_yamaha_does_on_request(asked) -> None:
    result = run("C3=a.flac")
    assert asked["sounds"][0].note == 48 and "matched at note 48 (C3; Yamaha calls it C2)" in result.stdout
    result = run("C3=a.flac", "--yamaha")
    assert asked["sounds"][0].note == 60 and "matched at note 60 (C4; Yamaha calls it C3)" in result.stdout
    run("a.flac", "--note", "C-2", "--yamaha")
    assert asked["sounds"][0].note == 0


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--lock", "ALGORITHM"], 1, "--lock: 'ALGORITHM' is not a parameter with its value"),
        (["--lock", "ALGORITHM=33"], 1, "--lock: ALGORITHM = 33 is outside 1 … 32"),
        (["--lock", "OP7 F COARSE=1"], 1, "--lock: no parameter is called 'OP7 F COARSE'"),
        (["--lock", "FEEDBACK=1", "--lock", "feedback=2"], 1, "FEEDBACK is locked twice, to 1 and to 2"),
        (["--lock", "ALGORITHM=4", "--algorithm", "5"], 1, "--lock and --algorithm contradict each other"),
        (["--algorithm", "0"], 1, "--algorithm: '0' is not an algorithm: they are 1 … 32"),
        (["--algorithm", "5,,7"], 1, "--algorithm: '' is not an algorithm"),
        (["--algorithm", "9" * 5000], 1, "is not an algorithm"),
        (["--from", "none.syx"], 1, "none.syx"),
        (["--from", "bank.syx:32"], 1, "--from: there is no preset 32: the indices are 0 … 31"),
        (["--from", "bank.syx:"], 1, "--from: 'bank.syx:' names no preset after the colon"),
        (["--from", "bank.syx:nobody"], 1, "--from: no preset is called 'nobody'"),
        (
            ["--from", "bank.syx:1", "--from", "bank.syx:2"],
            1,
            "--from: one preset can be refined, not several",
        ),
        (["--more", "none.json"], 1, "--more: none.json cannot be read: No such file or directory"),
        (["--more", "bank.syx"], 1, "--more: bank.syx is not the report of a match"),
        (["--hold", "0.001"], 2, "Invalid value for '--hold'"),
        (["--hold", "9"], 2, "Invalid value for '--hold'"),
        (["--workers", "2"], 2, "--workers works with --each only"),
        (["--scheduler", "tcp://x"], 2, "--scheduler works with --each only"),
        (["--each", "--keep", "3"], 2, "--keep works without --each only"),
        (["--each", "--name", "X"], 2, "--name works without --each only"),
        (["--each", "--more", "r.json"], 2, "--more works without --each only"),
        (["--each", "--workers", "2", "--scheduler", "tcp://x"], 2, "only one of --workers and --scheduler"),
        (["--note", "H3"], 1, "--note: 'H3' is not a note"),
        (["--note", "C9", "--yamaha"], 1, "C-2 … G8; C3 is 60, as Yamaha counts"),
    ],
)
def test_refusals_name_the_option_and_come_before_the_search(
    here, asked, options: list[str], status: int, message: str
) -> None:
    before = sorted(path.name for path in here.iterdir())
    result = run("a.flac", *options)
    assert result.exit_code == status and not asked
    said = " ".join(result.stderr.replace("│", " ").split())
    assert message in said
    assert sorted(path.name for path in here.iterdir()) == before


def test_a_folder_needs_each(asked) -> None:
    assert "banks is a folder: --each finds a preset for each sound in it" in run("banks").stderr


def test_an_address_without_a_scheduler_is_refused(here) -> None:
    pytest.importorskip("distributed")
    result = run("a.flac", "--each", "--scheduler", "nonsense://1")
    assert (
        result.exit_code == 1 and "--scheduler nonsense://1: no Dask scheduler answers there" in result.stderr
    )


def test_remarks_on_several_files_are_printed_once(here, asked) -> None:
    (here / "b.flac").write_bytes(encoding.encode(Dexed().render(PresetBank.init()[0], 69), "flac"))
    lines = run("57=a.flac", "69=b.flac").stdout.splitlines()
    (read,) = [line for line in lines if "FLAC" in line]
    assert read.startswith("a.flac, b.flac: read 4.02 s of FLAC")
    assert len([line for line in lines if "matched at note" in line]) == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [("bank.syx:99", ParameterError), ("no.syx:1", PresetFileError), ("bank.syx:zzz", UnknownNameError)],
)
def test_errors_keep_their_kind(text: str, error: type[Exception]) -> None:
    with pytest.raises((error, AmbiguousNameError)):
        match_options.read_starts([text])
