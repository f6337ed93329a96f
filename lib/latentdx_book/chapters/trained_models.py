"""Trained models for chapters, which also run before a model is trained and then show a notice."""

from pathlib import Path

import torch

from latentdx.applications.programmer import Programmer, load_model
from latentdx.display.html import HTML
from latentdx.errors import DataMissingError
from latentdx.models.preset_vae import PresetVAE
from latentdx.training.checkpoint import CheckpointHeader
from latentdx.training.profile import read_profile
from latentdx_book.chapters.templates import render_template


def trained(name: str | Path, *, seed: int = 0) -> tuple[Programmer, HTML | None]:
    """Load a model, or make one with random weights and a notice to show, where the checkpoint is missing.

    Args:
        name: Name of a shipped model, or path of a checkpoint file.
        seed: Random seed of the random weights.

    Returns:
        The model, and `None` if it is trained, otherwise the notice. `about.epoch` is 0 for random weights.
    """
    try:
        return load_model(name), None
    except DataMissingError:
        profile = read_profile(str(name), "laptop")
    torch.manual_seed(seed)
    model = PresetVAE(profile.architecture).eval()
    about = CheckpointHeader(
        profile, corpus_sha256="", epoch=0, steps=0, training_minutes=None, validation={}
    )
    return Programmer(model, about, sha256=""), notice(
        f"The trained model “{name}” is not here",
        "This page was built without its checkpoint. What follows is computed by the same network with "
        "random weights: its structure, sizes and exactness are the same, but it has learned nothing.",
    )


def notice(title: str, text: str) -> HTML:
    """Render a warning box with a title and a paragraph."""
    return render_template("notice.html", title=title, text=text)
