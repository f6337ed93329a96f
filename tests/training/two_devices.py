"""Script that `fabric run` starts in test_devices.py: it saves the gradients of one batch, then trains."""

import os
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric

from latentdx.training.loop import losses, set_up, train
from latentdx.training.profile import read_profile


def gradients(folder: Path) -> dict[str, torch.Tensor]:
    """Compute the gradients of the first training batch at the initial weights, in evaluation mode.

    Evaluation mode has no noise and no batch statistics. Double precision is used because single precision
    would hide errors of a thousandth.
    """
    profile = read_profile("numcat++", "smoke")
    run = set_up(profile, folder, Fabric(precision="64-true"))
    run.model.eval()
    fabric = run.fabric
    items = run.data.items("train")[fabric.global_rank : profile.batch : fabric.world_size]
    parts, _ = losses(run, run.data.batch(items), training=True)
    fabric.backward(parts["loss"])
    mean = {name: torch.as_tensor(fabric.all_reduce(part.detach())) for name, part in parts.items()}
    return mean | {name: p.grad for name, p in run.bare.named_parameters()}


if __name__ == "__main__":
    os.fsync = lambda file: None  # on a busy disk each call takes seconds
    out = Path(sys.argv[1])
    found = gradients(out)
    torch.save(found, out / f"gradients-{torch.distributed.get_rank()}.pt")
    train(read_profile("numcat++", "smoke", {"precision": "32-true"}), out)
