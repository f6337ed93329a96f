"""Measure the time of an evaluation, stage by stage, on one core; write data/benchmarks/evaluate.json.

    python benchmarks/evaluate.py                          # with the shipped model latentdx
    python benchmarks/evaluate.py --model MODEL.safetensors --presets 64

The stages are those of `latentdx evaluate` on presets of the model's test set; nothing comes from a cache.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import arguments
import numpy as np
import torch
from machine import machine
from tqdm import tqdm

from latentdx.applications.programmer import N_DRAWN
from latentdx.audio import pitch
from latentdx.audio.renderer import Dexed
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.evaluation.commands import find_model
from latentdx.evaluation.trials import Trial
from latentdx.metrics.objective import score
from latentdx.metrics.registry import AUDIO_METRICS
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.models.audible_parameters import live_parameters
from latentdx.presets.bank import Preset
from latentdx.registry import data_path
from latentdx.run_options import RunOptions

RESULTS = data_path("benchmarks", "evaluate.json")


def milliseconds(work: Callable[[int], Any], n: int, what: str) -> dict[str, float]:
    """Measure the time per item in milliseconds: median, extremes and number of items."""
    work(0)  # untimed: makes filters and other things that are made once
    times = []
    for i in tqdm(range(n), desc=what):
        start = time.perf_counter()
        work(i)
        times.append(1000 * (time.perf_counter() - start))
    return {"median": float(np.median(times)), "least": min(times), "most": max(times), "n": n}


def measure(name: str, n: int) -> dict[str, Any]:
    """Measure the milliseconds of every stage, each for one preset and one note."""
    torch.set_num_threads(1)
    model, synth = find_model(name), Dexed()
    profile = model.about.profile
    trial = Trial.of(profile.corpus, profile.split, limit=n)
    targets = [[synth.render(trial.bank[int(row)], *note) for note in model.notes] for row in trial.rows]
    decibels = [model.spectrograms(sounds) for sounds in targets]
    found = [model.predict(d) for d in decibels]

    def compare(i: int) -> None:
        a, b = (
            SoundFeatures(synth.render(p, *model.notes[0]))
            for p in (trial.bank[int(trial.rows[i])], found[i].bank[0])
        )
        for metric in AUDIO_METRICS:
            metric.compute(a, b)

    stages = {
        "one pass": lambda i: model.predict(decibels[i]),
        "compare": compare,
        "live parameters": lambda i: live_parameters(
            trial.bank[trial.rows[i : i + 1]], renderer=synth, options=RunOptions(processes=1, progress=False)
        ),
        "pYIN": lambda i: [pitch.estimate(synth.render(Preset(found[i].values[0]))) for _ in range(2)],
        f"best of {N_DRAWN}": lambda i: model.explore(
            decibels[i], N_DRAWN, partial(score, targets=targets[i], notes=model.notes, threads=1)
        ),
    }
    return {
        "model": profile.name,
        "checkpoint_sha256": model.sha256,
        "drawn": N_DRAWN,
        "milliseconds": {
            what: milliseconds(work, min(n, len(trial.rows)), what) for what, work in stages.items()
        },
    }


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS)
    parser.add_argument(
        "--model",
        default="latentdx",
        help="shipped model or checkpoint (default: %(default)s)",
    )
    parser.add_argument(
        "--presets", type=int, default=32, help="number of test presets (default: %(default)s)"
    )
    options = parser.parse_args()
    results = {"machine": machine(), **measure(options.model, options.presets)}
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
