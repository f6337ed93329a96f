"""Finished models as safetensors files: half-precision weights, and a header that records how they were made.

The header's "latentdx" entry is JSON. It holds the resolved profile, the hash of the corpus, the best epoch
and its validation results, the commit of the code and the versions of the libraries. Nothing in it depends on
time, so equal runs give equal files; how long a run took is in its log.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import nn

from latentdx.errors import CheckpointError, DataError
from latentdx.files import atomic_write, sha256_of
from latentdx.models.preset_vae import PresetVAE
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.training.network import Factory, make_network
from latentdx.training.profile import Profile, model_names, read_profile, run_folder

_KEY = "latentdx"
_LIBRARIES = ("latentdx", "torch", "zuko", "lightning-fabric", "numpy", "dexed-py")


def versions() -> dict[str, str]:
    """Return the versions of the libraries that can affect a result, by name."""
    return {name: version(name) for name in _LIBRARIES}


@dataclass(frozen=True)
class CheckpointHeader:
    """Header of a checkpoint: a record of the training run.

    Attributes:
        profile: Resolved training profile.
        corpus_sha256: Hash of the presets, see `latentdx.presets.corpora.bank_hash`.
        epoch: Best epoch on the validation set, counted from 1; its weights are in the checkpoint.
        steps: Number of training steps of the whole run.
        training_minutes: Wall time of the training steps, in checkpoints that were made before version 0.2;
            `None` in later ones.
        validation: Losses and parameter accuracies of the best epoch on the validation set, by name.
        commit: Commit of the code that trained the model.
        libraries: Versions of the libraries that it used, by name.
    """

    profile: Profile
    corpus_sha256: str
    epoch: int
    steps: int
    training_minutes: float | None
    validation: dict[str, float]
    commit: str = field(default_factory=code_commit)
    libraries: dict[str, str] = field(default_factory=versions)

    def to_json(self) -> str:
        """Serialize the header to JSON."""
        return json.dumps({**vars(self), "profile": self.profile.as_dict()})

    @classmethod
    def from_json(cls, text: str) -> "CheckpointHeader":
        """Parse the JSON that `to_json` returned."""
        plain = json.loads(text)
        return cls(**{**plain, "profile": Profile.from_dict(plain["profile"])})


def save(model: nn.Module, about: CheckpointHeader, file: Path) -> None:
    """Write a checkpoint atomically.

    Matrices are stored in half precision, vectors (biases, batch-norm statistics) in single precision.

    Args:
        model: Trained model.
        about: Header of the checkpoint.
        file: Path that is written or replaced.
    """
    weights = {
        name: (t.half() if t.is_floating_point() and t.ndim > 1 else t).contiguous()
        for name, t in model.state_dict().items()
    }
    with atomic_write(file) as opened:
        opened.write(serialize(weights, {_KEY: about.to_json()}))


def read_header(file: Path) -> CheckpointHeader:
    """Read the header of a checkpoint without its weights.

    Raises:
        CheckpointError: The file is missing, damaged or not a checkpoint of this project.
    """
    try:
        with safe_open(file, "pt") as opened:
            return CheckpointHeader.from_json(opened.metadata()[_KEY])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{file} is not a checkpoint of this project: {error}") from error


def shapes(file: Path) -> dict[str, list[int]]:
    """Return the shapes of the weights in a checkpoint, by name."""
    with safe_open(file, "pt") as opened:
        return {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118


def load(
    file: Path, expected: Mapping[str, Any] | None = None, *, factory: Factory | str | None = None
) -> tuple[PresetVAE, CheckpointHeader]:
    """Load a checkpoint; the file itself cannot make this run any code.

    Args:
        file: Checkpoint that `save` wrote.
        expected: Values that the profile (and its architecture) must have, for example
            ``{"notes": "six", "architecture": {"representation": "numcat++"}}``; the key ``"corpus_sha256"``
            checks the corpus as well. Default: no check.
        factory: Factory of a network of one's own, see `latentdx.training.network.make_network`. The name of
            the factory in the file is never imported.

    Returns:
        The model (a `PresetNetwork` from the factory, if the checkpoint holds one's own), in evaluation mode
        and in single precision, and the header.

    Raises:
        CheckpointError: The file is not a checkpoint, or it does not have the expected values (the message
            lists each difference), or it holds a network of one's own and there is no factory.
    """
    about = read_header(file)
    if expected:
        there = {**about.profile.as_dict(), "corpus_sha256": about.corpus_sha256}
        if found := differences(there, expected):
            raise CheckpointError(f"{file} does not fit: {'; '.join(found)}")
    if about.profile.factory and factory is None:
        raise CheckpointError(
            f"{file} holds a network made by {about.profile.factory!r}. Its code is run only if you pass it: "
            "as `factory` in Python, or as --factory to `latentdx evaluate model`"
        )
    model = make_network(about.profile, factory if about.profile.factory else None)
    _load_weights(model, file, "its profile")
    return cast(PresetVAE, model.eval()), about


def _load_weights(model: nn.Module, file: Path, what: str) -> None:
    """Load the weights of a checkpoint in single precision."""
    with safe_open(file, "pt") as opened:
        weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
    try:
        model.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in weights.items()})
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {file} do not fit {what}: {error}") from error


def identified(initial: str) -> str:
    """Return the name or path of a checkpoint with "@" and the first digits of its SHA-256.

    Args:
        initial: Name of a model that ships or that was trained at the scale "laptop" on this machine, or path
            of a checkpoint; if it has such digits, they are checked.

    Raises:
        CheckpointError: There is no such checkpoint, or its digits are others.
    """
    name, _, expected = initial.partition("@")
    found = checkpoint_hash(_file(name))
    if expected and found != expected:
        raise CheckpointError(f"the checkpoint {name} to begin with is {found} here, not {expected}")
    return f"{name}@{found}"


def load_initial(model: nn.Module, initial: str) -> None:
    """Load the weights with which a training begins, see `identified`.

    Raises:
        CheckpointError: There is no such checkpoint, or its weights have other shapes.
    """
    _load_weights(model, _file(identified(initial).partition("@")[0]), "the profile of this training")


def _file(name: str) -> Path:
    """Return the file of a checkpoint, given a path or a model's name; models that ship take precedence."""
    if Path(name).is_file():
        return Path(name)
    try:
        file = data_path("checkpoints", f"{name}.safetensors")
        if not file.is_file() and name in model_names("laptop"):
            file = run_folder(read_profile(name, "laptop")) / "model.safetensors"
    except DataError as error:
        raise CheckpointError(f"there is no checkpoint {name!r} to begin with: {error}") from error
    if not file.is_file():
        raise CheckpointError(
            f"there is no checkpoint {name!r} to begin with: it is neither a file nor a model that ships, "
            "nor one that `latentdx train` has finished here"
        )
    return file


def checkpoint_hash(file: Path) -> str:
    """Return the first sixteen hexadecimal digits of a file's SHA-256, by which results and pages name it."""
    return sha256_of(file)[:16]


def differences(there: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Describe where nested mappings differ, for error messages.

    Args:
        there: Values that were found.
        asked: Values that are required; keys that are missing here are not compared.
        prefix: Text before each key, for nested mappings.

    Returns:
        One phrase per difference; none if all required values were found.

    >>> differences({"notes": "single", "seed": 0}, {"notes": "six"})
    ["notes is 'single', not 'six'"]
    """
    found: list[str] = []
    for key, value in asked.items():
        has = there.get(key)
        if isinstance(value, Mapping) and isinstance(has, Mapping):
            found += differences(has, value, f"{prefix}{key}.")
        elif _plain(has) != _plain(value):
            found.append(f"{prefix}{key} is {has!r}, not {value!r}")
    return found


def _plain(value: Any) -> Any:
    """Convert tuples to lists, so that values compare equal after a round trip through JSON."""
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
