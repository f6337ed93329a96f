"""Costs of training, evaluation and matching, and a comparison of searches, from the benchmarks' results."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from latentdx.dataset import curation
from latentdx.display.html import HTML
from latentdx.display.match_report import HEADINGS
from latentdx.display.tables import table_html
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.registry import data_path
from latentdx.training.checkpoint import read_header
from latentdx.training.profile import model_names
from latentdx_book.chapters.result_data import NotMeasuredError, shown

N_SEARCHED = 1_000
"""Number of test presets for which several presets are drawn, as in `make evaluate`."""


@shown
def training_table(folder: Path | None = None) -> HTML:
    """Tabulate how each shipped checkpoint was trained, from its own header."""
    files = {path.stem: path for path in (folder or data_path("checkpoints")).glob("*.safetensors")}
    names = [name for name in model_names("laptop") if name in files]
    if not names:
        raise NotMeasuredError("No trained model ships yet. `latentdx train` trains one.")
    lines = []
    for name in names:
        about = read_header(files[name])
        lines.append(
            {
                "model": about.profile.title,
                "epochs": str(about.profile.epochs),
                "steps": f"{about.steps:,}",
                "time": "in its log"
                if about.training_minutes is None
                else f"{about.training_minutes:.0f} min",
                "precision": about.profile.precision,
                "file": f"{files[name].stat().st_size / 1e6:.1f} MB",
            }
        )
    return table_html(pd.DataFrame(lines), "Training of the models that ship")


@shown
def evaluation_table(file: Path | None = None, corpus: str = "learnfm") -> HTML:
    """Tabulate the time of each stage for one preset (by `benchmarks/evaluate.py`) and for the test set."""
    measured = _benchmark("evaluate", file)
    n, drawn = len(curation.rows(corpus, subset="test")), measured["drawn"]
    counts = {
        "one pass": ("one forward pass", n),
        "compare": ("render and compare", n),
        "live parameters": ("find the audible parameters, once", n),
        "pYIN": ("pitch by pYIN, for a part of the set", min(N_PYIN, n)),
        f"best of {drawn}": (f"draw, render and rank {drawn} presets, for a part of the set", N_SEARCHED),
    }
    lines = []
    for key, (what, times) in counts.items():
        ms = measured["milliseconds"][key]["median"]
        minutes = ms * times / 60_000
        lines.append(
            {"stage": what, "each": f"{ms:,.1f} ms", "times": f"{times:,}", "one core": f"{minutes:.1f} min"}
        )
    return table_html(pd.DataFrame(lines), f"Evaluating {measured['model']}{_machine(measured)}")


@shown
def loop_table(file: Path | None = None) -> HTML:
    """Tabulate the training loop's speed, one more optimization per line, by `benchmarks/train.py`."""
    measured = _benchmark("train", file)
    rates = measured["training"]["presets_per_second_by_lever"]
    first = next(iter(rates.values()))
    lines = [
        {"loop": loop, "presets per second": f"{rate:,.0f}", "speedup": f"{rate / first:.2f}"}
        for loop, rate in rates.items()
    ]
    return table_html(pd.DataFrame(lines), f"Training {measured['training']['model']}{_machine(measured)}")


@shown
def use_table(file: Path | None = None) -> HTML:
    """Tabulate the time to load a checkpoint and to program a sound, as `benchmarks/train.py` measured it."""
    measured = _benchmark("train", file)
    found = measured["using"]
    lines = {
        "load the checkpoint": f"{found['load_seconds']:.2f} s",
        "program the first sound": f"{found['program_ms_one_core_first']:.0f} ms",
        "program the next": f"{found['program_ms_one_core']:.0f} ms",
    }
    table = pd.DataFrame(lines.items(), columns=["one core", "measured"])
    return table_html(table, f"Using {found['model']}, one forward pass{_machine(measured)}")


@shown
def search_table(file: Path | None = None) -> HTML:
    """Compare searches with the same starts and the same distance, as `benchmarks/match.py` measured them."""
    measured = _benchmark("match", file)
    spent = measured["seconds_one_core"]
    lines = [
        {
            "search": name,
            "distance, mean ↓": f"{distance['mean']:.3f}",
            "median ↓": f"{distance['median']:.3f}",
            "ours is closer in": f"{measured['ours_nearer'][name]} of {measured['targets']}"
            if name in measured["ours_nearer"]
            else "–",
            "one core": f"{spent[name]:.1f} s",
        }
        for name, distance in measured["distance"].items()
    ]
    return table_html(
        pd.DataFrame(lines),
        f"{measured['targets']} validation presets, {measured['budget']:,} renders each; a whole match takes "
        f"{spent['match, whole']:.1f} s{_machine(measured)}",
    )


@shown
def search_distance_table(file: Path | None = None) -> HTML:
    """Tabulate the distances that a search can minimize, and the result by each measure."""
    measured = _benchmark("match", file)
    found = measured["medians_by_the_distance_searched"]
    lines = [
        {"search minimizes": name} | {f"{HEADINGS[m]} ↓": f"{value:.3g}" for m, value in values.items()}
        for name, values in found.items()
    ]
    return table_html(
        pd.DataFrame(lines), f"Medians over {measured['targets']} validation presets, after a search"
    )


def _benchmark(name: str, file: Path | None) -> dict[str, Any]:
    file = file or data_path("benchmarks", f"{name}.json")
    if not file.exists():
        raise NotMeasuredError(f"`python benchmarks/{name}.py` measures it.")
    measured: dict[str, Any] = json.loads(file.read_text("utf8"))
    return measured


def _machine(measured: dict[str, Any]) -> str:
    machine = measured["machine"]
    return f"; {machine['processor']}, commit {machine['commit'][:12]}"
