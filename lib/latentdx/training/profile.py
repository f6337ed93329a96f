"""Training profiles: all settings of a training run, as frozen dataclasses that are read from YAML.

The files ``profiles/<scale>.yml`` in this package have one section of defaults and one entry per model::

    defaults: {corpus: learnfm, epochs: 12, architecture: {deepest: 160}}
    models:
      numcat: {architecture: {representation: numcat}}

The scales are "smoke" (the starter bank; trains in seconds), "laptop" (the models that ship), "gpu" (the
default model on a GPU) and "paper" (the paper's own sizes and schedule). A file with a `base` holds only what
differs from that scale.

A file of one's own, which takes the place of a scale, holds only the settings that differ from a scale's::

    scale: laptop    # the scale that it changes; laptop if omitted
    epochs: 20
    architecture: {flow_hidden: 250}
"""

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from latentdx.audio.renderer import NOTE_SETS
from latentdx.dataset.splits import SPLITS, Split
from latentdx.errors import ProfileError
from latentdx.models.preset_vae import Architecture
from latentdx.models.representation import REPRESENTATIONS
from latentdx.presets.corpora import CORPORA
from latentdx.run_options import cache_folder

SCALES = ("smoke", "laptop", "gpu", "paper")
"""Names of the scales, see the module's docstring."""

_NOT_NEGATIVE = (
    "weight_decay",
    "least_learning_rate",
    "controls_weight",
    "encoding_weight",
    "joint_weight",
    "rewarded",
)


