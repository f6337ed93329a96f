"""Test `latentdx match` from end to end: on damaged files, and in two processes at once."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from damage import mutated, originals
from typer.testing import CliRunner

from latentdx import Dexed, PresetBank
from latentdx.audio.io import encoding
from latentdx.cli.app import app
from latentdx.presets import corpora
from latentdx.training import checkpoint

pytestmark = pytest.mark.slow

N = int(os.environ.get("LATENTDX_FUZZ", "1000")) // 25
WRITTEN = ["found-previews", "found.html", "found.json", "found.syx"]


@pytest.fixture(scope="module")
def checkpoint_file(smoke_model, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("model") / "latentdx.safetensors"
    checkpoint.save(smoke_model.model, smoke_model.about, file)
    return file


def test_damaged_files_are_matched_or_refused_and_nothing_else_is_written(
    tmp_path, checkpoint_file, monkeypatch
) -> None:
    """A sixth of the files have a name that would be dangerous in a shell or on a page."""
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    made, matched = originals(), 0
    for seed in range(N):
        container, content = made[seed % len(made)]
        name = "$(touch x);<img src=x onerror=alert(1)>" if seed % 6 == 0 else "a"
        sound = here / f"{name}.{container}"
        sound.write_bytes(mutated(content, np.random.default_rng(seed)))
        options = ["--model", str(checkpoint_file), "--budget", "3", "--keep", "1", "-o", "found.syx"]
        result = CliRunner().invoke(app, ["match", f"60={sound.name}", *options])
        sound.unlink()
        left = sorted(p.name for p in here.iterdir())
        if result.exit_code:
            assert result.exit_code == 1 and left == [], (seed, result.output)
            assert result.stderr.startswith("latentdx: ") and result.stderr.count("\n") == 1, seed
            continue
        matched += 1
        assert left == WRITTEN, seed
        assert len(PresetBank.read(here / "found.syx")) == 32
        assert "<img src=x" not in (here / "found.html").read_text("utf8"), seed
        for path in [*(here / "found-previews").iterdir(), *here.glob("found.*")]:
            path.unlink()
        (here / "found-previews").rmdir()
    assert 0.2 * N < matched < 0.95 * N  # both outcomes are tried
    assert not list(elsewhere.iterdir())


def test_two_matches_at_once_do_not_disturb_each_other(tmp_path, checkpoint_file) -> None:
    preset = corpora.read("starter")[40]
    (tmp_path / "a.flac").write_bytes(encoding.encode(Dexed().render(preset, 60), "flac"))
    options = ["--model", str(checkpoint_file), "--budget", "60", "--keep", "2", "--name", "X"]
    command = [sys.executable, "-c", "from latentdx.cli import app; app()", "match", "60=a.flac", *options]
    running = [
        subprocess.Popen([*command, "-o", f"{name}.syx"], cwd=tmp_path, stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    for process in running:
        assert process.wait(300) == 0, process.stderr and process.stderr.read().decode()
    alone = subprocess.run([*command, "-o", "alone.syx"], cwd=tmp_path, check=False, capture_output=True)
    assert alone.returncode == 0, alone.stderr.decode()
    cartridges = {(tmp_path / f"{name}.syx").read_bytes() for name in ("one", "two", "alone")}
    previews = {(tmp_path / f"{name}-previews/1.flac").read_bytes() for name in ("one", "two", "alone")}
    assert len(cartridges) == len(previews) == 1
