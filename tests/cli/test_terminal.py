"""Test that output reaches terminals, files and pipes of any encoding, and also broken ones."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from latentdx import PresetBank
from latentdx.audio.io import encoding
from latentdx.audio.renderer import Dexed
from latentdx.cli.app import app
from latentdx.cli.terminal import make_output_safe

ENCODINGS = ["ascii", "cp1252", "utf-8"]
NAME = "Bäss → ♭9 │ 音.syx"


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two presets, in a file whose name no encoding but Unicode can hold."""
    monkeypatch.chdir(tmp_path)
    voice = PresetBank.init()[0]
    silent = voice.with_values("~|}{ 'q\"", **{"OP1 OUTPUT LEVEL": 0})
    return (voice.bank + silent.bank).write(tmp_path / NAME)


def test_characters_that_an_encoding_lacks_are_replaced_by_similar_ones() -> None:
    make_output_safe()

    def shown(text: str, encoding: str) -> bytes:
        return text.encode(encoding, "latentdx-alike")

    assert shown("1 … 127: –3 → +2, 2 × │┌─┐ ä", "ascii") == b"1 ... 127: -3 -> +2, 2 x |+-+ a"
    assert shown("1 … 127: –3 → +2, 2 × ä", "cp1252") == b"1 \x85 127: \x963 -> +2, 2 \xd7 \xe4"
    assert shown("音♭", "latin-1") == b"??"
    assert shown("fl\udcfcte → 音", "utf-8") == b"fl\xfcte \xe2\x86\x92 \xe9\x9f\xb3"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["info", NAME], 0),
        (["info", NAME, "--limit", "1"], 0),
        (["info", NAME, "--voice", "0"], 0),
        (["info", NAME, "--json", "--html", "→.html"], 0),
        (["info", "→.syx"], 1),
        (["info", NAME, "--voice", "→"], 1),
        (["tune", NAME, "--to", "60", "-o", "→.syx"], 0),
        (["tune", NAME, "--to", "→"], 1),
        (["interpolate", NAME, NAME, "--space", "naive", "-o", "é.syx", "--preview", "→"], 0),
        (["program", "→.wav"], 1),
        (["program", "→=a.wav"], 1),
        (["match", "→.wav"], 1),
        (["curate", "--corpus", NAME, "--processes", "1"], 0),
        (["render", "--corpus", NAME, "--out", "→"], 0),
        (["render", "--notes", "→"], 2),
        (["evaluate", "model", "→"], 1),
        (["train", "→"], 1),
        (["→"], 2),
        *[([command, "--help"], 0) for command in ("match", "program", "tune", "interpolate", "info")],
    ],
)
def test_output_in_any_encoding(
    bank: Path, encoding: str, arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(bank.parent / "cache"))
    result = CliRunner(charset=encoding).invoke(app, arguments)
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout_bytes or result.stderr_bytes


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_match_in_any_encoding(bank: Path, encoding: str) -> None:
    sound = bank.with_name("Flöte → 1.flac")
    sound.write_bytes(encoded(PresetBank.read(bank)[0]))
    result = CliRunner(charset=encoding).invoke(app, ["match", sound.name, "--budget", "8", "--keep", "1"])
    assert result.exit_code == 0, result.output
    assert b"match.html" in result.stdout_bytes


def encoded(preset: object) -> bytes:
    return encoding.encode(Dexed().render(preset), "flac")


def shell(command: str, folder: Path, encoding: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell's command line, in which $LATENTDX is our command; without Python's UTF-8 mode."""
    program = f"'{sys.executable}' -m latentdx.cli"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LATENTDX": program, "PYTHONUTF8": "0"}
    bash = shutil.which("bash") or pytest.skip("there is no bash")
    return subprocess.run(
        [bash, "-o", "pipefail", "-c", command.replace("$LATENTDX", program)],
        cwd=folder, env=environment, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", "utf-8"])
def test_a_drawing_in_a_pipe(bank: Path, encoding: str) -> None:
    done = shell("$LATENTDX info *.syx --voice 0 | cat", bank.parent, encoding)
    assert done.returncode == 0 and done.stderr == b""
    box = "│ 1   99 │" if encoding in ("cp437", "utf-8", "ascii") else "| 1   99 |"
    assert (
        box.encode(encoding if encoding == "cp437" else "utf-8") in done.stdout
    )  # for ASCII, Typer writes UTF-8


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("$LATENTDX info *.syx | head -n 1", b""),
        ("$LATENTDX info *.syx 2>&-", b""),
        ("$LATENTDX info *.syx >&-", b""),
        ("$LATENTDX info none.syx 2>&-", b""),
        ("$LATENTDX info *.syx >/dev/full", b"latentdx: [Errno 28] No space left on device\n"),
        ("$LATENTDX tune *.syx --to 60 -o out.syx | true", b""),
        ("$LATENTDX tune *.syx --to 60 -o out.syx >/dev/full", b"latentdx: [Errno 28] No space left"),
    ],
)
def test_output_that_nobody_reads(bank: Path, command: str, message: bytes) -> None:
    """Where stdout is broken there is no traceback, and the result has been written before."""
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = shell(command, bank.parent, "utf-8")
    assert done.stderr.startswith(message) and done.stderr.count(b"\n") <= 1, done.stderr
    if "tune" in command:
        assert PresetBank.read(bank.parent / "out.syx")[:2].names == PresetBank.read(bank)[:2].names


def test_file_names_that_are_no_text_are_printed_byte_by_byte(bank: Path) -> None:
    try:
        Path(os.fsdecode(b"fl\xfcte.syx")).write_bytes(bank.read_bytes())
    except OSError:
        pytest.skip("the file system has no such names")
    done = shell(r"$LATENTDX info $'fl\xfcte.syx' --html $'\xfc.html'", bank.parent, "utf-8")
    assert done.returncode == 0, done.stderr
    refused = shell(r"$LATENTDX info $'fl\xfcte.syx' --html $'\xfc.html'", bank.parent, "utf-8")
    assert refused.stderr.startswith(b"latentdx: \xfc.html exists already")
    assert done.stdout.startswith(b"fl\xfcte.syx: 32 presets") and done.stdout.endswith(b"\n\xfc.html\n")
