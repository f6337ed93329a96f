"""The parts of one training run, and functions that save and resume it.

A run has a folder, which all nodes must see. It holds ``running.ckpt`` (everything that is needed to resume
exactly), ``best.ckpt`` (weights of the best epoch on the validation set), ``log.csv`` and TensorBoard events,
and in the end ``model.safetensors``, see `latentdx.training.checkpoint`.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from latentdx.errors import CheckpointError, ProfileError
from latentdx.files import atomic_write
from latentdx.training.checkpoint import differences
from latentdx.training.data import TrainingData
from latentdx.training.fabric import Fabric
from latentdx.training.profile import Profile


@dataclass
class Progress:
    """Progress of a run.

    Attributes:
        epoch: Number of finished epochs.
        step_in_epoch: Number of steps since the last finished epoch.
        step: Number of steps since the beginning.
        best: Lowest validation score so far: reconstruction, controls and (with a sampler) joint losses.
        best_epoch: Epoch of the lowest score, counted from 1; -1 before the first one ends.
        seconds: Wall time of all steps, with data loading but without validations.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best: float = float("inf")
    best_epoch: int = -1
    seconds: float = 0.0


@dataclass
class Run:
    """Parts of one training run.

    Attributes:
        profile: Training profile.
        folder: Folder of the run, see the module's docstring.
        fabric: Devices.
        data: Training data.
        model: Network, wrapped by Fabric.
        optimizer: Optimizer, wrapped by Fabric.
        schedulers: Learning rate schedulers by what they follow: "step", "epoch" or "validation".
        progress: Progress of the run.
    """

    profile: Profile
    folder: Path
    fabric: Fabric
    data: TrainingData
    model: Any
    optimizer: Optimizer
    schedulers: Mapping[str, LRScheduler | ReduceLROnPlateau]
    progress: Progress = field(default_factory=Progress)

    @property
    def bare(self) -> Any:
        """Network without Fabric's wrapper: a `PresetVAE` or another `PresetNetwork`."""
        return self.model.module

    def autocast(self) -> torch.autocast:
        """Return the context in which the network runs in the profile's precision."""
        half = self.profile.precision == "bf16-mixed"
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=half)

    @property
    def running(self) -> Path:
        """Path of the running checkpoint."""
        return self.folder / "running.ckpt"

    @property
    def best(self) -> Path:
        """Path of the weights of the best epoch."""
        return self.folder / "best.ckpt"


def save(run: Run) -> None:
    """Write the running checkpoint; all processes must call it, because each has its own random state."""
    rng, device = {"cpu": torch.get_rng_state()}, run.fabric.device
    if device.type != "cpu":
        rng[device.type] = torch.get_device_module(device).get_rng_state()
    state = {
        "model": run.bare.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedulers": {name: scheduler.state_dict() for name, scheduler in run.schedulers.items()},
        "progress": vars(run.progress),
        "rng": {name: _of_all_ranks(run.fabric, own) for name, own in rng.items()},
        "profile": run.profile.as_dict(),
        "corpus_sha256": run.data.corpus_sha256,
    }
    _write(run, run.running, state)


def _of_all_ranks(fabric: Fabric, own: Tensor) -> Tensor:
    """Gather uint8 (n,) from each process as (rank, n)."""
    states = torch.zeros(fabric.world_size, len(own), dtype=own.dtype)
    states[fabric.global_rank] = own
    return torch.as_tensor(fabric.all_reduce(states, reduce_op="sum")).cpu()


def save_best(run: Run, figures: dict[str, float]) -> None:
    """Write the current weights as the best ones, with their results on the validation set (by name)."""
    _write(run, run.best, {"model": run.bare.state_dict(), "figures": figures})


def _write(run: Run, file: Path, state: dict[str, Any]) -> None:
    """Write a state atomically, on the first process only; all processes wait for it."""
    if run.fabric.is_global_zero:
        content = io.BytesIO()  # torch hides a full disk behind an internal error
        torch.save(state, content)
        with atomic_write(file) as opened:
            opened.write(content.getbuffer())
    run.fabric.barrier()


def resume(run: Run) -> None:
    """Restore the run from the running checkpoint in its folder, if there is one.

    With as many processes as before, the run continues exactly (on a GPU, except for sums that its kernels
    compute in varying order). With more processes, the additional ones start with new random states. The
    precision "auto" becomes that of the checkpoint.

    Args:
        run: Run at its beginning; it is changed in place.

    Raises:
        CheckpointError: The checkpoint is damaged, is not seen by all nodes, or belongs to another profile or
            corpus.
    """
    fabric = run.fabric
    if not fabric.broadcast(run.running.exists()):
        return
    try:
        state = torch.load(run.running, map_location="cpu", weights_only=True)
        there = Profile.from_dict(state["profile"]).as_dict() | {"corpus_sha256": state["corpus_sha256"]}
    except FileNotFoundError as error:
        raise CheckpointError(f"not all nodes can see {run.running}: choose a shared folder") from error
    except ProfileError as error:
        raise CheckpointError(f"{run.running} is from another version of this code: {error}") from error
    except Exception as error:  # PyTorch raises a dozen kinds, with paragraphs of advice
        raise CheckpointError(f"{run.running} is damaged: delete it to start again") from error
    if run.profile.precision == "auto":
        run.profile = replace(run.profile, precision=state["profile"]["precision"])
    if found := differences(there, run.profile.as_dict() | {"corpus_sha256": run.data.corpus_sha256}):
        raise CheckpointError(f"{run.folder} holds a run of another profile: {'; '.join(found)}")
    run.bare.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    for name, scheduler in run.schedulers.items():
        scheduler.load_state_dict(state["schedulers"][name])
    run.progress = Progress(**state["progress"])
    rng, rank = state["rng"], fabric.global_rank
    if rank < len(rng["cpu"]):
        torch.set_rng_state(rng["cpu"][rank])
        if (kind := fabric.device.type) != "cpu" and kind in rng:
            torch.get_device_module(kind).set_rng_state(rng[kind][rank])
