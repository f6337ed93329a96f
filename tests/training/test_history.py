"""Histories are thinned correctly and read back as written; those of unfinished runs are refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentdx.errors import CheckpointError, DataMissingError
from latentdx.models.model_summary import multiply_adds
from latentdx.training.cost import estimated_seconds, operations_per_preset, training_operations
from latentdx.training.history import RunProvenance, of_run, read_history, read_log, thinned
from latentdx.training.log import COLUMNS
from latentdx.training.loop import train
from latentdx.training.profile import read_profile
from latentdx_book.chapters.training_curves import differing, recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished smoke run of two epochs."""
    folder = tmp_path_factory.mktemp("run")
    train(read_profile("num", "smoke"), folder, show=False)
    return folder


def made_log(epochs: int, steps: int) -> pd.DataFrame:
    rows = []
    for epoch in range(epochs):
        for i in range(steps):
            step = epoch * steps + i + 1
            rows.append({"step": step, "epoch": epoch, "subset": "train", "loss": float(step), "beta": 0.1})
        rows.append(
            {"step": (epoch + 1) * steps, "epoch": epoch, "subset": "validation", "loss": -float(epoch)}
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_thinning_keeps_validation_rows_and_averages_training_rows_within_epochs() -> None:
    log = made_log(epochs=12, steps=148)
    small = thinned(log, 200)
    train_rows = small[small.subset == "train"]
    assert 150 < len(train_rows) <= 12 * 17
    assert (small[small.subset == "validation"].loss.to_numpy() == -np.arange(12)).all()
    first = train_rows.iloc[0]
    assert first.step == 9 and first.loss == np.mean(range(1, 10))  # nine steps each
    assert (train_rows.groupby("epoch").step.max() == 148 * np.arange(1, 13)).all()
    assert small.step.is_monotonic_increasing and list(small.columns) == list(COLUMNS)
    pd.testing.assert_frame_equal(thinned(log, 12 * 148), log, check_dtype=False)


def test_a_finished_run_is_written_and_read_back(run: Path, tmp_path: Path) -> None:
    history = of_run(run)
    file = history.write(tmp_path)
    assert file.name == "num.csv" and file.read_bytes() == history.write(tmp_path / "again").read_bytes()
    back = read_history(file)
    assert back.provenance == history.provenance
    pd.testing.assert_frame_equal(back.table, history.table, rtol=1e-4, check_dtype=False)
    log = read_log(run / "log.csv")
    assert back.provenance.epochs == len(back.validation) == 2
    assert len(back.training) == (log.subset == "train").sum()  # few enough to stay as they are
    assert back.provenance.presets_per_epoch == 7 * 32  # of 245, in whole batches


def test_unfinished_and_foreign_runs_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        of_run(tmp_path)
    shutil.copy(run / "model.safetensors", tmp_path)
    with pytest.raises(CheckpointError, match=r"there is no log\.csv"):
        of_run(tmp_path)
    lines = (run / "log.csv").read_text().splitlines()
    (tmp_path / "log.csv").write_text("\n".join(lines[:-3]) + "\n")
    with pytest.raises(CheckpointError, match="has 12 steps, but .* was trained for 14"):
        of_run(tmp_path)


def test_missing_files_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match=r"no training history nothing\.csv"):
        read_history("nothing")
    (tmp_path / "odd.csv").write_text("step,epoch\n1,0\n")
    with pytest.raises(DataMissingError, match="is not a training history"):
        read_history(tmp_path / "odd.csv")


def test_operations_are_counted_forward_and_backward_for_each_preset_and_epoch() -> None:
    smoke = read_profile("num", "smoke")
    each = 6 * multiply_adds(smoke.architecture, smoke.decoded)
    assert operations_per_preset(smoke) == each
    assert training_operations(smoke, 100) == each * 100 * smoke.epochs
    unstacked = read_profile("numcat++-unstacked", "paper")  # each of its six notes is an item
    assert operations_per_preset(unstacked) == 6 * 6 * multiply_adds(unstacked.architecture)


def test_a_rewarded_sampler_draws_each_preset_and_learns_from_it() -> None:
    p = replace(read_profile("latentdx", "smoke"), initial="latentdx", rewarded=4)
    heard = multiply_adds(replace(p.architecture, sampler=None), 0.0)
    of_sampler = multiply_adds(p.architecture, 0.0) - heard
    # four draws, then forward and backward passes for these and for the true preset
    assert operations_per_preset(p) == 2 * (heard + 4 * of_sampler + 3 * (4 + 1) * of_sampler)


def test_time_is_proportional_to_operations() -> None:
    itself, paper = read_profile("num", "smoke"), read_profile("numcat++", "paper")
    assert estimated_seconds(itself, 1000, itself, 50.0) == pytest.approx(1000 * itself.epochs / 50)
    ratio = operations_per_preset(paper) / operations_per_preset(itself)
    assert estimated_seconds(paper, 1000, itself, 50.0) == pytest.approx(ratio * 1000 * 400 / 50)


def test_recipes_show_only_settings_that_differ() -> None:
    paper, laptop = (read_profile("numcat++", scale) for scale in ("paper", "laptop"))
    names = differing([paper, laptop])
    assert {"epochs", "schedule", "architecture.deepest"} <= set(names)
    assert not {"seed", "corpus", "architecture.channels"} & set(names)
    table = recipe({"paper": paper, "laptop": laptop}, {"epochs": "epochs", "clamped": "clamped slots"})
    assert table.to_dict("records") == [
        {"setting": "epochs", "paper": "400", "laptop": str(laptop.epochs)},
        {"setting": "clamped slots", "paper": "yes", "laptop": "no"},
    ]
    assert differing([paper, paper]) == []


def test_provenance_names_the_profile(run: Path) -> None:
    assert isinstance(of_run(run).provenance, RunProvenance)
    assert of_run(run).provenance.profile["name"] == "num"