@dataclass(frozen=True)
class Profile:
    """Settings of one training run; the defaults are the paper's (its section 4), but with clipped gradients.

    Attributes:
        name: Name of the model, as in ``latentdx train NAME``.
        scale: Scale that the profile came from, one of `SCALES`.
        architecture: Configuration of the model, see `Architecture`.
        corpus: Name of the corpus that the model learns from, or a file or folder of presets, which `train`
            replaces by its name, see `latentdx.dataset.own_corpus`.
        split: Split of the corpus, see `latentdx.dataset.curation.rows`.
        presets: Number of training presets, drawn by a fixed seed, for a trial; the validation set shrinks in
            proportion. `None` for all.
        notes: Notes that are rendered: "single" or "six", see `latentdx.audio.renderer.NOTE_SETS`.
        epochs: Highest number of epochs, at least 1.
        batch: Number of presets per step, over all devices, at least 2.
        optimizer: "adam" (weight decay in the gradient) or "adamw" (decoupled weight decay).
        learning_rate: Highest learning rate.
        weight_decay: Strength of the weight decay, see `optimizer`.
        max_gradient_norm: Norm to which longer gradients are clipped; `None` (as in the paper) never clips.
        schedule: Schedule of the learning rate: "plateau" (warm-up, then a reduction to a fifth at each
            plateau of the validation loss) or "one-cycle".
        warmup_epochs: Number of warm-up epochs of "plateau"; 0 for none.
        patience: Number of epochs without progress after which "plateau" reduces the learning rate, and of
            epochs that it waits after a reduction.
        least_learning_rate: Learning rate below which "plateau" ends the training.
        beta: First and last weight of the latent loss.
        beta_epochs: Number of epochs over which this weight grows, at least 1.
        controls_weight: Weight of the controls loss.
        encoding_weight: Weight of `encoding_loss`, which keeps encoded presets close to their sounds' zK; 0
            leaves this loss out.
        joint_weight: Weight of the sampler's loss, if the architecture has a sampler.
        rewarded: Number of presets that the sampler draws for each sound, to learn from how close they come,
            see `latentdx.training.reinforcement`; then nothing but the sampler learns. 0 for none, else at
            least 2.
        clamped: Whether the loss clamps predicted presets to [0, 1], as in the paper; if false, they are
            plain logits.
        scalar_loss: Error of scalars: "squared" (as in the paper) or "absolute".
        free_ends: Whether a scalar beyond an end of its range counts as correct if its target is at that end,
            see `controls_loss`.
        blank_bands: Number of bands of mels, and of frames, that are blanked in each training spectrogram,
            see `latentdx.training.augmentation`; 0 for none.
        canonical: Whether presets are learned in the form that stands for all presets with the same samples,
            see `latentdx.presets.equivalence`.
        unknown_level: Share of the training spectrograms whose level is taken away, see `at_unknown_level`,
            0 to 1; if it is more than 0, this happens to all simulated recordings, too. The level at which a
            sound was recorded says nothing of its preset.
        varied: Share of each training batch that is replaced by variations of its presets, 0 to 1, see
            `latentdx.training.variation`; with `recorded`, at most 1.
        recorded: Share of each training batch that is replaced by simulated recordings, 0 to 1, see
            `latentdx.audio.recording_simulation`.
        decoded: Share of each batch that is decoded for the reconstruction loss, more than 0 and at most 1.
        initial: Checkpoint whose weights the training begins with: a shipped model's name or a path. `train`
            adds "@" and the first digits of its SHA-256. `None` for random weights.
        factory: Import path, as ``"module:function"``, of the factory that makes a network of one's own, see
            `latentdx.training.network`; `None` for the paper's network.
        precision: "32-true", "bf16-mixed", or "auto" for the faster of these on the machine that trains.
        seed: Random seed of weights, order and noise.

    Raises:
        ProfileError: A value is out of range, or two values contradict each other.
    """

    name: str
    scale: str
    architecture: Architecture = field(default_factory=Architecture)
    corpus: str = "learnfm"
    split: Split = "twin-disjoint"
    presets: int | None = None
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
    rewarded: int = 0
    clamped: bool = True
    scalar_loss: Literal["squared", "absolute"] = "squared"
    free_ends: bool = True
    blank_bands: int = 0
    canonical: bool = False
    unknown_level: float = 0.0
    varied: float = 0.0
    recorded: float = 0.0
    decoded: float = 1.0
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"
    seed: int = 0
    initial: str | None = None
    factory: str | None = None

    def __post_init__(self) -> None:
        bounds = {"epochs": 1, "batch": 2, "beta_epochs": 1}
        bounds |= dict.fromkeys(("patience", "warmup_epochs", "blank_bands", "seed", *_NOT_NEGATIVE), 0)
        for key, value in asdict(self).items():
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, float) and not math.isfinite(each):
                    raise ProfileError(f"{self.name}: {key} must be finite, not {value}")
        for key, least in bounds.items():
            if getattr(self, key) < least:
                raise ProfileError(f"{self.name}: {key} must be at least {least}, not {getattr(self, key)}")
        if self.presets is not None and self.presets < 2:
            raise ProfileError(f"{self.name}: presets must be at least 2, not {self.presets}")
        for key in ("learning_rate", "max_gradient_norm"):
            if (value := getattr(self, key)) is not None and value <= 0:
                raise ProfileError(f"{self.name}: {key} must be more than 0, not {value}")
        if min(self.beta) < 0:
            raise ProfileError(f"{self.name}: beta must be at least 0, not {self.beta}")
        if not 0 < self.decoded <= 1:
            raise ProfileError(f"{self.name}: decoded must be more than 0 and at most 1, not {self.decoded}")
        for key in ("recorded", "varied", "unknown_level"):
            if not 0 <= getattr(self, key) <= 1:
                raise ProfileError(f"{self.name}: {key} must be from 0 to 1, not {getattr(self, key)}")
        if (replaced := self.recorded + self.varied) > 1:
            raise ProfileError(f"{self.name}: recorded and varied must add up to at most 1, not {replaced:g}")
        if self.rewarded == 1:
            raise ProfileError(f"{self.name}: rewarded must be 0 or at least 2, not 1: draws are compared")
        if self.rewarded and (self.factory or self.architecture.sampler is None or self.initial is None):
            raise ProfileError(f"{self.name}: rewarded needs a sampler, and a trained model as initial")
        if self.factory is not None and not all(self.factory.partition(":")):
            raise ProfileError(
                f"{self.name}: factory must be an import path such as 'module:function', not {self.factory!r}"
            )
        if self.split not in SPLITS or self.notes not in NOTE_SETS:
            raise ProfileError(f"{self.name}: unknown split {self.split!r} or notes {self.notes!r}")
        played = len(NOTE_SETS[self.notes])
        expected = 1 if self.architecture.note_latents else played
        if self.architecture.n_notes != expected:
            raise ProfileError(
                f"{self.name}: n_notes must be {expected} with notes {self.notes!r}, "
                f"not {self.architecture.n_notes}"
            )

    @property
    def title(self) -> str:
        """Name of the model in tables: its kind, then all settings that distinguish it."""
        if self.factory:
            return self.name
        a = self.architecture
        parts = ["LatentDX" if a.sampler else REPRESENTATIONS[a.representation].title]
        parts += ["MLP head"] * (a.head == "mlp")
        if self.notes == "six":
            parts.append("six notes unstacked" if a.note_latents else "six notes")
        parts += [f"{a.n_operators} operators"] * (a.n_operators != 6)
        parts += [f"{self.presets:,} presets"] if self.presets else []
        parts += ["base"] * self.name.endswith("-base")
        parts += ["random split"] * (self.split == "random")
        parts += [f"seed {self.seed}"] * (self.seed != 0)
        if self.name in model_names(self.scale):
            usual = read_profile(self.name.partition("-epochs")[0], self.scale).epochs
            parts += [f"{self.epochs} epoch{'s' * (self.epochs > 1)}"] * (self.epochs != usual)
        else:
            parts += [self.name]
        return ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Convert the profile to plain values, which can be written as YAML or JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Profile":
        """Build a profile from plain values; the inverse of `as_dict`.

        Args:
            plain: Values by name; "name" and "scale" are required, the rest has defaults.

        Raises:
            ProfileError: A key is unknown or missing, or a value has the wrong type or is out of range.
        """
        return _build(cls, plain, str(plain.get("name", "profile")))


