"""Test the command line: help that fits a screen, errors in one line, and the same store as from Python."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from latentdx import PresetBank, __version__
from latentdx.cli.app import app
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import Manifest, Store
from latentdx.evaluation import commands
from latentdx.presets.parameters import voice_parameters
from latentdx.registry import data_path

NOTES = ((60, 85), (60, 42))
PROGRAM = Path(sys.executable).with_name("latentdx")
COMMANDS = [
    "program",
    "match",
    "tune",
    "interpolate",
    "info",
    "fetch",
    "curate",
    "render",
    "train",
    "evaluate",
]
EVALUATIONS = [
    "model",
    "anchors",
    "published",
    "listening",
    "listeners",
    "match",
    "interpolation",
    "summary",
]


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A cartridge of 32 INIT VOICEs with different algorithms and transpositions."""
    presets = [PresetBank.init()[0].with_values(f"ALG {i + 1}", ALGORITHM=i, TRANSPOSE=i) for i in range(32)]
    return PresetBank.concatenate([p.bank for p in presets]).write(tmp_path / "bank.syx")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def assert_one_line(result: Result, status: int, *parts: str) -> None:
    """Check for one line on stderr that starts with our name, nothing on stdout, and no traceback."""
    assert result.exit_code == status, result.output
    assert result.stdout == "" and result.stderr.startswith("latentdx: ")
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n")
    for part in parts:
        assert part in result.stderr


def listed(text: str) -> list[str]:
    """Return the commands that a help text lists."""
    return [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines()]


def assert_help_fits(*command: str, lines: int) -> list[str]:
    """Check the size of a command's help, and return its lines."""
    result = run(*command, "--help")
    found = result.stdout.splitlines()
    assert result.exit_code == 0 and len(found) <= lines and max(map(len, found)) <= 100
    return found


@pytest.mark.parametrize("command", ["fetch", "info", "curate", "render"])
def test_help_fits_a_screen_and_shows_an_example(command: str) -> None:
    lines = assert_help_fits(command, lines=24)
    assert any(line.strip().startswith(f"Example:  latentdx {command}") for line in lines)
    assert f"  {command} " in run("--help").stdout


@pytest.mark.parametrize("command", EVALUATIONS)
def test_help_of_an_evaluation_fits_a_screen_and_shows_an_example(command: str) -> None:
    lines = assert_help_fits("evaluate", command, lines=34)
    assert any(line.strip().startswith(f"Example:  latentdx evaluate {command}") for line in lines)
    assert f"  {command} " in run("evaluate", "--help").stdout


@pytest.mark.parametrize(("group", "commands"), [([], COMMANDS), (["evaluate"], EVALUATIONS)])
def test_help_of_a_group_lists_its_commands(group: list[str], commands: list[str]) -> None:
    lines = assert_help_fits(*group, lines=24)
    assert lines[0].endswith(" ".join(["", *group, "[OPTIONS] COMMAND [ARGS]..."]))
    assert listed("\n".join(lines)) == commands


def test_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{__version__}\n", "")


def test_info_lists_names_and_algorithms(bank: Path) -> None:
    lines = run("info", bank).stdout.splitlines()
    assert lines[0] == f"{bank}: 32 presets, 0 mended"
    assert [line.split() for line in lines[2:]] == [
        [str(i), "ALG", str(i + 1), str(i + 1), "0"] for i in range(32)
    ]
    short = run("info", bank, "--limit", 3).stdout.splitlines()
    assert short[:5] == lines[:5] and short[5] == "… and 29 more (--limit 0 lists all)" and len(short) == 6
    assert run("info", bank, "--limit", 0).stdout.splitlines() == lines


