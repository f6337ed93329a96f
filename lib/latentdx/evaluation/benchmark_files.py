"""What the scripts in `benchmarks/` measured: files in `data/benchmarks`, which name the machine, too."""

import json
from pathlib import Path
from typing import Any

from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.registry import data_path


def read_benchmark(name: str, file: Path | None = None) -> dict[str, Any]:
    """Read the outcome of a benchmark.

    Args:
        name: Name of the script, such as "train".
        file: File to read; by default the one that ships.

    Raises:
        NotMeasuredError: There is no such file.
    """
    file = file or data_path("benchmarks", f"{name}.json")
    if not file.exists():
        raise NotMeasuredError(f"`python benchmarks/{name}.py` measures it.")
    measured: dict[str, Any] = json.loads(file.read_text("utf8"))
    return measured


def write_benchmark(measured: dict[str, Any], file: Path) -> None:
    """Write the outcome of a benchmark as JSON, and print it.

    Args:
        measured: What was measured, and on which machine.
        file: File to write; its folder is made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=1)
    file.write_text(f"{text}\n", "utf8")
    print(text)


def machine_text(measured: dict[str, Any]) -> str:
    """Return the processor and the commit of a benchmark."""
    machine = measured["machine"]
    return f"{machine['processor']}, commit {machine['commit'][:12]}"
