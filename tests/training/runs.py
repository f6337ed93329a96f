"""Reader for the part of a run's log that does not depend on time."""

import csv
from pathlib import Path


def read_log(folder: Path) -> list[dict[str, str]]:
    """Return the rows of log.csv without presets_per_second."""
    with (folder / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "presets_per_second"} for row in csv.DictReader(file)]
