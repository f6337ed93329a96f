"""What each command costs, for reviewers.

Costs are read from the files that benchmarks and trainings left in `data/`; what no file records is marked as
not measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from markupsafe import Markup

from latentdx.display.table_formats import described
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.registry import data_path, registry
from latentdx.training.history import RunProvenance, read_history
from latentdx.training.profile import model_names
from latentdx_book.chapters.presentation import shown

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
        seconds: Measured time of the whole command.
        peak_bytes: Measured peak memory.
        disk_bytes: Size of what it leaves on disk.
        remark: Measured times that need more words than a number.
        source: File or folder below `data/` that records the time.
    """

    command: str
    what: str
    seconds: float | None = None
    peak_bytes: float | None = None
    disk_bytes: float | None = None
    remark: str = ""
    source: str = ""

    @property
    def time(self) -> str:
        """Measured time, in words."""
        return self.remark or (NOT_MEASURED if self.seconds is None else _duration(self.seconds))

    @property
    def memory(self) -> str:
        """Measured peak memory, in words."""
        return _size(self.peak_bytes)

    @property
    def disk(self) -> str:
        """Size on disk, in words."""
        return _size(self.disk_bytes)


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
        measured["seconds"],
        measured["peak_bytes"],
        measured["disk_bytes"],
        source="benchmarks/commands.json",
    )


def _data_costs() -> list[Cost]:
    measured = _benchmark("render")
    fetched = registry()["corpora/learnfm/compact.bin"]
    return [
        Cost("latentdx fetch learnfm", "download and verify the voices", disk_bytes=fetched.size),
        Cost(
            "latentdx curate --corpus learnfm",
            "clean, label, find near duplicates, split",
            disk_bytes=_size_of("curation/learnfm.parquet", "curation/learnfm.json"),
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
            disk_bytes=_size_of("index/learnfm.safetensors"),
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
        60 * store["minutes"],
        1e9 * store["peak_memory_gb"],
        store["bytes"],
        source="benchmarks/render.json",
    )


def _training_costs() -> list[Cost]:
    runs = training_runs()
    lines = [
        Cost(
            f"latentdx train {name}",
            f"{run.epochs} epochs, {run.parameters / 1e6:.1f} million parameters",
            60 * run.minutes,
            disk_bytes=_size_of(f"checkpoints/{name}.safetensors"),
            source=f"{TRAINING}/{name}.csv",
        )
        for name, run in runs.items()
    ]
    hours = sum(run.minutes for run in runs.values()) / 60
    whole = Cost(
        "make train",
        "all of these, one after another",
        3600 * hours if runs else None,
        remark=f"{hours:.1f} h, the sum of the lines above" if runs else "",
        source=TRAINING if runs else "",
    )
    return [*lines, whole]


def training_runs() -> dict[str, RunProvenance]:
    """Return what made each model of the laptop's scale whose log ships, by its name."""
    names = [name for name in model_names("laptop") if data_path(TRAINING, f"{name}.csv").exists()]
    return {name: read_history(name).provenance for name in names}


def _evaluation_costs() -> list[Cost]:
    measured, matched = _benchmark("evaluate"), _benchmark("match")
    one = several = match = ""
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
        spent = matched["whole_match"]["seconds_one_core"]
        match = "per target on one core: " + ", ".join(f"{t:.1f} s for {name}" for name, t in spent.items())
    return [
        Cost(
            "latentdx evaluate anchors",
            "the anchors of every table",
            disk_bytes=_size_of(
                *result_files("perfect", "one-step", "nearest", "nearest-unrelated", "mean", "random")
            ),
        ),
        Cost(
            "latentdx evaluate model latentdx",
            "one forward pass, the whole test set",
            remark=one,
            disk_bytes=_size_of(*result_files("latentdx")),
            source="benchmarks/evaluate.json" if measured else "",
        ),
        Cost(
            "latentdx evaluate model latentdx --best-of 64 --limit 1000",
            "the best of 64 by rendering",
            remark=several,
            disk_bytes=_size_of(
                *result_files("latentdx-best-of-64-on-1000", "latentdx-on-1000"),
                "results/curve.latentdx.twin-disjoint.csv",
            ),
            source="benchmarks/evaluate.json" if measured else "",
        ),
        Cost(
            "latentdx evaluate match",
            "searches at three budgets",
            remark=match,
            disk_bytes=_size_of(
                *result_files("match-500-on-200", "match-2000-on-200", "match-7000-on-200"),
                *result_files("nearest-genetic-on-200", "latentdx-best-of-64-on-200"),
                *(f"results/curve.match-{n}.twin-disjoint.csv" for n in (500, 2000, 7000)),
            ),
            source="benchmarks/match.json" if matched else "",
        ),
        Cost("latentdx evaluate published", "the examples of the paper's page"),
        Cost(
            "latentdx evaluate interpolation",
            "paths between 500 pairs",
            disk_bytes=_size_of("interpolation"),
        ),
        Cost(
            "latentdx evaluate listeners --data FOLDER",
            "every distance of sounds against 21 listening studies",
            disk_bytes=_size_of("results/listeners.json"),
        ),
        Cost(
            "latentdx evaluate listening --best-of 64",
            "sounds to listen to",
            disk_bytes=_size_of("results/listen"),
        ),
        Cost(
            "make evaluate",
            "every evaluation but the interpolation; the size is that of all of data/results",
            disk_bytes=_size_of("results"),
        ),
    ]


def _use_costs() -> list[Cost]:
    load, used = _benchmark("load"), _benchmark("train").get("using")
    match = program = ""
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
            remark=match,
            source="benchmarks/load.json" if load else "",
        ),
        Cost(
            'load_model("latentdx").program(sound)',
            "one forward pass, in Python",
            remark=program,
            source="benchmarks/train.json" if used else "",
        ),
    ]


