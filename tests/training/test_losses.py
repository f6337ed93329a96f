"""The losses agree with plain formulas and loops, and handle edge cases."""

import math

import pytest
import torch

from latentdx.models.preset_vae import Output
from latentdx.models.representation import REPRESENTATIONS
from latentdx.presets import corpora
from latentdx.presets.parameters import column
from latentdx.training.losses import (
    CATEGORICAL_WEIGHT,
    TEMPERATURE,
    block_cross_entropy,
    controls_loss,
    encoding_loss,
    joint_loss,
    latent_loss,
)

NUMCAT = REPRESENTATIONS["numcat++"]


def output(z0, zk, mean, log_variance, log_det):
    empty = torch.zeros(len(z0), 0)
    return Output(empty, empty, mean, log_variance, z0, zk, log_det)


def test_latent_loss_of_an_identity_flow_estimates_the_kl_divergence():
    torch.manual_seed(0)
    n, d = 200_000, 4
    mean, log_variance = torch.full((n, d), 0.5), torch.full((n, d), -1.0)
    z0 = mean + torch.exp(log_variance / 2) * torch.randn(n, d)
    kl = 0.5 * (0.25 + math.exp(-1) - 1 + 1)  # per dimension
    assert latent_loss(output(z0, z0, mean, log_variance, torch.zeros(n))).item() == pytest.approx(
        kl, abs=5e-3
    )


def test_the_log_determinant_per_dimension_lowers_the_latent_loss():
    z = torch.zeros(2, 4)
    plain = latent_loss(output(z, z, z, z, torch.zeros(2)))
    assert latent_loss(output(z, z, z, z, torch.full((2,), 8.0))) - plain == pytest.approx(-8 / 4)


def test_cross_entropy_of_blocks_equals_that_of_a_plain_loop():
    torch.manual_seed(0)
    targets = NUMCAT.encode(corpora.read("starter").values[:16])
    logits = torch.randn(16, NUMCAT.length) * 50
    found = block_cross_entropy(NUMCAT, logits, targets)
    for i, slot in enumerate(NUMCAT.blocks):
        wanted = torch.nn.functional.cross_entropy(
            logits[:, slot.slice], targets[:, slot.slice].argmax(1), reduction="none"
        )
        assert torch.allclose(found[:, i], wanted, atol=1e-4), slot.parameter.name


def test_a_perfect_prediction_has_the_least_loss_of_the_clamped_softmax():
    targets = NUMCAT.encode(corpora.read("starter").values[:4])
    best = [math.log(1 + (s.width - 1) * math.exp(-1 / TEMPERATURE)) for s in NUMCAT.blocks]
    wanted = CATEGORICAL_WEIGHT * sum(best) / len(best)
    assert controls_loss(NUMCAT, targets, targets).item() == pytest.approx(wanted, rel=1e-4)


def test_masked_parameters_do_not_affect_the_loss():
    bank = corpora.read("starter")[:8]
    values = bank.values.copy()

    values[:4, column("OP3 OUTPUT LEVEL")] = 0
    targets = NUMCAT.encode(values)
    counts = NUMCAT.of_sounding_operators(values)
    torch.manual_seed(0)
    presets = torch.rand(8, NUMCAT.length)
    disturbed = torch.where(NUMCAT.of_elements(counts), presets, torch.rand(8, NUMCAT.length))
    assert not torch.equal(presets, disturbed)
    assert torch.equal(
        controls_loss(NUMCAT, presets, targets, counts), controls_loss(NUMCAT, disturbed, targets, counts)
    )


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_a_batch_with_everything_masked_has_zero_loss_and_finite_gradients(name):
    representation = REPRESENTATIONS[name]
    presets = torch.rand(2, representation.length, requires_grad=True)
    counts = torch.zeros(2, len(representation.slots), dtype=torch.bool)
    loss = controls_loss(representation, presets, torch.rand(2, representation.length), counts)
    assert loss.item() == 0
    loss.backward()
    assert torch.isfinite(presets.grad).all()


def test_presets_in_half_precision_have_the_loss_of_the_same_presets_in_float32():
    targets = NUMCAT.encode(corpora.read("starter")[:4].values)
    halved = torch.rand(targets.shape, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(controls_loss(NUMCAT, halved, targets), controls_loss(NUMCAT, halved.float(), targets))


def test_scalars_beyond_the_end_at_which_their_target_is_cost_nothing():
    num = REPRESENTATIONS["num"]
    targets = torch.zeros(3, num.length)
    targets[1], targets[2] = 1.0, 0.5
    beyond = torch.stack([torch.full((num.length,), v) for v in (-0.3, 1.3, 0.5)]).requires_grad_()
    assert controls_loss(num, beyond, targets, clamped=False, scalar_loss="absolute") == 0
    wrong = torch.stack([torch.full((num.length,), v) for v in (1.3, -0.3, 1.3)]).requires_grad_()
    loss = controls_loss(num, wrong, targets, clamped=False, scalar_loss="absolute")
    assert loss.item() == pytest.approx((1.3 + 1.3 + 0.8) / 3)
    loss.backward()
    assert (wrong.grad != 0).all()  # outside of [0, 1] too, unlike with a clamp
    assert controls_loss(num, wrong, targets, clamped=True, scalar_loss="absolute") < loss


def test_the_joint_loss_counts_only_parameters_that_are_heard():
    nll = torch.tensor([[1.0, 2.0], [3.0, 100.0]])
    heard = torch.tensor([[True, True], [True, False]])
    assert joint_loss(nll, heard) == 2.0
    assert joint_loss(nll, torch.zeros(2, 2, dtype=torch.bool)) == 0.0


def test_encoding_loss_grows_with_the_distance_from_presets_to_their_sounds():
    zk = torch.tensor([[0.0, 1.0], [5.0, 5.0]])
    there = output(zk, zk, zk, zk, zk)
    assert encoding_loss(there) == 0  # nothing was encoded
    assert encoding_loss(there._replace(encoded=zk)) == 0
    far = (zk[:1] + 1e12).requires_grad_()
    loss = encoding_loss(there._replace(encoded=far))
    assert loss.item() == pytest.approx(math.log(1e24), rel=1e-3)
    loss.backward()
    assert (far.grad > 0).all()
