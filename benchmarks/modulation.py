"""Match the four sounds that move with and without the view of modulation, and measure the answers' movement.

    python benchmarks/modulation.py    # writes data/benchmarks/modulation.json; takes minutes on one core

All searches of a sound start from the same presets, the nearest of learnfm's training set; the corpus is
needed. Without the view, the objective has its other three parts.
"""

from functools import partial
from typing import Any

import torch
from machine import machine

from latentdx.applications import candidate_choice
from latentdx.applications.match import BUDGET, match_targets
from latentdx.applications.programmer import load_model
from latentdx.applications.target import prepare_target
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.evaluation.modulated_sounds import SOUNDS, Movement, measured
from latentdx.metrics import objective
from latentdx.metrics.objective import MODULATION_WEIGHT, WEIGHTS, FastObjective
from latentdx.registry import data_path
from latentdx.retrieval.known_presets import known_presets

SEEDS = (0,)
ANSWERS = 3


def compared() -> dict[str, Any]:
    """Match each sound with either objective, and measure the movement of the first answers."""
    torch.set_num_threads(1)
    model, synth, (known, _) = load_model("latentdx"), Engine(), known_presets()
    found: dict[str, Any] = {}
    for made in SOUNDS:
        target = prepare_target(made.sound(), SAMPLE_RATE, note=made.note)
        movement = partial(measured, moving=made.moving, note=made.note)
        found[made.name] = {"moving": made.moving, "sound": _rounded(movement(target.sound)), "answers": {}}
        for name, weight in (("without", 0.0), ("with", MODULATION_WEIGHT)):
            _weigh(weight)
            answers = []
            for seed in SEEDS:
                match = match_targets([target], model, known, budget=BUDGET, seed=seed, threads=1)
                for candidate in match.candidates[:ANSWERS]:
                    render = synth.render(
                        candidate.preset,
                        target.note,
                        target.velocity,
                        hold=target.hold,
                        n_samples=len(target.sound),
                    )
                    answers.append(
                        _rounded(movement(render))
                        | {name: round(value, 3) for name, value in candidate.measures.items()}
                    )
            found[made.name]["answers"][name] = answers
    return {
        "budget": BUDGET,
        "weight": MODULATION_WEIGHT,
        "checkpoint_sha256": model.sha256,
        "engine": synth.engine,
        "machine": machine(),
        "sounds": found,
    }


def _weigh(weight: float) -> None:
    """Give both forms of the objective another weight of the modulation."""
    objective.MODULATION_WEIGHT = weight
    weighted = partial(FastObjective, weights={**WEIGHTS, "modulation": weight})
    vars(candidate_choice)["FastObjective"] = weighted


def _rounded(movement: Movement) -> dict[str, float]:
    return {"rate": round(movement.rate, 2), "depth": round(movement.depth, 2)}


def main() -> None:
    write_benchmark(compared(), data_path("benchmarks", "modulation.json"))


if __name__ == "__main__":
    main()
