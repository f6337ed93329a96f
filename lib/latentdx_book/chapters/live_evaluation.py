"""Evaluation in a notebook: what ``latentdx evaluate`` does, for the chapter that shows its results."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from IPython.display import clear_output
from matplotlib.figure import Figure

from latentdx.applications.programmer import Programmer, load_model
from latentdx.cli.notes import parse_notes
from latentdx.display.figures import new_figure
from latentdx.evaluation import commands
from latentdx.evaluation.commands import EvaluationRequest
from latentdx.evaluation.result_data import ResultData, per_preset
from latentdx.evaluation.results import Measurement, Result
from latentdx.metrics.registry import METRICS
from latentdx.run_options import RunOptions, cache_folder
from latentdx.training import read_profile, train
from latentdx_book.chapters.live_training import SMOKE_EPOCHS


@dataclass(frozen=True)
class EvaluatedHere:
    """Outcome of an evaluation in a notebook.

    Attributes:
        model: Model that was evaluated.
        files: Names of the files of its results.
        results: All results in their folder.
        where: Which of them belong to this evaluation, as arguments of `ResultData.select`.
    """

    model: Programmer
    files: tuple[str, ...]
    results: ResultData
    where: Mapping[str, Any]


def evaluate_here(
    model: str = "",
    *,
    factory: str = "",
    limit: int | None = None,
    notes: str = "single",
    best_of: int = 1,
    quick: bool = False,
    anchors: Sequence[str] = ("nearest", "mean", "random"),
    folder: str | Path = "",
) -> EvaluatedHere:
    """Evaluate a model and some anchors as ``latentdx evaluate`` does; finished parts are never repeated.

    Args:
        model: Name of a model or a checkpoint file, see `commands.find_model`; "" trains a small one first.
        factory: Import path of the factory of a network of one's own, see `latentdx.training.network`.
        limit: Number of presets of the test set, drawn by seed; by default all.
        notes: Notes at which sounds are compared, as for the command's ``--notes``.
        best_of: Number of candidates per preset; 1 is the single pass.
        quick: Leave out live parameters and pYIN.
        anchors: Names of anchors, see `latentdx.evaluation.anchors.ANCHORS`.
        folder: Folder of the results; by default one in the cache, or without a model a temporary one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        if model:
            programmer = commands.find_model(model, factory or None)
            place = Path(folder or cache_folder() / "results")
        else:
            small = read_profile("numcat++", "smoke", {"epochs": SMOKE_EPOCHS})
            programmer = load_model(train(small, Path(temporary, "run"), show=False))
            place = Path(folder or Path(temporary, "results"))
        measurement = Measurement(parse_notes(notes))
        request = EvaluationRequest(
            limit=limit,
            measurement=measurement.quick() if quick else measurement,
            best_of=best_of,
            out=place,
            force=True,  # a new checkpoint's results take the place of the old one's
            options=RunOptions(processes=None if model else 1, progress=True),
        )
        files = [*commands.evaluate_model(programmer, request)]
        profile = programmer.about.profile
        for _ in commands.evaluate_baselines(request, profile.corpus, profile.split, anchors):
            pass
        for _ in commands.summarize(request):
            pass
        clear_output()  # of the progress bars
        trial = request.trial(profile.corpus, profile.split)
        where = {"split": trial.split, "selection": trial.selection, "notes": len(measurement.notes)}
        names = tuple(file.name for file in files)
        return EvaluatedHere(programmer, names, ResultData.read(place), where)


def draw_distances(results: Sequence[Result], metric: str) -> Figure:
    """Plot for each result the share of presets whose distance is at most x.

    Args:
        results: Results to draw.
        metric: Metric on the horizontal axis.
    """
    figure, axes = new_figure(size=(7.0, 3.0))
    ax = axes[0, 0]
    for result in results:
        values = np.sort(per_preset(result, metric).dropna().to_numpy())
        ax.step(values, np.arange(1, len(values) + 1) / len(values), label=result.provenance.title)
    ax.set(xlabel=METRICS[metric].title, ylabel="share of presets", ylim=(0, 1.02))
    ax.set_xlim(left=0)
    ax.legend()
    return figure
