"""Tables of costs: training, evaluation, and use, from checkpoints and from what the benchmarks measured."""

from pathlib import Path

import pandas as pd

from latentdx.dataset import curation
from latentdx.display.table_formats import described
from latentdx.errors import DataMissingError
from latentdx.evaluation.benchmark_files import machine_text, read_benchmark
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.registry import data_path
from latentdx.training.checkpoint import checkpoint_hash, read_header
from latentdx.training.history import read_history
from latentdx.training.profile import model_names

N_SEARCHED = 1_000
"""Number of test presets for which several presets are drawn, as in `make evaluate`."""


def training_cost_table(folder: Path | None = None) -> pd.DataFrame:
    """Tabulate how checkpoints were trained, from their own headers and logs.

    Args:
        folder: Folder of the checkpoints; by default those that ship.

    Returns:
        Columns model, epochs, steps, time (min; missing if unknown), precision and file (MB).

    Raises:
        NotMeasuredError: There are no checkpoints.
    """
    files = {path.stem: path for path in (folder or data_path("checkpoints")).glob("*.safetensors")}
    names = [name for name in model_names("laptop") if name in files]
    if not names:
        raise NotMeasuredError("No trained model ships yet. `latentdx train` trains one.")
    frame = pd.DataFrame(
        {
            "model": about.profile.title,
            "epochs": about.profile.epochs,
            "steps": about.steps,
            "time, min": about.training_minutes or _minutes(name, files[name]),
            "precision": about.profile.precision,
            "file, MB": files[name].stat().st_size / 1e6,
        }
        for name in names
        for about in [read_header(files[name])]
    )
    return described(
        frame, "Training of the models that ship", formats={"time, min": ".0f", "file, MB": ".1f"}
    )


def _minutes(name: str, file: Path) -> float | None:
    """Return the minutes that a model's log tells, for a checkpoint that does not."""
    try:
        log = read_history(name).provenance
    except DataMissingError:
        return None
    return log.minutes if log.checkpoint_sha256 == checkpoint_hash(file) else None


def evaluation_cost_table(file: Path | None = None, corpus: str = "learnfm") -> pd.DataFrame:
    """Tabulate the time of each stage for one preset (by `benchmarks/evaluate.py`) and for the test set.

    Args:
        file: File of the benchmark; by default the one that ships.
        corpus: Corpus of the test set.

    Returns:
        Columns stage, each (ms), times (how often it is done), and one core (min).

    Raises:
        NotMeasuredError: There is no such file.
    """
    measured = read_benchmark("evaluate", file)
    n, drawn = len(curation.rows(corpus, subset="test")), measured["drawn"]
    counts = {
        "one pass": ("one forward pass", n),
        "compare": ("render and compare", n),
        "live parameters": ("find the audible parameters, once", n),
        "pYIN": ("pitch by pYIN, for a part of the set", min(N_PYIN, n)),
        f"best of {drawn}": (f"draw, render and rank {drawn} presets, for a part of the set", N_SEARCHED),
    }
    frame = pd.DataFrame(
        {"stage": what, "each, ms": ms, "times": times, "one core, min": ms * times / 60_000}
        for key, (what, times) in counts.items()
        for ms in [measured["milliseconds"][key]["median"]]
    )
    return described(
        frame,
        f"Evaluating {measured['model']}; {machine_text(measured)}",
        formats={"each, ms": ",.1f", "one core, min": ".1f"},
    )


def training_speed_table(file: Path | None = None) -> pd.DataFrame:
    """Tabulate the training loop's speed, one more optimization per line, by `benchmarks/train.py`.

    Args:
        file: File of the benchmark; by default the one that ships.

    Returns:
        Columns loop, presets per second, and speedup over the first line.

    Raises:
        NotMeasuredError: There is no such file.
    """
    measured = read_benchmark("train", file)
    rates = measured["training"]["presets_per_second_by_lever"]
    frame = pd.DataFrame({"loop": list(rates), "presets per second": list(rates.values())})
    frame["speedup"] = frame["presets per second"] / frame["presets per second"].iloc[0]
    return described(
        frame,
        f"Training {measured['training']['model']}; {machine_text(measured)}",
        formats={"presets per second": ",.0f", "speedup": ".2f"},
    )


def inference_cost_table(file: Path | None = None) -> pd.DataFrame:
    """Tabulate the time to load a checkpoint and to program a sound, as `benchmarks/train.py` measured it.

    Args:
        file: File of the benchmark; by default the one that ships.

    Returns:
        Columns one core (what is done) and measured (ms).

    Raises:
        NotMeasuredError: There is no such file.
    """
    measured = read_benchmark("train", file)
    found = measured["using"]
    lines = {
        "load the checkpoint": 1000 * found["load_seconds"],
        "program the first sound": found["program_ms_one_core_first"],
        "program the next": found["program_ms_one_core"],
    }
    return described(
        pd.DataFrame(lines.items(), columns=["one core", "measured, ms"]),
        f"Using {found['model']}, one forward pass; {machine_text(measured)}",
        formats={"measured, ms": ",.0f"},
    )
