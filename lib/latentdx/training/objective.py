"""The objective of a training run: the losses of a batch, and the score of a validation."""

import numpy as np
import torch
from torch import Tensor

from latentdx.audio.renderer import NOTE_SETS
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, N_BLOCKS
from latentdx.models.preset_vae import Output, PresetVAE
from latentdx.models.representation import Representation
from latentdx.training.augmentation import blank_bands
from latentdx.training.data import Batch
from latentdx.training.losses import (
    controls_loss,
    encoding_loss,
    joint_loss,
    latent_loss,
    reconstruction_loss,
)
from latentdx.training.profile import Profile
from latentdx.training.reinforcement import (
    advantages,
    distances,
    draw,
    log_distances,
    other_ways,
    policy_loss,
)
from latentdx.training.run import Run


def beta(profile: Profile, epoch: int) -> float:
    """Return the weight of the latent loss in an epoch; it grows linearly, then stays constant.

    Args:
        profile: Training profile, see `Profile.beta` and `Profile.beta_epochs`.
        epoch: Epoch, counted from 0.
    """
    first, last = profile.beta
    return first + (last - first) * min(epoch / profile.beta_epochs, 1.0)


def losses(run: Run, batch: Batch, *, training: bool) -> tuple[dict[str, Tensor], Tensor]:
    """Compute the losses of a batch.

    Args:
        run: Training run.
        batch: Batch. In training it is this process's share of a batch; the mean of the losses over all
            processes is then the loss that one process would compute.
        training: Whether this is a training step, in which the processes run in step; if false, each process
            works on its own.

    Returns:
        The losses by name, with the one to minimize as "loss"; and the predicted preset vectors (B, length).
    """
    if run.profile.rewarded:
        return _sampler_losses(run, run.bare, batch)
    if isinstance(run.bare, PresetVAE):
        return _paper_losses(run, run.bare, batch, training)
    with run.autocast():
        parts, presets = (run.model if training else run.bare).losses(batch)
    return {name: _full(part) for name, part in parts.items()}, _full(presets)


def _full(values: Tensor) -> Tensor:
    """Convert what comes out of autocast to single precision."""
    return values.float() if values.dtype == torch.bfloat16 else values


def _paper_losses(
    run: Run, model: PresetVAE, batch: Batch, training: bool
) -> tuple[dict[str, Tensor], Tensor]:
    """Compute the losses of the paper's network, which the profile weights."""
    profile = run.profile
    spectrograms = model.normalize(batch.decibels)
    decoded = max(round(len(spectrograms) * profile.decoded), 2 if training else 1)  # for batch norm
    encode = profile.encoding_weight > 0
    heard = blank_bands(spectrograms, profile.blank_bands) if training else spectrograms
    with run.autocast():
        found = (run.model if training else model)(heard, batch.notes, batch.values, decoded, encode=encode)
    output = Output._make(t if t is None else _full(t) for t in found)

    def over_ranks(count: Tensor) -> Tensor:
        return mean_over_ranks(run, count) if training else count

    parts = {
        "reconstruction": reconstruction_loss(output, spectrograms),
        "latent": latent_loss(output),
        "controls": controls_loss(
            model.representation,
            output.presets,
            batch.targets,
            batch.counts,
            clamped=profile.clamped,
            scalar_loss=profile.scalar_loss,
            free_ends=profile.free_ends,
            over_ranks=over_ranks,
        ),
    }
    total = (
        parts["reconstruction"]
        + beta(profile, run.progress.epoch) * parts["latent"]
        + profile.controls_weight * parts["controls"]
    )
    if encode:
        parts["encoding"] = encoding_loss(output)
        total = total + profile.encoding_weight * parts["encoding"]
    if model.sampler is not None and output.nll is not None:
        parts["joint"] = joint_loss(output.nll, model.sampler.heard(batch.values), over_ranks)
        total = total + profile.joint_weight * parts["joint"]
    return {"loss": total, **parts}, output.presets


def _sampler_losses(run: Run, model: PresetVAE, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
    """Compute the losses of a sampler that learns by reinforcement; all else stays as it is."""
    profile, sampler, values = run.profile, model.eval().sampler, batch.values
    assert sampler is not None
    blocks = (torch.randperm(N_BLOCKS - 1) + 1).tolist()  # so that redraws learn, too
    with torch.no_grad():
        spectrograms = model.normalize(batch.decibels)
        maps = model.encoder.maps(spectrograms)
        presets = model.program(spectrograms)
        drawn = draw(sampler, maps, profile.rewarded, blocks)
    notes = [(*NOTE_SETS[profile.notes], way) for way in other_ways(len(values))]
    found = distances(drawn.cpu().numpy(), values.cpu().numpy(), notes, batch.level_known.numpy())
    gains = torch.from_numpy(advantages(found)).float().flatten().to(maps.device)
    draws = drawn.flatten(0, 1).to(maps.device)
    with run.autocast():
        nll = sampler(maps.repeat_interleave(profile.rewarded, 0), draws, blocks, DRAWING_TEMPERATURE)
        joint = joint_loss(sampler(maps, values, blocks), sampler.heard(values))
    policy = policy_loss(nll, sampler.heard(draws), gains)
    distance = torch.tensor(log_distances(found).mean(), dtype=torch.float32, device=maps.device)
    return {"loss": policy + profile.joint_weight * joint, "joint": joint, "log_distance": distance}, presets


def mean_over_ranks(run: Run, values: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes."""
    return torch.as_tensor(run.fabric.all_reduce(values, reduce_op="mean"))


def parameter_accuracies(
    representation: Representation, presets: Tensor, targets: Tensor
) -> tuple[float, float]:
    """Compare predicted presets with their targets.

    Args:
        representation: Representation of the presets.
        presets: Predicted vectors (B, length).
        targets: Target vectors (B, length).

    Returns:
        Share of categorical parameters that are exact, and mean absolute error of the numerical parameters,
        which are scaled to [0, 1].
    """
    guess, truth = representation.plugin(presets), representation.plugin(targets)
    parameters = [slot.parameter for slot in representation.slots]
    categorical = [p for p in parameters if p.kind == "categorical"]
    columns = [p.index for p in categorical]
    maxima = np.array([p.maximum for p in categorical])
    exact = np.rint(guess[:, columns] * maxima) == np.rint(truth[:, columns] * maxima)
    columns = [p.index for p in parameters if p.kind != "categorical"]
    return float(exact.mean()), float(np.abs(guess[:, columns] - truth[:, columns]).mean())


def score(run: Run, figures: dict[str, float]) -> float:
    """Return the validation score, lower is better.

    It is the paper's, plus the sampler's loss if there is one; or how close the draws of a sampler are that
    learns by reinforcement; or the loss of a network of one's own.
    """
    if run.profile.rewarded:
        return figures["log_distance"]
    if not isinstance(run.bare, PresetVAE):
        return figures["loss"]
    return figures["reconstruction"] + figures["controls"] + figures.get("joint", 0.0)
