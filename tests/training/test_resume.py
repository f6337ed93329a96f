"""An interrupted run resumes with the same command and ends with exactly the same result."""

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from runs import read_log

from latentdx.errors import CheckpointError
from latentdx.training import log, loop, run
from latentdx.training.loop import train

pytestmark = pytest.mark.training

KILLED = """
import os, signal, sys
import torch
from pathlib import Path
from latentdx.training import log
from latentdx.training.loop import train
from latentdx.training.profile import read_profile

def write(self, progress, *rest, honest=log.Log.write):
    honest(self, progress, *rest)
    if progress.step == 10:
        os.kill(os.getpid(), signal.SIGKILL)

log.Log.write = write
os.fsync = lambda file: None
torch.set_num_threads(int(sys.argv[2]))  # the number of threads decides the last digits of sums
profile = read_profile("numcat++", "smoke", {"precision": "32-true"})
train(profile, Path(sys.argv[1]), save_seconds=0)
"""


def assert_same(folder, undisturbed):
    assert read_log(folder) == read_log(undisturbed)
    ours, theirs = ((f / "model.safetensors").read_bytes() for f in (folder, undisturbed))
    assert ours == theirs


def test_a_run_that_was_killed_within_an_epoch_resumes_exactly(undisturbed, smoke, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, str(torch.get_num_threads())],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert read_log(tmp_path)[-1]["step"] == "10" and not (tmp_path / "model.safetensors").exists()
    progress = torch.load(tmp_path / "running.ckpt", weights_only=True)["progress"]
    assert (progress["epoch"], progress["step_in_epoch"], progress["step"]) == (1, 2, 9)
    train(smoke, tmp_path)
    assert_same(tmp_path, undisturbed)


class StopError(BaseException):
    """Interruption that is not an `Exception`, so that nothing handles it."""


@pytest.mark.parametrize(
    ("module", "function", "call"),
    [
        (loop, "losses", 12),  # in a step of the second epoch (the first has 7 and 2 validation batches)
        (loop, "validate", 1),  # after the last step of an epoch, which was saved
        (loop, "_end_epoch", 1),  # after a validation that is in the log already
        (run, "_write", 9),  # seven steps and the best weights are saved, the epoch's end is not
        (loop, "_write_model", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_run_that_was_stopped_anywhere_resumes_exactly(
    module, function, call, undisturbed, smoke, tmp_path, monkeypatch
):
    honest, calls = getattr(module, function), []

    def stopping(*arguments, **options):
        calls.append(1)
        if len(calls) == call:
            raise StopError
        return honest(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, function, stopping)
        with pytest.raises(StopError):
            train(smoke, tmp_path, save_seconds=0)
    assert (tmp_path / "running.ckpt").exists() and not (tmp_path / "model.safetensors").exists()
    train(smoke, tmp_path)
    assert_same(tmp_path, undisturbed)


def test_a_callback_gets_every_row_of_the_log_and_can_stop_the_run(undisturbed, smoke, tmp_path):
    """An interrupted run that is resumed passes its earlier rows first, as a live curve needs them."""
    rows = []

    def stop_after_nine(row):
        rows.append(row)
        if row.step == 9:
            raise StopError

    with pytest.raises(StopError):
        train(smoke, tmp_path, callback=stop_after_nine)
    assert [row.step for row in rows] == [1, 2, 3, 4, 5, 6, 7, 7, 8, 9]
    again = []
    train(smoke, tmp_path, callback=again.append)
    assert_same(tmp_path, undisturbed)
    for row, logged in zip(again, read_log(undisturbed), strict=True):
        assert (row.step, row.epoch, row.subset) == (
            int(logged["step"]),
            int(logged["epoch"]),
            logged["subset"],
        )
        assert row.n_steps == 14 and row.figures["loss"] == pytest.approx(float(logged["loss"]), rel=1e-5)


def test_a_full_disk_leaves_the_previous_checkpoint_usable(undisturbed, smoke, tmp_path, monkeypatch):
    """From the second epoch on, files are limited to a megabyte, which raises an error like a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    validate = loop.validate

    def filling(running):
        figures = validate(running)
        if running.progress.epoch == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
        return figures

    with monkeypatch.context() as patch:
        patch.setattr(loop, "validate", filling)
        try:
            with pytest.raises(OSError, match="File too large"):
                train(smoke, tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    left = {"running.ckpt", "best.ckpt", "log.csv", "tensorboard"}
    assert {path.name for path in tmp_path.iterdir()} == left
    assert torch.load(tmp_path / "running.ckpt", weights_only=True)["progress"]["epoch"] == 1
    train(smoke, tmp_path)
    assert_same(tmp_path, undisturbed)


def test_an_incomplete_last_row_of_the_log_is_dropped(tmp_path):
    progress = run.Progress()
    with log.Log(tmp_path, progress) as writing:
        for _ in range(3):
            progress.step += 1
            writing.write(progress, "train", {"loss": 0.5})
    file = tmp_path / "log.csv"
    os.truncate(file, file.stat().st_size - 15)  # in its third row
    with log.Log(tmp_path, replace(progress, step=2)):
        pass
    assert [row["step"] for row in read_log(tmp_path)] == ["1", "2"]


def test_a_log_that_is_not_active_writes_nothing(tmp_path):
    with log.Log(tmp_path, run.Progress(), active=False) as silent:
        silent.write(run.Progress(), "train", {"loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_not_all_nodes_see_is_refused(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lightning_fabric.Fabric.broadcast", lambda self, value, src=0: True
    )  # rank 0 sees it
    with pytest.raises(CheckpointError, match="not all nodes can see .*running.ckpt"):
        train(smoke, tmp_path)
