"""Measure the engine against dexed-py, voice by voice and in alternation; write JSON.

    python benchmarks/engine.py                    # 200 random voices of learnfm (or --corpus starter)

Each voice is rendered by both in turn, and measured in the thread's own processor time, so that other
programs do not count; of several rounds, the fastest counts. Threads are compared in wall time, which needs a
quiet machine.

The distance of a search and the codes of a corpus are measured in the same way, against what computed them
before there was an engine: dexed-py, NumPy and SciPy.
"""

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import arguments
import numpy as np
from machine import machine

from latentdx import Dexed, Engine, Preset, PresetBank
from latentdx.applications.evolutionary_search import CHILDREN
from latentdx.audio.engine import compilation
from latentdx.audio.renderer import SINGLE_NOTE, Renderer
from latentdx.audio.spectrogram import mel_spectrogram, to_codes
from latentdx.audio.stft.compilation import LIBRARY as SPECTROGRAM
from latentdx.dataset.rendering import render_store
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.metrics.distance_memory import LIBRARY as DISTANCE
from latentdx.metrics.gain import amplified, gain_db, price
from latentdx.metrics.objective import MODULATION_WEIGHT, WEIGHTS, FastObjective
from latentdx.metrics.search_distance import NumpyDistance
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.typing import Codes, Values

RESULTS = data_path("benchmarks", "engine.json")
ROUNDING = 2e-6  # differences of distances below it are those of single precision


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


def compared(pairs: Sequence[tuple[float, float]], voices: int) -> dict[str, float]:
    """Summarize times (before, now) of batches, in milliseconds for a voice."""
    before, now = np.array(pairs).T
    return {
        "voices": voices,
        "ms_before": before.sum() / voices,
        "ms_now": now.sum() / voices,
        "times_faster": float(np.median(before / now)),
        "times_faster_in_sum": before.sum() / now.sum(),
    }


def render_and_distance(bank: PresetBank, rounds: int) -> dict[str, Any]:
    """Compare how a search judges presets, on one thread, with dexed-py and the distance in NumPy."""
    dexed, target = Dexed(), Engine().render(bank[0])
    weights = (*WEIGHTS.values(), MODULATION_WEIGHT)
    distance = NumpyDistance(target)

    def before(values: Values) -> list[float]:
        sounds = [dexed.render(Preset(one)) for one in values]
        gains = [gain_db([target], [sound]) for sound in sounds]
        found = [distance(amplified(sound, gain)) for sound, gain in zip(sounds, gains, strict=True)]
        return [float(np.dot(weights, one)) + price(gain) for one, gain in zip(found, gains, strict=True)]

    pairs: list[tuple[float, float]] = []
    differences: list[tuple[float, float]] = []
    for first in range(0, len(bank), CHILDREN):
        values, times = bank.values[first : first + CHILDREN], []
        expected = before(values)
        for _ in range(rounds):
            objective = FastObjective([target], SINGLE_NOTE, threads=1)  # a new one, which knows no preset
            objective(PresetBank.init().values)  # untimed: prepares the target
            now = milliseconds(lambda: objective(values))  # noqa: B023
            times.append((milliseconds(lambda: before(values)), now))  # noqa: B023
        pairs.append((min(one for one, _ in times), min(one for _, one in times)))
        apart = np.abs(objective(values) - expected)
        differences += zip(apart / expected, apart, strict=True)
    relative, absolute = np.array(differences).T
    return compared(pairs, len(bank)) | {
        "largest_relative_difference": float(relative[absolute > ROUNDING].max(initial=0.0)),
        "largest_difference": float(absolute.max()),
    }


def corpus_codes(preset: Preset, renderer: Renderer) -> Codes:
    """Return what a store holds of a preset, as `dataset.rendering` computes it."""
    sound = renderer.render(preset)
    assert np.isfinite(sound).all()
    return to_codes(mel_spectrogram(sound))


@contextmanager
def scipys_spectrogram() -> Iterator[None]:
    """Compute spectrograms with SciPy within the `with` block."""
    at_hand = SPECTROGRAM.at_hand
    setattr(SPECTROGRAM, "at_hand", lambda: None)  # noqa: B010
    try:
        yield
    finally:
        setattr(SPECTROGRAM, "at_hand", at_hand)  # noqa: B010