@shown
def cost_table() -> pd.DataFrame:
    """Tell what each command takes, as far as a file records it."""
    lines = [
        {
            "command": _code(cost.command),
            "what it does": cost.what,
            "time": cost.time,
            "memory": cost.memory,
            "on disk": cost.disk,
            "time from": _code(cost.source) if cost.source else None,
        }
        for cost in costs()
    ]
    return described(
        pd.DataFrame(lines, dtype=object),
        "What each command takes; the time of a training is that of its training steps alone",
    )


@partial(shown, units_in_cells=True)
def machine_table() -> pd.DataFrame:
    """Tell what the times were measured on, as the files themselves record it."""
    lines = []
    for file in sorted(data_path("benchmarks").glob("*.json")):
        machine = json.loads(file.read_text("utf8")).get("machine")
        if machine:
            lines.append(
                {
                    "file": f"benchmarks/{file.name}",
                    "processor": machine["processor"],
                    "cores": machine["cores"],
                    "memory, GB": machine["memory_gb"],
                    "Python": machine["python"],
                    "PyTorch": machine["versions"]["torch"],
                    "load at the start": machine["load_average"],
                    "date": machine["date"][:10],
                    "commit": machine["commit"][:12],
                }
            )
    if runs := training_runs().values():
        lines.append(
            {
                "file": f"{TRAINING}/*.csv",
                **dict.fromkeys(("processor", "Python", "date"), "not recorded"),
                "PyTorch": ", ".join(sorted({run.libraries["torch"] for run in runs})),
                "commit": ", ".join(sorted({run.commit for run in runs})),
            }
        )
    frame = pd.DataFrame(lines)
    if lines:
        frame["file"] = pd.Series(map(_code, frame["file"]), dtype=object)
    return described(
        frame,
        "What the times were measured on",
        formats={"cores": ".0f", "memory, GB": ".0f", "load at the start": ".1f"},
    )


def _benchmark(name: str) -> dict[str, Any]:
    """Return the outcome of a benchmark; empty where there is none."""
    file = data_path("benchmarks", f"{name}.json")
    return json.loads(file.read_text("utf8")) if file.exists() else {}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _size(n_bytes: float | None) -> str:
    if n_bytes is None:
        return NOT_MEASURED
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _size_of(*names: str) -> int | None:
    """Return the size of files or folders below `data/` in bytes; `None` where one is missing."""
    places = [data_path(*name.split("/")) for name in names]
    if not all(place.exists() for place in places):
        return None
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return sum(file.stat().st_size for file in files if file.is_file())


def _code(text: str) -> Markup:
    return Markup('<code style="overflow-wrap: anywhere">{}</code>').format(text)
