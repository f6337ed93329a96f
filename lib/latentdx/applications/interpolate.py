"""From one preset to another in steps: through the latent space as in the paper, and by other ways.

Every way begins and ends with exactly the presets that were given.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latentdx.applications.matching import (
    level_of_loudness,
    loudness_of_level,
    match_operators,
)
from latentdx.applications.program import Programmer, load_model
from latentdx.audio.dexed import Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import LatentError, ParameterError
from latentdx.models.flows import RealNVP
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_OPERATORS, column, operator_columns, voice_parameters

Values = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

DEFAULT_MODEL = "numcat++"
"""The paper's own interpolations are of its NumCat++ model."""

MOST_STEPS = 1000

_BATCH = 64
_TRANSPOSE = column("TRANSPOSE")


@dataclass(frozen=True)
class Paths:
    """P paths.

    Attributes:
        values: uint8 (P, steps, 145); the first and last of each are exactly what was given.
        failed: bool (P,), where there is none: the model's latents are not finite (the steps between the ends
            then hold the naive path, not to be used).
        exact: bool (P, 2), whether the model's own answer at each end was the preset given there; all true
            for ways that use no model.
        radius: float (P, 2), RMS of the latents of each end: 1 where they follow the prior; `nan` without any.
    """

    values: Values
    failed: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]
    radius: Floats


def _times(steps: int) -> Floats:
    return np.linspace(0.0, 1.0, steps)


def _categorical() -> npt.NDArray[np.bool_]:
    return np.array([p.kind == "categorical" for p in voice_parameters()])


def _mixed(a: Values, b: Values, t: float, switched: npt.NDArray[np.bool_] | None = None) -> Values:
    """Each parameter linear in the DX7's integers, rounded (halves up); those `switched` from a to b at 1/2."""
    linear = np.floor((1 - t) * a.astype(np.float64) + t * b.astype(np.float64) + 0.5).astype(np.uint8)
    kept = _categorical() if switched is None else switched
    return np.where(kept, a if t < 0.5 else b, linear)


# -- without a model -----------------------------------------------------------------------------------------


def _naive(a: Values, b: Values, steps: int) -> Values:
    return np.stack([_mixed(a, b, t) for t in _times(steps)], axis=1)


_FREQUENCY = ("MODE", "F COARSE", "F FINE")


def _matched_one(a: Values, b: Values, steps: int) -> Values:
    """One path, (steps, 145)."""
    order = match_operators(a, b)
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


def _encoded(model: Programmer, values: Values) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """zK of presets (N, 145) by the inverse regression flow, (N, D), and the flow forward."""
    flow = _exact_flow(model)
    return flow.inverse(model.model.representation.encode(values).double()), lambda z: flow(z)[0]


