"""Measure the engine against dexed-py, voice by voice and in alternation; write JSON.

    python benchmarks/engine.py                    # 200 random voices of learnfm (or --corpus starter)

Each voice is rendered by both in turn, and measured in the thread's own processor time, so that other
programs do not count; of several rounds, the fastest counts. Threads are compared in wall time, which needs a
quiet machine.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import arguments
import numpy as np
from machine import machine

from latentdx import Dexed, Engine, Preset, PresetBank
from latentdx.audio.engine import compilation
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets import corpora
from latentdx.registry import data_path

RESULTS = data_path("benchmarks", "engine.json")


def milliseconds(work: Callable[[], object]) -> float:
    """Measure the processor time of this thread, in milliseconds."""
    start = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - start) / 1e6


def kind(preset: Preset) -> str:
    """Name what bounds the speed of a preset."""
    if not preset["FEEDBACK"]:
        return "no feedback"
    return "feedback over operators" if preset["ALGORITHM"] + 1 in (4, 6) else "feedback"


def against_dexed(bank: PresetBank, rounds: int) -> dict[str, Any]:
    """Compare the engine with dexed-py."""
    engine, dexed = Engine(), Dexed()
    found: dict[str, list[tuple[float, float]]] = {}
    for preset in bank:
        times = [
            (milliseconds(lambda p=preset: dexed.render(p)), milliseconds(lambda p=preset: engine.render(p)))  # type: ignore[misc]
            for _ in range(rounds)
        ]
        pair = min(theirs for theirs, _ in times), min(ours for _, ours in times)
        found.setdefault(kind(preset), []).append(pair)
    found["all"] = [pair for pairs in found.values() for pair in pairs]
    return {
        name: {
            "voices": len(pairs),
            "ms_dexed_py": statistics.median(theirs for theirs, _ in pairs),
            "ms_engine": statistics.median(ours for _, ours in pairs),
            "times_faster": statistics.median(theirs / ours for theirs, ours in pairs),
            "times_faster_in_sum": sum(theirs for theirs, _ in pairs) / sum(ours for _, ours in pairs),
        }
        for name, pairs in found.items()
    }


def two_threads(bank: PresetBank, rounds: int) -> dict[str, Any]:
    """Compare one thread with two, in alternation."""
    engine = Engine()

    def seconds(threads: int) -> float:
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            for _ in pool.map(engine.render, bank):
                pass
            return time.perf_counter() - start

    seconds(2)  # untimed: makes the tables
    pairs = [(seconds(1), seconds(2)) for _ in range(rounds)]
    return {
        "times_faster": statistics.median(one / two for one, two in pairs),
        "times_faster_at_best": min(one for one, _ in pairs) / min(two for _, two in pairs),
    }


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS, corpus="corpus of the voices")
    parser.add_argument("--voices", type=int, default=200, help="number of voices (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="renders of each voice (default: %(default)s)")
    options = parser.parse_args()
    bank = corpora.read(options.corpus).neutral()
    rows = np.random.default_rng(0).choice(len(bank), min(options.voices, len(bank)), replace=False)
    compilation.kernels()
    results = {
        "machine": machine(),
        "corpus": options.corpus,
        "engine": Engine().engine,
        "against_dexed_py": against_dexed(bank[rows], options.rounds),
        "two_threads": two_threads(bank[rows], options.rounds),
    }
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
