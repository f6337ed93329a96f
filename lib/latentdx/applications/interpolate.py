"""From one preset to another in steps: through the latent space as in the paper, and by other ways.

Every way begins and ends with exactly the presets that were given.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latentdx.applications.operator_assignment import assign_operators, level_of_loudness, loudness_of_level
from latentdx.applications.path_resampling import choose
from latentdx.applications.programmer import Programmer, load_model
from latentdx.audio.renderer import Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import LatentError, ParameterError
from latentdx.models.flows import RealNVP
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, column, operator_columns, voice_parameters
from latentdx.registry import is_here
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Values

DEFAULT_MODEL = "numcat++"
"""The paper's own interpolations are of its NumCat++ model."""

FALLBACK_MODEL = "latentdx"
"""The model that the package carries, used where the default one is not on this machine."""

MOST_STEPS = 128

FINER = 4
"""How many candidates a step the methods have that choose by sound."""

_BATCH = 64
_TRANSPOSE = column("TRANSPOSE")


@dataclass(frozen=True)
class Paths:
    """P paths.

    Attributes:
        values: uint8 (P, steps, 145); the first and last of each are exactly what was given.
        failed: bool (P,), where there is none: the model's latents are not finite (the steps between the ends
            then hold the naive path, not to be used).
        exact: bool (P, 2), whether the way itself gives back the preset at each end; by latents of sounds it
            does not.
        radius: float (P, 2), RMS of the latents of each end: 1 where they follow the prior; `nan` without
            any.
    """

    values: Values
    failed: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]
    radius: Floats


def default_model() -> str:
    """Return the name of the model that interpolates by default: the paper's, if it is on this machine."""
    return DEFAULT_MODEL if is_here("checkpoints", f"{DEFAULT_MODEL}.safetensors") else FALLBACK_MODEL


def _times(steps: int) -> Floats:
    return np.linspace(0.0, 1.0, steps)


def _categorical() -> npt.NDArray[np.bool_]:
    return np.array([p.kind == "categorical" for p in voice_parameters()])


def _mixed(a: Values, b: Values, t: float, switched: npt.NDArray[np.bool_] | None = None) -> Values:
    """Each parameter linear in the DX7's integers, rounded (halves up); what is `switched` has `a`'s value
    before the middle and `b`'s from there on. Default: categories."""
    linear = np.floor((1 - t) * a.astype(np.float64) + t * b.astype(np.float64) + 0.5).astype(np.uint8)
    kept = _categorical() if switched is None else switched
    return np.where(kept, a if t < 0.5 else b, linear)


# -- without a model -----------------------------------------------------------------------------------------


def _naive(a: Values, b: Values, steps: int) -> Values:
    return np.stack([_mixed(a, b, t) for t in _times(steps)], axis=1)


def _switch(a: Values, b: Values, steps: int) -> Values:
    """`a` before the middle, `b` from there on."""
    return np.where((_times(steps) < 0.5)[None, :, None], a[:, None], b[:, None])


_FREQUENCY = ("MODE", "F COARSE", "F FINE")


def _matched_one(a: Values, b: Values, steps: int) -> Values:
    """One path, (steps, 145)."""
    order = assign_operators(a, b)
    out = _naive(a[None], b[None], steps)[0]  # the globals are these
    for k, partner in enumerate(order, 1):
        ours, theirs = operator_columns(k), operator_columns(partner + 1)
        first, second = a[ours].copy(), b[theirs].copy()
        level = column(f"OP{k} OUTPUT LEVEL") - ours.start
        ends = loudness_of_level(first[level]), loudness_of_level(second[level])
        if first[level] == 0:  # silent there: what is heard all along is the other
            first = second.copy()
        elif second[level] == 0:
            second = first.copy()
        switched = _categorical()[ours]
        if first[column(f"OP{k} MODE") - ours.start] != second[column(f"OP{k} MODE") - ours.start]:
            for name in _FREQUENCY:  # a ratio and a fixed frequency have no mean
                switched[column(f"OP{k} {name}") - ours.start] = True
        for i, t in enumerate(_times(steps)):
            block = _mixed(first, second, t, switched)
            block[level] = level_of_loudness((1 - t) * ends[0] + t * ends[1])
            out[i, ours if t < 0.5 else theirs] = block
    out[0], out[-1] = a, b
    return out


def _matched(a: Values, b: Values, steps: int) -> Values:
    return np.stack([_matched_one(x, y, steps) for x, y in zip(a, b, strict=True)])


# -- by a model's latents ------------------------------------------------------------------------------------


def _exact_flow(model: Programmer) -> RealNVP:
    """The regression flow in double precision, for its inverse multiplies rounding errors."""
    flow = model.model.regression
    if not isinstance(flow, RealNVP):
        raise ParameterError("the MLP head cannot be inverted: only a flow encodes presets")
    return copy.deepcopy(flow).double().eval()


