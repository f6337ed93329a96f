"""Compare searches with 2,000 renders, compare distances to search by, and time a whole match on one core.

    python benchmarks/match.py    # writes data/benchmarks/match.json; takes half an hour on one core

All searches start from the presets that a match starts from (the model's answers, and the nearest known
presets, without those that share at least 80% of the target's values) and minimize the same distance. The
targets are validation presets of learnfm; the corpus and its single-note store are needed.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from cmaes import CatCMAwM
from machine import machine
from tqdm import tqdm

from latentdx.applications import mutations
from latentdx.applications.evolutionary_search import evolutionary_search
from latentdx.applications.match import MEASURES, N_NEAREST, match_targets
from latentdx.applications.programmer import N_DRAWN, load_model
from latentdx.applications.target import Target
from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.evaluation.genetic_search import POPULATION, cross, mutate
from latentdx.evaluation.search_benchmark import nearest_unrelated
from latentdx.evaluation.statistics import bootstrap
from latentdx.evaluation.trials import Trial
from latentdx.metrics.objective import MODULATION_WEIGHT, WEIGHTS, FastObjective
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import maxima, voice_parameters
from latentdx.registry import data_path
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.typing import Values

Judged = Callable[[Values], npt.NDArray[np.float64]]
Redraw = Callable[[Values], Values]

N_TARGETS = 10
BUDGET = 2_000
WHOLE = (2_000, 7_000)
"""Budgets of the matches that are timed as a whole."""

N_NOTES, OF_NOTES = 5_000, 100
"""Notes that dexed-py renders in the time T, and those that are rendered before each match to measure it."""

SEED = 0


def catcmawm(starts: Values, judge: Judged, _: Redraw) -> float:
    """Run CatCMA with margin around the best start, on audible parameters; return the least distance."""
    distances = judge(starts)
    least, left = float(distances.min()), BUDGET - len(starts)
    best = starts[int(distances.argmin())]
    columns = mutations.audible(best)
    unordered = np.array([p.kind == "categorical" for p in voice_parameters()]) | (maxima() <= 3)
    numbers, choices = columns[~unordered[columns]], columns[unordered[columns]]
    sizes = maxima()[choices].astype(int) + 1
    likely = np.zeros((len(choices), sizes.max()))
    for row, size, value in zip(likely, sizes, best[choices], strict=True):
        row[:size] = 0.1 / (size - 1)
        row[value] = 0.9
    found = CatCMAwM(
        z_space=[np.arange(maxima()[c] + 1) / maxima()[c] for c in numbers],
        c_space=sizes.tolist(),
        mean=np.clip(best[numbers] / maxima()[numbers], 1e-3, 1 - 1e-3),  # it fails with a mean on an edge
        sigma=0.05,
        cat_param=likely,
        seed=SEED,
    )
    while left > 0:
        asked = [found.ask() for _ in range(found.population_size)]
        values = np.repeat(best[None], len(asked), 0)
        values[:, numbers] = np.rint([s.z * maxima()[numbers] for s in asked])
        values[:, choices] = [s.c.argmax(1) for s in asked]
        judged = judge(values)
        left -= len(values)
        least = min(least, float(judged.min()))
        found.tell(list(zip(asked, judged.tolist(), strict=True)))
    return least


def genetic(starts: Values, judge: Judged, _: Redraw) -> float:
    """Run `latentdx.evaluation.genetic_search` from all starts and by `judge`; return the least distance."""
    rng = np.random.default_rng(SEED)
    population, distances = starts, judge(starts)
    left = BUDGET - len(starts)
    while left > 0:
        order = np.argsort(distances, kind="stable")[:POPULATION]
        population, distances = population[order], distances[order]
        a, b = (np.minimum(*rng.integers(len(population), size=(2, POPULATION))) for _ in range(2))
        children = np.stack(
            [
                mutate(cross(population[i], population[j], rng), rng)
                for i, j in zip(a[:left], b[:left], strict=True)
            ]
        )
        population = np.concatenate([population, children])
        distances = np.append(distances, judge(children))
        left -= len(children)
    return float(distances.min())


SEARCHES: dict[str, Callable[[Values, Judged, Redraw], float]] = {
    "starts alone": lambda starts, judge, _: float(judge(starts).min()),
    "genetic search": genetic,
    "CatCMAwM": catcmawm,
    "ours, without redrawing": lambda starts, judge, _: float(
        evolutionary_search(starts, judge, BUDGET, seed=SEED).distances.min()
    ),
    "ours": lambda starts, judge, redraw: float(
        evolutionary_search(starts, judge, BUDGET, propose=redraw, seed=SEED).distances.min()
    ),
}


DISTANCES = {
    "the mix": {**WEIGHTS, "modulation": MODULATION_WEIGHT},
    "log-STFT alone": dict(zip(WEIGHTS, (1.0, 0.0, 0.0), strict=True)),
    "spectral convergence alone": dict(zip(WEIGHTS, (0.0, 1.0, 0.0), strict=True)),
    "MFCC13 alone": dict(zip(WEIGHTS, (0.0, 0.0, 1.0), strict=True)),
}
"""Distances to search by. Each is judged by all of `MEASURES`; log-mel is in none of the distances."""


def compared() -> dict[str, Any]:
    """Run all searches on all targets, with all distances, and time them."""
    torch.set_num_threads(1)
    trial = Trial.of("learnfm", "twin-disjoint", "validation", limit=N_TARGETS)
    known = nearest_unrelated(trial, SoundIndex.read(data_path("index", "learnfm.safetensors")), N_NEAREST)
    model, synth = load_model("latentdx"), Dexed()
    distances: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    measured: dict[str, dict[str, list[float]]] = {}
    dexed_py: list[float] = []
    whole: dict[str, list[float]] = {}
    for row, near in zip(tqdm(trial.rows.tolist()), known, strict=True):
        sound = synth.render(trial.bank[row], *SINGLE_NOTE[0])
        decibels = model.spectrograms(sound)

        explored = model.explore(decibels, N_DRAWN, FastObjective([sound], SINGLE_NOTE), seed=SEED)
        starts = np.unique(np.concatenate([explored.values, near]), axis=0)
        redraw = model.redraw(decibels, seed=SEED)
        for name, run in SEARCHES.items():
            judge, begun = FastObjective([sound], SINGLE_NOTE, threads=1), time.perf_counter()
            distances.setdefault(name, []).append(run(starts, judge, redraw))
            seconds.setdefault(name, []).append(time.perf_counter() - begun)
        for name, weights in DISTANCES.items():
            found = evolutionary_search(
                starts,
                FastObjective([sound], SINGLE_NOTE, threads=1, weights=weights),
                BUDGET,
                propose=model.redraw(decibels, seed=SEED),
                seed=SEED,
            )
            best = Preset(found.values[int(found.distances.argmin())])
            target, heard = SoundFeatures(sound), SoundFeatures(synth.render(best, *SINGLE_NOTE[0]))
            for measure, of in MEASURES.items():
                measured.setdefault(name, {}).setdefault(measure, []).append(of(target, heard))
        for budget in WHOLE:
            begun = time.perf_counter()
            for preset in trial.bank[:: len(trial.bank) // OF_NOTES][:OF_NOTES]:
                synth.render(preset, *SINGLE_NOTE[0])
            dexed_py.append((time.perf_counter() - begun) * N_NOTES / OF_NOTES)
            begun = time.perf_counter()
            wanted = Target(sound, *SINGLE_NOTE[0], (), ())
            match_targets([wanted], model, nearest=near, budget=budget, threads=1)
            whole.setdefault(f"{budget:,} renders", []).append(time.perf_counter() - begun)
    return {
        "targets": len(trial.rows),
        "budget": BUDGET,
        "checkpoint_sha256": model.sha256,
        "engine": synth.engine,
        "machine": machine(),
        "distance": {
            name: {"mean": bootstrap(found, "mean").value, "median": bootstrap(found, "median").value}
            for name, found in distances.items()
        },
        "ours_closer": {
            name: int(np.sum(np.array(distances["ours"]) < found))
            for name, found in distances.items()
            if name != "ours"
        },
        "medians_by_the_distance_searched": {
            name: {measure: float(np.median(values)) for measure, values in found.items()}
            for name, found in measured.items()
        },
        "seconds_one_core": {name: float(np.median(spent)) for name, spent in seconds.items()},
        "whole_match": {
            "seconds_one_core": {name: float(np.median(spent)) for name, spent in whole.items()},
            f"dexed_py_seconds_{N_NOTES}_notes": float(np.median(dexed_py)),
        },
    }


def main() -> None:
    write_benchmark(compared(), data_path("benchmarks", "match.json"))


if __name__ == "__main__":
    main()
