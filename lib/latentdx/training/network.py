"""Networks that can be trained and evaluated: the paper's, and one's own.

A network of one's own comes from a *factory*, which a profile names as ``"module:function"`` or
``"module:Class"``; the module may lie in the working folder. It is called with the profile. A checkpoint
records the name of the factory, but loading it never imports that name: whoever loads it passes the factory.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import Tensor, nn

from latentdx.errors import ProfileError
from latentdx.models.preset_vae import PresetVAE
from latentdx.models.representation import Representation
from latentdx.training.profile import Profile

if TYPE_CHECKING:  # the data of a training needs more packages than loading a network
    from latentdx.training.data import Batch


@runtime_checkable
class PresetNetwork(Protocol):
    """What training and evaluation need of a network, which must be a `torch.nn.Module`.

    Its weights and buffers are all that a checkpoint stores, matrices in half precision. If it has a buffer
    ``range_db`` of two numbers, training sets it to the lowest and highest level of the training set in dB
    before the first step.

    Attributes:
        representation: Representation of the presets, which makes `Batch.targets` and decodes predictions,
            for example ``latentdx.models.representation.representation("numcat++")``.
    """

    representation: Representation

    def normalize(self, decibels: Tensor) -> Tensor:
        """Scale spectrograms from dB to what `program` takes.

        Args:
            decibels: Mel spectrograms (B, note, 257, 347), between -120 and 20 dB.

        Returns:
            A new tensor of the same shape.
        """
        ...

    def losses(self, batch: "Batch") -> tuple[Mapping[str, Tensor], Tensor]:
        """Compute the losses of a batch, in training and in evaluation mode.

        `latentdx.training.losses.controls_loss` compares predicted presets with their targets. With precision
        "bf16-mixed" this method runs under autocast.

        Args:
            batch: Batch, with spectrograms in dB. With several devices it is this device's share.

        Returns:
            Losses by name: "loss" is minimized, and its mean over the validation set decides which epoch is
            kept. Names among `latentdx.training.log.COLUMNS` appear in log.csv, others in TensorBoard only.
            And the predicted preset vectors (B, length), from which the logged accuracies come.
        """
        ...

    def program(self, spectrograms: Tensor) -> Tensor:
        """Predict a preset for each item, without gradients, in evaluation mode.

        Args:
            spectrograms: Result of `normalize` (B, note, 257, 347).

        Returns:
            Preset vectors (B, length), in [0, 1], see `Representation.decode`.
        """
        ...


Factory = Callable[[Profile], nn.Module]
"""Function or class that makes a `PresetNetwork` from a profile."""


def make_network(profile: Profile, factory: Factory | str | None = None) -> nn.Module:
    """Make the network of a profile with random weights.

    Args:
        profile: Training profile.
        factory: Factory, or its name as in `Profile.factory`, which is imported; default: the profile's. A
            profile without a factory describes a `PresetVAE`.

    Raises:
        ProfileError: The factory cannot be imported, or does not make a `PresetNetwork`.
    """
    factory = factory or profile.factory
    if factory is None:
        return PresetVAE(profile.architecture)
    made = (import_factory(factory) if isinstance(factory, str) else factory)(profile)
    if not isinstance(made, nn.Module) or not isinstance(made, PresetNetwork):
        lacking = [
            name for name in ("representation", "normalize", "losses", "program") if not hasattr(made, name)
        ]
        what = f"it has no {' and no '.join(lacking)}" if lacking else "it is no torch.nn.Module"
        raise ProfileError(
            f"the factory {factory} made a {type(made).__name__}, which is no PresetNetwork: {what}"
        )
    return made


def import_factory(name: str) -> Factory:
    """Import a factory; this runs the code of its module.

    Args:
        name: ``"module:function"``; the module may lie in the working folder.

    Raises:
        ProfileError: There is no such module or function.
    """
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        factory: Factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ProfileError(f"the factory {name!r} cannot be imported: {error}") from error
    finally:
        sys.path.remove(here)
    return factory
