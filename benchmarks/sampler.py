"""Measure drawing and redrawing by the sampler, compiled against PyTorch, in alternation; write JSON.

    python benchmarks/sampler.py    # writes data/benchmarks/sampler.json; takes six minutes on one core

The sounds are starter presets. All times are the thread's own processor time, on one thread, so that other
programs count as little as possible; of several rounds, the fastest counts. Redraws of 4 and 16 presets are
those of the best so far, after 24 draws, in ten rounds, block after block at random; the model's share of a
match is that of a real search.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import arguments
import numpy as np
import torch
from machine import machine
from torch import Tensor

from latentdx import Engine, load_model
from latentdx.applications.evolutionary_search import evolutionary_search
from latentdx.applications.match import BUDGET
from latentdx.applications.programmer import N_DRAWN, Programmer
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.metrics.objective import FastObjective
from latentdx.models import incremental_decoding, posterior_sampler
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, N_BLOCKS, PresetSampler
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.threads import one_thread
from latentdx.typing import Audio, Floats, Values

RESULTS = data_path("benchmarks", "sampler.json")
N_FIRST, N_REDRAWS = 24, 10

Work = Callable[[Audio, Tensor, Tensor], float]
"""Function of a sound, its spectrograms and its maps that returns seconds of processor time."""


def seconds(work: Callable[[], object]) -> float:
    """Measure the processor time of this thread."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def draw(sampler: PresetSampler, n: int) -> Work:
    """Return the drawing of n presets."""

    def work(_sound: Audio, _decibels: Tensor, maps: Tensor) -> float:
        generator = torch.Generator().manual_seed(0)
        return seconds(lambda: sampler.sample(maps, n, temperature=DRAWING_TEMPERATURE, generator=generator))

    return work


def redraw(sampler: PresetSampler, n: int) -> Work:
    """Return the redrawing of n presets, on the average of a search."""

    def work(_sound: Audio, _decibels: Tensor, maps: Tensor) -> float:
        rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
        options: dict[str, Any] = {"temperature": DRAWING_TEMPERATURE, "generator": generator}
        found = sampler.sample(maps, N_FIRST, **options)
        distances = rng.random(N_FIRST)
        total = 0.0
        for _ in range(N_REDRAWS):
            block, best = int(rng.integers(1, N_BLOCKS)), torch.from_numpy(np.argsort(distances)[:n].copy())
            start = time.thread_time()
            new = sampler.redraw(maps, found[:, best], block, **options)
            total += time.thread_time() - start
            found, distances = torch.cat([found, new], 1), np.append(distances, rng.random(n))
        return total / N_REDRAWS

    return work


def explore(model: Programmer) -> Work:
    """Return all that `program_best` asks of the model: everything but rendering and comparing."""

    def work(_sound: Audio, decibels: Tensor, _maps: Tensor) -> float:
        rng = np.random.default_rng(0)

        def rank(values: Values) -> Floats:
            return rng.random(len(values))

        return seconds(lambda: model.explore(decibels, N_DRAWN, rank))

    return work


class Timed:
    """A function whose calls are timed.

    Attributes:
        seconds: Processor time of all calls.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self.seconds = function, 0.0

    def __call__(self, *given: Any, **options: Any) -> Any:
        start = time.thread_time()
        out = self._function(*given, **options)
        self.seconds += time.thread_time() - start
        return out


def match(model: Programmer) -> Work:
    """Return all that a search of `BUDGET` renders asks of the model: draws and redraws."""

    def work(sound: Audio, decibels: Tensor, _maps: Tensor) -> float:
        judge = Timed(FastObjective([sound], SINGLE_NOTE, threads=1))
        explore, prepare = Timed(model.explore), Timed(model.redraw)
        starts = explore(decibels, N_DRAWN, judge).values
        drawing = explore.seconds - judge.seconds
        propose = Timed(prepare(decibels, seed=0))
        evolutionary_search(starts, judge, BUDGET, propose=propose)
        return drawing + prepare.seconds + propose.seconds

    return work


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS)
    parser.add_argument("--sounds", type=int, default=5, help="number of sounds (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds for each (default: %(default)s)")
    options = parser.parse_args()
    incremental_decoding.LIBRARY.functions()
    model = load_model("latentdx")
    sampler = model.model.sampler
    assert sampler is not None
    works = {
        **{f"draw_{n}": draw(sampler, n) for n in (24, 64)},
        **{f"redraw_{n}": redraw(sampler, n) for n in (4, 16)},
        f"model_in_best_of_{N_DRAWN}": explore(model),
        f"model_in_match_{BUDGET}": match(model),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    bank = corpora.read("starter").neutral()
    with one_thread(), torch.inference_mode():
        for row in np.linspace(0, len(bank) - 1, options.sounds).astype(int).tolist():
            sound = Engine().render(bank[row])
            decibels = model.spectrograms(sound)
            maps = model.model.encoder.maps(model.model.normalize(decibels))
            for name, work in works.items():
                times: tuple[list[float], list[float]] = ([], [])
                for _ in range(options.rounds):
                    with patch.object(posterior_sampler, "decoder_for", lambda *_: None):
                        times[0].append(work(sound, decibels, maps))
                    times[1].append(work(sound, decibels, maps))
                found[name].append((min(times[0]), min(times[1])))
    results = {
        "machine": machine(),
        "model": "latentdx",
        "sounds": options.sounds,
        "rounds": options.rounds,
        **{
            name: {
                "ms_pytorch": 1e3 * statistics.median(old for old, _ in pairs),
                "ms_compiled": 1e3 * statistics.median(new for _, new in pairs),
                "times_faster": statistics.median(old / new for old, new in pairs),
            }
            for name, pairs in found.items()
        },
    }
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
