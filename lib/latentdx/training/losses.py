"""The paper's three losses (its section 4), vectorized, with masks as weights.

total = reconstruction + beta * latent + controls
"""

from collections.abc import Callable
from math import log, pi
from typing import Literal

import torch
from torch import Tensor

from latentdx.models.preset_vae import Output
from latentdx.models.representation import Representation

TEMPERATURE = 0.2
"""Of the softmax over clamped slots; it limits logits to [0, 5] (paper section 4)."""

CATEGORICAL_WEIGHT = 0.2

_LEAST = 1e-6  # instead of a count of nothing, whose sum is zero too


def reconstruction_loss(output: Output, spectrograms: Tensor) -> Tensor:
    """Mean squared error over all pixels of the normalized spectrograms (B, note, 257, 347) decoded."""
    return torch.nn.functional.mse_loss(output.spectrograms, spectrograms[: len(output.spectrograms)])


def latent_loss(output: Output) -> Tensor:
    """`-[log N(zK; 0, I) - log N(z0; mean, variance) + log |det|] / D`, mean over the batch: one sample."""
    prior = -0.5 * (output.zk**2 + log(2 * pi)).sum(1)
    spread = (output.z0 - output.mean) ** 2 / output.log_variance.exp()
    posterior = -0.5 * (spread + output.log_variance + log(2 * pi)).sum(1)
    return -(prior - posterior + output.log_det).mean() / output.z0.shape[1]


def controls_loss(
    representation: Representation,
    presets: Tensor,
    targets: Tensor,
    counts: Tensor | None = None,
    *,
    clamped: bool = True,
    scalar_loss: Literal["squared", "absolute"] = "squared",
    free_ends: bool = True,
    over_ranks: Callable[[Tensor], Tensor] = lambda count: count,
) -> Tensor:
    """Error of the scalars plus 0.2 times the cross-entropy of the blocks.

    Unlike the authors' code, what is masked does not count in the mean, and a block that no row of the batch
    counts adds nothing (theirs is NaN then).

    Args:
        presets: predicted vectors (B, length).
        targets: (B, length), of `Representation.encode`.
        counts: bool (B, parameters), which parameters of each preset count (default all), as of
            `Representation.of_sounding_operators`.
        clamped: clamp the prediction to [0, 1] first, as the paper does (no gradient outside); else blocks
            are plain logits.
        scalar_loss: squared error as in the paper, or absolute.
        free_ends: without the clamp, a scalar beyond the right end of its range is no error: decoding clamps
            it, and half of all scalars of learnfm are at an end (31 % at 0, 17 % at the maximum).
        over_ranks: mean of a tensor over all processes, so that the mean of their losses, and of their
            gradients, is that of one process with the whole batch.
    """
    if clamped:
        presets = presets.clamp(0, 1)
    if counts is None:
        counts = torch.ones(len(presets), len(representation.slots), dtype=torch.bool)
    counts = counts.to(presets.device)
    is_block = torch.tensor([s.one_hot for s in representation.slots], device=presets.device)
    loss = presets.new_zeros(())
    if representation.scalars:
        elements = torch.tensor([s.start for s in representation.scalars], device=presets.device)
        weight = counts[:, ~is_block].to(presets.dtype)
        target = targets[:, elements]
        error = presets[:, elements] - target
        if free_ends and not clamped:
            error = torch.where(target >= 1, error.clamp(max=0), error)
            error = torch.where(target <= 0, error.clamp(min=0), error)
        error = error.abs() if scalar_loss == "absolute" else error**2
        loss = loss + (weight * error).sum() / over_ranks(weight.sum()).clamp(min=_LEAST)
    if representation.blocks:
        entropy = block_cross_entropy(representation, presets / TEMPERATURE, targets)  # (B, block)
        weight = counts[:, is_block].to(presets.dtype)
        rows = over_ranks(weight.sum(0))
        of_block = (weight * entropy).sum(0) / rows.clamp(min=_LEAST)
        loss = loss + CATEGORICAL_WEIGHT * of_block.sum() / (rows > 0).sum().clamp(min=1)
    return loss


def encoding_loss(output: Output) -> Tensor:
    """Mean of log(1 + d^2), d from the zK that regresses to a preset to the zK of that preset's sound.

    A regression contracts what it cannot predict, so that its inverse throws presets far from where any sound
    lies, and a line between two of them means nothing. Not of the paper, whose flow is free to do so.
    """
    if output.encoded is None:
        return output.zk.new_zeros(())
    return torch.log1p((output.encoded - output.zk[: len(output.encoded)].detach()) ** 2).mean()


def joint_loss(nll: Tensor, heard: Tensor, over_ranks: Callable[[Tensor], Tensor] = lambda c: c) -> Tensor:
    """Mean negative log-likelihood, nats a parameter that can be heard: (B, 144) both."""
    weight = heard.to(nll.dtype)
    return (nll * weight).sum() / over_ranks(weight.sum()).clamp(min=_LEAST)


def block_cross_entropy(representation: Representation, logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every one-hot block, (B, length) -> (B, blocks): logits against one-hot targets."""
    sizes = [s.width for s in representation.blocks]
    elements = torch.cat([torch.arange(s.start, s.start + s.width) for s in representation.blocks])
    block = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes)).to(logits.device)
    elements = elements.to(logits.device)
    chosen = logits[:, elements]
    index = block.expand(len(chosen), -1)
    empty = chosen.new_full((len(chosen), len(sizes)), float("-inf"))
    highest = empty.scatter_reduce(1, index, chosen.detach(), "amax")
    total = torch.zeros_like(highest).scatter_add(1, index, (chosen - highest.gather(1, index)).exp())
    right = torch.zeros_like(highest).scatter_add(1, index, chosen * targets[:, elements])
    return highest + total.log() - right
