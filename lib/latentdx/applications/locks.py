"""Locks: parameters that keep the value that a musician wants, whatever a model or a search proposes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentdx.errors import ParameterError
from latentdx.presets.algorithm_families import conversion, with_algorithm
from latentdx.presets.algorithms import N_ALGORITHMS
from latentdx.presets.parameters import NEUTRAL_TRANSPOSE, Parameter, column, voice_parameters
from latentdx.typing import Values

_BY_NAME = {p.name: p for p in voice_parameters()}
_ALGORITHM = column("ALGORITHM")


@dataclass(frozen=True, eq=False)
class Locks:
    """Locked parameters; make them with `Locks.of`.

    Attributes:
        columns: Columns of the locked parameters, int64 (n,), ascending.
        values: Their values, uint8 (n,).
        algorithms: Allowed algorithms, 1 … 32; none where all are.
    """

    columns: npt.NDArray[np.int64]
    values: Values
    algorithms: tuple[int, ...] = ()

    @classmethod
    def of(cls, locked: Mapping[str, int | str] | None = None, algorithms: Sequence[int] = ()) -> "Locks":
        """Check and convert locks.

        Args:
            locked: Values by the parameters' names, such as `{"ALGORITHM": 5, "OP1 F COARSE": 1}`. Values are
                those that a DX7 shows: algorithms count from 1, OSC DETUNE is -7 … 7, TRANSPOSE is in
                semitones, -24 … 24; labels such as "sine" or "fixed" are possible too.
            algorithms: Allowed algorithms, 1 … 32; default: all.

        Raises:
            ParameterError: A name is unknown, a value is out of its range, or the locked algorithm is none of
                the allowed ones.

        >>> Locks.of({"ALGORITHM": 5, "LFO WAVE": "sine"}).values.tolist()
        [4, 4]
        """
        found = {}
        for name, value in (locked or {}).items():
            parameter = _BY_NAME.get(name.strip().upper())
            if parameter is None:
                raise ParameterError(
                    f"no parameter is called {name!r}: names are such as ALGORITHM, FEEDBACK, LFO SPEED or"
                    " OP1 F COARSE"
                )
            found[column(parameter.name)] = _stored(parameter, value)
        allowed = tuple(dict.fromkeys(int(number) for number in algorithms))
        for number in allowed:
            if not 1 <= number <= N_ALGORITHMS:
                raise ParameterError(f"algorithm {number} is outside 1 … {N_ALGORITHMS}")
        if allowed and found.get(_ALGORITHM, allowed[0] - 1) + 1 not in allowed:
            raise ParameterError(
                f"ALGORITHM is locked to {found[_ALGORITHM] + 1}, which is none of the allowed"
                f" {', '.join(map(str, allowed))}"
            )
        columns = np.array(sorted(found), np.int64)
        return cls(columns, np.array([found[c] for c in columns.tolist()], np.uint8), allowed)

    @property
    def n_locked(self) -> int:
        """Number of locked parameters."""
        return len(self.columns)

    def apply(self, values: Values) -> Values:
        """Return presets that obey the locks; without locks, the presets themselves.

        An algorithm that is not allowed gives way to the most similar one, for which the operators change
        places so that most connections stay.

        Args:
            values: Presets, uint8 (N, 145), in VCED order.
        """
        allowed = self._allowed()
        if not allowed and not len(self.columns):
            return values
        out = values.copy()
        if allowed:
            for i in np.flatnonzero(~np.isin(values[:, _ALGORITHM] + 1, allowed)).tolist():
                old = int(values[i, _ALGORITHM]) + 1
                out[i] = with_algorithm(values[i], min(allowed, key=lambda n: conversion(old, n).cost))
        out[:, self.columns] = self.values
        return out

    def _allowed(self) -> tuple[int, ...]:
        locked = self.values[self.columns == _ALGORITHM]
        return (int(locked[0]) + 1,) if len(locked) else self.algorithms


def parse_lock(text: str) -> tuple[str, str]:
    """Parse a lock as it is written on a command line, such as "OP1 F COARSE=1".

    Args:
        text: Name and value of a parameter.

    Returns:
        Name, and value as text; see `Locks.of`.

    Raises:
        ParameterError: The text holds no "=".
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ParameterError(f"{text!r} is not a parameter with its value, such as ALGORITHM=5")
    return name.strip(), value.strip()


def _stored(parameter: Parameter, value: int | str) -> int:
    """Return the stored integer of a value as the DX7 shows it."""
    lowest = {"ALGORITHM": 1, "TRANSPOSE": -NEUTRAL_TRANSPOSE}.get(parameter.name, 0)
    if parameter.name.endswith("OSC DETUNE"):
        lowest = -(parameter.maximum // 2)
    if isinstance(value, str) and value.strip().lower() in parameter.labels:
        return parameter.labels.index(value.strip().lower())
    try:
        number = int(value)
    except ValueError:
        number = lowest - 1
    if not lowest <= number <= lowest + parameter.maximum or (number != value and not isinstance(value, str)):
        labels = f", or one of {', '.join(parameter.labels)}" if parameter.labels else ""
        raise ParameterError(
            f"{parameter.name} = {value} is outside {lowest} … {lowest + parameter.maximum}{labels}"
        )
    return number - lowest
