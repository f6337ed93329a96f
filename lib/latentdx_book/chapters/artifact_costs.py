"""What each command costs, for reviewers.

Costs are read from the files that benchmarks and trainings left in `data/`; what no file records is marked as
not measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from markupsafe import Markup

from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.registry import data_path, registry
from latentdx.training.history import RunProvenance, read_history
from latentdx.training.profile import model_names

BOOK = Path(__file__).resolve().parents[3] / "book"

NOT_MEASURED = "not measured"

TRAINING = "results/training"
"""Folder of the training logs, whose first lines say how long a training took."""


def result_files(*names: str, split: str = "twin-disjoint", notes: str = "60-85") -> tuple[str, ...]:
    """Name the files of results over the test set."""
    return tuple(f"results/{name}.{split}.{notes}.parquet" for name in names)


@dataclass(frozen=True)
class Cost:
    """What one command takes.

    Attributes:
        command: What to type, or the call in Python.
        what: What it does, in a few words.
        time: Measured time.
        memory: Measured peak memory.
        disk: Size of what it leaves on disk.
        source: File or folder below `data/` that records the time.
    """

    command: str
    what: str
    time: str = NOT_MEASURED
    memory: str = NOT_MEASURED
    disk: str = NOT_MEASURED
    source: str = ""


def costs() -> list[Cost]:
    """Return the costs of all commands, in the order in which a reviewer runs them."""
    return [*_setup_costs(), *_data_costs(), *_training_costs(), *_evaluation_costs(), *_use_costs()]


def _setup_costs() -> list[Cost]:
    return [
        _whole("make install", "install the pinned packages into .venv"),
        _whole("make test", "run every check"),
        _whole("make site", "build this book from what ships"),
    ]


def _whole(command: str, what: str) -> Cost:
    """Return the cost of a whole command, as `benchmarks/commands.py` measured it."""
    measured = _benchmark("commands").get(command)
    if measured is None:
        return Cost(command, what)
    return Cost(
        command,
        what,
        _duration(measured["seconds"]),
        _size(measured["peak_bytes"]),
        _size(measured["disk_bytes"]),
        "benchmarks/commands.json",
    )


def _data_costs() -> list[Cost]:
    measured = _benchmark("render")
    fetched = registry()["corpora/learnfm/compact.bin"]
    return [
        Cost("latentdx fetch learnfm", "download and verify the voices", disk=_size(fetched.size)),
        Cost(
            "latentdx curate --corpus learnfm",
            "clean, label, find near duplicates, split",
            disk=_size_of("curation/learnfm.parquet", "curation/learnfm.json"),
        ),
        _rendering(
            "latentdx render --corpus learnfm", "render one note per preset", measured, "store_single"
        ),
        _rendering(
            "latentdx render --corpus learnfm --notes six",
            "render six notes per preset",
            measured,
            "store_six",
        ),
        Cost(
            "python -m latentdx.retrieval.build_index learnfm",
            "index the training set by sound",
            disk=_size_of("index/learnfm.safetensors"),
        ),
        Cost("make reproduce", "all of this for one note; the starter presets and the target sounds"),
    ]


def _rendering(command: str, what: str, measured: Mapping[str, Any], key: str) -> Cost:
    if key not in measured:
        return Cost(command, what)
    store = measured[key]
    return Cost(
        command,
        what,
        _duration(60 * store["minutes"]),
        f"{store['peak_memory_gb']:.1f} GB",
        _size(store["bytes"]),
        "benchmarks/render.json",
    )


def _training_costs() -> list[Cost]:
    runs = training_runs()
    lines = [
        Cost(
            f"latentdx train {name}",
            f"{run.epochs} epochs, {run.parameters / 1e6:.1f} million parameters",
            f"{run.minutes:.1f} min",
            disk=_size_of(f"checkpoints/{name}.safetensors"),
            source=f"{TRAINING}/{name}.csv",
        )
        for name, run in runs.items()
    ]
    total = sum(run.minutes for run in runs.values())
    whole = f"{total / 60:.1f} h, the sum of the lines above" if runs else NOT_MEASURED
    return [
        *lines,
        Cost("make train", "all of these, one after another", whole, source=TRAINING if runs else ""),
    ]


def training_runs() -> dict[str, RunProvenance]:
    """Return what made each model of the laptop's scale whose log ships, by its name."""
    names = [name for name in model_names("laptop") if data_path(TRAINING, f"{name}.csv").exists()]
    return {name: read_history(name).provenance for name in names}


