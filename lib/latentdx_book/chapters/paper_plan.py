"""Plan for training the paper's models at the paper's sizes, from a slice that was measured.

`benchmarks/paper_slice.py` trained one epoch on a slice of learnfm. Everything else here is arithmetic: the
operations of a whole training are counted, and divided by the measured speed of this processor, or by the
speed that a GPU is assumed to sustain.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from latentdx.dataset import curation
from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.models.model_summary import n_parameters
from latentdx.registry import data_path
from latentdx.training.cost import estimated_seconds, operations_per_preset, training_operations
from latentdx.training.profile import Profile, model_names, read_profile
from latentdx_book.chapters.presentation import shown

SLICE = "paper_slice.json"
"""File of the measured slice in `data/benchmarks`."""

_STATES = 16  # bytes per weight in single precision: the weight, its gradient, and Adam's two moments


def read_slice(file: Path | None = None) -> dict[str, Any]:
    """Read the measured slice.

    Args:
        file: File to read; by default the one in `data/benchmarks`.

    Raises:
        NotMeasuredError: There is no such file.
    """
    file = file or data_path("benchmarks", SLICE)
    if not file.exists():
        raise NotMeasuredError("`python benchmarks/paper_slice.py` measures a slice.")
    measured: dict[str, Any] = json.loads(file.read_text("utf8"))
    return measured


def n_training_presets(profile: Profile) -> int:
    """Return the number of presets in the training set of a profile."""
    whole = len(curation.rows(profile.corpus, profile.split, "train"))
    return min(profile.presets or whole, whole)


@shown
def slice_table(file: Path | None = None) -> HTML:
    """Tabulate what the slice took, and on what machine."""
    s = read_slice(file)
    profile, machine = read_profile(s["model"], s["scale"]), s["machine"]
    speed = s["presets_per_second"] * operations_per_preset(profile)
    cores = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:.0f} GB"
    lines = {
        "model": f"{profile.title}, {s['parameters'] / 1e6:.1f} M weights, {s['precision']}",
        "slice": f"{s['steps']} steps of {s['batch']} presets, one epoch of {s['presets']:,} presets",
        "its steps": f"{s['training_seconds']:.1f} s, {s['presets_per_second']:.1f} presets per second",
        "sustained": f"{speed / 1e9:.0f} GFLOP/s, by the operations counted",
        "the whole run": f"{s['seconds']:.1f} s, with loading, validation and saving",
        "memory": f"{s['peak_memory_bytes'] / 1e9:.1f} GB at the peak",
        "on disk": f"{s['run_bytes'] / 1e9:.1f} GB, with {s['checkpoint_bytes'] / 1e6:.0f} MB of checkpoint",
        "machine": f"{cores}, load {machine['load_average']:.1f} at the start",
        "commit": f"{machine['commit'][:12]}, {machine['date'][:10]}",
    }
    return table_html(
        pd.DataFrame(lines.items(), columns=["", "measured"]), "The slice that was trained here"
    )


@shown
def plan_table(teraflops: Sequence[float], file: Path | None = None) -> HTML:
    """Estimate the time of each of the paper's configurations, on this processor and on a GPU.

    Args:
        teraflops: Speeds, in TFLOP/s, that a GPU is assumed to sustain over the whole training.
        file: Measured slice; by default the one in `data/benchmarks`.
    """
    s = read_slice(file)
    reference = read_profile(s["model"], s["scale"])
    lines = []
    for name in model_names("paper"):
        p = read_profile(name, "paper")
        presets = n_training_presets(p)
        days = estimated_seconds(p, presets, reference, s["presets_per_second"]) / 86_400
        operations, weights = training_operations(p, presets), n_parameters(p.architecture)
        lines.append(
            {
                "configuration": name,
                "weights": f"{weights / 1e6:.1f} M",
                "epochs": f"{p.epochs}",
                "operations": f"{operations / 1e15:,.0f} PFLOP",
                f"days on {s['machine']['cores']} cores": f"{days:,.1f}",
                **{f"hours at {t:g} TFLOP/s": f"{operations / t / 3.6e15:.1f}" for t in teraflops},
                "states": f"{_STATES * weights / 1e9:.1f} GB",
            }
        )
    return table_html(
        pd.DataFrame(lines),
        "Estimates, not measurements: the paper's sixteen configurations, one fold of five each, all epochs",
        scroll=True,
    )


@shown
def supply_table(teraflops: Sequence[float], file: Path | None = None, rendering: Path | None = None) -> HTML:
    """Compare how fast presets must be loaded for a GPU with how fast they were loaded here.

    Args:
        teraflops: Speeds, in TFLOP/s, that a GPU is assumed to sustain.
        file: Measured slice; by default the one in `data/benchmarks`.
        rendering: Results of `benchmarks/render.py`; by default those in `data/benchmarks`.
    """
    s = read_slice(file)
    per_preset = operations_per_preset(read_profile(s["model"], s["scale"]))
    measured = json.loads((rendering or data_path("benchmarks", "render.json")).read_text("utf8"))
    loaded, machine = measured["loading"], measured["machine"]
    lines = {
        **{
            f"{s['model']} at {t:g} TFLOP/s takes": f"{t * 1e12 / per_preset:,.0f} presets per second"
            for t in teraflops
        },
        "the store gave, at its first reading": f"{loaded['items_per_second_first_pass']:,.0f}",
        "and from memory": f"{loaded['items_per_second']:,.0f}",
    }
    return table_html(
        pd.DataFrame(lines.items(), columns=["", "spectrograms"]),
        f"Loading on {machine['processor']}, {machine['cores']} cores, commit {machine['commit'][:12]}",
    )
