"""Small checkpoints with random weights, under the names that chapters ask for."""

from pathlib import Path

import torch

from latentdx.models.preset_vae import PresetVAE
from latentdx.training import checkpoint
from latentdx.training.profile import read_profile

NAMES = ("num", "numcat", "numcat++", "numcat++-six", "latentdx")


def write_checkpoints(folder: Path) -> Path:
    """Write NAME.safetensors for each of `NAMES` and return the folder."""
    for seed, name in enumerate(NAMES):
        torch.manual_seed(seed)
        profile = read_profile(name, "smoke")
        about = checkpoint.CheckpointHeader(profile, "", 1, 1, 1.0, {})
        checkpoint.save(PresetVAE(profile.architecture), about, folder / f"{name}.safetensors")
    return folder
