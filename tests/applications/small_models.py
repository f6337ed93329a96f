"""Small models with random weights, and sound files for them to hear."""

from pathlib import Path

import torch

from latentdx import Dexed, load_model
from latentdx.applications.programmer import Programmer
from latentdx.audio.io import encoding
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets.bank import Preset
from latentdx.training import checkpoint
from latentdx.training.profile import read_profile


def small(name: str, folder: Path) -> Programmer:
    """Return a small model with random weights."""
    torch.manual_seed(1)
    profile = read_profile(name, "smoke")
    file = folder / f"{name}.safetensors"
    checkpoint.save(
        PresetVAE(profile.architecture), checkpoint.CheckpointHeader(profile, "", 1, 1, 1.0, {}), file
    )
    return load_model(file)


def write(preset: Preset, note: int, velocity: int, folder: Path) -> Path:
    path = folder / f"{note}_{velocity}.flac"
    path.write_bytes(encoding.encode(Dexed().render(preset, note, velocity), "flac"))
    return path
