"""The artifact pack for reviewers: what each command costs, and which command makes which claim.

Costs are read from the files that benchmarks and trainings left in `data/`; what no file records is marked as
not measured. The claims are data, so that tests can hold them to the shipped results.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import pandas as pd
from markupsafe import Markup

from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.errors import NotebookError
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.registry import data_path, registry
from latentdx.training.history import RunProvenance, read_history
from latentdx.training.profile import model_names

BOOK = Path(__file__).resolve().parents[3] / "book"

NOT_MEASURED = "not measured"

TRAINING = "results/training"
"""Folder of the training logs, whose first lines say how long a training took."""


def _results(*names: str, split: str = "twin-disjoint", notes: str = "60-85") -> tuple[str, ...]:
    """Name the files of results over the test set."""
    return tuple(f"results/{name}.{split}.{notes}.parquet" for name in names)


# -- costs ---------------------------------------------------------------------------------------------------


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
        Cost("make install", "install the pinned packages into .venv"),
        Cost("make test", "run every check"),
        Cost("make site", "build this book from what ships"),
    ]


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
            disk=_size_of(*_results("perfect", "one-step", "nearest", "nearest-unrelated", "mean", "random")),
        ),
        Cost(
            "latentdx evaluate model latentdx",
            "one forward pass, the whole test set",
            one,
            disk=_size_of(*_results("latentdx")),
            source="benchmarks/evaluate.json" if measured else "",
        ),
        Cost(
            "latentdx evaluate model latentdx --best-of 64 --limit 1000",
            "the best of 64 by rendering",
            several,
            disk=_size_of(
                *_results("latentdx-best-of-64-on-1000", "latentdx-on-1000"),
                "results/curve.latentdx.twin-disjoint.csv",
            ),
            source="benchmarks/evaluate.json" if measured else "",
        ),
        Cost(
            "latentdx evaluate match",
            "searches at three budgets",
            match,
            disk=_size_of(
                *_results("match-500-on-200", "match-2000-on-200", "match-10000-on-50"),
                *_results("nearest-genetic-on-200", "latentdx-best-of-64-on-200"),
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


# -- claims --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A statement of the book, and what it rests on.

    Attributes:
        text: The statement, in one sentence.
        commands: What makes its files, in order; empty where the page itself computes it.
        files: Files below `data/` that it rests on.
        chapter: Page in `book/` that shows it.
        cell: Identifier of the cell there that shows it.
    """

    text: str
    commands: tuple[str, ...]
    files: tuple[str, ...]
    chapter: str
    cell: str


_ANCHORS = "latentdx evaluate anchors"
_SHIPPED = ("num", "numcat", "numcat++", "numcat++-six", "latentdx")
_SHIPPED_COMMAND = f"latentdx evaluate model {' '.join(_SHIPPED)}"
_FIVE_NOTES = "--notes 60:20,60:64,60:127,40:85,70:85 --quick --limit 2000"


def _trained(*names: str, options: str = "") -> tuple[str, ...]:
    """Return the commands for models that do not ship."""
    joined = " ".join(names)
    return f'make train MODELS="{joined}"', f"latentdx evaluate model {joined}{options}"


