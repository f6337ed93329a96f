"""Interpolate between two presets in steps: through the latent space as in the paper, and by other methods.

Every path begins and ends with exactly the presets that were given.
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
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import LatentError, ParameterError
from latentdx.models.flows import RealNVP
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, column, operator_columns, voice_parameters
from latentdx.registry import is_here
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Values

DEFAULT_MODEL = "numcat++"
"""Default model: the paper interpolates with its NumCat++ model."""

FALLBACK_MODEL = "latentdx"
"""Model that comes with the package, used where the default one is not on this machine."""

MOST_STEPS = 128
"""Largest number of steps of a path."""

FINER = 4
"""Number of candidates per step for the methods that choose steps by their sound."""

_BATCH = 64
_TRANSPOSE = column("TRANSPOSE")


@dataclass(frozen=True)
class Paths:
    """P paths between pairs of presets.

    Attributes:
        values: Presets, uint8 (P, steps, 145); the first and last of each path are exactly those given.
        failed: Mask of the paths that could not be computed because the model's latents are not finite, bool
            (P,). Between their ends, `values` holds the naive path, which must not be used.
        exact: Mask of the ends that the method itself reproduces, bool (P, 2). Latents of sounds do not
            reproduce them, so the given presets replace theirs.
        radius: RMS of the latents of each end, float64 (P, 2): about 1 where they follow the prior; `nan` for
            methods without latents.
    """

    values: Values
    failed: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]
    radius: Floats


def default_model() -> str:
    """Return the name of the default model: the paper's if it is on this machine, or the package's own."""
    return DEFAULT_MODEL if is_here("checkpoints", f"{DEFAULT_MODEL}.safetensors") else FALLBACK_MODEL


def _times(steps: int) -> Floats:
    return np.linspace(0.0, 1.0, steps)


def _categorical() -> npt.NDArray[np.bool_]:
    return np.array([p.kind == "categorical" for p in voice_parameters()])


def _mixed(a: Values, b: Values, t: float, switched: npt.NDArray[np.bool_] | None = None) -> Values:
    """Interpolate linearly in the DX7's integers, rounding halves up; parameters that are `switched` (by
    default the categorical ones) have `a`'s value before the middle and `b`'s from there on."""
    linear = np.floor((1 - t) * a.astype(np.float64) + t * b.astype(np.float64) + 0.5).astype(np.uint8)
    kept = _categorical() if switched is None else switched
    return np.where(kept, a if t < 0.5 else b, linear)


# -- without a model -----------------------------------------------------------------------------------------


def _naive(a: Values, b: Values, steps: int) -> Values:
    return np.stack([_mixed(a, b, t) for t in _times(steps)], axis=1)


def _switch(a: Values, b: Values, steps: int) -> Values:
    """Return `a` before the middle and `b` from there on."""
    return np.where((_times(steps) < 0.5)[None, :, None], a[:, None], b[:, None])


_FREQUENCY = ("MODE", "F COARSE", "F FINE")


def _matched_one(a: Values, b: Values, steps: int) -> Values:
    """Return one path (steps, 145) with operators matched."""
    order = assign_operators(a, b)
    out = _naive(a[None], b[None], steps)[0]  # its global parameters stay
    for k, partner in enumerate(order, 1):
        ours, theirs = operator_columns(k), operator_columns(partner + 1)
        first, second = a[ours].copy(), b[theirs].copy()
        level = column(f"OP{k} OUTPUT LEVEL") - ours.start
        ends = loudness_of_level(first[level]), loudness_of_level(second[level])
        if first[level] == 0:  # silent at this end, so only the other end's settings are audible
            first = second.copy()
        elif second[level] == 0:
            second = first.copy()
        switched = _categorical()[ours]
        if first[column(f"OP{k} MODE") - ours.start] != second[column(f"OP{k} MODE") - ours.start]:
            for name in _FREQUENCY:  # there is no mean of a ratio and a fixed frequency
                switched[column(f"OP{k} {name}") - ours.start] = True
        for i, t in enumerate(_times(steps)):
            block = _mixed(first, second, t, switched)
            block[level] = level_of_loudness((1 - t) * ends[0] + t * ends[1])
            out[i, ours if t < 0.5 else theirs] = block
    out[0], out[-1] = a, b
    return out


def _matched(a: Values, b: Values, steps: int) -> Values:
    return np.stack([_matched_one(x, y, steps) for x, y in zip(a, b, strict=True)])


# -- through a model's latents -------------------------------------------------------------------------------


def _exact_flow(model: Programmer) -> RealNVP:
    """Return the regression flow in double precision, because its inverse multiplies rounding errors."""
    flow = model.model.regression
    if not isinstance(flow, RealNVP):
        raise ParameterError("a model with an MLP head cannot be inverted: only a flow encodes presets")
    return copy.deepcopy(flow).double().eval()


def _latents_of_sounds(model: Programmer, values: Values, renderer: Renderer) -> Tensor:
    """Encode the sounds of presets (N, 145) at the model's notes: zK, (N, D)."""
    parts = []
    for start in range(0, len(values), _BATCH):
        batch = [Preset(v) for v in values[start : start + _BATCH]]
        sounds = [[renderer.render(preset, *note) for note in model.notes] for preset in batch]
        spectrograms = model.model.normalize(torch.from_numpy(mel_spectrogram(np.array(sounds))))
        parts.append(model.model.latent_flow(model.model.encode(spectrograms)[0])[0])
    return torch.cat(parts)


