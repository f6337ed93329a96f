"""How far does a match get with many more renders than its default, and what stays far?

    python benchmarks/headroom.py    # 50 presets and the 13 sounds, 100,000 renders, three seeds
    python benchmarks/headroom.py --presets 8 --sounds 4 --budget 30000 --seeds 2

Validation presets of learnfm (without their relatives among what a match starts from) and the out-of-domain
sounds are matched, on all cores, with several seeds. Finished matches are kept in the user's cache, so that
an interrupted run goes on; `data/benchmarks/headroom.json` is written at the end. The corpus is needed.
"""

from functools import cache, partial
from typing import Any

import numpy as np
import torch
from arguments import parser
from machine import machine

from latentdx.applications.match import N_NEAREST, match_targets
from latentdx.applications.programmer import Programmer, load_model
from latentdx.applications.target import Target, prepare_target
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.caching import map_chunks
from latentdx.dataset import target_sounds
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.evaluation.condition_tables import measured
from latentdx.evaluation.search_benchmark import match_code, nearest_unrelated, neutral_bank
from latentdx.evaluation.trials import Trial
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.registry import data_path
from latentdx.retrieval.known_presets import known_presets
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.typing import Floats, Rows, Values

COUNTS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Numbers of renders at which the best preset so far is measured."""

COLUMNS = ("distance", "log_stft", "convergence", "mfcc13")
"""What is measured at each."""


@cache
def model() -> Programmer:
    torch.set_num_threads(1)
    return load_model("latentdx")


def course(target: Target, counts: tuple[int, ...], seed: int, **starts: Any) -> Floats:
    """Make a match; return `COLUMNS` of its best preset at each of some numbers of renders."""
    engine, heard = Engine(), SoundFeatures(target.sound)
    found = match_targets([target], model(), budget=counts[-1], keep=1, seed=seed, threads=1, **starts)
    out = np.empty((len(counts), len(COLUMNS)))
    for line, count in zip(out, counts, strict=True):
        best = [i for i in found.curve if i.renders <= count][-1]
        sound = engine.render(
            best.preset, target.note, target.velocity, hold=target.hold, n_samples=len(target.sound)
        )
        leveled = amplified(sound, gain_db([target.sound], [sound]))
        line[:] = best.distance, *measured(heard, SoundFeatures(leveled))
    return out


def of_presets(rows: Rows, near: Values, *, counts: tuple[int, ...], seed: int) -> Floats:
    """Match presets of learnfm, each from its known presets (N, n, 145)."""
    bank, engine = neutral_bank("learnfm"), Engine()
    targets = [Target(engine.render(bank[row], *SINGLE_NOTE[0]), *SINGLE_NOTE[0], (), ()) for row in rows]
    pairs = zip(targets, near, strict=True)
    return np.stack([course(target, counts, seed, nearest=known) for target, known in pairs])


def of_sounds(places: Rows, *, counts: tuple[int, ...], seed: int) -> Floats:
    """Match out-of-domain sounds, which start from the starter presets."""
    known, every = known_presets(["starter"])[0], target_sounds.load("out of domain")
    targets = [prepare_target(every[place].path, note=every[place].note) for place in places]
    return np.stack([course(target, counts, seed, known=known) for target in targets])


def points(courses: list[Floats], counts: tuple[int, ...]) -> list[list[dict[str, dict[str, float]]]]:
    """Return courses, one array for each seed, by target, seed, number of renders, and name."""
    return [
        [
            {
                str(n): dict(zip(COLUMNS, line.round(5).tolist(), strict=True))
                for n, line in zip(counts, seed, strict=True)
            }
            for seed in seeds
        ]
        for seeds in zip(*courses, strict=True)
    ]


def main() -> None:
    options = parser(__doc__ or "", data_path("benchmarks", "headroom.json"))
    options.add_argument("--presets", type=int, default=50, help="number of validation presets")
    options.add_argument("--sounds", type=int, default=13, help="number of out-of-domain sounds")
    options.add_argument("--budget", type=int, default=COUNTS[-1], help="number of renders of each match")
    options.add_argument("--seeds", type=int, default=3, help="number of seeds")
    given = options.parse_args()
    if given.budget < COUNTS[0]:
        raise SystemExit(f"--budget {given.budget} is below {COUNTS[0]}, the least number that is measured")
    counts = (*(n for n in COUNTS if n < given.budget), given.budget)
    trial = Trial.of("learnfm", "twin-disjoint", "validation", limit=given.presets)
    index = SoundIndex.read(data_path("index", "learnfm.safetensors"))
    near = nearest_unrelated(trial, index, N_NEAREST)
    sounds = [t.name for t in target_sounds.load("out of domain")][: given.sounds]
    presets, others = [], []
    for seed in range(given.seeds):
        shared: dict[str, Any] = {
            "method": f"{model().sha256} {match_code()} {counts} {seed}",
            "kind": "headroom",
            "size": 1,
        }
        work = partial(of_presets, counts=counts, seed=seed)
        presets.append(map_chunks(work, [trial.rows, near], description=f"presets, seed {seed}", **shared))
        work = partial(of_sounds, counts=counts, seed=seed)
        others.append(
            map_chunks(work, [np.arange(len(sounds))], description=f"sounds, seed {seed}", **shared)
        )
    write_benchmark(
        {
            "budget": given.budget,
            "seeds": given.seeds,
            "checkpoint_sha256": model().sha256,
            "machine": machine(),
            "presets": points(presets, counts),
            "sounds": dict(zip(sounds, points(others, counts), strict=True)),
        },
        given.results,
    )


if __name__ == "__main__":
    main()
