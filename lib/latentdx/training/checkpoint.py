"""Finished models as safetensors: half-precision weights, and in the header all that made them.

The header's "latentdx" entry is JSON: the resolved profile, the corpus' hash, the best epoch and its
validation figures, the code's commit and the libraries' versions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from latentdx.errors import CheckpointError
from latentdx.files import atomic_write, sha256_of
from latentdx.models.preset_vae import PresetVAE
from latentdx.provenance import code_commit
from latentdx.training.profile import Profile

_KEY = "latentdx"
_LIBRARIES = ("latentdx", "torch", "zuko", "lightning-fabric", "numpy", "dexed-py")


def versions() -> dict[str, str]:
    """Of the libraries that decide a result."""
    return {name: version(name) for name in _LIBRARIES}


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says of itself.

    Attributes:
        profile: resolved.
        corpus_sha256: of the presets, see `latentdx.presets.corpora.bank_hash`.
        epoch: the best one on the validation set, counted from 1.
        steps: of the whole run.
        training_minutes: wall time of the steps.
        validation: losses and parameter accuracies of that epoch.
        commit, libraries: of the code that trained.
    """

    profile: Profile
    corpus_sha256: str
    epoch: int
    steps: int
    training_minutes: float
    validation: dict[str, float]
    commit: str = field(default_factory=code_commit)
    libraries: dict[str, str] = field(default_factory=versions)

    def to_json(self) -> str:
        return json.dumps({**vars(self), "profile": self.profile.as_dict()})

    @classmethod
    def from_json(cls, text: str) -> "CheckpointHeader":
        plain = json.loads(text)
        return cls(**{**plain, "profile": Profile.from_dict(plain["profile"])})


def save(model: PresetVAE, about: CheckpointHeader, file: Path) -> None:
    """Write matrices in half precision, vectors (biases, batch-norm statistics) in single, atomically."""
    weights = {
        name: (t.half() if t.is_floating_point() and t.ndim > 1 else t).contiguous()
        for name, t in model.state_dict().items()
    }
    with atomic_write(file) as opened:
        opened.write(serialize(weights, {_KEY: about.to_json()}))


def read_header(file: Path) -> CheckpointHeader:
    """Only the header."""
    try:
        with safe_open(file, "pt") as opened:
            return CheckpointHeader.from_json(opened.metadata()[_KEY])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{file} is no checkpoint of this project: {error}") from error


def load(file: Path, expected: Mapping[str, Any] | None = None) -> tuple[PresetVAE, CheckpointHeader]:
    """The model in evaluation mode, in single precision.

    Args:
        file: what `save` wrote.
        expected: what the profile (its architecture included) must say, for example
            ``{"notes": "six", "architecture": {"representation": "numcat++"}}``, or ``"corpus_sha256"``.

    Raises:
        CheckpointError: not a checkpoint; or it does not fit, each difference spelled out.
    """
    about = read_header(file)
    if expected:
        there = {**about.profile.as_dict(), "corpus_sha256": about.corpus_sha256}
        if found := differences(there, expected):
            raise CheckpointError(f"{file} does not fit: {'; '.join(found)}")
    model = PresetVAE(about.profile.architecture)
    with safe_open(file, "pt") as opened:
        weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    try:
        model.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in weights.items()})
    except RuntimeError as error:
        raise CheckpointError(f"{file}: its weights do not fit its profile: {error}") from error
    return model.eval(), about


def checkpoint_hash(file: Path) -> str:
    """First sixteen digits of the file's SHA-256, as results and pages name it."""
    return sha256_of(file)[:16]


def differences(there: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What `asked` names and `there` has otherwise, as readable phrases."""
    found: list[str] = []
    for key, value in asked.items():
        has = there.get(key)
        if isinstance(value, Mapping) and isinstance(has, Mapping):
            found += differences(has, value, f"{prefix}{key}.")
        elif _plain(has) != _plain(value):
            found.append(f"{prefix}{key} is {has!r} there, {value!r} here")
    return found


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