def _latents_of_sounds(model: Programmer, values: Values, renderer: Renderer) -> Tensor:
    """zK of the presets' sounds (N, 145) at the model's notes by its encoder: (N, D)."""
    parts = []
    for start in range(0, len(values), _BATCH):
        batch = [Preset(v) for v in values[start : start + _BATCH]]
        sounds = [[renderer.render(preset, *note) for note in model.notes] for preset in batch]
        spectrograms = model.model.normalize(torch.from_numpy(mel_spectrogram(np.array(sounds))))
        parts.append(model.model.latent_flow(model.model.encode(spectrograms)[0])[0])
    return torch.cat(parts)


class Pairs:
    """P pairs of presets and the ways between them; what ways share is computed once.

    Args:
        a, b: uint8 (P, 145) each, VCED order.
        model: for the methods that need one; default `default_model()`, read when it is first needed.
        renderer: of the sounds that some methods listen to; default `Dexed`.
        options: how methods that choose steps by their sound run, see `path_resampling.choose`.
    """

    def __init__(
        self,
        a: Values,
        b: Values,
        model: Programmer | None = None,
        *,
        renderer: Renderer | None = None,
        options: RunOptions | None = None,
    ) -> None:
        if a.shape != b.shape or a.ndim != 2 or a.shape[1] != N_VALUES or not len(a):
            raise ParameterError(f"pairs have one shape (P, {N_VALUES}), not {a.shape} and {b.shape}")
        self.a, self.b = a, b
        self._model = model
        self._renderer = renderer or Dexed()
        self._options = options

    @cached_property
    def model(self) -> Programmer:
        """Raises `ParameterError` for one that cannot give all of a preset back."""
        model = self._model or load_model(default_model())
        if (n := model.model.representation.n_operators) != N_OPERATORS:
            raise ParameterError(f"a model of {n} operators cannot give all {N_OPERATORS} back")
        return model

    @cached_property
    def _flow(self) -> RealNVP:
        return _exact_flow(self.model)

    @cached_property
    def of_presets(self) -> Tensor:
        """zK of both presets by the inverse of the regression flow: float64 (P, 2, D)."""
        encode = self.model.model.representation.encode
        with torch.inference_mode():
            return torch.stack([self._flow.inverse(encode(v).double()) for v in (self.a, self.b)], 1)

    @cached_property
    def of_sounds(self) -> Tensor:
        """zK of both sounds by the spectrogram encoder: float32 (P, 2, D)."""
        with torch.inference_mode():
            return torch.stack(
                [_latents_of_sounds(self.model, v, self._renderer) for v in (self.a, self.b)], 1
            )

    def paths(self, method: str, steps: int) -> Paths:
        """All paths of one of `METHODS`; see `interpolate`."""
        if method not in METHODS:
            raise ParameterError(f"no method {method!r}: there are {', '.join(METHODS)}")
        if not 2 <= steps <= MOST_STEPS:
            raise ParameterError(f"{steps} steps are outside 2 … {MOST_STEPS}: both ends are steps")
        if chosen_from := METHODS[method].chosen_from:
            return self._chosen(chosen_from, steps)
        if not METHODS[method].model:
            values = {"naive": _naive, "matched": _matched, "switch": _switch}[method](self.a, self.b, steps)
            n = len(values)
            return Paths(values, np.zeros(n, bool), np.ones((n, 2), bool), np.full((n, 2), np.nan))
        return self._through_latents(method, steps)

    def _chosen(self, ways: Sequence[str], steps: int) -> Paths:
        fine = [self.paths(way, FINER * (steps - 1) + 1) for way in ways]
        candidates = np.stack([path.values for path in fine], 1)
        return Paths(
            choose(candidates, steps, renderer=self._renderer, options=self._options),
            np.any([path.failed for path in fine], axis=0),
            np.all([path.exact for path in fine], axis=0),
            fine[-1].radius,
        )

    def _through_latents(self, method: str, steps: int) -> Paths:
        """Linear in zK, then the regression, which for presets is in double precision too."""
        represented = self.model.model.representation
        ends = self.of_presets if method == "latent" else self.of_sounds
        times = torch.from_numpy(_times(steps)).to(ends.dtype)[:, None]
        with torch.inference_mode():
            z = torch.lerp(ends[:, :1], ends[:, 1:], times).flatten(0, 1)
            vectors = self._flow(z)[0] if method == "latent" else self.model.model.regress(z)
            vectors = vectors.unflatten(0, (len(self.a), steps))
            if method == "guided":  # what the regression lacks at the ends, in equal parts of the way
                given = torch.stack([represented.encode(v) for v in (self.a, self.b)], 1)
                lacks = given - vectors[:, [0, -1]]
                vectors = vectors + torch.lerp(lacks[:, :1], lacks[:, 1:], times)
            good = torch.isfinite(vectors).flatten(1).all(1)
            radius = ends.double().square().mean(-1).sqrt().numpy()
        out = _naive(self.a, self.b, steps)
        if good.any():
            found = represented.decode(vectors[good].flatten(0, 1)).reshape(-1, steps, N_VALUES)
            found[:, :, _TRANSPOSE] = out[good.numpy(), :, _TRANSPOSE]  # which no model learns
            out[good.numpy()] = found
        given_back = np.stack([(out[:, 0] == self.a).all(1), (out[:, -1] == self.b).all(1)], 1)
        out[:, 0], out[:, -1] = self.a, self.b
        return Paths(out, ~good.numpy(), given_back & good.numpy()[:, None], radius)


