"""Estimate of what the pipeline costs, printed before it starts.

Every estimate is a measurement in `data/benchmarks`, scaled by the number of presets, the operations of the
networks, and by the number of cores. What was never measured has no estimate.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from latentdx.audio.renderer import NOTE_SETS
from latentdx.cli.notes import parse_notes
from latentdx.dataset import curation
from latentdx.dataset.store import Store, store_folder
from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.errors import LatentDXError
from latentdx.evaluation.anchors import ANCHORS
from latentdx.evaluation.evaluate import N_PYIN
from latentdx.registry import data_path
from latentdx.training.cost import estimated_seconds
from latentdx.training.profile import Profile, read_profile
from latentdx_book.build.pipeline import Pipeline
from latentdx_book.build.stage_times import duration

NOT_MEASURED = "not measured"

_DAYS = 48 * 3600  # from here on, a time is given in days


@dataclass(frozen=True)
class StageCost:
    """What a stage of the pipeline takes.

    Attributes:
        stage: What it does.
        size: To how much it does it.
        seconds: Estimated time; `None` if nothing like it was measured.
        source: File in `data/benchmarks` that the estimate starts from.
        done: Whether it is done already.
    """

    stage: str
    size: str
    seconds: float | None
    source: str = ""
    done: bool = False


def stage_costs(pipeline: Pipeline, cores: int) -> Iterator[StageCost]:
    """Estimate the cost of each stage of a pipeline.

    Args:
        pipeline: Pipeline to estimate.
        cores: Number of cores of the machine that it will run on.
    """
    profiles = {name: pipeline.profile(name) for name in pipeline.trained}
    for corpus in sorted({p.corpus for p in profiles.values()}):
        table = pipeline.curation(corpus)
        size = f"{len(curation.read_curation(corpus)):,} presets"
        yield StageCost(f"fetch {corpus}", size, None)
        yield StageCost(f"curate {corpus}", size, *_curation(corpus, cores), done=table.exists())
    for corpus, notes in sorted({(p.corpus, p.notes) for p in profiles.values()}):
        yield _rendering(corpus, notes, cores)
    for name, p in profiles.items():
        done = (pipeline.run(name) / "model.safetensors").exists()
        size = f"at most {p.epochs:,} epochs of {_presets(p, 'train'):,} presets"
        yield StageCost(f"train {name}", size, *_training(p, cores), done=done)
    seen = set[tuple[object, ...]]()
    for name in pipeline.models:
        p = profiles[name]
        for i, evaluation in enumerate(pipeline.evaluations(name), 1):
            n = min(evaluation["limit"] or _presets(p, "test"), _presets(p, "test"))
            same = (p.corpus, p.split, n, *evaluation.items())
            seconds, source = _evaluation(evaluation, n, anchors=same not in seen, cores=cores)
            seen.add(same)
            page = pipeline.build / "evaluated" / f"{name}-{i}.ipynb"
            many = f", best of {evaluation['best_of']}" if "best_of" in evaluation else ""
            yield StageCost(f"evaluate {name}", f"{n:,} presets{many}", seconds, source, page.exists())
    yield StageCost("chapters and site", "", *_command("make site", cores))


def _read(name: str) -> dict[str, Any]:
    file = data_path("benchmarks", name)
    found: dict[str, Any] = json.loads(file.read_text("utf8")) if file.exists() else {}
    return found


def _on(measured: Mapping[str, Any], seconds: float, cores: int) -> float:
    """Scale a time to another number of cores."""
    return float(seconds * measured["machine"]["cores"] / cores)


def _command(command: str, cores: int) -> tuple[float | None, str]:
    measured = _read("commands.json").get(command)
    if measured is None:
        return None, ""
    return _on(measured, measured["seconds"], cores), "commands.json"


def _curation(corpus: str, cores: int) -> tuple[float | None, str]:
    return _command(f"latentdx curate --corpus {corpus}", cores)


def _rendering(corpus: str, notes: str, cores: int) -> StageCost:
    measured, presets = _read("render.json"), len(curation.read_curation(corpus))
    try:
        done = len(Store(store_folder(corpus, NOTE_SETS[notes]))) == presets
    except LatentDXError:
        done = False
    size = f"{presets * len(NOTE_SETS[notes]):,} renders"
    store = measured.get(f"store_{notes}")
    if store is None:
        return StageCost(f"render {corpus}, {notes}", size, None, done=done)
    seconds = _on(measured, 60 * store["minutes"] * presets / store["presets"], cores)
    return StageCost(f"render {corpus}, {notes}", size, seconds, "render.json", done)


def _presets(p: Profile, subset: Any) -> int:
    n = len(curation.rows(p.corpus, p.split, subset))
    if p.presets is None or subset == "test":
        return n
    return round(n * min(p.presets / len(curation.rows(p.corpus, p.split, "train")), 1.0))


def _training(p: Profile, cores: int) -> tuple[float | None, str]:
    """Estimate a training from the measured one of the same precision.

    A validation costs a forward pass per preset, a third of a training step.
    """
    single = p.precision == "32-true"
    file = "paper_slice.json" if single else "train.json"
    if not (measured := _read(file)):
        return None, ""
    speed = measured if single else measured["training"]
    reference = read_profile(speed["model"], speed["scale"])
    items = _presets(p, "train") + _presets(p, "validation") // 3
    seconds = estimated_seconds(p, items, reference, speed["presets_per_second"])
    return _on(measured, seconds, cores), file


def _evaluation(
    evaluation: Mapping[str, Any], n: int, *, anchors: bool, cores: int
) -> tuple[float | None, str]:
    """Estimate an evaluation of n presets; `anchors` adds those, which later ones need not repeat."""
    if not (measured := _read("evaluate.json")):
        return None, ""
    each = {stage: found["median"] for stage, found in measured["milliseconds"].items()}
    notes = len(parse_notes(evaluation.get("notes", "single")))
    compared = 1 + len(ANCHORS) * anchors
    spent = n * (each["one pass"] + compared * notes * each["compare"])
    if not evaluation["quick"]:
        spent += anchors * n * each["live parameters"]
        spent += compared * min(n, N_PYIN) * each["pYIN"] * (notes == 1)
    drawn = measured["drawn"]
    spent += n * each[f"best of {drawn}"] * evaluation.get("best_of", 0) / drawn
    return spent / 1_000 / cores, "evaluate.json"  # its times are those of one core


def in_words(seconds: float | None) -> str:
    """Return an estimated time in words.

    >>> in_words(None), in_words(75.2), in_words(30 * 86_400)
    ('not measured', '1 min 15 s', '30 days')
    """
    if seconds is None:
        return NOT_MEASURED
    return f"{seconds / 86_400:,.0f} days" if seconds > _DAYS else duration(seconds)


def total(costs: list[StageCost]) -> str:
    """Say how long all stages take, and how much of that is left."""
    known = [cost for cost in costs if cost.seconds is not None]
    every, left = (
        in_words(sum(c.seconds or 0.0 for c in part)) for part in (known, [c for c in known if not c.done])
    )
    rest = len(costs) - len(known)
    unknown = f", and {rest} stages that were never measured" if rest else ""
    return f"about {every}{unknown}" + (f"; about {left} of it is left" if left != every else "")


def cost_text(pipeline: Pipeline, cores: int) -> str:
    """Describe the cost of each stage, one line each."""
    costs = list(stage_costs(pipeline, cores))
    lines = [
        f"  {c.stage:<28} {'done' if c.done else in_words(c.seconds):>14}   {c.size}"
        + (f" ({c.source})" if c.source else "")
        for c in costs
    ]
    return "\n".join(
        [
            f"What this will take on {cores} cores without a GPU. These are estimates, scaled from the",
            "measurements in data/benchmarks; all of it can be stopped by Ctrl-C and resumed.",
            *lines,
            f"In all: {total(costs)}.",
        ]
    )


def cost_table(scale: str, cores: int, models: tuple[str, ...] = ()) -> HTML:
    """Tabulate the estimated cost of each stage on a machine that has done none of it."""
    pipeline = Pipeline.of({"training": {"scale": scale}}, models, Path("nowhere"))
    assert pipeline is not None
    costs = [replace(cost, done=False) for cost in stage_costs(pipeline, cores)]
    lines = [
        {"stage": c.stage, "size": c.size, "estimate": in_words(c.seconds), "from": c.source or "–"}
        for c in costs
    ]
    return table_html(
        pd.DataFrame(lines), f"Estimates for {cores} cores without a GPU, scaled. In all: {total(costs)}"
    )


def main() -> None:
    """Print what a pipeline will cost."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("scale", help="scale of the training profiles, or a profile file")
    parser.add_argument("models", nargs="+", help="names of models")
    parser.add_argument("--build", type=Path, required=True, help="folder of the build")
    for name in ("epochs", "presets", "limit"):
        parser.add_argument(f"--{name}", type=int, help="as in the chapters")
    options = parser.parse_args()
    training = {"scale": options.scale, "epochs": options.epochs, "presets": options.presets}
    chapters = {"training": training, "evaluation": {"limit": options.limit}}
    pipeline = Pipeline.of(chapters, options.models, options.build)
    if pipeline is None:
        parser.error("the scale smoke has no pipeline")
    print(cost_text(pipeline, os.cpu_count() or 1), flush=True)


if __name__ == "__main__":
    main()
