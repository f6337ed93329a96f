"""The decoder's fast transposed convolutions equal PyTorch's; its output has the spectrograms' size."""

import pytest
import torch
from torch import nn

from latentdx.models.decoder import Decoder, DoublingConvTranspose2d


@pytest.mark.parametrize("size", [(2, 2), (3, 4), (17, 22)])
@pytest.mark.parametrize("extra", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("kernel", [3, 4, 5, 6, 7])
def test_the_fast_transposed_convolution_equals_pytorchs(kernel, extra, size):
    torch.manual_seed(0)
    fast = DoublingConvTranspose2d(3, 2, kernel, extra).double()
    plain = nn.ConvTranspose2d(3, 2, kernel, 2, 2, extra).double()
    plain.load_state_dict(fast.state_dict())  # same names, same shapes
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    values = []
    for layer, compute in ((fast, fast.doubled), (plain, plain)):
        at = x.clone().requires_grad_()
        y = compute(at)
        gradients = torch.autograd.grad(
            (y * torch.arange(y.numel()).view(y.shape)).sum(), [at, *layer.parameters()]
        )
        values.append([y, *gradients])
    for ours, theirs in zip(*values, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("half", [True, False])
def test_it_is_used_under_autocast_only_because_pytorchs_is_faster_in_single_precision(half, monkeypatch):
    layer, called = DoublingConvTranspose2d(3, 2, 4), []
    monkeypatch.setattr(layer, "doubled", lambda x: called.append(1) or x)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        layer(torch.randn(1, 3, 4, 4))
    assert bool(called) == half


@pytest.mark.parametrize("n_notes", [1, 6])
def test_decoded_spectrograms_have_257_mels_and_347_frames(n_notes):
    decoder = Decoder(10, n_notes, channels=(2,) * 6, mixer=4, deepest=4)
    assert decoder(torch.randn(2, 10)).shape == (2, n_notes, 257, 347)