def _evaluation_costs() -> list[Cost]:
    measured, matched = _benchmark("evaluate"), _benchmark("match")
    one = several = match = NOT_MEASURED
    if measured:
        each = {stage: found["median"] for stage, found in measured["milliseconds"].items()}
        drawn = measured["drawn"]
        stages = {
            "one pass": "forward pass",
            "compare": "rendering and comparison",
            "live parameters": "audible parameters, found once",
            "pYIN": f"pYIN, for {N_PYIN} presets only",
        }
        told = "; ".join(f"{each[stage]:,.0f} ms {what}" for stage, what in stages.items())
        one = f"per preset on one core: {told}"
        several = f"per preset on one core: {each[f'best of {drawn}']:,.0f} ms for {drawn} presets"
    if matched:
        match = f"per target on one core: {matched['seconds_one_core']['match, whole']:.1f} s"
        match += f" for {matched['budget']:,} renders"
    return [
        Cost(
            "latentdx evaluate anchors",
            "the anchors of every table",
            disk=_size_of(
                *result_files("perfect", "one-step", "nearest", "nearest-unrelated", "mean", "random")
            ),
        ),
        Cost(
            "latentdx evaluate model latentdx",
            "one forward pass, the whole test set",
            one,
            disk=_size_of(*result_files("latentdx")),
            source="benchmarks/evaluate.json" if measured else "",
        ),
        Cost(
            "latentdx evaluate model latentdx --best-of 64 --limit 1000",
            "the best of 64 by rendering",
            several,
            disk=_size_of(
                *result_files("latentdx-best-of-64-on-1000", "latentdx-on-1000"),
                "results/curve.latentdx.twin-disjoint.csv",
            ),
            source="benchmarks/evaluate.json" if measured else "",
        ),
        Cost(
            "latentdx evaluate match",
            "searches at three budgets",
            match,
            disk=_size_of(
                *result_files("match-500-on-200", "match-2000-on-200", "match-10000-on-50"),
                *result_files("nearest-genetic-on-200", "latentdx-best-of-64-on-200"),
                *(f"results/curve.match-{n}.twin-disjoint.csv" for n in (500, 2000, 10000)),
            ),
            source="benchmarks/match.json" if matched else "",
        ),
        Cost("latentdx evaluate published", "the examples of the paper's page"),
        Cost(
            "latentdx evaluate interpolation",
            "paths between 500 pairs",
            disk=_size_of("interpolation"),
        ),
        Cost(
            "latentdx evaluate listening --best-of 64", "sounds to listen to", disk=_size_of("results/listen")
        ),
        Cost(
            "make evaluate",
            "every evaluation but the interpolation; the size is that of all of data/results",
            disk=_size_of("results"),
        ),
    ]


def _use_costs() -> list[Cost]:
    load, used = _benchmark("load"), _benchmark("train").get("using")
    match = program = NOT_MEASURED
    if load:
        quiet, busy = (f"{median(load[key]):.0f} s" for key in ("quiet_s", "busy_s"))
        match = f"{quiet}; {busy} beside a process that uses all cores"
    if used:
        first, rest = used["program_ms_one_core_first"], used["program_ms_one_core"]
        program = f"on one core: {used['load_seconds']:.2f} s to load, {first:,.0f} ms for the first sound, "
        program += f"{rest:.0f} ms for each after it"
    return [
        Cost(
            "latentdx match SOUND",
            f"search with {load['budget']:,} renders" if load else "search",
            match,
            source="benchmarks/load.json" if load else "",
        ),
        Cost(
            'load_model("latentdx").program(sound)',
            "one forward pass, in Python",
            program,
            source="benchmarks/train.json" if used else "",
        ),
    ]


def cost_table() -> HTML:
    """Tell what each command takes, as far as a file records it."""
    lines = [
        {
            "command": _code(cost.command),
            "what it does": cost.what,
            "time": cost.time,
            "memory": cost.memory,
            "on disk": cost.disk,
            "time from": _code(cost.source) if cost.source else "–",
        }
        for cost in costs()
    ]
    return table_html(
        pd.DataFrame(lines, dtype=object),
        "What each command takes; the time of a training is that of its training steps alone",
    )


def machine_table() -> HTML:
    """Tell what the times were measured on, as the files themselves record it."""
    lines = []
    for file in sorted(data_path("benchmarks").glob("*.json")):
        machine = json.loads(file.read_text("utf8")).get("machine")
        if machine:
            lines.append(
                {
                    "file": _code(f"benchmarks/{file.name}"),
                    "processor": machine["processor"],
                    "cores": str(machine["cores"]),
                    "memory": f"{machine['memory_gb']:.0f} GB",
                    "Python": machine["python"],
                    "PyTorch": machine["versions"]["torch"],
                    "load at the start": f"{machine['load_average']:.1f}",
                    "date": machine["date"][:10],
                    "commit": machine["commit"][:12],
                }
            )
    if runs := training_runs().values():
        unknown = ("processor", "cores", "memory", "Python", "load at the start", "date")
        lines.append(
            {
                "file": _code(f"{TRAINING}/*.csv"),
                **dict.fromkeys(unknown, "not recorded"),
                "PyTorch": ", ".join(sorted({run.libraries["torch"] for run in runs})),
                "commit": ", ".join(sorted({run.commit for run in runs})),
            }
        )
    return table_html(pd.DataFrame(lines, dtype=object), "What the times were measured on")


def _benchmark(name: str) -> dict[str, Any]:
    """Return the outcome of a benchmark; empty where there is none."""
    file = data_path("benchmarks", f"{name}.json")
    return json.loads(file.read_text("utf8")) if file.exists() else {}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _size_of(*names: str) -> str:
    """Return the size of files or folders below `data/`; not measured where one is missing."""
    places = [data_path(*name.split("/")) for name in names]
    if not all(place.exists() for place in places):
        return NOT_MEASURED
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return _size(sum(file.stat().st_size for file in files if file.is_file()))


def _code(text: str) -> Markup:
    return Markup('<code style="overflow-wrap: anywhere">{}</code>').format(text)
