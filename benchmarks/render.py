"""Measure speed and memory of rendering, of the store and of loading from it, in one run; write JSON.

    python benchmarks/render.py                  # learnfm (or --corpus starter), one note
    python benchmarks/render.py --six            # six notes too, which takes 16.8 GB for learnfm

Alternatives are measured in the same run and in alternation, because other programs may slow the machine down
at any time; the load is recorded. A store that is not in the cache yet is rendered there and kept; otherwise,
a copy is rendered and deleted.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import arguments
import numpy as np
import torch
from machine import machine

from latentdx import Dexed, PresetBank
from latentdx.audio import NOTE_SETS
from latentdx.audio.spectrogram import mel_spectrogram, to_codes
from latentdx.dataset.loading import SpectrogramDataset, loader
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import Store, store_folder
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets import corpora
from latentdx.registry import data_path

RESULTS = data_path("benchmarks", "render.json")
ITEM_BYTES = 257 * 347


def seconds(work: Callable[[int], object], items: Sequence[int], threads: int) -> float:
    """Measure the wall time of work on all items, in seconds."""
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        for _ in pool.map(work, items):
            pass
        return time.perf_counter() - start


def threading(bank: PresetBank, rounds: int) -> dict[str, Any]:
    """Compare one thread with two, in alternation, for rendering alone and for rendering with mel codes."""
    renderer = Dexed()
    rows = np.random.default_rng(0).choice(len(bank), min(400, len(bank)), replace=False).tolist()
    works: dict[str, Callable[[int], object]] = {
        "render": lambda i: renderer.render(bank[i]),
        "render_and_mel": lambda i: to_codes(mel_spectrogram(renderer.render(bank[i]))),
    }
    results: dict[str, Any] = {"presets": len(rows), "rounds": rounds}
    for name, work in works.items():
        seconds(work, rows, 2)  # untimed: makes the tables
        pairs = [(seconds(work, rows, 1), seconds(work, rows, 2)) for _ in range(rounds)]
        results[name] = {
            "ms_1_thread": [round(1e3 * one / len(rows), 3) for one, _ in pairs],
            "ms_2_threads": [round(1e3 * two / len(rows), 3) for _, two in pairs],
            "times_faster": statistics.median(one / two for one, two in pairs),
        }
    return results


def render_in_this_process(corpus: str, notes: str, folder: Path) -> None:
    """Render a store and print what it took; the child process's part of `storing`."""
    bank = corpora.read(corpus).neutral()
    start, before = time.perf_counter(), time.process_time()
    store = render_store(bank, NOTE_SETS[notes], folder, corpus=corpus)
    wall, cpu = time.perf_counter() - start, time.process_time() - before
    # not getrusage's ru_maxrss, which a process inherits from its parent
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) * 1024  # bytes
    print(
        json.dumps(
            {
                "presets": len(store),
                "notes": len(store.notes),
                "minutes": wall / 60,
                "cpu_seconds": cpu,
                "peak_memory_gb": peak / 1e9,
                "bytes": sum(path.stat().st_size for path in folder.iterdir()),
                "shards": store.manifest.n_shards,
            }
        )
    )


def storing(corpus: str, notes: str) -> dict[str, Any]:
    """Render a whole corpus into a store, in a separate process so that its memory can be measured."""
    target = store_folder(corpus, NOTE_SETS[notes])
    target.parent.mkdir(parents=True, exist_ok=True)
    keep = not target.exists()
    folder = target if keep else Path(tempfile.mkdtemp(prefix="benchmark-", dir=target.parent))
    try:
        child = [sys.executable, __file__, "--corpus", corpus, "--child", notes, str(folder)]
        done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        if not keep:
            shutil.rmtree(folder)
    result: dict[str, Any] = json.loads(done.stdout)
    result["load_average"] = os.getloadavg()[0]
    result["kept"] = keep
    return result


