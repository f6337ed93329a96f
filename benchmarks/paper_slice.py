"""Train the paper's NumCat++, at the paper's sizes, for one epoch on a slice of learnfm; write JSON.

    python benchmarks/paper_slice.py               # 500 presets
    python benchmarks/paper_slice.py --presets 160

The slice goes through the same `train` as a whole run: it saves, validates, and ends with a checkpoint. The
book's estimates for the paper's sizes start from its speed and its memory. The slice is trained several
times, and the fastest run is kept, because other programs can only slow it down.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import arguments
import torch
from machine import machine

from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.models.model_summary import multiply_adds, n_parameters
from latentdx.registry import data_path
from latentdx.training.history import read_log
from latentdx.training.loop import train
from latentdx.training.profile import read_profile

RESULTS = data_path("benchmarks", "paper_slice.json")


def measure(name: str, presets: int) -> dict[str, Any]:
    """Train one epoch in this process, which must have done nothing else, and return what it took."""
    profile = read_profile(name, "paper", {"epochs": 1, "presets": presets})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        checkpoint = train(profile, Path(folder), show=False)
        seconds = time.perf_counter() - began
        log = read_log(Path(folder, "log.csv"))
        sizes = {file.name: file.stat().st_size for file in Path(folder).iterdir() if file.is_file()}
    steps = log[log.subset == "train"]
    training = float((profile.batch / steps.presets_per_second).sum())
    return {
        "model": profile.name,
        "scale": profile.scale,
        "precision": profile.precision,
        "parameters": n_parameters(profile.architecture),
        "multiply_adds_per_preset": multiply_adds(profile.architecture, profile.decoded),
        "presets": presets,
        "epochs": profile.epochs,
        "batch": profile.batch,
        "steps": len(steps),
        "torch_threads": torch.get_num_threads(),
        "seconds": seconds,
        "training_seconds": training,
        "presets_per_second": profile.batch * len(steps) / training,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "checkpoint_bytes": sizes[checkpoint.name],
        "run_bytes": sum(sizes.values()),
    }


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS)
    parser.add_argument(
        "--model", default="numcat++", help="model of the paper's scale (default: %(default)s)"
    )
    parser.add_argument("--presets", type=int, default=500, help="training presets (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="number of runs (default: %(default)s)")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.model, options.presets)))
        return
    asked = ["--model", options.model, "--presets", str(options.presets), "--measure"]
    about, rounds = machine(), []
    for _ in range(options.rounds):
        child = subprocess.run(
            [sys.executable, __file__, *asked],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | {"OMP_WAIT_POLICY": "ACTIVE"},  # as `latentdx train` sets it
        )
        rounds.append(json.loads(child.stdout.splitlines()[-1]))
    results = {
        "machine": about,
        "corpus": "learnfm",
        **max(rounds, key=lambda found: found["presets_per_second"]),
        "presets_per_second_of_rounds": [found["presets_per_second"] for found in rounds],
    }
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
