"""The paper's models: published parameter counts, shapes, gradients and an invertible regression."""

import pytest
import torch

from latentdx.errors import ParameterError
from latentdx.models.preset_vae import Architecture, PresetVAE
from latentdx.models.representation import REPRESENTATIONS
from latentdx.training.losses import latent_loss, reconstruction_loss

paper = Architecture.paper
# paper.md section 3.5: the authors' models, built and counted
COUNTS = [
    (paper("numcat++"), 60_372_037),
    (paper("numcat"), 29_818_593),
    (paper("num"), 23_486_273),
    (paper("numcat++", n_operators=3), 39_000_457),
    (paper("num", head="mlp"), 59_409_657),
    (paper("numcat", head="mlp"), 59_491_657),
    (paper("numcat++", head="mlp"), 59_887_307),
    (paper("numcat++", n_operators=3, head="mlp"), 38_695_277),
    (paper("numcat++", notes="stacked"), 67_146_053),
    (paper("numcat++", notes="unstacked"), 76_108_393),
    (paper("numcat++", n_operators=3, notes="stacked"), 52_409_993),
]

SMALL = {"channels": (2, 2, 4, 4, 4, 4), "mixer": 8, "deepest": 16, "decoder_mixer": 8, "decoder_deepest": 16}
SMALL |= {"flow_hidden": 16}


def small(**changes):
    torch.manual_seed(0)
    return PresetVAE(Architecture(**(SMALL | changes)))


def describe(architecture):
    a = architecture
    return (
        f"{a.representation}-{a.n_operators}op-{a.head}-{a.n_notes}{'-unstacked' if a.note_latents else ''}"
    )


@pytest.mark.parametrize(("architecture", "count"), COUNTS, ids=[describe(a) for a, _ in COUNTS])
def test_parameter_counts_equal_the_published_ones(architecture, count):
    with torch.device("meta"):  # counted without allocating memory
        model = PresetVAE(architecture)
    assert sum(p.numel() for p in model.parameters()) == count


def test_parameter_counts_of_the_parts_of_numcat_plus_plus():
    with torch.device("meta"):
        model = PresetVAE(paper("numcat++"))
    parts = [model.encoder, model.decoder, model.latent_flow, model.regression]
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts == [33_835_756, 18_863_281, 3_834_060, 3_838_940]


CONFIGURATIONS = {
    "single": {},
    "num only": {"representation": "num"},
    "three operators": {"n_operators": 3},
    "odd length": {"representation": "num", "n_operators": 3},
    "mlp": {"head": "mlp", "representation": "numcat"},
    "six notes": {"n_notes": 6},
    "six notes unstacked": {"note_latents": True},
}


@pytest.mark.parametrize("changes", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_outputs_have_the_right_shapes_and_every_gradient_is_finite(changes):
    model = small(**changes)
    a, length = model.architecture, model.representation.length
    spectrograms = torch.randn(4, a.n_notes, 257, 347).clamp(-1, 1)
    notes = torch.tensor([[60, 85]] * 4) if a.note_latents else None
    output = model(spectrograms, notes)
    assert output.spectrograms.shape == spectrograms.shape
    assert output.spectrograms.abs().max() <= 1
    assert output.presets.shape == (4, length)
    assert output.z0.shape == output.zk.shape == output.mean.shape == (4, model.latent)

    targets = torch.rand(4, length)
    loss = reconstruction_loss(output, spectrograms) + 0.1 * latent_loss(output)
    loss = loss + (output.presets - targets).square().mean()
    loss.backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert without == []


def test_played_notes_are_written_into_the_first_two_latents():
    model = small(note_latents=True).eval()
    output = model(torch.zeros(2, 1, 257, 347), torch.tensor([[0, 127], [127, 64]]))
    assert torch.allclose(output.mean[:, :2], torch.tensor([[-1.0, 1.0], [1.0, 128 / 127 - 1]]))
    with pytest.raises(ParameterError, match="needs the pitch and velocity"):
        model(torch.zeros(2, 1, 257, 347))


def test_evaluation_is_deterministic_and_programs_from_the_mean():
    model = small().eval()
    spectrograms = torch.randn(3, 1, 257, 347)
    output = model(spectrograms)
    assert torch.equal(output.z0, output.mean)
    assert output.presets.min() < 0  # plain logits, which `program` clamps
    assert torch.equal(model.program(spectrograms), output.presets.clamp(0, 1))


def test_only_part_of_a_batch_is_decoded_but_all_presets_are_predicted():
    model = small().eval()
    spectrograms = torch.randn(4, 1, 257, 347)
    whole, part = model(spectrograms), model(spectrograms, decoded=2)
    assert part.spectrograms.shape == (2, 1, 257, 347)
    assert torch.allclose(part.spectrograms, whole.spectrograms[:2], atol=1e-6)
    assert torch.equal(part.presets, whole.presets)
    expected = (whole.spectrograms[:2] - spectrograms[:2]).square().mean()
    assert torch.allclose(reconstruction_loss(part, spectrograms), expected)


def test_levels_are_normalized_to_the_range_of_the_training_set():
    model = small()
    assert model.normalize(torch.tensor([-120.0, -50.0, 20.0])).tolist() == [-1, 0, 1]  # the store's
    model.range_db.copy_(torch.tensor([-100.0, 0.0]))
    assert torch.allclose(
        model.normalize(torch.tensor([-100.0, -50.0, 0.0, 10.0])), torch.tensor([-1, 0, 1, 1.2])
    )
    assert "range_db" in model.state_dict()  # so that checkpoints hold it


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_encoded_presets_are_predicted_exactly(representation):
    model = small(representation=representation).double().eval()
    vectors = torch.rand(8, model.representation.length, dtype=torch.float64)
    assert torch.allclose(model.regress(model.encode_preset(vectors)), vectors, atol=1e-9)


def test_encoding_presets_with_the_mlp_head_is_refused():
    model = small(head="mlp")
    with pytest.raises(ParameterError, match="cannot be inverted"):
        model.encode_preset(torch.rand(1, 610))
