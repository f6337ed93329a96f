"""Compare the engine with dexed-py, every sample of many renders; write JSON, and fail if one differs.

    nice python benchmarks/verify_engine.py        # learnfm (or --corpus starter); five minutes of one core

All voices are rendered at note 60, velocity 85, and random ones at several notes and velocities, each with a
random time from note-on to note-off.
"""

import itertools
import sys
from typing import Any

import arguments
import numpy as np
from tqdm import tqdm

from latentdx import Dexed, Engine, PresetBank
from latentdx.audio.engine import compilation
from latentdx.audio.renderer import HOLD
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets import corpora
from latentdx.registry import data_path

RESULTS = data_path("benchmarks", "engine_equality.json")
NOTES, VELOCITIES = (36, 60, 84), (20, 85, 127)

Render = tuple[int, int, int, float]
"""Position in the corpus, MIDI note, velocity, and time in seconds from note-on to note-off."""


def random_renders(n_voices: int, voices: int) -> list[Render]:
    """Choose voices and holds for all pairs of note and velocity, the same in each call."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(n_voices, min(voices, n_voices), replace=False)).tolist()
    return [
        (row, note, velocity, round(float(rng.uniform(0.05, 3.5)), 4))
        for row, note, velocity in itertools.product(rows, NOTES, VELOCITIES)
    ]


def compare(bank: PresetBank, renders: list[Render], name: str) -> dict[str, Any]:
    """Render with both and compare all samples.

    Args:
        bank: The corpus.
        renders: What to render.
        name: Label of the progress bar.

    Returns:
        Number of renders, and those in which a sample differs.
    """
    engine, dexed = Engine(), Dexed()
    different = []
    for render in tqdm(renders, desc=name, mininterval=5):
        row, note, velocity, hold = render
        ours, theirs = (r.render(bank[row], note, velocity, hold=hold) for r in (engine, dexed))
        if not np.array_equal(ours, theirs):
            different.append(render)
    return {"renders": len(renders), "different": different}


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS, corpus="corpus of the voices")
    parser.add_argument(
        "--voices", type=int, default=3000, help="voices at several notes (default: %(default)s)"
    )
    options = parser.parse_args()
    bank = corpora.read(options.corpus).neutral()
    compilation.kernels()  # otherwise dexed-py would be compared with itself
    everything = [(row, 60, 85, HOLD) for row in range(len(bank))]
    results = {
        "corpus": options.corpus,
        "corpus_sha256": corpora.bank_hash(bank),
        "engine": Engine().engine,
        "reference": Dexed().engine,
        "all_voices": compare(bank, everything, "all voices"),
        "notes": NOTES,
        "velocities": VELOCITIES,
        "random_voices": compare(bank, random_renders(len(bank), options.voices), "random voices"),
    }
    write_benchmark(results, options.results)
    differing = sum(len(results[part]["different"]) for part in ("all_voices", "random_voices"))
    if differing:
        sys.exit(f"{differing} renders differ")


if __name__ == "__main__":
    main()