class Pairs:
    """P pairs of presets, to be interpolated by several methods that share their computations.

    Args:
        a: Presets to start from, uint8 (P, 145), VCED order.
        b: Presets to end at, uint8 (P, 145).
        model: Model for the methods that need one; default `default_model()`, read when it is first needed.
        renderer: Synth for the methods that listen to sounds; default `Engine()`.
        options: How the methods that choose steps by sound run; see `path_resampling.choose`.

    Raises:
        ParameterError: The presets do not have one shape (P, 145).
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
            raise ParameterError(f"pairs must have one shape (P, {N_VALUES}), not {a.shape} and {b.shape}")
        self.a, self.b = a, b
        self._model = model
        self._renderer = renderer or Engine()
        self._options = options

    @cached_property
    def model(self) -> Programmer:
        """Model whose latents are used.

        Raises:
            ParameterError: The model does not cover all six operators, or has no latent space.
        """
        model = self._model or load_model(default_model())
        if not isinstance(model.model, PresetVAE):
            raise ParameterError(f"the network of {model.about.profile.name!r} has no latent space")
        if (n := model.model.representation.n_operators) != N_OPERATORS:
            raise ParameterError(f"a model of {n} operators cannot reproduce all {N_OPERATORS} operators")
        return model

    @cached_property
    def _flow(self) -> RealNVP:
        return _exact_flow(self.model)

    @cached_property
    def of_presets(self) -> Tensor:
        """Latents zK of both presets, by the inverse of the regression flow: float64 (P, 2, D)."""
        encode = self.model.model.representation.encode
        with torch.inference_mode():
            return torch.stack([self._flow.inverse(encode(v).double()) for v in (self.a, self.b)], 1)

    @cached_property
    def of_sounds(self) -> Tensor:
        """Latents zK of both presets' sounds, by the spectrogram encoder: float32 (P, 2, D)."""
        with torch.inference_mode():
            return torch.stack(
                [_latents_of_sounds(self.model, v, self._renderer) for v in (self.a, self.b)], 1
            )

    def paths(self, method: str, steps: int) -> Paths:
        """Return the paths between all pairs.

        Args:
            method: Name of one of `METHODS`.
            steps: Number of presets of each path, both ends included, 2 … 128.

        Raises:
            ParameterError: There is no such method, the number of steps is out of bounds, or the model cannot
                encode whole presets.
        """
        check_method(method)
        if not 2 <= steps <= MOST_STEPS:
            raise ParameterError(f"{steps} steps are outside 2 … {MOST_STEPS}; both ends count as steps")
        if chosen_from := METHODS[method].chosen_from:
            return self._chosen(chosen_from, steps)
        if not METHODS[method].model:
            values = {"naive": _naive, "matched": _matched, "switch": _switch}[method](self.a, self.b, steps)
            n = len(values)
            return Paths(values, np.zeros(n, bool), np.ones((n, 2), bool), np.full((n, 2), np.nan))
        return self._through_latents(method, steps)

    def _chosen(self, methods: Sequence[str], steps: int) -> Paths:
        fine = [self.paths(method, FINER * (steps - 1) + 1) for method in methods]
        candidates = np.stack([path.values for path in fine], 1)
        return Paths(
            choose(candidates, steps, renderer=self._renderer, options=self._options),
            np.any([path.failed for path in fine], axis=0),
            np.all([path.exact for path in fine], axis=0),
            fine[-1].radius,
        )

    def _through_latents(self, method: str, steps: int) -> Paths:
        """Interpolate linearly in zK, then apply the regression (in double precision for presets)."""
        represented = self.model.model.representation
        ends = self.of_presets if method == "latent" else self.of_sounds
        times = torch.from_numpy(_times(steps)).to(ends.dtype)[:, None]
        with torch.inference_mode():
            z = torch.lerp(ends[:, :1], ends[:, 1:], times).flatten(0, 1)
            vectors = self._flow(z)[0] if method == "latent" else self.model.model.regress(z)
            vectors = vectors.unflatten(0, (len(self.a), steps))
            if method == "guided":  # add the regression's error at each end, faded along the path
                given = torch.stack([represented.encode(v) for v in (self.a, self.b)], 1)
                residuals = given - vectors[:, [0, -1]]
                vectors = vectors + torch.lerp(residuals[:, :1], residuals[:, 1:], times)
            finite = torch.isfinite(vectors).flatten(1).all(1)
            radius = ends.double().square().mean(-1).sqrt().numpy()
        out = _naive(self.a, self.b, steps)
        if finite.any():
            found = represented.decode(vectors[finite].flatten(0, 1)).reshape(-1, steps, N_VALUES)
            found[:, :, _TRANSPOSE] = out[finite.numpy(), :, _TRANSPOSE]  # no model learns it
            out[finite.numpy()] = found
        exact = np.stack([(out[:, 0] == self.a).all(1), (out[:, -1] == self.b).all(1)], 1)
        out[:, 0], out[:, -1] = self.a, self.b
        return Paths(out, ~finite.numpy(), exact & finite.numpy()[:, None], radius)


