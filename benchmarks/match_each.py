"""What does `latentdx match --each` take for 100 sounds, and what would it take for 1,000?

    python benchmarks/match_each.py                  # writes data/benchmarks/match_each.json
    python benchmarks/match_each.py --budget 2000    # with the default number of renders

The sounds are starter presets at seven notes. Measured are the time, the memory of all processes together,
the files, and how long the same command takes when everything is finished. A worker is killed on the way. The
report of 1,000 sounds is built from the results of these, each taken ten times.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from machine import machine

from latentdx.applications.batch_sounds import BatchSettings, surroundings_of
from latentdx.applications.match_batch import PARTS, BatchEntry, batch_names, expand_folders, match_batch
from latentdx.applications.match_summary import MatchSettings
from latentdx.applications.programmer import load_model
from latentdx.applications.target import TargetFile
from latentdx.audio.engine.synth import Engine
from latentdx.audio.io.encoding import encode
from latentdx.display.batch_report import PAGE, SUMMARY, batch_report
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.retrieval.known_presets import known_presets

NOTES = (36, 43, 48, 55, 60, 64, 72)
MANY = 1_000


def make_sounds(folder: Path, n: int) -> None:
    """Render starter presets at different notes into FLAC files."""
    bank, synth = corpora.read("starter"), Engine()
    for i in range(n):
        sound = synth.render(bank[7 * i % len(bank)], NOTES[i % len(NOTES)])
        (folder / f"sound {i:03}.flac").write_bytes(encode(sound / max(1.0, abs(sound).max()), "flac"))


def memory_of(session: int) -> tuple[int, list[int]]:
    """Return the memory of all processes of a session in bytes, shared pages counted once, and their ids."""
    total, ids = 0, []
    for process in Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or os.getsid(int(process.name)) != session:
                continue
            lines = (process / "smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended meanwhile
            continue
        total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        ids.append(int(process.name))
    return total, ids


def run(command: list[str], parts: Path, kill_after: int = 0) -> dict[str, Any]:
    """Run a command; measure its time and its memory, and kill a worker once so many sounds are finished."""
    begun, peak, killed = time.perf_counter(), 0, False
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        memory, ids = memory_of(process.pid)
        peak = max(peak, memory)
        if kill_after and not killed and len(list(parts.glob("*.json"))) >= kill_after:
            os.kill(max(ids), signal.SIGKILL)  # the youngest process is a worker
            killed = True
        time.sleep(0.5)
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "peak_bytes": peak,
        "status": process.returncode,
        "worker_killed": killed,
    }


def large_report(sounds: Path, folder: Path, budget: int) -> dict[str, Any]:
    """Build the report of 1,000 sounds from finished ones."""
    model, (known, _) = load_model("latentdx"), known_presets()
    settings = BatchSettings("latentdx", MatchSettings(budget, None, 0), None, 85, None)
    here = surroundings_of(model, known)
    found = match_batch(expand_folders([TargetFile(sounds)]), settings, here, folder, workers=1)
    names = batch_names([f"sound {i}" for i in range(MANY)])
    entries: list[BatchEntry] = [replace(found[i % len(found)], name=name) for i, name in enumerate(names)]
    begun = time.perf_counter()
    report = batch_report(entries, settings, here)
    return {
        "sounds": MANY,
        "seconds": round(time.perf_counter() - begun, 2),
        "cartridges": len(report.cartridges),
        "page_bytes": len(report.page),
        "summary_bytes": len(report.summary),
    }


def main() -> None:
    """Measure a batch, and write the outcome."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sounds", type=int, default=100, metavar="N", help="number of sounds")
    parser.add_argument("--budget", type=int, default=100, metavar="N", help="renders for each")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N", help="processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        sounds, folder = Path(place, "sounds"), Path(place, "out")
        sounds.mkdir()
        make_sounds(sounds, options.sounds)
        command = [sys.executable, "-m", "latentdx.cli", "match", "--each", str(sounds), "-o", str(folder)]
        command += ["--budget", str(options.budget), "--workers", str(options.workers), "--force"]
        first = run(command, folder / PARTS, kill_after=options.sounds // 4)
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("*.*")}
        again = run(command, folder / PARTS)
        measured = {
            "sounds": options.sounds,
            "budget": options.budget,
            "workers": options.workers,
            "machine": machine(),
            "first": first,
            "again": again,
            "same_files_again": files == {name: (folder / name).read_bytes() for name in files},
            "cartridges": len(list(folder.glob("*.syx"))),
            "page_bytes": (folder / PAGE).stat().st_size,
            "summary_bytes": (folder / SUMMARY).stat().st_size,
            "parts": len(list((folder / PARTS).iterdir())),
            "parts_bytes": sum(path.stat().st_size for path in (folder / PARTS).iterdir()),
            "large_report": large_report(sounds, folder, options.budget),
        }
    write_benchmark(measured, data_path("benchmarks", "match_each.json"))


if __name__ == "__main__":
    main()
