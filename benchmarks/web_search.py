"""Compare the search of the web page with the library's, from the same presets and with as many renders.

    python benchmarks/web_search.py             # writes data/benchmarks/web_search.json; an hour on one core
    python benchmarks/web_search.py --sounds 2 --budget 300 --results /tmp/web_search.json    # a minute

The sounds are presets near starter presets, and the out-of-domain sounds. Both searches start from the
starter presets that are closest to a sound, without a model, and are judged by the objective of the library.
The page's search runs in Node, which must be installed.
"""

import argparse
import json
import shutil
import subprocess
import time
import warnings
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from arguments import parser
from machine import machine

import latentdx
from latentdx.applications.candidate_choice import Comparison
from latentdx.applications.evolutionary_search import evolutionary_search
from latentdx.applications.heard_modulation import proposing_modulation
from latentdx.applications.known_stage import compare_known
from latentdx.applications.locks import Locks
from latentdx.applications.mutations import change_several
from latentdx.applications.target import Target, prepare_target
from latentdx.audio.engine.synth import Engine
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets.bank import Preset, PresetBank
from latentdx.registry import data_path
from latentdx.typing import Values

BUDGET, SEEDS = 2_000, 3
STARTER_LIKE, CHANGES = 20, 4
"""Number of presets near starter presets, and how often two to five of their values change."""

WITHIN = 0.10
"""Share by which the page's result may be further than the library's."""

WEB = Path(latentdx.__file__).parent / "web"

MATCH = """
import { readFileSync } from 'node:fs';
import { match } from './search/match.js';
const { sound, played, starts, budget, seeds } = JSON.parse(readFileSync(0, 'utf8'));
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'));
const target = { ...played, sound: new Float32Array(bytes(sound).buffer) };
for (let seed = 0; seed < seeds; seed++) {
  let best = null;
  const found = await match(target, { starts: starts.map(bytes), budget, seed, keep: 1, progress(told) {
    if (told.values) best = told;
  } });
  console.log(JSON.stringify({ values: [...best.values], renders: found.renders, seconds: found.seconds }));
}
"""


def sounds(n: int | None) -> dict[str, Target]:
    """Return the sounds by their names; with a number, so many of each kind."""
    bank, synth, rng = PresetBank.read(data_path("starter")), Engine(), np.random.default_rng(0)
    found: dict[str, Target] = {}
    for number in rng.choice(len(bank), STARTER_LIKE, replace=False).tolist()[:n]:
        values = bank.values[number]
        for _ in range(CHANGES):
            values = change_several(values, rng)
        found[f"near starter {number}"] = Target(synth.render(Preset(values)), 60, 85, (), ())
    for path in sorted(data_path("targets", "ood").glob("*.flac"))[:n]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[path.stem] = prepare_target(path)
    return found


def library(target: Target, starts: Values, budget: int, seed: int) -> tuple[Values, float]:
    """Search with the library; return the best preset and the seconds that it took."""
    begun, locks = time.monotonic(), Locks.of()
    known = compare_known(Comparison([target], Engine(), 1), starts, budget, 16, locks)
    tried = evolutionary_search(
        known.values,
        known.comparison.objective,
        budget - known.spent,
        propose=proposing_modulation(None, known.comparison.reference.sound, seed),
        seed=seed,
    )
    return tried.values[tried.distances.argmin()], time.monotonic() - begun


def page(target: Target, starts: Values, budget: int, seeds: int) -> list[dict[str, Any]]:
    """Search with the page's scripts, in Node; return a result for each seed."""
    sent = {
        "sound": b64encode(np.ascontiguousarray(target.sound, "<f4").tobytes()).decode(),
        "played": {"note": target.note, "velocity": target.velocity, "hold": target.hold},
        "starts": [b64encode(values.tobytes()).decode() for values in starts],
        "budget": budget,
        "seeds": seeds,
    }
    with TemporaryDirectory() as folder:
        shutil.copytree(WEB, folder, dirs_exist_ok=True)
        (Path(folder) / "package.json").write_text('{"type": "module"}')
        (Path(folder) / "match_sound.js").write_text(MATCH)
        done = subprocess.run(
            ["node", "match_sound.js"],
            cwd=folder,
            input=json.dumps(sent),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def searched(target: Target, budget: int, seeds: int) -> dict[str, Any]:
    """Search for a sound with both, and return the distances of what they find."""
    starts = PresetBank.read(data_path("starter")).values
    measure = Comparison([target], Engine(), 1).distances
    mine = page(target, starts, budget, seeds)
    theirs = [library(target, starts, budget, seed) for seed in range(seeds)]
    return {
        "page": measure(np.array([one["values"] for one in mine], np.uint8)).round(4).tolist(),
        "library": measure(np.stack([values for values, _ in theirs])).round(4).tolist(),
        "page_seconds": round(float(np.median([one["seconds"] for one in mine])), 1),
        "library_seconds": round(float(np.median([seconds for _, seconds in theirs])), 1),
    }


def compared(rows: dict[str, dict[str, Any]], budget: int, seeds: int) -> dict[str, Any]:
    """Compare the medians over the seeds of both; rows are the results of `searched` by the sounds' names."""
    ratios = [np.median(row["page"]) / np.median(row["library"]) for row in rows.values()]
    of_all = [float(np.median([np.median(row[who]) for row in rows.values()])) for who in ("page", "library")]
    return {
        "budget": budget,
        "seeds": seeds,
        "median_page": round(of_all[0], 4),
        "median_library": round(of_all[1], 4),
        "median_ratio": round(float(np.median(ratios)), 4),
        "mean_log_ratio": round(float(np.mean(np.log(ratios))), 4),
        "within": bool(of_all[0] <= (1 + WITHIN) * of_all[1] and np.median(ratios) <= 1 + WITHIN),
        "machine": machine(),
        "sounds": rows,
    }


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    out = parser(__doc__ or "", data_path("benchmarks") / "web_search.json")
    out.add_argument("--sounds", type=int, help="number of sounds of each kind (default: all)")
    out.add_argument(
        "--budget", type=int, default=BUDGET, help="renders of each search (default: %(default)s)"
    )
    out.add_argument("--seeds", type=int, default=SEEDS, help="searches of each sound (default: %(default)s)")
    return out.parse_args()


if __name__ == "__main__":
    given = arguments()
    found = {}
    for sound, wanted in sounds(given.sounds).items():
        found[sound] = searched(wanted, given.budget, given.seeds)
        print(sound, found[sound], flush=True)
    write_benchmark(compared(found, given.budget, given.seeds), given.results)
