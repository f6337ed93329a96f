"""What `fabric run` starts in test_devices.py: the gradients of one batch into a file, then a training."""

import os
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric

from latentdx.training.loop import losses, set_up, train
from latentdx.training.profile import read_profile


def gradients(folder: Path) -> dict[str, torch.Tensor]:
    """Of the first training batch, at the initial weights: batch norms by running statistics, no noise.

    In double precision, for single hides mistakes of a thousandth.
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
    os.fsync = lambda file: None  # no test cuts the power, and a busy disk takes seconds for each
    out = Path(sys.argv[1])
    found = gradients(out)
    torch.save(found, out / f"gradients-{torch.distributed.get_rank()}.pt")
    profile = read_profile("numcat++", "smoke")
    train(profile, out, fabric=Fabric(precision=profile.precision))
