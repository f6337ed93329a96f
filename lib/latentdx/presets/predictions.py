"""Presets that a model or another method infers from sounds, rounded for playing and before rounding."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import N_VALUES, PARAMETERS


@dataclass(frozen=True)
class Predictions:
    """N inferred presets, rounded to the DX7's integers and before rounding.

    Attributes:
        values: Values that are rendered, uint8 (N, 145) in VCED order.
        plugin: Plug-in values before rounding to the DX7's steps, float32 (N, 155) in [0, 1]; see
            `Representation.plugin`. The paper measures parameter errors on these values.

    Raises:
        ParameterError: The shapes do not match, or a plug-in value is NaN or outside [0, 1].
    """

    values: npt.NDArray[np.uint8]
    plugin: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.values)
        if self.values.shape != (n, N_VALUES) or self.plugin.shape != (n, len(PARAMETERS)):
            raise ParameterError(
                f"predictions must have shapes (N, {N_VALUES}) and (N, {len(PARAMETERS)}), "
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
        """Return the presets of a bank as predictions for which nothing was rounded."""
        return cls(bank.values, bank.plugin())

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> "Predictions":
        return Predictions(self.values[rows], self.plugin[rows])

    @property
    def bank(self) -> PresetBank:
        """The rendered presets as a bank."""
        return PresetBank.from_values(self.values)
