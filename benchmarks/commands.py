"""How long does a whole command take, how much memory does it need, and how much does it leave on disk?

    python benchmarks/commands.py "make install" "make site"    # data/benchmarks/commands.json

Commands run one after another in the working directory, which is a clean clone where the first one is to
install. Needs nothing but Python and the script beside it, so that it can time the installation too.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from machine import machine

OUTCOME = Path("data/benchmarks/commands.json")
PLACES = (".venv", "build")
"""Folders of the clone that commands fill; and the user's cache."""


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def on_disk() -> int:
    """Bytes in the folders that commands fill."""
    cache = Path(os.environ.get("LATENTDX_CACHE", Path.home() / ".cache/latentdx"))
    return sum(size_of(Path(place)) for place in (*PLACES, cache))


def measure(command: str) -> dict[str, Any]:
    """Run a command in a shell; measure its time, its largest process, and what it leaves on disk."""
    before, begun = on_disk(), time.perf_counter()
    process = subprocess.Popen(command, shell=True)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{command}: status {os.waitstatus_to_exitcode(status)}")
    peak = used.ru_maxrss * 1024
    return {"seconds": round(seconds, 1), "peak_bytes": peak, "disk_bytes": on_disk() - before}


def main() -> None:
    """Measure some commands and add them to the outcome."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="run in this order")
    options = parser.parse_args()
    measured = json.loads(OUTCOME.read_text("utf8")) if OUTCOME.exists() else {}
    for command in options.commands:
        measured[command] = measure(command) | {"machine": machine()}
        OUTCOME.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