CLAIMS: tuple[Claim, ...] = (
    # -- the dataset and the trainings
    Claim(
        "Of the 31,380 voices of learnfm, 1,040 are duplicates once mended and transposed, 637 are silent, "
        "and 29,703 are kept.",
        ("latentdx curate --corpus learnfm --out data/curation",),
        ("curation/learnfm.parquet", "curation/learnfm.json"),
        "dataset",
        "cleaning-table",
    ),
    Claim(
        "About a quarter of the kept presets have a near duplicate. The random split puts some of these on "
        "both sides; the split that the shipped models are trained on never does.",
        ("latentdx curate --corpus learnfm --out data/curation",),
        ("curation/learnfm.parquet", "curation/learnfm.json"),
        "dataset",
        "twins-table",
    ),
    Claim(
        "Each model was trained in less than an hour.",
        ("make train",),
        tuple(
            f"{TRAINING}/{name}.csv"
            for name in (*_SHIPPED, "numcat++-mlp", "numcat++-random", "numcat++-seed1", "numcat++-epochs5")
        ),
        "reproduce",
        "training-cost-table",
    ),
    # -- the results over the test set
    Claim(
        "A preset with one parameter one step off is closer to the target than any model's single forward "
        "pass, by every distance of sounds.",
        (_ANCHORS, _SHIPPED_COMMAND),
        _results("perfect", "one-step", *_SHIPPED),
        "results",
        "sound-table",
    ),
    Claim(
        "In a single forward pass, every model is closer to the target than the mean preset and than a "
        "random preset, by MFCC13 and log-STFT MAE.",
        (_ANCHORS, _SHIPPED_COMMAND),
        _results("mean", "random", *_SHIPPED),
        "results",
        "sound-table",
    ),
    Claim(
        "No model's single forward pass is as close as the nearest preset of the training set, not even "
        "when relatives of the target are removed from it.",
        (_ANCHORS, _SHIPPED_COMMAND),
        _results("nearest", "nearest-unrelated", *_SHIPPED),
        "results",
        "sound-table",
    ),
    Claim(
        "As in the paper, NumCat is closer than Num only, and NumCat++ is closer than NumCat, by MFCC13 "
        "and log-STFT MAE.",
        ("latentdx evaluate model num numcat numcat++",),
        _results("num", "numcat", "numcat++"),
        "results",
        "claims-table",
    ),
    Claim(
        "The flow is closer than an MLP in its place by log-STFT MAE; by MFCC13 no difference is shown.",
        (*_trained("numcat++-mlp"), "latentdx evaluate model numcat++"),
        _results("numcat++-mlp", "numcat++"),
        "results",
        "claims-table",
    ),
    Claim(
        "In a single forward pass, LatentDX is not closer than NumCat++: by MFCC13 no difference is shown, "
        "and by log-STFT MAE it is farther off.",
        ("latentdx evaluate model numcat++ latentdx",),
        _results("numcat++", "latentdx"),
        "results",
        "claims-table",
    ),
    Claim(
        "Training NumCat++ with another seed changes nothing that these tests can show.",
        (*_trained("numcat++-seed1"), "latentdx evaluate model numcat++"),
        _results("numcat++", "numcat++-seed1"),
        "results",
        "claims-table",
    ),
    Claim(
        "Hearing six notes instead of one brings the sound closer at velocity 20 and improves the "
        "numerical parameters that depend on key and velocity; at the other notes no difference of MFCC13 "
        "is shown.",
        (
            *_trained("numcat++-epochs5", options=f" {_FIVE_NOTES}"),
            f"latentdx evaluate model numcat++ numcat++-six {_FIVE_NOTES}",
        ),
        (
            *_results(
                "numcat++-on-2000", "numcat++-epochs5-on-2000", "numcat++-six-on-2000", notes="5-notes"
            ),
            *_results("numcat++-epochs5"),
        ),
        "results",
        "notes-table",
    ),
    Claim(
        "With the paper's random split, test presets that have a near duplicate in the training set are "
        "programmed better than the others.",
        _trained("numcat++-random", options=" --quick"),
        (*_results("numcat++-random", split="random"), "curation/learnfm.parquet"),
        "results",
        "splits-table",
    ),
    Claim(
        "The best of 64 drawn presets, chosen by rendering, is closer than a single forward pass of the "
        "same model, by every distance of sounds.",
        ("latentdx evaluate model latentdx --best-of 64 --limit 1000",),
        (
            *_results("latentdx-best-of-64-on-1000", "latentdx-on-1000"),
            "results/curve.latentdx.twin-disjoint.csv",
        ),
        "results",
        "samples-table",
    ),
    Claim(
        "With 2,000 renders, a match is closer than the nearest preset followed by a genetic search with "
        "as many renders.",
        ("latentdx evaluate match",),
        (
            *_results("match-2000-on-200", "nearest-genetic-on-200", "latentdx-best-of-64-on-200"),
            "results/curve.match-2000.twin-disjoint.csv",
        ),
        "results",
        "match-table",
    ),
    Claim(
        "More renders bring a match closer: 2,000 more than 500, and 10,000 more than 2,000.",
        ("latentdx evaluate match",),
        (
            *_results("match-500-on-200", "match-2000-on-200", "match-10000-on-50"),
            "results/curve.match-500.twin-disjoint.csv",
            "results/curve.match-10000.twin-disjoint.csv",
        ),
        "results",
        "match-more",
    ),
    Claim(
        "From the same starts and with as many renders, our search ends at a lower distance than a genetic "
        "search and than CatCMAwM, on average over ten presets.",
        ("python benchmarks/match.py",),
        ("benchmarks/match.json",),
        "results",
        "searches",
    ),
    Claim(
        "The best of 64 presets drawn from a joint posterior is closer than the best of 64 with "
        "independent parameters.",
        ("python benchmarks/levers.py",),
        ("results/levers.csv",),
        "results",
        "levers-table",
    ),
    Claim(
        "On the eight examples of the paper's page, the best of 64 presets from LatentDX is closer on "
        "average than the authors' published NumCat++ sounds. Eight are too few for a test.",
        (
            "latentdx evaluate published",
            "latentdx evaluate model latentdx --best-of 64 --limit 1000",
        ),
        (
            "results/published.csv",
            *(f"results/examples.{name}.csv" for name in (*_SHIPPED, "latentdx-best-of-64")),
            *(f"results/examples.numcat++-{name}.csv" for name in ("mlp", "random", "seed1", "epochs5")),
        ),
        "results",
        "published-table",
    ),
    Claim(
        "The presets to listen to are chosen by rule: of each kind of sound those at the 10th, 50th, and "
        "90th percentile of LatentDX's MFCC13.",
        ("latentdx evaluate listening --best-of 64",),
        ("results/listen/listen.json",),
        "results",
        "listen-rows",
    ),
    # -- interpolation
    Claim(
        "Over 500 pairs, the path through the latent space is smoother, straighter, and more even than "
        "moving each parameter by itself.",
        ("latentdx evaluate interpolation",),
        ("interpolation/pairs.numcat++.parquet",),
        "interpolation",
        "verdict",
    ),
    Claim(
        "Pacing the latent path by sound beats both of the paper's ways by all three measures.",
        ("latentdx evaluate interpolation",),
        ("interpolation/pairs.numcat++.parquet",),
        "interpolation",
        "verdict",
    ),
    Claim(
        "Smoothness and non-linearity rank a switch halfway, which does not interpolate at all, above "
        "every real path. Unevenness ranks it last.",
        ("latentdx evaluate interpolation",),
        ("interpolation/pairs.numcat++.parquet",),
        "interpolation",
        "unevenness-table",
    ),
    Claim(
        "Of the two pairs on the paper's page, the latent path is smoother than the naive one for the "
        "first, and rougher for the second.",
        ("latentdx evaluate interpolation",),
        ("interpolation/paths.json",),
        "interpolation",
        "page-table",
    ),
    # -- sounds from outside the DX7
    Claim(
        "For sounds of other instruments, a match ends at a lower mean MFCC13 than a single forward pass "
        "of the same model.",
        ("make site",),
        ("targets/targets.json", "checkpoints/latentdx.safetensors", "starter/SHA256SUMS"),
        "outofdomain",
        "ood-match",
    ),
)
"""Every claim of the chapters on the dataset, the results, interpolation, and other instruments."""


