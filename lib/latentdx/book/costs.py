"""What training and evaluation cost, for the chapter "Reproduce": from checkpoints and benchmarks."""

import json
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from latentdx.book.findings import NotMeasuredError, shown
from latentdx.book.tables import table_html
from latentdx.dataset import curation
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.shipped import shipped
from latentdx.training.cards import title
from latentdx.training.checkpoint import read_about
from latentdx.training.profile import model_names

N_SEARCHED = 1_000
"""Presets for which several are tried, as `make evaluate` does."""


@shown
def training_table(folder: Path | None = None) -> HTML:
    """Each shipped checkpoint's training, from its own header."""
    files = {path.stem: path for path in (folder or shipped("checkpoints")).glob("*.safetensors")}
    names = [name for name in model_names("laptop") if name in files]
    if not names:
        raise NotMeasuredError("No trained model ships yet. `latentdx train` makes one.")
    lines = []
    for name in names:
        about = read_about(files[name])
        lines.append(
            {
                "model": title(about.profile),
                "epochs": str(about.profile.epochs),
                "steps": f"{about.steps:,}",
                "time": f"{about.training_minutes:.0f} min",
                "precision": about.profile.precision,
                "file": f"{files[name].stat().st_size / 1e6:.1f} MB",
            }
        )
    return table_html(pd.DataFrame(lines), "Training of the models that ship")


@shown
def evaluation_table(file: Path | None = None, corpus: str = "learnfm") -> HTML:
    """Each stage's time for one preset, as `benchmarks/evaluate.py` measured it, and for the test set."""
    file = file or shipped("benchmarks", "evaluate.json")
    if not file.exists():
        raise NotMeasuredError(
            "An evaluation's cost is not measured; `python benchmarks/evaluate.py` does it."
        )
    measured = json.loads(file.read_text("utf8"))
    n, drawn = len(curation.rows(corpus, subset="test")), measured["drawn"]
    counts = {
        "one pass": ("one forward pass", n),
        "compare": ("render, compare", n),
        "live parameters": ("which parameters can be heard, once", n),
        "pYIN": ("pitch by pYIN, of some", min(N_PYIN, n)),
        f"best of {drawn}": (f"draw, render and rank {drawn} presets, of some", N_SEARCHED),
    }
    lines = []
    for key, (what, times) in counts.items():
        ms = measured["milliseconds"][key]["median"]
        minutes = ms * times / 60_000
        lines.append(
            {"stage": what, "each": f"{ms:,.1f} ms", "times": f"{times:,}", "one core": f"{minutes:.1f} min"}
        )
    machine = measured["machine"]
    return table_html(pd.DataFrame(lines), f"Evaluating {measured['model']} on {machine['processor']}")
