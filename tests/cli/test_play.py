"""`latentdx play`: files that hold the note, speakers, and refusals."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pedalboard.io
import pytest
import soundfile
from typer.testing import CliRunner

from latentdx.cli.app import app
from latentdx.registry import data_path

BANK = data_path("starter", "01-electric-pianos.syx")


def play(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["play", str(BANK), *words])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_note_is_written(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x{suffix}"
    status, said, _ = play("--voice", "3", "--note", "C3", "--hold", "0.5", "-o", str(file))
    assert status == 0 and "note 48 (C3; Yamaha calls it C2), velocity 85, held 0.5 s" in said
    sound, rate = soundfile.read(file)
    assert rate == 44_100 and 0.5 < len(sound) / rate < 3 and 0.01 < np.abs(sound).max() <= 1
    strongest = np.fft.rfftfreq(22_050, 1 / rate)[np.abs(np.fft.rfft(sound[:22_050])).argmax()]
    assert strongest / 130.81 == pytest.approx(round(strongest / 130.81), abs=0.03)


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "x.wav"
    file.write_bytes(b"mine")
    status, _, said = play("-o", str(file))
    assert status == 1 and "exists already: --force replaces it" in said and file.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "x.ogg"], "--out: x.ogg does not end in .wav, .flac or .mp3"),
        (["--voice", "32", "-o", "x.wav"], "--voice: there is no preset 32: the indices are 0 … 31"),
        (["--note", "H2", "-o", "x.wav"], "--note: 'H2' is not a note"),
    ],
)
def test_refusals_name_the_option(tmp_path: Path, monkeypatch, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, said = play(*words)
    assert status == 1 and message in said and not list(tmp_path.iterdir())


def test_without_a_file_the_speakers_play(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    speakers = SimpleNamespace(output_device_names=["Speakers"], play=lambda *what: heard.append(what))
    monkeypatch.setattr(pedalboard.io, "AudioStream", speakers)
    assert play("--hold", "0.5")[0] == 0
    [(sound, rate)] = heard
    assert rate == 44_100 and len(sound) > rate / 2


def test_without_speakers_the_message_says_how_to_get_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pedalboard.io, "AudioStream", SimpleNamespace(output_device_names=[]))
    status, _, said = play("--hold", "0.5")
    assert status == 1 and "there are no speakers here: -o FILE.wav" in said
