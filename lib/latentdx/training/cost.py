"""Estimate of a training run's duration from another run that was measured on the same machine.

The estimate assumes that time is proportional to the number of multiply-adds. A preset costs those of one
forward pass (a backward pass costs twice as much again for every model); the decoder counts only for the
share of presets that is decoded. An epoch serves every training preset once, or once per note where notes are
items of their own, and all epochs of the profile are trained. Precision and machine are those of the measured
run, and a larger model is assumed to use the machine equally well.
"""

from latentdx.audio.renderer import NOTE_SETS
from latentdx.models.model_summary import multiply_adds
from latentdx.training.history import RunProvenance
from latentdx.training.profile import Profile


def estimated_hours(profile: Profile, measured: RunProvenance) -> float:
    """Estimate the hours of a whole training run with as many presets per epoch as the measured run.

    Args:
        profile: Profile of the run to estimate.
        measured: Provenance of the measured run.
    """
    reference = Profile.from_dict(measured.profile)
    of_reference = multiply_adds(reference.architecture, reference.decoded)
    per_second = measured.presets_per_second * of_reference
    items = measured.presets_per_epoch
    if profile.architecture.note_latents:
        items *= len(NOTE_SETS[profile.notes])
    work = multiply_adds(profile.architecture, profile.decoded) * items * profile.epochs
    return work / per_second / 3600
