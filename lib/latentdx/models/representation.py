"""Learnable representations of presets: Num only, NumCat and NumCat++ of the paper (its section 2).

A representation maps the DX7's integers (`PresetBank.values`) to a vector in [0, 1] and back. The vector
follows the plug-in's order without the locked parameters. A parameter is either a scalar, value / maximum,
or a one-hot block with a slot for each of its values.
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
"""NumCat++ makes a block of any parameter of at most so many values (the paper's "all <= 32")."""


@dataclass(frozen=True)
class Slot:
    """Where one parameter lies in the vector: `width` slots from `start`; a block has one for each value."""

    parameter: Parameter
    start: int
    one_hot: bool

    @property
    def width(self) -> int:
        return self.parameter.maximum + 1 if self.one_hot else 1

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + self.width)

    @property
    def column(self) -> int:
        """Of `PresetBank.values`."""
        return column(self.parameter.name)


@dataclass(frozen=True)
class Representation:
    """One way to write presets as vectors. Take one from `REPRESENTATIONS` or `representation`.

    Both ways take NumPy arrays or tensors. `encode` gives a tensor, because models learn from it; `decode`
    gives a NumPy array, because banks are made of it.

    Attributes:
        name: "num", "numcat" or "numcat++".
        title: as the paper writes it.
        largest_numerical_block: numerical parameters of at most so many values are blocks; 0: none is.
        categorical_blocks: whether categorical parameters are blocks.
        n_operators: 6, or 3 for the variant with operators 4-6 silent.
    """

    name: str
    title: str
    categorical_blocks: bool
    largest_numerical_block: int
    n_operators: int = N_OPERATORS

    def __post_init__(self) -> None:
        if self.n_operators not in (3, N_OPERATORS):
            raise ParameterError(f"{self.n_operators} operators: the representations have 3 or {N_OPERATORS}")

    def _is_block(self, p: Parameter) -> bool:
        if p.kind == "categorical":
            return self.categorical_blocks
        return p.maximum + 1 <= self.largest_numerical_block

    # -- layout ----------------------------------------------------------------------------------------------

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """One entry for each learnable parameter, in plug-in order, without gaps."""
        slots: list[Slot] = []
        start = 0
        for p in learnable_parameters(self.n_operators):
            slots.append(Slot(p, start, self._is_block(p)))
            start += slots[-1].width
        return tuple(slots)

    @property
    def length(self) -> int:
        """Of the vector: 144, 224, 610 for six operators; 81, 140, 340 for three."""
        return self.slots[-1].slice.stop

    @property
    def scalars(self) -> tuple[Slot, ...]:
        return tuple(s for s in self.slots if not s.one_hot)

    @property
    def blocks(self) -> tuple[Slot, ...]:
        return tuple(s for s in self.slots if s.one_hot)

    def __getitem__(self, name: str) -> Slot:
        """The slot of the parameter with this plug-in name; `KeyError` names one that is not learned."""
        for slot in self.slots:
            if slot.parameter.name == name:
                return slot
        raise KeyError(f"{name!r} is not learned by {self.title} with {self.n_operators} operators")

    @cached_property
    def parameter_of_element(self) -> torch.Tensor:
        """int64 (length,): which of `slots` each element of the vector belongs to."""
        return torch.repeat_interleave(
            torch.arange(len(self.slots)), torch.tensor([s.width for s in self.slots])
        )

    @cached_property
    def _columns(self) -> npt.NDArray[np.int64]:
        return np.array([s.column for s in self.slots])

    # -- both ways -------------------------------------------------------------------------------------------

    def encode(self, values: npt.ArrayLike | torch.Tensor) -> torch.Tensor:
        """DX7 integers (N, 145) in VCED order -> float32 (N, length) in [0, 1]; a bank's `values`, for one.

        What is locked (TRANSPOSE; with three operators all of operators 4-6) is left out.
        """
        array = values.cpu() if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
        if array.ndim != 2 or array.shape[1] != N_VALUES or array.is_floating_point():
            raise ParameterError(
                f"presets are integers of shape (N, {N_VALUES}), not {array.dtype} {tuple(array.shape)}"
            )
        too_large = array > torch.from_numpy(maxima().copy())
        if bool(too_large.any()) or bool((array < 0).any()):
            raise ParameterError(
                "presets hold values out of range: make a PresetBank of them, which says where"
            )
        out = torch.zeros(len(array), self.length)
        scalars, blocks = self.scalars, self.blocks
        largest = torch.tensor([float(s.parameter.maximum) for s in scalars])
        out[:, [s.start for s in scalars]] = array[:, [s.column for s in scalars]] / largest
        starts = torch.tensor([s.start for s in blocks], dtype=torch.int64)
        return out.scatter_(1, array[:, [s.column for s in blocks]] + starts, 1.0)

    def predictions(self, vectors: npt.ArrayLike | torch.Tensor) -> Predictions:
        """Return what a network's outputs (N, length) mean: presets to play, and their plug-in's view."""
        return Predictions(self.decode(vectors), self.plugin(vectors))

    def plugin(self, vectors: npt.ArrayLike | torch.Tensor) -> npt.NDArray[np.float32]:
        """The plug-in's view of vectors (N, length): float32 (N, 155), scalars not snapped.

        Scalars are cut to [0, 1]; a block gives its largest element's value (the first of equals). What is
        locked gets its constant. With three operators, 4-6 are switched off, OUTPUT LEVEL 0, else as in INIT
        VOICE.
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
        """Vectors (N, length) -> DX7 integers, uint8 (N, 145), ready for `PresetBank.from_values`.

        As `plugin`, then scalars are rounded to the DX7's steps (halves to even). TRANSPOSE is 24. A DX7
        voice has no operator switches, so the absent operators of the three-operator variant are silent by
        OUTPUT LEVEL 0.
        """
        plugin = self.plugin(vectors)[:, [p.index for p in voice_parameters()]]
        return np.rint(plugin * maxima()).astype(np.uint8)

    def _checked(self, vectors: npt.ArrayLike | torch.Tensor) -> torch.Tensor:
        x = vectors if isinstance(vectors, torch.Tensor) else torch.from_numpy(np.array(vectors))
        if x.ndim != 2 or x.shape[1] != self.length or not x.is_floating_point():
            raise ParameterError(f"{self.title} is float (N, {self.length}), not {x.dtype} {tuple(x.shape)}")
        if not bool(torch.isfinite(x).all()):
            raise ParameterError(f"{self.title}: the vectors hold NaN or infinity")
        return x.detach().float().cpu()

    # -- masks -----------------------------------------------------------------------------------------------

    def of_columns(self, mask: npt.NDArray[np.bool_]) -> torch.Tensor:
        """A mask over `values`, bool (N, 145), as of `live_parameters` -> over `slots`, (N, parameters)."""
        return torch.from_numpy(mask[:, self._columns])

    def of_elements(self, mask: torch.Tensor) -> torch.Tensor:
        """A mask over `slots`, (N, parameters) -> over the vector's elements, (N, length)."""
        return mask[:, self.parameter_of_element]

    def of_sounding_operators(self, values: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Which parameters count by the paper's rule, bool (N, parameters), for presets (N, 145).

        Of an operator whose OUTPUT LEVEL is 0 only that level counts; its other parameters are left out of
        the training loss. (A level scaled up by the keyboard may sound even so: `live_parameters` finds out.)
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
"""The paper's three, for six operators."""


def representation(name: str, n_operators: int = N_OPERATORS) -> Representation:
    """The representation "num", "numcat" or "numcat++", for 6 or 3 operators.

    Raises:
        ParameterError: no such name or number of operators.
    """
    if name not in REPRESENTATIONS:
        raise ParameterError(f"no representation {name!r}: there are {', '.join(REPRESENTATIONS)}")
    return replace(REPRESENTATIONS[name], n_operators=n_operators)
