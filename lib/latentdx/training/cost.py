"""Cost of a training run in floating-point operations, and an estimate of its time from a measured run.

A step with one preset costs three forward passes, because a backward pass costs twice a forward pass; a
multiply-add is two operations; and the decoder counts only for the share of presets that is decoded. An epoch
serves every training preset once, or once per note where notes are items of their own, and all epochs of the
profile count, although a plateau may end a run early. Validation is left out, and so are the renders of a
sampler that is rewarded for its draws: it draws them in one forward pass each, and learns from each.

The estimate assumes that time is proportional to operations: a larger model is assumed to use the machine as
well as the measured one, in the same precision.
"""

from dataclasses import replace

from latentdx.audio.renderer import NOTE_SETS
from latentdx.models.model_summary import multiply_adds, sampler_multiply_adds
from latentdx.training.profile import Profile


def operations_per_preset(profile: Profile) -> float:
    """Count the floating-point operations of one training preset, at all notes, in one epoch."""
    items = len(NOTE_SETS[profile.notes]) if profile.architecture.note_latents else 1
    if profile.rewarded:
        heard = multiply_adds(replace(profile.architecture, sampler=None), decoded=0.0)
        return 2 * (heard + (4 * profile.rewarded + 3) * sampler_multiply_adds(profile.architecture))
    return 3 * 2 * multiply_adds(profile.architecture, profile.decoded) * items


def training_operations(profile: Profile, presets: int) -> float:
    """Count the floating-point operations of all training steps.

    Args:
        profile: Training profile.
        presets: Number of training presets.
    """
    return operations_per_preset(profile) * presets * profile.epochs


def estimated_seconds(profile: Profile, presets: int, reference: Profile, presets_per_second: float) -> float:
    """Estimate the time of all training steps, in seconds, on the machine of a measured run.

    Args:
        profile: Profile of the run to estimate.
        presets: Number of training presets.
        reference: Profile of the measured run, whose items are presets.
        presets_per_second: Speed of the measured run.
    """
    return training_operations(profile, presets) / (operations_per_preset(reference) * presets_per_second)
