"""Losses: the paper's three (its section 4), vectorized and with masks as weights, and two of our own.

The paper's total loss is reconstruction + beta * latent + controls.
"""

from collections.abc import Callable
from math import log, pi
from typing import Literal

import torch
from torch import Tensor

from latentdx.models.preset_vae import Output
from latentdx.models.representation import Representation

TEMPERATURE = 0.2
"""Temperature of the softmax over clamped blocks; it limits logits to [0, 5] (paper section 4)."""

CATEGORICAL_WEIGHT = 0.2
"""Weight of the blocks' cross-entropy in the controls loss (paper section 4)."""

_LEAST = 1e-6  # replaces a count of 0, whose sum is 0 too, so that nothing is divided by 0


def reconstruction_loss(output: Output, spectrograms: Tensor) -> Tensor:
    """Compute the mean squared error of the decoded spectrograms over all their pixels.

    Args:
        output: Result of a forward pass.
        spectrograms: Normalized spectrograms (B, note, 257, 347); only as many as were decoded are used.
    """
    return torch.nn.functional.mse_loss(output.spectrograms, spectrograms[: len(output.spectrograms)])


def latent_loss(output: Output) -> Tensor:
    """Estimate the latent loss (the KL divergence from the prior, per dimension) from one sample per item.

    It is `-[log N(zK; 0, I) - log N(z0; mean, variance) + log |det dzK/dz0|] / D`, averaged over the batch.
    """
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
    """Compute the controls loss: the error of the scalars plus 0.2 times the cross-entropy of the blocks.

    Unlike in the authors' code, masked parameters do not count in the mean, and a block that is masked in
    every row of the batch adds nothing (their loss is NaN in this case).

    Args:
        representation: Representation of the presets.
        presets: Predicted vectors (B, length), of any precision.
        targets: Target vectors (B, length), from `Representation.encode`.
        counts: Mask of the parameters that count, bool (B, parameters), for example from
            `Representation.of_sounding_operators`; default all.
        clamped: Whether the prediction is clamped to [0, 1] first, as in the paper (there is no gradient
            outside); if false, blocks are plain logits.
        scalar_loss: Error of the scalars: "squared" as in the paper, or "absolute".
        free_ends: Whether, without the clamp, a scalar beyond an end of its range counts as correct if its
            target is at that end. Decoding clamps it anyway, and about half of all scalars of learnfm are at
            an end (31% at 0, 17% at the maximum).
        over_ranks: Function that returns the mean of a tensor over all processes. With it, the mean of the
            processes' losses and gradients equals that of one process with the whole batch.
    """
    presets = presets.float()  # under autocast a network's last layer may return bfloat16
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
    """Compute the encoding loss, which keeps encoded presets close to their sounds in the latent space.

    It is the mean of log(1 + d^2), where d is the difference, in each dimension, between the zK encoded from
    a preset and the zK of the preset's sound. A regression contracts the directions that it cannot predict,
    so that its inverse may place presets far from where any sound lies; a line between two such points means
    nothing. The paper does not have this loss.

    Args:
        output: Result of a forward pass; the loss is 0 if `encoded` is `None`.
    """
    if output.encoded is None:
        return output.zk.new_zeros(())
    return torch.log1p((output.encoded - output.zk[: len(output.encoded)].detach()) ** 2).mean()


def joint_loss(nll: Tensor, heard: Tensor, over_ranks: Callable[[Tensor], Tensor] = lambda c: c) -> Tensor:
    """Compute the sampler's mean negative log-likelihood, in nats per parameter that can be heard.

    Args:
        nll: Negative log-likelihoods (B, 144), nats.
        heard: Mask of the parameters that can be heard, bool (B, 144), see `PresetSampler.heard`.
        over_ranks: Function that returns the mean of a tensor over all processes.
    """
    weight = heard.to(nll.dtype)
    return (nll * weight).sum() / over_ranks(weight.sum()).clamp(min=_LEAST)


def block_cross_entropy(representation: Representation, logits: Tensor, targets: Tensor) -> Tensor:
    """Compute the cross-entropy of every one-hot block.

    Args:
        representation: Representation of the presets.
        logits: Predicted vectors (B, length); the blocks' elements are logits.
        targets: Target vectors (B, length), whose blocks are one-hot.

    Returns:
        (B, blocks), nats.
    """
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