def corpus(bank: PresetBank, rounds: int) -> dict[str, Any]:
    """Compare the codes of a corpus at one note with those of dexed-py and SciPy."""
    dexed, engine, pairs, unequal = Dexed(), Engine(), [], 0
    for preset in bank:
        times = []
        for _ in range(rounds):
            with scipys_spectrogram():
                before = milliseconds(lambda: corpus_codes(preset, dexed))  # noqa: B023
            times.append((before, milliseconds(lambda: corpus_codes(preset, engine))))  # noqa: B023
        pairs.append((min(one for one, _ in times), min(one for _, one in times)))
        with scipys_spectrogram():
            codes = corpus_codes(preset, dexed).astype(int)
        steps = np.abs(codes - corpus_codes(preset, engine))
        assert steps.max() <= 1
        unequal += int(steps.sum())
    return compared(pairs, len(bank)) | {"codes_one_step_apart": unequal / (len(bank) * codes.size)}


def peak_memory(corpus: str, voices: int) -> dict[str, float]:
    """Measure the largest memory of a process that renders a store, with each kind of code, in MB."""
    command = [sys.executable, __file__, "--corpus", corpus, "--voices", str(voices), "--peak"]
    return {
        f"mb_{form}": float(subprocess.run([*command, form], capture_output=True, check=True).stdout)
        for form in ("before", "now")
    }


def print_peak_memory(bank: PresetBank, form: str) -> None:
    """Render a store and print this process's largest memory in MB; the child's part of `peak_memory`."""
    with tempfile.TemporaryDirectory() as folder:
        if form == "before":
            with scipys_spectrogram():
                render_store(bank, SINGLE_NOTE, folder, corpus="peak", renderer=Dexed(), threads=1)
        else:
            render_store(bank, SINGLE_NOTE, folder, corpus="peak", threads=1)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) / 1024)


def two_at_once(bank: PresetBank, rounds: int) -> dict[str, Any]:
    """Compare one worker that renders all voices with two that do so at the same time.

    Processes share nothing but the machine, so they tell what two threads could reach here.
    """
    # forked, so that a worker has the compiled functions
    pools: dict[str, Callable[[int], Executor]] = {
        "threads": ThreadPoolExecutor,
        "processes": partial(ProcessPoolExecutor, mp_context=multiprocessing.get_context("fork")),
    }

    def seconds(name: str, workers: int) -> float:
        with pools[name](workers) as pool:
            for _ in range(2):  # the first time is untimed: it starts the workers
                start = time.perf_counter()
                for done in [pool.submit(render_all, bank) for _ in range(workers)]:
                    done.result()
            return time.perf_counter() - start

    found = {name: [(seconds(name, 1), seconds(name, 2)) for _ in range(rounds)] for name in pools}
    return {
        f"times_faster_with_two_{name}": statistics.median(2 * one / two for one, two in pairs)
        for name, pairs in found.items()
    }


def render_all(bank: PresetBank) -> None:
    engine = Engine()
    for preset in bank:
        engine.render(preset)


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS, corpus="corpus of the voices")
    parser.add_argument("--voices", type=int, default=200, help="number of voices (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="renders of each voice (default: %(default)s)")
    parser.add_argument("--peak", choices=("before", "now"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    bank = corpora.read(options.corpus).neutral()
    rows = np.random.default_rng(0).choice(len(bank), min(options.voices, len(bank)), replace=False)
    if options.peak:
        print_peak_memory(bank[rows], options.peak)
        return
    for library in (compilation.LIBRARY, DISTANCE, SPECTROGRAM):
        library.functions()
    results = {
        "machine": machine(),
        "corpus": options.corpus,
        "engine": Engine().engine,
        "against_dexed_py": against_dexed(bank[rows], options.rounds),
        "render_and_distance": render_and_distance(bank[rows], options.rounds),
        "corpus_codes": corpus(bank[rows], options.rounds) | peak_memory(options.corpus, options.voices),
        "two_at_once": two_at_once(bank[rows], options.rounds),
    }
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
