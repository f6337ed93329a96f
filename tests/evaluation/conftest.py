"""Fixtures of the evaluation tests: small untrained models, saved as if trained on the starter bank."""

import pytest
import torch

from latentdx.applications.programmer import Programmer, load_model
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import store_folder
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets import corpora
from latentdx.training import checkpoint
from latentdx.training.profile import read_profile


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Save untrained checkpoints of the smoke models numcat++ and latentdx; return their folder."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in ("numcat++", "latentdx"):
        torch.manual_seed(0)
        profile = read_profile(name, "smoke")
        about = checkpoint.CheckpointHeader(
            profile, corpora.bank_hash(corpora.read("starter").neutral()), 1, 2, 3.0, {"controls": 0.5}
        )
        checkpoint.save(PresetVAE(profile.architecture).eval(), about, folder / f"{name}.safetensors")
    return folder


@pytest.fixture(scope="session")
def model(checkpoints) -> Programmer:
    return load_model(checkpoints / "latentdx.safetensors")


@pytest.fixture(scope="session")
def starter_cache(tmp_path_factory):
    """Fill a separate cache with the starter bank's spectrograms; return its folder."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTDX_CACHE", str(folder))
        bank = corpora.read("starter").neutral()
        render_store(bank, SINGLE_NOTE, store_folder("starter", SINGLE_NOTE), corpus="starter")
    return folder


@pytest.fixture
def cached(starter_cache, monkeypatch):
    monkeypatch.setenv("LATENTDX_CACHE", str(starter_cache))
    return starter_cache
