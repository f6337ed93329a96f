"""How far does a match get with many more renders than its default, and what stays far?

    python benchmarks/headroom.py    # 50 presets and the 13 sounds, 100,000 renders, three seeds
    python benchmarks/headroom.py --presets 8 --sounds 4 --budget 30000 --seeds 2

Validation presets of learnfm (without their relatives among what a match starts from) and the out-of-domain
sounds are matched, on all cores, with several seeds. Finished matches are kept in the user's cache, so that
an interrupted run goes on; `data/benchmarks/headroom.json` is written at the end. The corpus is needed.
"""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from arguments import parser
from machine import machine
from tqdm import tqdm

from latentdx.applications.match import N_NEAREST, match_targets
from latentdx.applications.programmer import Programmer, load_model
from latentdx.applications.target import Target, prepare_target
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset import target_sounds
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.evaluation.search_benchmark import match_code, nearest_unrelated
from latentdx.evaluation.trials import Trial
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.registry import mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.registry import data_path
from latentdx.retrieval.known_presets import known_presets
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.run_options import cache_folder
from latentdx.typing import Values

COUNTS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Numbers of renders at which the best preset so far is measured."""

MODEL = "latentdx"


@dataclass(frozen=True)
class Match:
    """A match to make.

    Attributes:
        name: Name of the sound, or number of the preset.
        seed: Random seed.
        budget: Number of renders.
        near: Presets to start from (N, 145) for a preset of the corpus, as nested lists; none for a sound.
    """

    name: str
    seed: int
    budget: int
    near: list[list[int]] | None


@cache
def model() -> Programmer:
    torch.set_num_threads(1)
    return load_model(MODEL)


def target_of(name: str) -> Target:
    """Return the render of a preset, given its number, or an out-of-domain sound, given its name."""
    if name.isdigit():
        bank = Trial.of("learnfm", "twin-disjoint", "validation").bank
        return Target(Engine().render(bank[int(name)], *SINGLE_NOTE[0]), *SINGLE_NOTE[0], (), ())
    sound = {t.name: t for t in target_sounds.load("out of domain")}[name]
    return prepare_target(sound.path, note=sound.note)


def curve(made: Match) -> dict[str, Any]:
    """Make a match; return the distance and the metrics of its best preset at each of `COUNTS`."""
    kept = cache_folder() / "headroom" / f"{match_code()[:16]}-{model().sha256[:8]}"
    file = kept / f"{made.name.replace('/', ' ')}-{made.seed}-{made.budget}.json"
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text("utf8"))
        return found
    target, engine = target_of(made.name), Engine()
    start: dict[str, Any] = (
        {"known": known_presets(["starter"])[0]}
        if made.near is None
        else {"nearest": np.array(made.near, np.uint8)}
    )
    result = match_targets([target], model(), budget=made.budget, keep=1, seed=made.seed, threads=1, **start)
    heard = SoundFeatures(target.sound)
    points: dict[str, Any] = {}
    for count in COUNTS:
        if count > made.budget:
            break
        best = [i for i in result.curve if i.renders <= count][-1]
        points[str(count)] = {"distance": best.distance} | metrics(target, heard, best.preset, engine)
    kept.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(points), "utf8")
    return points


def metrics(target: Target, heard: SoundFeatures, preset: Preset, engine: Engine) -> dict[str, float]:
    """Measure a preset at equal loudness."""
    sound = engine.render(preset, target.note, target.velocity, hold=target.hold, n_samples=len(target.sound))
    found = SoundFeatures(amplified(sound, gain_db([target.sound], [sound])))
    return {"mfcc13": mfcc_mae(heard, found, 13), "convergence": spectral_convergence(heard, found)}


def main() -> None:
    options = parser(__doc__ or "", data_path("benchmarks", "headroom.json"))
    options.add_argument("--presets", type=int, default=50, help="number of validation presets")
    options.add_argument("--sounds", type=int, default=13, help="number of out-of-domain sounds")
    options.add_argument("--budget", type=int, default=COUNTS[-1], help="number of renders of each match")
    options.add_argument("--seeds", type=int, default=3, help="number of seeds")
    given = options.parse_args()
    trial = Trial.of("learnfm", "twin-disjoint", "validation", limit=given.presets)
    index = SoundIndex.read(data_path("index", "learnfm.safetensors"))
    near: list[Values] = list(nearest_unrelated(trial, index, N_NEAREST))
    sounds = [t.name for t in target_sounds.load("out of domain")][: given.sounds]
    targets: list[tuple[str, list[list[int]] | None]] = [
        *((str(row), known.tolist()) for row, known in zip(trial.rows.tolist(), near, strict=True)),
        *((name, None) for name in sounds),
    ]
    work = [Match(name, seed, given.budget, known) for seed in range(given.seeds) for name, known in targets]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(tqdm(pool.map(curve, work), total=len(work), desc="matches"))
    by_target: dict[str, list[Any]] = {}
    for made, result in zip(work, found, strict=True):
        by_target.setdefault(made.name, []).append(result)
    write_benchmark(
        {
            "budget": given.budget,
            "seeds": given.seeds,
            "checkpoint_sha256": model().sha256,
            "machine": machine(),
            "presets": [by_target[str(row)] for row in trial.rows.tolist()],
            "sounds": {name: by_target[name] for name in sounds},
        },
        given.results,
    )


if __name__ == "__main__":
    main()
