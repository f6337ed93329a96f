"""Options of `latentdx match`: what is locked, which algorithms are tried, and where a search starts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from latentdx.applications.locks import Locks, parse_lock
from latentdx.cli.common import naming, voice_index
from latentdx.errors import ParameterError
from latentdx.presets.algorithms import N_ALGORITHMS
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import voice_parameters

LEAST_HOLD, MOST_HOLD = 0.01, 8.0
"""Bounds of --hold in seconds; a sound is heard for at most eight seconds."""

Hold = Annotated[
    float | None,
    typer.Option(min=LEAST_HOLD, max=MOST_HOLD, metavar="S", help="Seconds the key was held; else found."),
]
Lock = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help='Keep ALGORITHM=5, "OP1 F COARSE=1", …; repeatable.'),
]
Algorithms = Annotated[
    str | None, typer.Option("--algorithm", metavar="N,N", help="Try these algorithms only: 5 or 5,7.")
]
From = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="BANK",
        help="Refine BANK:3, or start from a bank or folder too.",
    ),
]
More = Annotated[Path | None, typer.Option(metavar="REPORT", help="Go on from an earlier match, its .json.")]


@dataclass(frozen=True)
class Starts:
    """Presets of the user's own that a search starts from.

    Attributes:
        preset: The one preset to refine, if one is named.
        banks: Banks whose presets are known presets to start from.
    """

    preset: Preset | None
    banks: tuple[PresetBank, ...]


def parse_locks(texts: Sequence[str] | None) -> dict[str, str]:
    """Read the option --lock: values as a DX7 shows them, by the names of their parameters."""
    locked: dict[str, str] = {}
    for text in texts or ():
        with naming("--lock"):
            name, value = parse_lock(text)
            Locks.of({name: value})  # refuses what is no parameter, or not within its range
            name = name.upper()
            if locked.setdefault(name, value) != value:
                raise ParameterError(f"{name} is locked twice, to {locked[name]} and to {value}")
    return locked


def parse_algorithms(text: str | None) -> tuple[int, ...]:
    """Read the option --algorithm, numbers from 1 separated by commas; none if it is omitted."""
    if text is None:
        return ()
    with naming("--algorithm"):
        found = set()
        for part in text.split(","):
            number = part.strip()
            if not number.isascii() or not number.isdigit() or not 1 <= int(number[:9]) <= N_ALGORITHMS:
                raise ParameterError(f"{number!r} is not an algorithm: they are 1 … {N_ALGORITHMS}")
            found.add(int(number))
        return tuple(sorted(found))


def check_algorithm(locked: dict[str, str], algorithms: Sequence[int]) -> None:
    """Refuse a locked algorithm that is none of those that may be tried."""
    try:
        Locks.of(locked, algorithms)
    except ParameterError as error:
        raise ParameterError(f"--lock and --algorithm contradict each other: {error}") from error


def read_starts(texts: Sequence[str] | None) -> Starts:
    """Read the option --from: one preset as BANK:VOICE, or banks and folders."""
    chosen: list[Preset] = []
    banks = []
    for text in texts or ():
        with naming("--from"):
            path, voice = _split(text)
            bank = PresetBank.read(path, strict=False)
            if voice is None:
                banks.append(bank)
            else:
                chosen.append(bank[voice_index(bank, voice)])
    if len(chosen) > 1:
        raise ParameterError("--from: one preset can be refined, not several: leave the others out")
    return Starts(chosen[0] if chosen else None, tuple(banks))


def _split(text: str) -> tuple[Path, str | None]:
    """Split BANK:VOICE; a file or folder whose name holds a colon is taken as it is."""
    if Path(text).exists() or ":" not in text:
        return Path(text), None
    bank, _, voice = text.rpartition(":")
    if not voice:
        raise ParameterError(f"{text!r} names no preset after the colon: write BANK:3 or BANK:NAME")
    return Path(bank), voice


def read_report(path: Path | None) -> list[Preset]:
    """Read the presets of an earlier match's report, the option --more; none if it is omitted.

    Raises:
        ParameterError: The file is not such a report.
    """
    if path is None:
        return []
    with naming("--more"):
        try:
            report: Any = json.loads(path.read_bytes())
            return [_preset(candidate) for candidate in report["candidates"]]
        except OSError as error:
            raise ParameterError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ParameterError(
                f"{path} is not the report of a match, the .json file that lies beside its cartridge"
            ) from error


def _preset(candidate: dict[str, Any]) -> Preset:
    values = [candidate["parameters"][p.name] for p in voice_parameters()]
    for p, value in zip(voice_parameters(), values, strict=True):
        if not isinstance(value, int) or not 0 <= value <= p.maximum:
            raise ValueError(f"{p.name} is {value!r}")
    return Preset(np.array(values, np.uint8), str(candidate["name"]))
