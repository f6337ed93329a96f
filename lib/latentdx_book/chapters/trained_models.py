"""Trained models for chapters, which must run before a model is trained too, and then say so."""

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
    """A shipped model or a checkpoint file, and `None`; or, where there is none, random weights and a notice.

    Random weights are recognized by their `about.epoch`, which is 0.
    """
    try:
        return load_model(name), None
    except DataMissingError:
        profile = read_profile(str(name), "laptop")
    torch.manual_seed(seed)
    model = PresetVAE(profile.architecture).eval()
    about = CheckpointHeader(profile, corpus_sha256="", epoch=0, steps=0, training_minutes=0.0, validation={})
    return Programmer(model, about, sha256=""), notice(
        f"The trained model “{name}” is not here",
        "This page was built without its checkpoint. What follows is computed by the same network with "
        "random weights: its plan, its sizes and its exactness are the same, but it has learnt nothing.",
    )


def notice(title: str, text: str) -> HTML:
    """A box that nobody overlooks."""
    return render_template("notice.html", title=title, text=text)