def test_info_counts_one_preset(bank: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.syx"
    one.write_bytes(PresetBank.read(bank)[0].sysex())
    assert run("info", one).stdout.startswith(f"{one}: 1 preset, 0 mended\n")


def test_info_describes_presets_for_other_programs(bank: Path) -> None:
    described = json.loads(run("info", bank, "--json", "--limit", 3).stdout)
    assert (described["file"], described["presets"], described["remarks"]) == (str(bank), 32, [])
    assert [(v["index"], v["name"], v["algorithm"]) for v in described["voices"]] == [
        (i, f"ALG {i + 1}", i + 1) for i in range(3)
    ]
    assert all(v["mended"] == 0 and v["flags"] == [] for v in described["voices"])
    (voice,) = json.loads(run("info", bank, "--json", "--voice", "ALG 8").stdout)["voices"]
    preset = PresetBank.read(bank)[7]
    assert voice["index"] == 7
    assert voice["parameters"] == {p.name: preset[p.name] for p in voice_parameters()}
    assert len(json.loads(run("info", bank, "--json", "--limit", 0).stdout)["voices"]) == 32


def test_info_reports_mended_and_damaged_presets(tmp_path: Path, bank: Path) -> None:
    data = bytearray(bank.read_bytes())
    data[6 + 128 + 14] = 120  # operator 6's output level in the second voice, out of range
    bad = tmp_path / "bad.syx"
    bad.write_bytes(data)
    assert_one_line(run("info", bad, "--strict"), 1, "bad.syx", "checksum", "--lenient reads what is intact")
    lines = run("info", bad).stdout.splitlines()
    assert lines[0] == f"{bad}: 32 presets, 1 mended"
    (row,) = (line.split(maxsplit=5) for line in lines if line.split()[:1] == ["1"])
    assert row == ["1", "ALG", "2", "2", "1", "mended, damaged"]
    voice = json.loads(run("info", bad, "--json").stdout)["voices"][1]
    assert (voice["mended"], voice["flags"]) == (1, ["mended", "damaged"])
    assert voice["parameters"]["OP6 OUTPUT LEVEL"] <= 99


@pytest.fixture
def damaged(tmp_path: Path, bank: Path) -> Path:
    """A file of a DX7 II: a supplement, a cartridge whose checksum is wrong, and padding."""
    data = bank.read_bytes()
    path = tmp_path / "damaged.syx"
    supplement = b"\xf0\x43\0\6\x08\x60" + bytes(1121) + b"\xf7"
    path.write_bytes(supplement + data[:-2] + bytes([data[-2] ^ 1, 0xF7]) + bytes(100))
    return path


def arguments(command: str, file: Path, out: Path) -> list[object]:
    """Return the shortest arguments of a command that reads presets."""
    return {
        "info": ["info", file],
        "tune": ["tune", file, "--to", "60", "-o", out / "tuned.syx"],
        "interpolate": ["interpolate", file, file, "--voice-b", "9", "--space", "naive", "-o", out / "p.syx"],
        "curate": ["curate", "--corpus", file, "--out", out / "curation", "--processes", "1"],
        "render": ["render", "--corpus", file, "--out", out / "store", "--threads", "1"],
    }[command]


@pytest.mark.parametrize("command", ["info", "tune", "interpolate", "curate", "render"])
def test_one_option_reads_what_is_intact_of_damaged_files(
    command: str, damaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    refused = run(*arguments(command, damaged, tmp_path), "--strict")
    assert_one_line(refused, 1, "damaged.syx, byte 3", "(AMEM)", "--lenient reads what is intact")
    assert "strict=" not in refused.stderr
    read = run(*arguments(command, damaged, tmp_path), "--lenient")
    assert read.exit_code == 0, read.stderr
    for remark in ("format 6", "found checksum", "bytes 00 00"):
        assert remark in (read.stdout if command == "info" else read.stderr)
    (tmp_path / "other").mkdir()
    default = run(*arguments(command, damaged, tmp_path / "other"))
    assert default.exit_code == (1 if command in ("curate", "render") else 0), default.stderr


def test_errors_are_one_line(tmp_path: Path) -> None:
    text = tmp_path / "hello.syx"
    text.write_text("hello")
    assert_one_line(run("info", text), 1, "hello.syx, byte 0: found", "expected")
    assert_one_line(run("info", tmp_path / "none.syx"), 1, "none.syx", "no such file")
    assert_one_line(run("fetch", "nonsense"), 1, "nonsense", "starter, learnfm, paper")
    assert_one_line(run("render", "--corpus", tmp_path / "none"), 1, "none")
    assert_one_line(run("evaluate", "model", "nonsense"), 1, "no model 'nonsense': there are", "latentdx")
    assert_one_line(run("evaluate", "anchors", "--split", "odd"), 1, "there is no split 'odd', only")
    assert_one_line(run("evaluate", "match", "--subset", "odd"), 1, "there is no subset 'odd', only train")


@pytest.mark.parametrize(
    ("arguments", "place"),
    [(["run/model.safetensors"], "cache"), (["num", "--corpus", "."], "cache"), (["num"], "data")],
)
def test_results_of_own_models_and_presets_are_not_mixed_with_those_that_ship(
    bank: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], place: str
) -> None:
    """Without --out, a user's own results go to the cache."""
    monkeypatch.chdir(bank.parent)
    monkeypatch.setenv("LATENTDX_CACHE", str(bank.parent / "cache"))
    asked = []
    monkeypatch.setattr(commands, "find_model", lambda name, factory: name)
    monkeypatch.setattr(commands, "check_model", lambda model, request: None)
    monkeypatch.setattr(commands, "evaluate_model", lambda model, request: asked.append(request) or [])
    monkeypatch.setattr(commands, "summarize", lambda request: [])
    assert run("evaluate", "model", *arguments).exit_code == 0
    assert asked[0].folder == (bank.parent / "cache/results" if place == "cache" else data_path("results"))


def test_an_error_of_the_operating_system_is_one_line(bank: Path) -> None:
    assert_one_line(run("render", "--corpus", bank, "--out", bank / "store"), 1, "bank.syx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Usage: "),
        (["nonsense"], "No such command"),
        (["render", "--notes", "seven"], "--notes seven: neither single, six nor NOTE:VELOCITY"),
        (["render", "--notes", "60"], "NOTE:VELOCITY"),
        (["render", "--notes", "60:85:1"], "NOTE:VELOCITY"),
        (["render", "--notes", "60:0"], "velocity 0 is not an integer in 1 … 127"),
        (["render", "--threads", "0"], "--threads"),
        (
            ["render", "--threads", "2", "--workers", "2"],
            "only one of --threads, --workers and --scheduler can be given",
        ),
        (["info"], "Missing argument"),
        (["evaluate"], "Usage: "),
        (["evaluate", "nonsense"], "No such command"),
        (["evaluate", "model"], "Missing argument"),
        (["evaluate", "model", "a", "b", "--as", "c"], "--as c names one result, but 2 models are given"),
        (["evaluate", "anchors", "--notes", "seven"], "--notes seven: neither single, six nor NOTE:VELOCITY"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_fetch_prints_where_the_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTDX_DATA", str(tmp_path))
    (tmp_path / "learnfm").mkdir()
    (tmp_path / "learnfm" / "compact.bin").write_bytes(b"not it")
    assert_one_line(run("fetch", "learnfm"), 1, "compact.bin", "SHA-256")
    lines = run("fetch", "starter").stdout.splitlines()
    assert lines and all(Path(line).is_file() and line.endswith(".syx") for line in lines)


def test_render_makes_the_store_of_the_neutral_bank(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    result = run("render", "--corpus", bank, "--notes", "60:85,60:42", "--threads", 2)
    assert result.exit_code == 0 and result.stderr == ""
    store = Store(tmp_path / "cache" / "stores" / "bank.syx-60-85_60-42")
    assert str(store.folder) in result.stdout and "32 presets" in result.stdout
    expected = render_store(PresetBank.read(bank).neutral(), NOTES, tmp_path / "expected", corpus="bank.syx")
    assert store.manifest == expected.manifest
    np.testing.assert_array_equal(store.codes(range(32)), expected.codes(range(32)))
    again = ("render", "--corpus", bank, "--notes", "single", "--out", store.folder)
    assert_one_line(run(*again), 1, "made with other settings: notes: the store has [[60, 85], [60, 42]]")


def test_render_on_a_local_cluster(bank: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    command = [
        PROGRAM,
        "render",
        "--corpus",
        bank,
        "--notes",
        "60:85",
        "--out",
        tmp_path / "dask",
        "--workers",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    expected = render_store(
        PresetBank.read(bank).neutral(), ((60, 85),), tmp_path / "expected", corpus="bank.syx"
    )
    assert Store(tmp_path / "dask").manifest == expected.manifest


def test_control_c_explains_how_to_resume(tmp_path: Path) -> None:
    bank = PresetBank.concatenate(3000 * [PresetBank.init()])
    path, folder = bank.write(tmp_path / "large.syx"), tmp_path / "store"
    command = [PROGRAM, "render", "--corpus", path, "--out", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        end = time.monotonic() + 60
        while not (folder / "manifest.json").exists():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == f"latentdx: stopped; run the same command to resume ({folder})\n"
    assert Manifest.read(folder).missing()


def test_curate_writes_a_table_and_its_counts(bank: Path, tmp_path: Path) -> None:
    result = run("curate", "--corpus", bank, "--out", tmp_path / "curated", "--processes", 1)
    assert result.exit_code == 0, result.output
    names = {path.suffix for path in (tmp_path / "curated").iterdir()}
    assert names == {".parquet", ".json"}
    counts = dict(line.strip().split(": ") for line in result.stdout.splitlines() if ": " in line)
    assert counts["read"] == "32"
    assert int(counts["kept"]) + int(counts["duplicates"]) + int(counts["silent"]) == 32


def test_curate_replaces_tables_only_with_force(bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "curated"
    out.mkdir()
    (out / "bank.json").write_text("mine")
    asked = ("curate", "--corpus", bank, "--out", out, "--processes", 1)
    assert_one_line(run(*asked), 1, f"{out / 'bank.json'} exists already: --force replaces it")
    assert [path.name for path in out.iterdir()] == ["bank.json"]
    assert run(*asked, "--force").exit_code == 0
    assert json.loads((out / "bank.json").read_text())["counts"]["read"] == 32


@pytest.mark.parametrize("command", [["curate"], ["render"], ["train", "num", "--scale", "smoke"]])
def test_folders_that_cannot_be_made_are_refused_before_the_work(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("latentdx.presets.corpora.read", None)
    out = tmp_path / "file" / "out"
    assert_one_line(run(*command, "--out", out), 1, f"files cannot be written into {out}: Not a directory")


def test_train_keeps_a_model_of_no_run(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"mine")
    refused = run("train", "num", "--scale", "smoke", "--out", tmp_path)
    assert_one_line(refused, 1, f"{tmp_path} holds a model.safetensors of no run: choose another --out")