def loading(store: Store, bank: PresetBank) -> dict[str, Any]:
    """Measure items per second of shuffled passes over the store, first cold, then with a warm disk cache."""
    dataset = SpectrogramDataset(store, bank)
    decibels = SpectrogramDataset(store, bank, decibels=True)
    batch = 64

    def rate(served: SpectrogramDataset, workers: int) -> float:
        start, count, total = time.perf_counter(), 0, 0
        for item in loader(served, batch, shuffle=True, workers=workers):
            count += len(item.row)
            total += int(item.spectrogram[:, 0, 0, 0].sum())  # read it
        return count / (time.perf_counter() - start)

    return {
        "notes": len(store.notes),
        "items": len(dataset),
        "batch": batch,
        "torch_threads": torch.get_num_threads(),
        "items_per_second_first_pass": rate(dataset, 0),
        "items_per_second": rate(dataset, 0),
        "items_per_second_as_decibels": rate(decibels, 0),
        "items_per_second_2_workers": rate(dataset, 2),
    }


def formats(store: Store, n: int = 2000) -> dict[str, Any]:
    """Measure random single reads from .npy shards and (if installed) from zarr with a chunk per item."""
    n = min(n, len(store))
    codes = store.codes(range(n))
    order = np.random.default_rng(0).permutation(n).tolist()
    packed = sum(len(zlib.compress(item.tobytes(), 1)) for item in codes[:200])

    def rate(read: Callable[[int], Any]) -> float:
        start = time.perf_counter()
        for row in order:
            np.array(read(row))
        return n / (time.perf_counter() - start)

    results: dict[str, Any] = {
        "items": n,
        "npy_items_per_second": rate(store.row),
        "zlib_1_ratio": codes[:200].nbytes / packed,
    }
    if find_spec("zarr"):
        import zarr

        for name, compressors in (("zarr_raw", None), ("zarr_zstd", "auto")):
            with tempfile.TemporaryDirectory() as folder:
                array = zarr.create_array(
                    folder,
                    shape=codes.shape,
                    chunks=(1, *codes.shape[1:]),
                    dtype="u1",
                    compressors=compressors,
                )
                array[:] = codes
                results[f"{name}_items_per_second"] = rate(array.__getitem__)
                size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
                results[f"{name}_ratio"] = codes.nbytes / size
    return results


def plan(stored: dict[str, Any], ratio: float, presets: int = 10_000_000, notes: int = 6) -> dict[str, Any]:
    """Estimate the cost of a large store from the measured processor time and compression."""
    renders = presets * notes
    core_seconds = stored["cpu_seconds"] / (stored["presets"] * stored["notes"])
    hours = renders * core_seconds / 3600
    return {
        "presets": presets,
        "notes": notes,
        "renders": renders,
        "core_ms_per_render": 1e3 * core_seconds,
        "cpu_hours": hours,
        "one_core_workers_for_a_day": int(np.ceil(hours / 24)),
        "storage_tb": renders * ITEM_BYTES / 1e12,
        "storage_tb_compressed": renders * ITEM_BYTES / ratio / 1e12,
        "mb_per_second_written_by_a_worker": ITEM_BYTES / core_seconds / 1e6,
        "gb_per_second_written_in_all": renders * ITEM_BYTES / 86_400 / 1e9,
        "stores_of_a_million_presets": int(np.ceil(presets / 1e6)),
        "shards": int(np.ceil(renders * ITEM_BYTES / (64 * 2**20))),
    }


def main() -> None:
    parser = arguments.parser(__doc__, RESULTS, corpus="corpus to render")
    parser.add_argument("--six", action="store_true", help="measure a store of six notes too")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of one thread against two")
    parser.add_argument("--child", nargs=2, metavar=("NOTES", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        render_in_this_process(options.corpus, options.child[0], Path(options.child[1]))
        return
    bank = corpora.read(options.corpus).neutral()
    results: dict[str, Any] = {"machine": machine(), "corpus": options.corpus}
    results["threads"] = threading(bank, options.rounds)
    results["store_single"] = storing(options.corpus, "single")
    store = Store(store_folder(options.corpus, NOTE_SETS["single"]))
    results["loading"] = loading(store, bank)
    results["formats"] = formats(store)
    if options.six:
        results["store_six"] = storing(options.corpus, "six")
    measured = results.get("store_six", results["store_single"])
    results["plan"] = plan(measured, results["formats"]["zlib_1_ratio"])
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
