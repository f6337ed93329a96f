"""Compare the engine's two eras over a corpus: how many sounds moved, how far, and why; write JSON.

    nice python benchmarks/compare_eras.py         # learnfm (or --corpus starter); eleven minutes of one core

All voices are rendered at note 60, velocity 85, as Dexed 0.9.3 played them in 2017 and as Dexed plays them
today. The examples that the paper's authors published are compared with what is known of their recordings.
"""

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from latentdx import Engine
from latentdx.audio.engine import compilation
from latentdx.dataset.paper_examples import CORPUS
from latentdx.evaluation.era_comparison import by_feature, change, summarize
from latentdx.evaluation.published_eras import figures_by_era, original_changes
from latentdx.files import atomic_write
from latentdx.presets import corpora
from latentdx.provenance import code_commit
from latentdx.registry import data_path

RESULTS = data_path("benchmarks", "compare_eras.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--corpus",
        default="learnfm",
        choices=sorted(corpora.CORPORA),
        help="corpus of the voices (default: %(default)s)",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="file for the results")
    options = parser.parse_args()
    bank = corpora.read(options.corpus).neutral()
    compilation.kernels()
    paper = options.corpus == CORPUS  # whose rows the paper's examples are known by
    changes = [change(preset) for preset in tqdm(bank, desc="voices", mininterval=5)]
    results = {
        "corpus": options.corpus,
        "corpus_sha256": corpora.bank_hash(bank),
        "engines": [Engine(era=era).engine for era in ("0.9.3", "current")],
        "note": 60,
        "velocity": 85,
        "commit": code_commit(),
        **summarize(changes),
        "features": by_feature(bank, changes),
        "originals": original_changes(bank) if paper else [],
        "answers": figures_by_era(),
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(options.results) as file:
        file.write((json.dumps(results, indent=1) + "\n").encode())
    print(options.results)


if __name__ == "__main__":
    main()