def read_profile(
    name: str, scale: str | Path = "laptop", changes: Mapping[str, Any] | None = None
) -> Profile:
    """Read the profile of one model.

    Args:
        name: Name of the model, see `model_names`. With a file of one's own that names a `factory`, it is any
            name.
        scale: One of `SCALES`, or path of a YAML file of one's own (.yml or .yaml). A model from
            such a file is called ``<name>-<name of the file>``, unless the file gives it a name.
        changes: Values that replace those of the file, nested like the file; default none.

    Raises:
        ProfileError: There is no such scale, file or model (the message lists those that exist), or a value
            is wrong.

    >>> read_profile("numcat++").epochs
    10
    >>> read_profile("numcat++", "paper", {"epochs": 3}).epochs
    3
    """
    own: dict[str, Any] = {}
    base, called = str(scale), name
    if Path(scale).suffix in (".yml", ".yaml"):
        own = _read_file(Path(scale))
        base = str(own.get("scale", "laptop"))
    content = _read(base)
    if name not in content["models"] and "factory" not in own:
        choices = ", ".join(content["models"])
        raise ProfileError(f"there is no model {name!r} at scale {base!r}; choose one of {choices}")
    if own and name in content["models"]:
        called = f"{name}-{Path(scale).stem}"
    merged = _merge(content.get("defaults") or {}, content["models"].get(name) or {})
    merged = {"name": called, **_merge(_merge(merged, own), changes or {}), "scale": base}
    if own:
        return _build(Profile, merged, str(scale))
    return Profile.from_dict(merged)


def model_names(scale: str = "laptop") -> tuple[str, ...]:
    """List the models of a scale, in the order of its file.

    Raises:
        ProfileError: There is no such scale.

    >>> model_names("laptop")[:3]
    ('num', 'numcat', 'numcat++')
    """
    return tuple(_read(scale)["models"])


def run_folder(profile: Profile) -> Path:
    """Return the default folder of a run's checkpoints and logs, in the user's cache."""
    own = "" if profile.corpus in CORPORA else f"-{profile.corpus}"
    return cache_folder() / "runs" / f"{profile.scale}-{profile.name}{own}"


def _read(scale: str) -> dict[str, Any]:
    """Read the sections of a scale, "defaults" and "models"."""
    if scale not in SCALES:
        raise ProfileError(
            f"there is no scale {scale!r}; choose one of {', '.join(SCALES)}, or a .yml file of your own"
        )
    text = resources.files("latentdx.training").joinpath("profiles", f"{scale}.yml").read_text("utf8")
    content: dict[str, Any] = yaml.safe_load(text)
    if "base" in content:
        base = _read(content["base"])
        models = {name: _merge(base["models"][name], own) for name, own in content["models"].items()}
        return {"defaults": base["defaults"], "models": models}
    return content


def _read_file(file: Path) -> dict[str, Any]:
    """Read a profile of one's own."""
    try:
        content = yaml.safe_load(file.read_text("utf8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ProfileError(f"the profile {file} cannot be read: {reason}") from error
    except yaml.YAMLError as error:
        raise ProfileError(f"the profile {file} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ProfileError(f"the profile {file} must hold settings such as 'epochs: 20'")
    return content


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; the values of `over` replace those of `base`."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _build(kind: type, plain: Mapping[str, Any], where: str) -> Any:
    """Build a dataclass from plain values; unknown keys and values of other types are errors."""
    hints = typing.get_type_hints(kind)
    if unknown := sorted(set(plain) - set(hints)):
        raise ProfileError(f"{where}: unknown {', '.join(unknown)}; choose from {', '.join(hints)}")
    missing = [f.name for f in fields(kind) if f.name not in plain and f.name in ("name", "scale")]
    if missing:
        raise ProfileError(f"{where}: missing {' and '.join(missing)}")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in plain.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """Check a value against a type hint, and convert it to that type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, Mapping):
            return _build(hint, value, where)
    elif origin is Literal:
        if value in arguments:
            return value
        raise ProfileError(f"{where} must be one of {', '.join(map(repr, arguments))}, not {value!r}")
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
    raise ProfileError(f"{where} must be of type {getattr(hint, '__name__', hint)}, not {value!r}")
