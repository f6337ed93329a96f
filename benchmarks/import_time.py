"""Measure the CPU time of importing the package and of printing the command's help.

python benchmarks/import_time.py    # writes data/benchmarks/import_time.json; takes half a minute
"""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

from machine import machine

from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.registry import data_path

ROUNDS = 9
COMMANDS = {
    "import latentdx": [sys.executable, "-c", "import latentdx"],
    "from latentdx import Dexed": [sys.executable, "-c", "from latentdx import Dexed"],
    "from latentdx import load_model": [sys.executable, "-c", "from latentdx import load_model"],
    "latentdx --help": [str(Path(sys.executable).with_name("latentdx")), "--help"],
    "latentdx match --help": [str(Path(sys.executable).with_name("latentdx")), "match", "--help"],
}


def cpu_seconds(command: list[str]) -> float:
    """Run a command and return its user and system time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, print the results and write them."""
    rounds = [{name: cpu_seconds(command) for name, command in COMMANDS.items()} for _ in range(ROUNDS)]
    outcome = {
        "machine": machine(),
        "cpu_seconds": {name: round(statistics.median(r[name] for r in rounds), 3) for name in COMMANDS},
    }
    write_benchmark(outcome, data_path("benchmarks", "import_time.json"))


if __name__ == "__main__":
    main()