# -- all methods ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """Method of interpolation.

    Attributes:
        name: Name in arguments.
        title: Name in tables.
        text: Description of how it works.
        model: Whether it needs a model.
        chosen_from: Methods from whose steps it chooses by sound; empty for methods that do not listen.
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
"""Methods by name. The first two are the paper's."""


def check_method(name: str) -> None:
    """Check that there is a method of interpolation of this name."""
    if name not in METHODS:
        raise ParameterError(f"no method {name!r}: choose one of {', '.join(METHODS)}")


def interpolate(
    a: Preset,
    b: Preset,
    steps: int = 7,
    method: str = "latent",
    model: Programmer | None = None,
    *,
    renderer: Renderer | None = None,
) -> PresetBank:
    """Interpolate between two presets; both ends are included and unchanged. Deterministic.

    Args:
        a: Preset to start from.
        b: Preset to end at.
        steps: Number of presets, 2 … 128.
        method: Name of one of `METHODS`.
        model: Model for the methods that need one; default `default_model()`.
        renderer: Synth for the methods that listen to sounds; default `Engine()`.

    Returns:
        `steps` presets, named after both ends.

    Raises:
        ParameterError: Steps or method out of bounds; a model with an MLP head, or of fewer operators.
        LatentError: The model has no finite latents for these presets.
        DataMissingError: The default model is not on this machine.
    """
    paths = Pairs(a.values[None], b.values[None], model, renderer=renderer).paths(method, steps)
    if paths.failed[0]:
        raise LatentError(
            f"{METHODS[method].title}: this model cannot interpolate between {a.name!r} and {b.name!r}. "
            f"Their latents have RMS {paths.radius[0, 0]:.3g} and {paths.radius[0, 1]:.3g} (1 is usual), "
            "and the points between them do not decode to finite presets"
        )
    return PresetBank.from_values(paths.values[0], step_names(a.name, b.name, steps))


def step_names(first: str, last: str, steps: int) -> list[str]:
    """Return the names of presets along a path, of at most ten characters each.

    The ends keep their names; the presets between them are named by parts of both and the step's number, such
    as "E.PI-BRAS2".
    """
    digits = len(str(steps))
    start, end = ("".join(name.split()) for name in (first, last))
    half = (9 - digits) // 2
    between = [f"{start[: 9 - digits - half]}-{end[:half]}{i:0{digits}}" for i in range(2, steps)]
    return [first, *between, last]
