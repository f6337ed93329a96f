"""Compare the answers of the sound index with an exact search; write data/benchmarks/index.json.

    python benchmarks/index.py

Both find 16 training presets for each of 200 validation presets. Relatives of the target (presets that share
at least 80% of its values) are excluded. The quality of an answer is the distance of the best of its renders.
Needs learnfm and its single-note store. The test set is never used.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.dataset import curation
from latentdx.dataset.store import Store, store_folder
from latentdx.evaluation.baselines import relatives
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.evaluation.statistics import bootstrap
from latentdx.metrics.objective import score
from latentdx.presets.bank import PresetBank
from latentdx.registry import data_path
from latentdx.retrieval.exact_neighbors import Neighbors
from latentdx.retrieval.known_presets import KnownPresets, known_presets
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.typing import Codes, Mask

N_TARGETS, N_ANSWERS = 200, 16
DIMENSIONS = (8, 16, 32, 48, 64)
Search = Callable[[Codes, Mask], npt.NDArray[np.int64]]


def shortened(index: SoundIndex, n: int) -> SoundIndex:
    """Return the index with only its first `n` dimensions, which are its first principal axes."""
    return SoundIndex(index.rows, index.codes[:, :n], index.basis[:, :n], index.offset[:n], index.about)


def size(index: SoundIndex) -> int:
    """Return the size of the index's arrays in bytes."""
    return sum(array.nbytes for array in (index.rows, index.codes, index.basis, index.offset))


class Trial:
    """Target presets, and the measured distances of answers from them."""

    def __init__(self, bank: PresetBank, index: SoundIndex, store: Store) -> None:
        rows = curation.rows(index.about.corpus, split="twin-disjoint", subset="validation")
        self.bank, self.store, self.synth = bank, store, Dexed()
        self.rows = np.sort(np.random.default_rng(0).choice(rows, N_TARGETS, replace=False)).tolist()
        known = bank.values[index.rows]
        self.excluded = {row: relatives(bank.values[row], known) for row in self.rows}
        self.heard: dict[tuple[int, int], float] = {}

    def best(self, search: Search) -> tuple[npt.NDArray[np.float64], float]:
        """Find the least distance among the answers to each target, and the milliseconds per query."""
        out, spent = [], 0.0
        search(self.store.row(self.rows[0])[0], self.excluded[self.rows[0]])  # fills caches
        for row in tqdm(self.rows, unit="preset"):
            codes = np.array(self.store.row(row)[0])
            start = time.perf_counter()
            found = search(codes, self.excluded[row]).tolist()
            spent += time.perf_counter() - start
            if new := [f for f in found if (row, f) not in self.heard]:
                target = self.synth.render(self.bank[row], *SINGLE_NOTE[0])
                distances = score(self.bank.values[new], [target], SINGLE_NOTE, renderer=self.synth)
                self.heard.update(zip(((row, f) for f in new), distances.tolist(), strict=True))
            out.append(min(self.heard[row, f] for f in found))
        return np.array(out), 1000 * spent / len(self.rows)


def compared(known: KnownPresets) -> dict[str, Any]:
    """Compare the index at several sizes with the exact search."""
    store = Store(store_folder(known.corpus, SINGLE_NOTE))
    trial, exact = Trial(known.bank, known.index, store), Neighbors(store, known.index.rows)
    reference, spent = trial.best(lambda codes, no: exact.nearest(codes, N_ANSWERS, excluded=no)[0])
    rows: dict[str, Any] = {"exact": {"ms": spent, "best": asdict(bootstrap(reference, "mean"))}}
    for n in DIMENSIONS:
        index = shortened(known.index, n)
        best, spent = trial.best(lambda codes, no, i=index: i.nearest(codes, N_ANSWERS, excluded=no)[0])  # type: ignore[misc]
        rows[f"index, {n} dimensions"] = {
            "ms": spent,
            "bytes": size(index),
            "best": asdict(bootstrap(best, "mean")),
            "best_less_exact": asdict(bootstrap(best - reference, "mean")),
            "better": int((best < reference).sum()),
            "worse": int((best > reference).sum()),
        }
    return {
        "targets": N_TARGETS,
        "answers": N_ANSWERS,
        "index": known.index.about.content_sha256,
        "rows": rows,
    }


def main() -> None:
    known, remarks = known_presets(["learnfm"])
    if not known:
        raise SystemExit(remarks[0])
    write_benchmark(compared(known[0]), data_path("benchmarks", "index.json"))


if __name__ == "__main__":
    main()
