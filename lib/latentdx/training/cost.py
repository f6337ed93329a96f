"""What a training would cost on a machine where another one was measured.

The rule: time goes with multiply-adds. A preset costs those of one forward pass (a backward pass costs twice
as much again, whatever the model), of the decoder only for the share that is decoded; an epoch serves every
training preset once, or once a note where notes are items of their own; all epochs of the profile are done.
Precision and machine are those of the measured run, and a larger model is assumed to use them as well.
"""

from latentdx.audio.renderer import NOTE_SETS
from latentdx.models.model_summary import multiply_adds
from latentdx.training.history import RunProvenance
from latentdx.training.profile import Profile


def estimated_hours(profile: Profile, measured: RunProvenance) -> float:
    """Of a whole training with the measured run's number of presets."""
    reference = Profile.from_dict(measured.profile)
    of_reference = multiply_adds(reference.architecture, reference.decoded)
    per_second = measured.presets_per_second * of_reference
    items = measured.presets_per_epoch
    if profile.architecture.note_latents:
        items *= len(NOTE_SETS[profile.notes])
    work = multiply_adds(profile.architecture, profile.decoded) * items * profile.epochs
    return work / per_second / 3600
