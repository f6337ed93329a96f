"""The training chapter trains what the command trains, resumes it, and shows how far it is."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from latentdx.training import LogRow, read_profile
from latentdx.training.log import COLUMNS
from latentdx_book.chapters import live_training
from latentdx_book.chapters.live_training import LiveCurve

CHAPTER = Path(__file__).parents[2] / "book/training.ipynb"

OWN = """
scale: smoke
epochs: 3
presets: 70
precision: 32-true
"""

STOPPED = """
import sys
from pathlib import Path
from latentdx.training import read_profile, train

def stop(row):
    if row.step == 3:
        raise KeyboardInterrupt

try:
    train(read_profile("num", sys.argv[1]), Path(sys.argv[2]), callback=stop, save_seconds=0)
except KeyboardInterrupt:
    print("stopped")
"""


def rows(n: int, n_steps: int = 10, per_epoch: int = 5) -> list[LogRow]:
    """Return the rows of a run of that many steps, with a validation after each epoch."""
    found = []
    for step in range(1, n + 1):
        epoch = (step - 1) // per_epoch
        figures = {"reconstruction": 1 / step, "latent": 2 / step, "controls": 3 / step}
        found.append(LogRow(step, n_steps, epoch, "train", figures | {"presets_per_second": 100.0 + step}))
        if step % per_epoch == 0:
            found.append(LogRow(step, n_steps, epoch, "validation", figures))
    return found


@pytest.fixture
def curve(monkeypatch: pytest.MonkeyPatch) -> LiveCurve:
    """A curve of two epochs, at a clock that stands still until `clock` is set."""
    monkeypatch.setattr(live_training.time, "monotonic", lambda: 0.0)
    return LiveCurve(read_profile("num", "smoke", {"batch": 30}))


def test_progress_names_step_epoch_speed_and_time_left(curve: LiveCurve) -> None:
    for row in rows(6):
        curve(row)
    # 4 of 10 steps are left, of 30 presets each, at the median of 101 … 106 presets per second
    assert curve.progress == (
        "num: step 6 of 10, epoch 2 of 2; 104 presets per second, at most 0.0 min of steps to go"
    )
    assert list(curve.log.columns) == list(COLUMNS)
    assert curve.log.step.tolist() == [1, 2, 3, 4, 5, 5, 6]
    assert curve.log.subset.tolist().index("validation") == 5


def test_it_draws_every_two_seconds_and_not_at_every_step(
    curve: LiveCurve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seconds, row in enumerate(rows(9)):
        monkeypatch.setattr(live_training.time, "monotonic", lambda now=seconds * 0.5: now)
        curve(row)
    printed = capsys.readouterr().out
    # at 2 s and at 4 s, which are the fifth and, because step 5 has two rows, the eighth
    assert printed.count("num: step 5 of 10") == 1 and printed.count("num: step 8 of 10") == 1
    assert printed.count("presets per second") == 2


@pytest.mark.training
def test_the_notebook_resumes_a_run_and_ends_with_the_commands_checkpoint(tmp_path: Path) -> None:
    """The settings are a file of one's own; another program began the run, and was interrupted."""
    scale = tmp_path / "tiny.yml"
    scale.write_text(OWN, "utf8")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # the number of threads decides the last digits
    command = [sys.executable, "-m", "latentdx.cli", "train", "num", "--profile", scale]
    subprocess.run([*command, "--out", tmp_path / "command"], check=True, env=environment)
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED, scale, tmp_path / "notebook"],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert stopped.stdout == "stopped\n" and not (tmp_path / "notebook/model.safetensors").exists()
    named = [("model", "num"), ("scale", scale), ("folder", tmp_path / "notebook")]
    options = [part for name, value in named for part in ("-p", name, str(value))]
    subprocess.run(
        [sys.executable, "-m", "papermill", CHAPTER, tmp_path / "out.ipynb", *options, "--no-progress-bar"],
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    ours, theirs = (tmp_path / name / "model.safetensors" for name in ("notebook", "command"))
    assert ours.read_bytes() == theirs.read_bytes()
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    cells = {cell.id: cell for cell in executed.cells}
    assert cells["live"].outputs == [], "the live curve must not stay in the finished page"
    shown = cells["live-run"].outputs[0]["data"]["text/html"]
    assert "70 presets of starter" in shown and "6 of 32 presets" in shown
