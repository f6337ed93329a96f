"""The evaluation chapter measures what the command measures, and keeps the same files."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from latentdx.evaluation.result_data import per_preset
from latentdx.evaluation.results import read_all
from latentdx.training import read_profile, train
from latentdx_book.chapters.live_evaluation import draw_distances, evaluate_here

CHAPTER = Path(__file__).parents[2] / "book/evaluation.ipynb"

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for one epoch."""
    folder = tmp_path_factory.mktemp("run")
    return train(read_profile("num", "smoke", {"epochs": 1, "presets": 64}), folder, show=False)


def test_the_notebook_writes_the_files_of_the_command(checkpoint: Path, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "latentdx.cli", "evaluate", "model", checkpoint]
    options = ["--limit", "6", "--quick", "--out", tmp_path / "command"]
    subprocess.run([*command, *options], check=True, env=environment, capture_output=True)
    given = {"model": checkpoint, "limit": 6, "results": tmp_path / "notebook"}
    named = [part for name, value in given.items() for part in ("-p", name, str(value))]
    subprocess.run(
        [sys.executable, "-m", "papermill", CHAPTER, tmp_path / "out.ipynb", *named, "--no-progress-bar"],
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    (theirs,) = (tmp_path / "command").glob("*.parquet")
    assert theirs.name == "num-on-6.twin-disjoint.60-85.parquet"
    assert (tmp_path / "notebook" / theirs.name).read_bytes() == theirs.read_bytes()
    kept = {file.name.partition(".")[0] for file in (tmp_path / "notebook").glob("*.parquet")}
    assert kept == {"num-on-6", "nearest-on-6", "mean-on-6", "random-on-6"}
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    cells = {cell.id: cell for cell in executed.cells}
    assert cells["live"].outputs == [], "the progress bars must not stay in the finished page"
    assert theirs.name in cells["live-facts"].outputs[0]["data"]["text/html"]
    for column in ("log-STFT MAE", "Num only", "Random preset"):
        assert column in cells["sound"].outputs[0]["data"]["text/html"]


def test_the_curve_of_a_result_reaches_its_median_at_one_half(checkpoint: Path, tmp_path: Path) -> None:
    evaluated = evaluate_here(str(checkpoint), limit=7, quick=True, anchors=("mean",), folder=tmp_path)
    results = evaluated.results.select(**evaluated.where)
    assert [r.provenance.name for r in results] == ["num-on-7", "mean-on-7"]
    assert len(read_all(tmp_path)) == 2
    lines = draw_distances(results, "mfcc13_mae").axes[0].get_lines()
    for line, result in zip(lines, results, strict=True):
        x, y = line.get_data()
        assert x[np.searchsorted(y, 0.5)] == pytest.approx(per_preset(result, "mfcc13_mae").median())
