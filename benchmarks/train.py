"""Measure the speed of the training loop and of a trained model, in one run; write JSON.

    python benchmarks/train.py                              # the loop, on learnfm (or --corpus starter)
    python benchmarks/train.py --model MODEL.safetensors    # also loading and using a model

The loop is the one that trains models. The measurements alternate, because other programs may slow the
machine down at any time. They begin with an unoptimized loop (single precision, PyTorch's own memory format,
every spectrogram decoded) and add one optimization at a time. The last line in single precision and the last
one in bfloat16 are the loops between which the profiles' precision "auto" chooses; the results hold both, and
the choice. The last optimization, threads that wait actively (`OMP_WAIT_POLICY`, which `latentdx train` sets
on an idle machine), needs a process of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import arguments
import numpy as np
import torch
from lightning_fabric import Fabric
from machine import machine
from torch import nn
from tqdm import tqdm

from latentdx.applications.programmer import load_model
from latentdx.audio.renderer import Dexed
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.models.decoder import DoublingConvTranspose2d
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.training.loop import choose_precision, set_up, train_epoch
from latentdx.training.precision import Precision, PrecisionChoice
from latentdx.training.profile import Profile, read_profile
from latentdx.training.run import Progress, Run

RESULTS = data_path("benchmarks", "train.json")

NEEDED = {
    "presets_per_second": 250,
    "times_faster": 2.5,
    "load_seconds": 2.0,
    "program_ms_one_core": 150,
}
"""The project's own targets."""


@dataclass(frozen=True)
class Loop:
    """Variant of the training loop, which trains the same network."""

    precision: Precision
    channels_last: bool
    doubling: bool
    decoded: float

    def prepare(self, profile: Profile, folder: Path, items: int) -> Run:
        """Set up a run whose epochs have a given number of items."""
        changed = replace(profile, precision=self.precision, decoded=self.decoded)
        run = set_up(changed, folder, Fabric(accelerator="cpu", devices=1))
        served = np.resize(run.data.items("train"), items)
        run.data.items = lambda subset: served  # type: ignore[method-assign]
        if not self.doubling:
            for module in run.bare.modules():
                if isinstance(module, DoublingConvTranspose2d):
                    module.__class__ = nn.ConvTranspose2d  # type: ignore[assignment]  # same weights, same result
        if not self.channels_last:
            for parameter in run.bare.parameters():
                parameter.data = parameter.data.contiguous()
        return run


class Rates:
    """Stand-in for a run's log that keeps only the speeds."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def write(self, progress: Progress, subset: str, figures: dict[str, float]) -> None:
        self.found.append(figures["presets_per_second"])


AWAKE = "+ threads wait awake"


def loops(profile: Profile) -> dict[str, Loop]:
    """List the loops from the unoptimized one to the fastest, without `AWAKE`."""
    plain = Loop("32-true", channels_last=False, doubling=True, decoded=1.0)
    last = replace(plain, channels_last=True)
    single = replace(last, decoded=profile.decoded)
    half = replace(single, precision="bf16-mixed")
    return {
        "unoptimized float32": plain,
        "+ channels last": last,
        f"+ {profile.decoded:.0%} decoded": single,
        "+ bfloat16": replace(half, doubling=False),
        "+ transposed convolutions by pixel shuffle": half,
    }


def choice(profile: Profile) -> PrecisionChoice:
    """Return what the precision "auto" stands for on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        return choose_precision(set_up(profile, Path(folder), Fabric(accelerator="cpu", devices=1)))


def one_round(profile: Profile, steps: int, *, awake: bool) -> dict[str, float]:
    """Measure presets per second of each loop (if `awake`, of the last), without the first step."""
    variants = loops(profile)
    if awake:
        chosen = choice(profile).precision
        variants = {AWAKE: [v for v in variants.values() if v.precision == chosen][-1]}
    rates = {}
    with tempfile.TemporaryDirectory() as folder, tqdm(disable=True) as bar:
        for name, variant in variants.items():
            run, log = variant.prepare(profile, Path(folder), profile.batch * (steps + 1)), Rates()
            train_epoch(run, log, bar)  # type: ignore[arg-type]
            rates[name] = statistics.median(log.found[1:])
    return rates


def training(options: argparse.Namespace, profile: Profile) -> dict[str, Any]:
    """Measure the median of several rounds, each in its own processes."""
    rates: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for awake in (False, True):
            asked = ["--corpus", options.corpus, "--scale", options.scale, "--steps", str(options.steps)]
            variables = {"OMP_WAIT_POLICY": "ACTIVE"} if awake else {}
            for name, rate in child([*asked, "--round", *["--awake"] * awake], variables).items():
                rates.setdefault(name, []).append(rate)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    slow, *_, fast = medians.values()
    by_precision = {variant.precision: medians[name] for name, variant in loops(profile).items()}  # the last
    return {
        "model": profile.name,
        "scale": profile.scale,
        "batch": profile.batch,
        "rounds": options.rounds,
        "steps_a_round": options.steps,
        "torch_threads": torch.get_num_threads(),
        "presets_per_second_of_rounds": rates,
        "presets_per_second_by_lever": medians,
        "presets_per_second_by_precision": by_precision,
        "auto": asdict(choice(profile)),
        "presets_per_second": fast,
        "times_faster": fast / slow,
    }


def using(file: Path) -> dict[str, Any]:
    """Measure loading a checkpoint and predicting presets with it, on one core in this process."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    model = load_model(file)
    first = time.perf_counter() - start
    again = []
    for _ in range(4):
        start = time.perf_counter()
        load_model(file)
        again.append(time.perf_counter() - start)
    presets = corpora.read("starter")[::16]
    synth = Dexed()
    times = []
    for preset in presets:
        sounds = {note: synth.render(preset, *note) for note in model.notes}
        start = time.perf_counter()
        model.program(sounds)
        times.append(time.perf_counter() - start)
    return {
        "model": model.about.profile.name,
        "checkpoint_sha256": model.sha256,
        "megabytes": file.stat().st_size / 1e6,
        "load_seconds": first,
        "load_seconds_again": statistics.median(again),
        "sounds": len(times),
        "program_ms_one_core_first": 1e3 * times[0],
        "program_ms_one_core": 1e3 * statistics.median(times[1:]),
    }


def child(asked: list[str], variables: dict[str, str]) -> dict[str, Any]:
    """Run a part of this script in a new process, where nothing is cached, and return its results."""
    done = subprocess.run(
        [sys.executable, __file__, *asked],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | variables,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS, corpus="corpus to train on")
    parser.add_argument("--scale", default="laptop", help="scale of the profile (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=6, help="timed steps per loop and round")
    parser.add_argument("--model", type=Path, help="checkpoint to load and use")
    parser.add_argument("--using", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--round", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--awake", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    profile = read_profile("numcat++", options.scale, {"corpus": options.corpus})
    if options.using:
        print(json.dumps(using(options.using)))
        return
    if options.round:
        print(json.dumps(one_round(profile, options.steps, awake=options.awake)))
        return
    results: dict[str, Any] = {"machine": machine(), "corpus": options.corpus, "needed": NEEDED}
    results["training"] = training(options, profile)
    if options.model:
        results["using"] = child(["--using", str(options.model)], {"OMP_NUM_THREADS": "1"})
    found = results["training"] | results.get("using", {})
    results["met"] = {
        name: found[name] >= bound if name in results["training"] else found[name] <= bound
        for name, bound in NEEDED.items()
        if name in found
    }
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
