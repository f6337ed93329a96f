"""Blocks, parameters and multiply-adds, which the model diagram and the cost estimate use."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from latentdx.models.model_summary import multiply_adds, n_parameters, read_blocks, run_once
from latentdx.models.posterior_sampler import SamplerShape
from latentdx.models.preset_vae import Architecture, PresetVAE
from latentdx.training.profile import model_names, read_profile

# paper section 3.5, counted from the authors' code
PUBLISHED = {
    "num": 23_486_273, "numcat": 29_818_593, "numcat++": 60_372_037, "numcat++-op123": 39_000_457,
    "num-mlp": 59_409_657, "numcat-mlp": 59_491_657, "numcat++-mlp": 59_887_307,
    "numcat++-mlp-op123": 38_695_277,
    "numcat++-six": 67_146_053, "numcat++-six-op123": 52_409_993, "numcat++-unstacked": 76_108_393,
}  # fmt: skip
SMALL = {
    "channels": (2, 4, 8, 8, 8, 8),
    "mixer": 16,
    "deepest": 16,
    "decoder_mixer": 16,
    "decoder_deepest": 16,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_papers_configurations_have_the_published_parameter_counts(name: str) -> None:
    assert n_parameters(read_profile(name, "paper").architecture) == PUBLISHED[name]


@pytest.mark.parametrize("name", model_names("smoke"))
def test_every_parameter_belongs_to_exactly_one_block(name: str) -> None:
    model = PresetVAE(read_profile(name, "smoke").architecture)
    blocks = read_blocks(model)
    total = sum(p.numel() for p in model.parameters())
    assert sum(block.parameters for block in blocks) == total == n_parameters(model.architecture)
    assert len({block.module for block in blocks}) == len(blocks)
    assert model.training  # as it was


def test_blocks_have_output_shapes_and_descriptions() -> None:
    model = PresetVAE(Architecture(**SMALL, sampler=SamplerShape(16, 1, 2)))  # type: ignore[arg-type]
    blocks = {block.module: block for block in read_blocks(model)}
    assert blocks["encoder.per_note.0"].shape == (2, 129, 174)
    assert blocks["encoder.per_note.5"].kind == "convolution 4 × 4, stride 2, norm"
    assert blocks["encoder.mixed.0"].shape == (16, 3, 4)
    assert blocks["encoder.head"].shape == (1220,) and blocks["encoder.head"].kind == "linear, norm"
    assert blocks["latent_flow"].shape == blocks["regression"].shape == (610,)
    assert blocks["regression"].kind == "6 affine couplings"
    assert blocks["decoder.expand"].shape == (16, 3, 4)
    assert blocks["decoder.per_note.6"].shape == (1, 257, 347)
    assert blocks["decoder.per_note.6"].kind == "transposed 5 × 5, stride 2"
    assert blocks["sampler"].shape == (144,)


@pytest.mark.parametrize("name", ["num", "numcat++-mlp", "numcat++-six", "latentdx"])
def test_multiply_adds_equal_those_counted_in_a_forward_pass(name: str) -> None:
    """PyTorch's own counter counts convolutions and linear layers in a real pass with weights."""
    model = PresetVAE(read_profile(name, "smoke").architecture)
    with FlopCounterMode(display=False) as counter:
        run_once(model)
    assert multiply_adds(model.architecture) == counter.get_total_flops() / 2
    decoder = sum(counter.get_flop_counts()["PresetVAE.decoder"].values()) / 2
    half = multiply_adds(model.architecture, 0.5)
    assert half == pytest.approx(counter.get_total_flops() / 2 - decoder / 2)
    assert 0 < decoder < multiply_adds(model.architecture)


def test_a_counting_pass_changes_neither_the_random_state_nor_the_mode() -> None:
    model = PresetVAE(read_profile("num", "smoke").architecture).eval()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    run_once(model)
    assert torch.equal(before, torch.get_rng_state()) and not model.training
