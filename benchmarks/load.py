"""Measure how much slower a whole match is while another process keeps all cores busy.

    python benchmarks/load.py    # writes data/benchmarks/load.json; takes five minutes

Quiet and busy runs alternate. Each run is a process of its own, as on the command line, so that its time
includes importing PyTorch and loading the model.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import machine

from latentdx.dataset.target_sounds import load
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.provenance import code_commit
from latentdx.registry import data_path

ROUNDS = 3
BUDGET = 2_000

BUSY = """
import multiprocessing, os
def turn():
    while True: pass
for _ in range(os.cpu_count()): multiprocessing.Process(target=turn, daemon=True).start()
input()
"""


@contextmanager
def busy() -> Iterator[None]:
    """Keep every core busy with a Python loop in another process."""
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE)
    try:
        time.sleep(1)
        yield
    finally:
        process.communicate(b"\n")


def seconds(sound: Path, folder: str) -> float:
    """Run `latentdx match` once and return its wall time in seconds."""
    command = [sys.executable, "-m", "latentdx.cli", "match", str(sound), "-o", f"{folder}/match.syx"]
    begun = time.perf_counter()
    subprocess.run([*command, "--budget", str(BUDGET), "--force"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Measure, print the results and write them."""
    sound = data_path("targets", load("out of domain")[0].file)
    quiet, loaded = [], []
    with tempfile.TemporaryDirectory() as folder:
        seconds(sound, folder)  # untimed: compiles and caches what later runs reuse
        for _ in range(ROUNDS):
            quiet.append(seconds(sound, folder))
            with busy():
                loaded.append(seconds(sound, folder))
    outcome = {
        "machine": machine(),
        "commit": code_commit(),
        "sound": sound.name,
        "budget": BUDGET,
        "quiet_s": [round(t, 2) for t in quiet],
        "busy_s": [round(t, 2) for t in loaded],
        "ratio": round(statistics.median(loaded) / statistics.median(quiet), 2),
    }
    write_benchmark(outcome, data_path("benchmarks", "load.json"))


if __name__ == "__main__":
    main()
