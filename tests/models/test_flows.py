"""RealNVP flows are invertible and have the right log-determinant."""

import pytest
import torch

from latentdx.errors import ParameterError
from latentdx.models.flows import FlowBatchNorm, RealNVP

FLOWS = {"latent": {}, "regression": {"dropout": 0.4, "between": True}}


def trained(features, **settings):
    """Return a flow whose weights and statistics differ from the initial ones."""
    torch.manual_seed(0)
    flow = RealNVP(features, hidden=24, **settings).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    for _ in range(20):
        flow(torch.randn(64, features).double() * 2 + 1)
    return flow


@pytest.mark.parametrize("features", [2, 7, 40])
@pytest.mark.parametrize("settings", FLOWS.values(), ids=FLOWS)
def test_inverse_undoes_forward(features, settings):
    flow = trained(features, **settings).eval()
    x = torch.randn(16, features).double()
    y, _ = flow(x)
    assert (y - x).abs().max() > 0.01  # it does something
    assert torch.allclose(flow.inverse(y), x, atol=1e-9)
    assert torch.allclose(flow(flow.inverse(x))[0], x, atol=1e-9)


def test_inverse_undoes_forward_in_training_with_frozen_statistics():
    flow = trained(10, dropout=0.0, between=True).train()
    for module in flow.modules():
        if isinstance(module, torch.nn.BatchNorm1d | FlowBatchNorm):
            module.eval()
    x = torch.randn(16, 10).double()
    assert torch.allclose(flow.inverse(flow(x)[0]), x, atol=1e-9)


@pytest.mark.parametrize("settings", FLOWS.values(), ids=FLOWS)
def test_the_log_determinant_equals_that_of_the_jacobian(settings):
    flow = trained(6, **settings).eval()
    x = torch.randn(3, 6).double()
    _, log_det = flow(x)
    for row, value in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None])[0][0], row)
        assert torch.allclose(jacobian.slogdet().logabsdet, value, atol=1e-9)


def test_every_feature_is_moved_and_every_parameter_learns():
    flow = trained(9, dropout=0.4, between=True)
    x = torch.randn(32, 9).double()
    y, log_det = flow(x)
    assert ((y - x).abs().max(0).values > 1e-3).all()
    (y.square().sum() + log_det.sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in flow.parameters())


def test_batch_norm_normalizes_in_training_and_learns_its_statistics():
    norm = FlowBatchNorm(3, momentum=1.0).double()
    x = torch.randn(500, 3).double() * torch.tensor([1.0, 5.0, 0.1]) + 3
    y = norm(x)(x)
    assert torch.allclose(y.mean(0), torch.zeros(3).double(), atol=1e-9)
    assert torch.allclose(y.std(0, unbiased=False), torch.ones(3).double(), atol=1e-2)
    norm.eval()
    assert torch.allclose(norm()(x), y, atol=1e-9)


def test_a_flow_with_one_feature_is_refused():
    with pytest.raises(ParameterError, match="not 1 and 6"):
        RealNVP(1)


@pytest.mark.parametrize("settings", FLOWS.values(), ids=FLOWS)
def test_autocast_does_not_lower_the_precision_of_flows(settings):
    flow = trained(8, **settings).float().eval()
    x = torch.randn(4, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y, log_det = flow(x)
        from_half, _ = flow(x.bfloat16())
        back = flow.inverse(y)
    assert y.dtype == log_det.dtype == from_half.dtype == back.dtype == torch.float32
    assert torch.equal(y, flow(x)[0])
    assert torch.allclose(back, x, atol=1e-4)
