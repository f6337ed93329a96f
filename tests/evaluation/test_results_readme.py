"""data/results/README.md names every column and key of every file beside it, with its unit, and no others."""

import csv
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from latentdx.metrics.registry import METRICS
from latentdx.training.history import _MARK

FOLDER = Path(__file__).parents[2] / "data/results"
FILES = sorted(
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob("*")
    if path.is_file() and path.suffix != ".flac" and path.name != "README.md"
)


def read_tables() -> dict[tuple[str, str], dict[str, tuple[str, str]]]:
    """Return (pattern of files, "columns" or "keys") -> name -> (unit, meaning)."""
    text = (FOLDER / "README.md").read_text("utf8")
    tables = {}
    for section in text.split("\n### ")[1:]:
        heading, _, body = section.partition("\n")
        found = re.fullmatch(r"`(.+?)`, (columns|keys).*", heading)
        assert found, heading
        rows = [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in body.splitlines() if "| `" in line
        ]
        names = [row[0].strip("`") for row in rows if row[0].startswith("`")]
        assert len(names) == len(set(names)), heading
        tables[found[1], found[2]] = {row[0].strip("`"): (row[1], row[2]) for row in rows}
    return tables


TABLES = read_tables()


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each number or text in a JSON value; lists of these count as one."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from keys(part, f"{path}\0{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for part in value:
            yield from keys(part, f"{path}[]")
    else:
        yield path


def held(name: str) -> dict[str, set[str]]:
    """Return the columns and keys of a file."""
    path = FOLDER / name
    if path.suffix == ".json":
        return {"keys": set(keys(json.loads(path.read_text("utf8"))))}
    if path.suffix == ".parquet":
        schema = pq.read_schema(path)
        return {"columns": set(schema.names), "keys": set(keys(json.loads(schema.metadata[b"latentdx"])))}
    assert path.suffix == ".csv", f"README.md does not say what {name} is"
    with path.open(encoding="utf8", newline="") as file:
        first = file.readline()
        if first.startswith(_MARK):
            return {
                "columns": set(next(csv.reader(file))),
                "keys": set(keys(json.loads(first[len(_MARK) :]))),
            }
        return {"columns": set(next(csv.reader([first])))}


def fits(pattern: str, key: str) -> bool:
    """Tell whether a key of the README, with its placeholders, stands for a path of `keys`."""
    wanted, given = pattern.split("."), key.split("\0")
    if wanted[-1] == "**":
        wanted, given = wanted[:-1], given[: len(wanted) - 1]
    return len(wanted) == len(given) and all(
        w in ("*", g) or (w == "METRIC" and g in METRICS) for w, g in zip(wanted, given, strict=True)
    )


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: f"{kind[1]} of {kind[0]}")
def test_the_readme_names_what_files_hold_and_nothing_else(kind: tuple[str, str]) -> None:
    pattern, what = kind
    held_by_all: set[str] = set()
    for name in FILES:
        if fnmatchcase(name, pattern):
            held_by_all |= held(name).get(what, set())
    assert held_by_all, f"no file is called {pattern}"
    named = TABLES[kind]
    unnamed = {key for key in held_by_all if not any(fits(n, key) for n in named)}
    assert not unnamed, f"README.md does not name these {what} of {pattern}"
    missing = {n for n in named if not any(fits(n, key) for key in held_by_all)}
    assert not missing, f"no {pattern} has these {what} that README.md names"
    assert all(unit and meaning for unit, meaning in named.values())


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_described_once(name: str) -> None:
    for what in held(name):
        assert len([p for p, w in TABLES if w == what and fnmatchcase(name, p)]) == 1


def test_units_of_metrics_are_those_of_the_registry() -> None:
    units = {n: u for (_, what), rows in TABLES.items() if what == "columns" for n, (u, _) in rows.items()}
    assert set(METRICS) <= set(units)
    for (_, what), rows in TABLES.items():
        for name, (unit, _) in rows.items():
            metric = METRICS.get(name.removeprefix("level_")) if what == "columns" else None
            if metric:
                assert unit == (metric.unit or "–"), name
