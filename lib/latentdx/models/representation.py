"""Learnable representations of presets: Num only, NumCat and NumCat++ of the paper (its section 2).

A representation maps the DX7's integers (`PresetBank.values`) to a vector in [0, 1] and back. The vector
follows the plug-in's order and leaves out the locked parameters. Each parameter is either a scalar (value /
maximum) or a one-hot block with one element per value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch

from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import (
    N_OPERATORS,
    N_VALUES,
    Parameter,
    column,
    learnable_parameters,
    maxima,
    parameter,
    voice_parameters,
)
from latentdx.presets.predictions import Predictions

LARGEST_BLOCK = 32
"""Most values that a parameter may have to become a one-hot block in NumCat++ (the paper's "all <= 32")."""


@dataclass(frozen=True)
class Slot:
    """Place of one parameter in the vector.

    Attributes:
        parameter: The parameter.
        start: Index of its first element.
        one_hot: Whether it is a one-hot block; if false, it is a scalar.
    """

    parameter: Parameter
    start: int
    one_hot: bool

    @property
    def width(self) -> int:
        """Number of elements: one per value for a block, 1 for a scalar."""
        return self.parameter.maximum + 1 if self.one_hot else 1

    @property
    def slice(self) -> slice:
        """Range of its elements in the vector."""
        return slice(self.start, self.start + self.width)

    @property
    def column(self) -> int:
        """Column of the parameter in `PresetBank.values`."""
        return column(self.parameter.name)


@dataclass(frozen=True)
class Representation:
    """Encoding of presets as vectors; get one from `REPRESENTATIONS` or `representation`.

    Both directions accept NumPy arrays and tensors. `encode` returns a tensor, because models learn from it;
    `decode` returns a NumPy array, because banks are made from it.

    Attributes:
        name: "num", "numcat" or "numcat++".
        title: Name in the paper's spelling, for example "NumCat++".
        categorical_blocks: Whether categorical parameters are one-hot blocks.
        largest_numerical_block: Most values that a numerical parameter may have to become a one-hot block; 0
            keeps all numerical parameters scalar.
        n_operators: 6, or 3 for the variant in which operators 4-6 are silent.

    Raises:
        ParameterError: The number of operators is not 3 or 6.
    """

    name: str
    title: str
    categorical_blocks: bool
    largest_numerical_block: int
    n_operators: int = N_OPERATORS

    def __post_init__(self) -> None:
        if self.n_operators not in (3, N_OPERATORS):
            raise ParameterError(
                f"the number of operators must be 3 or {N_OPERATORS}, not {self.n_operators}"
            )

    def _is_block(self, p: Parameter) -> bool:
        if p.kind == "categorical":
            return self.categorical_blocks
        return p.maximum + 1 <= self.largest_numerical_block

    # -- layout ----------------------------------------------------------------------------------------------

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Places of all learnable parameters in the vector, in plug-in order, without gaps."""
        slots: list[Slot] = []
        start = 0
        for p in learnable_parameters(self.n_operators):
            slots.append(Slot(p, start, self._is_block(p)))
            start += slots[-1].width
        return tuple(slots)

    @property
    def length(self) -> int:
        """Length of the vector.

        For num, numcat and numcat++ it is 144, 224 and 610 with six operators; 81, 140 and 340 with three.
        """
        return self.slots[-1].slice.stop

    @property
    def scalars(self) -> tuple[Slot, ...]:
        """Places of the parameters that are scalars."""
        return tuple(s for s in self.slots if not s.one_hot)

    @property
    def blocks(self) -> tuple[Slot, ...]:
        """Places of the parameters that are one-hot blocks."""
        return tuple(s for s in self.slots if s.one_hot)

    def __getitem__(self, name: str) -> Slot:
        """Return the place of a parameter in the vector.

        Args:
            name: Plug-in name of the parameter, for example "OP1 F COARSE".

        Raises:
            KeyError: The parameter is not learned.
        """
        for slot in self.slots:
            if slot.parameter.name == name:
                return slot
        raise KeyError(f"{self.title} with {self.n_operators} operators does not learn a parameter {name!r}")

    @cached_property
    def parameter_of_element(self) -> torch.Tensor:
        """Index into `slots` for each element of the vector, int64 (length,)."""
        return torch.repeat_interleave(
            torch.arange(len(self.slots)), torch.tensor([s.width for s in self.slots])
        )

    @cached_property
    def _columns(self) -> npt.NDArray[np.int64]:
        return np.array([s.column for s in self.slots])

    # -- encoding and decoding -------------------------------------------------------------------------------

    def encode(self, values: npt.ArrayLike | torch.Tensor) -> torch.Tensor:
        """Encode presets as vectors.

        Locked parameters (TRANSPOSE, and with three operators all parameters of operators 4-6) are left out.

        Args:
            values: DX7 integers (N, 145) in VCED order, for example a bank's `values`.

        Returns:
            float32 (N, length), in [0, 1].

        Raises:
            ParameterError: The shape or the type is wrong, or a value is out of range.

        >>> from latentdx import PresetBank
        >>> rep = representation("numcat++")
        >>> vectors = rep.encode(PresetBank.init().values)
        >>> tuple(vectors.shape)
        (1, 610)
        >>> bool((rep.decode(vectors) == PresetBank.init().values).all())
        True
        """
        array = values.cpu() if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
        if array.ndim != 2 or array.shape[1] != N_VALUES or array.is_floating_point():
            raise ParameterError(
                f"presets are integers of shape (N, {N_VALUES}), not {array.dtype} {tuple(array.shape)}"
            )
        too_large = array > torch.from_numpy(maxima().copy())
        if bool(too_large.any()) or bool((array < 0).any()):
            raise ParameterError("some values are out of range: PresetBank.from_values reports which ones")
        out = torch.zeros(len(array), self.length)
        scalars, blocks = self.scalars, self.blocks
        largest = torch.tensor([float(s.parameter.maximum) for s in scalars])
        out[:, [s.start for s in scalars]] = array[:, [s.column for s in scalars]] / largest
        starts = torch.tensor([s.start for s in blocks], dtype=torch.int64)
        return out.scatter_(1, array[:, [s.column for s in blocks]] + starts, 1.0)

    def predictions(self, vectors: npt.ArrayLike | torch.Tensor) -> Predictions:
        """Decode a network's outputs to presets that can be played, and to plug-in values.

        Args:
            vectors: Outputs of a network, float (N, length).
        """
        return Predictions(self.decode(vectors), self.plugin(vectors))

    def plugin(self, vectors: npt.ArrayLike | torch.Tensor) -> npt.NDArray[np.float32]:
        """Convert vectors to plug-in values, without rounding scalars to the DX7's steps.

        Scalars are clipped to [0, 1]; a block takes the value of its largest element (the first if several
        are equal). Locked parameters get their constants. With three operators, operators 4-6 are switched
        off and their OUTPUT LEVEL is 0; their other parameters are as in INIT VOICE.

        Args:
            vectors: Vectors, float (N, length).

        Returns:
            float32 (N, 155), in [0, 1], in plug-in order.

        Raises:
            ParameterError: The shape or the type is wrong, or the vectors hold NaN or infinity.
        """
        x = self._checked(vectors)
        out = np.repeat(PresetBank.init().plugin(), len(x), axis=0)
        for slot in self.slots:
            part = x[:, slot.slice]
            scalar = part.argmax(1) / slot.parameter.maximum if slot.one_hot else part[:, 0].clamp(0.0, 1.0)
            out[:, slot.parameter.index] = scalar.numpy()
        for operator in range(self.n_operators + 1, N_OPERATORS + 1):
            out[:, parameter(f"OP{operator} SWITCH").index] = 0.0
        return out

    def decode(self, vectors: npt.ArrayLike | torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode vectors to presets.

        Vectors are converted as in `plugin`; then scalars are rounded to the DX7's steps (halves to even).
        TRANSPOSE is 24. A DX7 voice has no operator switches, so operators 4-6 of the three-operator variant
        are silenced by OUTPUT LEVEL 0.

        Args:
            vectors: Vectors, float (N, length).

        Returns:
            DX7 integers, uint8 (N, 145), in VCED order, ready for `PresetBank.from_values`.

        Raises:
            ParameterError: The shape or the type is wrong, or the vectors hold NaN or infinity.
        """
        plugin = self.plugin(vectors)[:, [p.index for p in voice_parameters()]]
        return np.rint(plugin * maxima()).astype(np.uint8)

    def _checked(self, vectors: npt.ArrayLike | torch.Tensor) -> torch.Tensor:
        x = vectors if isinstance(vectors, torch.Tensor) else torch.from_numpy(np.array(vectors))
        if x.ndim != 2 or x.shape[1] != self.length or not x.is_floating_point():
            raise ParameterError(
                f"{self.title} vectors are floats of shape (N, {self.length}), not {x.dtype} {tuple(x.shape)}"
            )
        if not bool(torch.isfinite(x).all()):
            raise ParameterError(f"the {self.title} vectors hold NaN or infinity")
        return x.detach().float().cpu()

    # -- masks -----------------------------------------------------------------------------------------------

    def of_columns(self, mask: npt.NDArray[np.bool_]) -> torch.Tensor:
        """Convert a mask over the columns of `values` to a mask over `slots`.

        Args:
            mask: bool (N, 145), in VCED order, for example from `live_parameters`.

        Returns:
            bool (N, parameters).
        """
        return torch.from_numpy(mask[:, self._columns])

    def of_elements(self, mask: torch.Tensor) -> torch.Tensor:
        """Convert a mask over `slots` to a mask over the elements of the vector.

        Args:
            mask: bool (N, parameters).

        Returns:
            bool (N, length).
        """
        return mask[:, self.parameter_of_element]

    def of_sounding_operators(self, values: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Find the parameters that count in the training loss by the paper's rule.

        Of an operator whose OUTPUT LEVEL is 0, only the level counts; its other parameters are left out.
        (Such an operator may still sound if keyboard scaling raises its level; `live_parameters` detects
        that.)

        Args:
            values: DX7 integers, uint8 (N, 145), in VCED order.

        Returns:
            bool (N, parameters), over `slots`.
        """
        levels = np.stack(
            [values[:, column(f"OP{k} OUTPUT LEVEL")] for k in range(1, N_OPERATORS + 1)], axis=1
        )
        sounding = torch.from_numpy(levels > 0)  # (preset, operator)
        masks = [
            torch.ones(len(values), dtype=torch.bool)
            if s.parameter.operator is None or s.parameter.name.endswith("OUTPUT LEVEL")
            else sounding[:, s.parameter.operator - 1]
            for s in self.slots
        ]
        return torch.stack(masks, dim=1)


REPRESENTATIONS: Mapping[str, Representation] = MappingProxyType(
    {
        r.name: r
        for r in (
            Representation("num", "Num only", False, 0),
            Representation("numcat", "NumCat", True, 0),
            Representation("numcat++", "NumCat++", True, LARGEST_BLOCK),
        )
    }
)
"""The paper's three representations by name, for six operators."""


def representation(name: str, n_operators: int = N_OPERATORS) -> Representation:
    """Return a representation by its name.

    Args:
        name: "num", "numcat" or "numcat++".
        n_operators: Number of operators, 6 or 3.

    Raises:
        ParameterError: There is no representation of this name or for this number of operators.

    >>> representation("numcat++").length
    610
    >>> representation("numcat++", n_operators=3).length
    340
    """
    if name not in REPRESENTATIONS:
        choices = ", ".join(REPRESENTATIONS)
        raise ParameterError(f"there is no representation {name!r}; choose one of {choices}")
    return replace(REPRESENTATIONS[name], n_operators=n_operators)
