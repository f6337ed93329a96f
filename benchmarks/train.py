"""Speed of the training loop, and of a trained model; one run, written as JSON.

    python benchmarks/train.py                              # the loop, on learnfm (or --corpus starter)
    python benchmarks/train.py --model MODEL.safetensors    # loading and programming with a model too

The loop is the very one that trains. Measured in alternation, for other programs disturb a machine: an
unoptimized loop (single precision, PyTorch's own transposed convolutions and memory format, every
spectrogram decoded), then one lever more at a time, to the loop of the profile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from render import machine
from torch import nn
from tqdm import tqdm

from latentdx.applications.program import load_model
from latentdx.audio.dexed import Dexed
from latentdx.models.decoder import DoublingConvTranspose2d
from latentdx.presets import corpora
from latentdx.shipped import shipped
from latentdx.training.loop import set_up, train_epoch
from latentdx.training.profile import Profile, read_profile
from latentdx.training.run import Progress, Run

RESULTS = shipped("benchmarks", "train.json")

NEEDED = {
    "presets_per_second": 250,
    "times_faster": 2.5,
    "load_seconds": 2.0,
    "program_ms_one_core": 150,
}
"""What the project asks of itself."""


@dataclass(frozen=True)
class Loop:
    """One way to train the same network."""

    precision: Literal["32-true", "bf16-mixed"]
    channels_last: bool
    doubling: bool
    decoded: float

    def prepare(self, profile: Profile, folder: Path, items: int) -> Run:
        """A run at its beginning, of epochs of so many items."""
        changed = replace(profile, precision=self.precision, decoded=self.decoded)
        run = set_up(changed, folder, Fabric(accelerator="cpu", devices=1, precision=self.precision))
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
    """Takes the place of a run's log."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def write(self, progress: Progress, subset: str, figures: dict[str, float]) -> None:
        self.found.append(figures["presets_per_second"])


def loops(profile: Profile) -> dict[str, Loop]:
    """From the unoptimized one to the profile's, one lever more at a time."""
    plain = Loop("32-true", channels_last=False, doubling=False, decoded=1.0)
    half = replace(plain, precision=profile.precision)
    doubling = replace(half, doubling=True)
    last = replace(doubling, channels_last=True)
    return {
        "unoptimized float32": plain,
        "+ bfloat16": half,
        "+ transposed convolutions by pixel shuffle": doubling,
        "+ channels last": last,
        f"+ {profile.decoded:.0%} decoded": replace(last, decoded=profile.decoded),
    }


def training(profile: Profile, rounds: int, steps: int) -> dict[str, Any]:
    """Presets a second of each loop: the median step of each round, the first step of a round left out."""
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, tqdm(disable=True) as bar:
        runs = {
            name: way.prepare(profile, Path(folder), profile.batch * (steps + 1))
            for name, way in loops(profile).items()
        }
        for _ in range(rounds):
            for name, run in runs.items():
                log = Rates()
                run.progress = Progress()
                train_epoch(run, log, bar)  # type: ignore[arg-type]
                rates.setdefault(name, []).append(statistics.median(log.found[1:]))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    slow, *_, fast = medians.values()
    return {
        "model": profile.name,
        "scale": profile.scale,
        "batch": profile.batch,
        "rounds": rounds,
        "steps_a_round": steps,
        "torch_threads": torch.get_num_threads(),
        "presets_per_second_of_rounds": rates,
        "presets_per_second_by_lever": medians,
        "presets_per_second": fast,
        "times_faster": fast / slow,
    }


def using(file: Path) -> dict[str, Any]:
    """Load a checkpoint, and program sounds with it on one core, in this process."""
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
        sounds = [synth.render(preset, *note) for note in model.notes]
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


def in_a_process_of_its_own(file: Path) -> dict[str, Any]:
    """`using`, where nothing is warm."""
    child = [sys.executable, __file__, "--child", str(file)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="learnfm", choices=sorted(corpora.CORPORA))
    parser.add_argument("--scale", default="laptop", help="of the profile")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="that count, of each loop in each round")
    parser.add_argument("--model", type=Path, help="a checkpoint to load and use")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(using(options.child)))
        return
    profile = read_profile("numcat++", options.scale, {"corpus": options.corpus})
    results: dict[str, Any] = {"machine": machine(), "corpus": options.corpus, "needed": NEEDED}
    results["training"] = training(profile, options.rounds, options.steps)
    if options.model:
        results["using"] = in_a_process_of_its_own(options.model)
    found = results["training"] | results.get("using", {})
    results["met"] = {
        name: found[name] >= bound if name in results["training"] else found[name] <= bound
        for name, bound in NEEDED.items()
        if name in found
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(options.results.read_text("utf-8"))


if __name__ == "__main__":
    main()
