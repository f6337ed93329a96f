"""Presets that a model, or anything in its place, infers from sounds: as played, and before rounding."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import N_VALUES, PARAMETERS


@dataclass(frozen=True)
class Predictions:
    """N inferred presets, both as they are played and as they were meant.

    Attributes:
        values: uint8 (N, 145), VCED order: what is rendered.
        plugin: float32 (N, 155) in [0, 1], the plug-in's view before rounding to the DX7's steps, as of
            `Representation.plugin`: the paper measures parameters there.
    """

    values: npt.NDArray[np.uint8]
    plugin: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.values)
        if self.values.shape != (n, N_VALUES) or self.plugin.shape != (n, len(PARAMETERS)):
            raise ParameterError(
                f"predictions have shapes (N, {N_VALUES}) and (N, {len(PARAMETERS)}), "
                f"not {self.values.shape} and {self.plugin.shape}"
            )
        outside = ~((self.plugin >= 0) & (self.plugin <= 1))  # NaN too
        if outside.any():
            row, index = np.argwhere(outside)[0]
            raise ParameterError(
                f"prediction {row}: {PARAMETERS[index].name} = {self.plugin[row, index]} is outside 0 … 1"
            )

    @classmethod
    def of_bank(cls, bank: PresetBank) -> Self:
        """Presets as they are: nothing was rounded."""
        return cls(bank.values, bank.plugin())

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> "Predictions":
        return Predictions(self.values[rows], self.plugin[rows])

    @property
    def bank(self) -> PresetBank:
        return PresetBank.from_values(self.values)
