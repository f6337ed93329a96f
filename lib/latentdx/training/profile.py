"""Training profiles: everything that decides what a training run does, in frozen dataclasses from YAML.

``profiles/<scale>.yml`` beside this file has one section of defaults and one entry for each model::

    defaults: {corpus: learnfm, epochs: 12, architecture: {deepest: 160}}
    models:
      numcat: {architecture: {representation: numcat}}

Scales: "smoke" (starter bank, seconds), "laptop" (what ships), "paper" (the paper's own sizes and schedule).
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from importlib import resources
from typing import Any, Literal

import yaml

from latentdx.audio.renderer import NOTE_SETS
from latentdx.dataset.splits import SPLITS, Split
from latentdx.errors import ProfileError
from latentdx.models.preset_vae import Architecture
from latentdx.models.representation import REPRESENTATIONS

SCALES = ("smoke", "laptop", "paper")


@dataclass(frozen=True)
class Profile:
    """One training run. The defaults are the paper's (its section 4), but for the clipped gradients.

    Attributes:
        name: of the model, as in ``latentdx train NAME``.
        scale: the file that it came from.
        architecture: see `Architecture`.
        corpus, split: what it learns from; see `latentdx.dataset.curation.rows`.
        notes: "single" or "six", see `latentdx.audio.renderer.NOTE_SETS`.
        epochs: at most so many.
        batch: presets a step, over all devices.
        optimizer: "adam" (weight decay in the gradient) or "adamw" (decoupled).
        learning_rate: its highest value.
        weight_decay: see `optimizer`.
        max_gradient_norm: longer gradients are shortened to it; `None` (the paper's): never.
        schedule: "plateau" (warm-up, then a fifth at each plateau of the validation loss) or "one-cycle".
        warmup_epochs: of "plateau".
        patience: epochs without progress, and of cool-down after a reduction, of "plateau".
        least_learning_rate: "plateau" stops below it.
        beta: weight of the latent loss: first, last.
        beta_epochs: over which it grows.
        controls_weight: of the controls loss.
        encoding_weight: of the loss that keeps encoded presets near their sounds' zK, see `encoding_loss`.
        joint_weight: of the sampler's loss, where the architecture has one.
        clamped: clamp the regression to [0, 1] in the loss, as the paper does; else plain logits.
        scalar_loss: "squared" (the paper's) or "absolute" error of scalars.
        free_ends: see `controls_loss`.
        blank_bands: of mels, and of frames, in each spectrogram heard in training; see `augmentation`.
        recorded: share of each training batch that is heard as recorded, see `audio.recording_simulation`.
        decoded: share of each batch whose spectrograms are decoded for the reconstruction loss.
        precision: "32-true" or "bf16-mixed".
        seed: of weights, order and noise.
    """

    name: str
    scale: str
    architecture: Architecture = field(default_factory=Architecture)
    corpus: str = "learnfm"
    split: Split = "twin-disjoint"
    notes: Literal["single", "six"] = "single"
    epochs: int = 400
    batch: int = 160
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = 2e-4
    weight_decay: float = 1e-4
    max_gradient_norm: float | None = 10.0
    schedule: Literal["plateau", "one-cycle"] = "plateau"
    warmup_epochs: int = 6
    patience: int = 6
    least_learning_rate: float = 2e-7
    beta: tuple[float, float] = (0.1, 0.2)
    beta_epochs: int = 25
    controls_weight: float = 1.0
    encoding_weight: float = 0.0
    joint_weight: float = 1.0
    clamped: bool = True
    scalar_loss: Literal["squared", "absolute"] = "squared"
    free_ends: bool = True
    blank_bands: int = 0
    recorded: float = 0.0
    decoded: float = 1.0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = {"epochs": 1, "batch": 2, "beta_epochs": 1}
        bounds |= {"patience": 0, "warmup_epochs": 0, "blank_bands": 0}
        for key, least in bounds.items():
            if getattr(self, key) < least:
                raise ProfileError(f"{self.name}: {key} is {getattr(self, key)}, not at least {least}")
        if not 0 < self.decoded <= 1:
            raise ProfileError(f"{self.name}: decoded is {self.decoded}, not within (0, 1]")
        if not 0 <= self.recorded <= 1:
            raise ProfileError(f"{self.name}: recorded is {self.recorded}, not within [0, 1]")
        if self.split not in SPLITS or self.notes not in NOTE_SETS:
            raise ProfileError(f"{self.name}: split {self.split!r}, notes {self.notes!r} are not known")
        played = len(NOTE_SETS[self.notes])
        expected = 1 if self.architecture.note_latents else played
        if self.architecture.n_notes != expected:
            raise ProfileError(
                f"{self.name}: n_notes is {self.architecture.n_notes}; notes {self.notes!r} need {expected}"
            )

    @property
    def title(self) -> str:
        """The model's name in tables: what it is, then whatever sets it apart."""
        a = self.architecture
        parts = ["LatentDX" if a.sampler else REPRESENTATIONS[a.representation].title]
        parts += ["MLP head"] * (a.head == "mlp")
        if self.notes == "six":
            parts.append("six notes unstacked" if a.note_latents else "six notes")
        parts += [f"{a.n_operators} operators"] * (a.n_operators != 6)
        parts += ["random split"] * (self.split == "random")
        parts += [f"seed {self.seed}"] * (self.seed != 0)
        if self.name in model_names(self.scale):
            usual = read_profile(self.name.partition("-epochs")[0], self.scale).epochs
            parts += [f"{self.epochs} epochs"] * (self.epochs != usual)
        return ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as YAML and JSON hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Profile":
        """The inverse of `as_dict`. Raises `ProfileError` on an unknown key or a value of another type."""
        return _build(cls, plain, str(plain.get("name", "profile")))


def read_profile(name: str, scale: str = "laptop", changes: Mapping[str, Any] | None = None) -> Profile:
    """The profile of one model at one scale, with some changes; `ProfileError` lists what there is."""
    content = _read(scale)
    if name not in content["models"]:
        raise ProfileError(f"no model {name!r} at scale {scale!r}: there are {', '.join(content['models'])}")
    merged = _merge(content.get("defaults") or {}, content["models"][name] or {})
    merged = _merge(merged, changes or {})
    return Profile.from_dict({**merged, "name": name, "scale": scale})


def model_names(scale: str = "laptop") -> tuple[str, ...]:
    """The models of a scale, in the order of its file."""
    return tuple(_read(scale)["models"])


def _read(scale: str) -> dict[str, Any]:
    if scale not in SCALES:
        raise ProfileError(f"no scale {scale!r}: there are {', '.join(SCALES)}")
    text = resources.files("latentdx.training").joinpath("profiles", f"{scale}.yml").read_text("utf8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, mapping by mapping."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _build(kind: type, plain: Mapping[str, Any], where: str) -> Any:
    """A dataclass from plain values, strictly: unknown keys and values of other types are errors."""
    hints = typing.get_type_hints(kind)
    if unknown := sorted(set(plain) - set(hints)):
        raise ProfileError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(hints)}")
    missing = [f.name for f in fields(kind) if f.name not in plain and f.name in ("name", "scale")]
    if missing:
        raise ProfileError(f"{where}: {', '.join(missing)} is missing")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in plain.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, Mapping):
            return _build(hint, value, where)
    elif origin is Literal:
        if value in arguments:
            return value
        raise ProfileError(f"{where} is {value!r}, not one of {', '.join(map(repr, arguments))}")
    elif origin is tuple:
        if isinstance(value, list | tuple):
            kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
            if len(kinds) == len(value):
                return tuple(_value(k, v, where) for k, v in zip(kinds, value, strict=True))
    elif origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return _value(arguments[0], value, where)
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif type(value) is hint:
        return value
    raise ProfileError(f"{where} is {value!r}, not {getattr(hint, '__name__', hint)}")