def claims_table(claims: Iterable[Claim] = CLAIMS) -> HTML:
    """List claims, the commands that make their files, the files, and where the book shows them."""
    lines = [
        {
            "claim": claim.text,
            "command": _codes(claim.commands),
            "files in data/": _codes(claim.files),
            "shown in": _place(claim),
        }
        for claim in claims
    ]
    return table_html(pd.DataFrame(lines, dtype=object), "Each claim, and what it rests on")


def _place(claim: Claim) -> Markup:
    title, section = find_cell(claim.chapter, claim.cell)
    return Markup('<a href="{}.html">{}</a>: {}').format(claim.chapter, title, section)


def find_cell(chapter: str, cell: str) -> tuple[str, str]:
    """Return the title of a chapter and the heading above one of its cells.

    Raises:
        NotebookError: The chapter does not exist, or has no such cell.
    """
    file = BOOK / f"{chapter}.ipynb"
    if not file.exists():
        raise NotebookError(f"there is no chapter {file}")
    title = heading = ""
    for each in nbformat.read(file, as_version=4).cells:
        if each.cell_type == "markdown":
            for line in each.source.splitlines():
                mark, _, text = line.partition(" ")
                title = text if mark == "#" else title
                heading = text if mark and not mark.strip("#") else heading
        if each.id == cell:
            return title, heading
    raise NotebookError(f"{file} has no cell {cell!r}")


def _code(text: str) -> Markup:
    return Markup('<code style="overflow-wrap: anywhere">{}</code>').format(text)


def _codes(texts: Iterable[str]) -> Markup:
    return Markup("<br>").join(_code(text) for text in texts)