def _heard(
    model: Programmer, values: Values, renderer: Renderer
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """zK of the presets' sounds at the model's notes by its encoder, (N, D), and the regression."""
    parts = []
    for start in range(0, len(values), _BATCH):
        sounds = [
            [renderer.render(Preset(v), *n) for n in model.notes] for v in values[start : start + _BATCH]
        ]
        spectrograms = model.model.normalize(torch.from_numpy(mel_spectrogram(np.array(sounds))))
        mean, _ = model.model.encode(spectrograms)
        parts.append(model.model.latent_flow(mean)[0])
    return torch.cat(parts), model.model.regress


def _through(
    model: Programmer, a: Values, b: Values, steps: int, *, heard: bool, kept: bool, renderer: Renderer
) -> Paths:
    """Linear in zK, then the regression; `kept` adds what the regression lacks at the ends, mixed."""
    represented = model.model.representation
    if represented.n_operators != N_OPERATORS:
        raise ParameterError(
            f"a model of {represented.n_operators} operators cannot give all {N_OPERATORS} back"
        )
    with torch.inference_mode():
        z, forward = (
            _heard(model, np.concatenate([a, b]), renderer)
            if heard
            else _encoded(model, np.concatenate([a, b]))
        )
        times = torch.from_numpy(_times(steps)).to(z.dtype)[:, None]
        ends = torch.stack([z[: len(a)], z[len(a) :]], 1)  # (P, 2, D)
        radius = ends.square().mean(-1).sqrt().double().numpy()
        between = torch.lerp(ends[:, :1], ends[:, 1:], times)  # (P, steps, D)
        vectors = forward(between.flatten(0, 1)).unflatten(0, between.shape[:2])
        if kept:
            given = [represented.encode(v).to(vectors.dtype) for v in (a, b)]
            lacks = torch.stack([g - vectors[:, i] for g, i in zip(given, (0, -1), strict=True)], 1)
            vectors = vectors + torch.lerp(lacks[:, :1], lacks[:, 1:], times)
        good = torch.isfinite(vectors).flatten(1).all(1).numpy() & np.isfinite(radius).all(1)
    out = _naive(a, b, steps)
    transposes = out[:, :, _TRANSPOSE].copy()  # which no model learns
    if good.any():
        found = represented.decode(vectors[torch.from_numpy(good)].flatten(0, 1))
        out[good] = found.reshape(-1, steps, out.shape[-1])
    out[:, :, _TRANSPOSE] = transposes
    exact = np.stack([(out[:, 0] == a).all(1), (out[:, -1] == b).all(1)], 1) & good[:, None]
    out[:, 0], out[:, -1] = a, b
    return Paths(out, ~good, exact, radius)


# -- all ways ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """A way to interpolate.

    Attributes:
        name, title: as in arguments, and as tables show it.
        text: how it goes, in a sentence.
        model: whether it needs one.
    """

    name: str
    title: str
    text: str
    model: bool


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        m.name: m
        for m in (
            Method(
                "latent",
                "Latent space",
                "presets encoded by the inverse regression flow, a straight line in zK, decoded by the flow",
                True,
            ),
            Method(
                "naive",
                "Parameters (naive)",
                "each parameter on a straight line of the DX7's integers, rounded; categories switch halfway",
                False,
            ),
            Method(
                "matched",
                "Operators matched",
                "operators paired by their part in the algorithm, then as naive, but output levels fade in "
                "loudness and an operator that is silent at one end has its settings from the other",
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
                "the same, plus what the model gets wrong at each end, faded from one end to the other",
                True,
            ),
        )
    }
)
"""By name. The paper has the first two."""


def interpolate_many(
    a: Values,
    b: Values,
    steps: int,
    method: str = "latent",
    model: Programmer | None = None,
    *,
    renderer: Renderer | None = None,
) -> Paths:
    """P pairs at once: presets uint8 (P, 145) each, VCED order; see `interpolate`."""
    if method not in METHODS:
        raise ParameterError(f"no method {method!r}: there are {', '.join(METHODS)}")
    if not 2 <= steps <= MOST_STEPS:
        raise ParameterError(f"{steps} steps are outside 2 … {MOST_STEPS}: both ends are steps")
    if a.shape != b.shape or a.ndim != 2:
        raise ParameterError(f"pairs have one shape (P, 145), not {a.shape} and {b.shape}")
    if not METHODS[method].model:
        values = (_naive if method == "naive" else _matched)(a, b, steps)
        n = len(values)
        return Paths(values, np.zeros(n, bool), np.ones((n, 2), bool), np.full((n, 2), np.nan))
    return _through(
        model or load_model(DEFAULT_MODEL),
        a,
        b,
        steps,
        heard=method != "latent",
        kept=method == "guided",
        renderer=renderer or Dexed(),
    )


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
        steps: 2 … 1000.
        method: of `METHODS`.
        model: for the methods that need one; default the shipped NumCat++.
        renderer: of the sounds that "heard" and "guided" listen to; default `Dexed`.

    Returns:
        `steps` presets, named after both.

    Raises:
        ParameterError: steps or method out of bounds; a model with the MLP head, or of three operators.
        LatentError: the model has no finite latents for these presets.
        ShippedFileError: the default model does not ship here.
    """
    paths = interpolate_many(a.values[None], b.values[None], steps, method, model, renderer=renderer)
    if paths.failed[0]:
        raise LatentError(
            f"{METHODS[method].title}: the latents of {a.name!r} and {b.name!r} have RMS "
            f"{paths.radius[0, 0]:.3g} and {paths.radius[0, 1]:.3g}, or do not decode to finite values: "
            "this model cannot lead from one to the other"
        )
    return PresetBank.from_values(paths.values[0], step_names(a.name, b.name, steps))


def step_names(first: str, last: str, steps: int) -> list[str]:
    """Names of ten letters along a path: the ends' own; between them parts of both and the step's number."""
    digits = len(str(steps))
    start, end = ("".join(name.split()) for name in (first, last))
    half = (9 - digits) // 2
    between = [f"{start[: 9 - digits - half]}-{end[:half]}{i:0{digits}}"[:10] for i in range(2, steps)]
    return [first, *between, last]