# -- all ways ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """A way to interpolate.

    Attributes:
        name, title: as in arguments, and as tables show it.
        text: how it goes.
        model: whether it needs one.
        chosen_from: methods among whose steps it chooses by their sound; empty for what does not listen.
    """

    name: str
    title: str
    text: str
    model: bool
    chosen_from: tuple[str, ...] = ()


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        m.name: m
        for m in (
            Method(
                "latent",
                "Latent space",
                "presets encoded by the inverse of the regression flow, a straight line in zK, decoded again",
                True,
            ),
            Method(
                "naive",
                "Parameters (naive)",
                "each parameter on a straight line in the DX7's integers, rounded; categories switch halfway",
                False,
            ),
            Method(
                "matched",
                "Operators matched",
                "operators paired by their part in the algorithm, then as naive; output levels fade in "
                "loudness, and an operator that is silent at one end has its settings from the other",
                False,
            ),
            Method(
                "heard",
                "Latents of the sounds",
                "both sounds encoded by the spectrogram encoder, a straight line in zK, decoded; the ends "
                "replaced by the presets",
                True,
            ),
            Method(
                "guided",
                "Latents of the sounds, anchored",
                "the same, but what the model gets wrong at each end is added back, faded from end to end",
                True,
            ),
            Method(
                "naive-paced",
                "Naive, paced by sound",
                "the naive path four times as fine, and of it the steps whose sound comes on most evenly",
                False,
                ("naive",),
            ),
            Method(
                "latent-paced",
                "Latent, paced by sound",
                "the latent path four times as fine, and of it the steps whose sound comes on most evenly",
                True,
                ("latent",),
            ),
            Method(
                "paced",
                "Matched or anchored, paced by sound",
                "two paths four times as fine, operators matched and latents anchored, and of both the steps "
                "whose sound comes on most evenly",
                True,
                ("matched", "guided"),
            ),
            Method(
                "switch",
                "No interpolation: a switch",
                "the start for the first half of the steps, then the end; it shows what a measure is worth",
                False,
            ),
        )
    }
)
"""By name. The paper has the first two."""


def interpolate(
    a: Preset,
    b: Preset,
    steps: int = 7,
    method: str = "latent",
    model: Programmer | None = None,
    *,
    renderer: Renderer | None = None,
) -> PresetBank:
    """From preset `a` to preset `b` in `steps`, both included and unchanged. Deterministic.

    Args:
        steps: 2 … 128.
        method: of `METHODS`.
        model: for the methods that need one; default `default_model()`.
        renderer: of the sounds that some methods listen to; default `Dexed`.

    Returns:
        `steps` presets, named after both.

    Raises:
        ParameterError: steps or method out of bounds; a model with the MLP head, or of three operators.
        LatentError: the model has no finite latents for these presets.
        DataMissingError: the default model does not ship here.
    """
    paths = Pairs(a.values[None], b.values[None], model, renderer=renderer).paths(method, steps)
    if paths.failed[0]:
        raise LatentError(
            f"{METHODS[method].title}: the latents of {a.name!r} and {b.name!r} have RMS "
            f"{paths.radius[0, 0]:.3g} and {paths.radius[0, 1]:.3g} (1 is usual), and what lies between them "
            "decodes to no finite preset: this model cannot interpolate between them"
        )
    return PresetBank.from_values(paths.values[0], step_names(a.name, b.name, steps))


def step_names(first: str, last: str, steps: int) -> list[str]:
    """Names of ten letters along a path: the ends' own; between them parts of both and the step's number."""
    digits = len(str(steps))
    start, end = ("".join(name.split()) for name in (first, last))
    half = (9 - digits) // 2
    between = [f"{start[: 9 - digits - half]}-{end[:half]}{i:0{digits}}" for i in range(2, steps)]
    return [first, *between, last]
