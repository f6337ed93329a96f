"""A model that can do without the level of a sound hears every gain of a recording as the same."""

from dataclasses import replace

import numpy as np
import torch

from latentdx import Engine, PresetBank
from latentdx.applications.sound_inputs import prepare_instruments
from latentdx.applications.target import prepare_target
from latentdx.training.augmentation import UNKNOWN_LEVEL_DB


def without_levels(model):
    about = replace(model.about, profile=replace(model.about.profile, unknown_level=0.3))
    return replace(model, about=about)


def piano():
    return Engine().render(PresetBank.read("data/starter/01-electric-pianos.syx").neutral()[0])


def test_recordings_of_every_gain_are_heard_alike(smoke_model):
    model, sound = without_levels(smoke_model), piano()
    loud, quiet = (
        model.hear([prepare_target(sound * np.float32(gain), 22_050, note=60)]) for gain in (2, 0.25)
    )
    assert loud.max() == UNKNOWN_LEVEL_DB
    assert torch.allclose(loud, quiet, atol=0.01)


def test_the_level_of_a_render_is_heard(smoke_model):
    (instrument,), _ = prepare_instruments(piano(), smoke_model.notes)
    assert instrument.targets[0].level_known
    heard, plain = without_levels(smoke_model).hear(instrument.targets), smoke_model.hear(instrument.targets)
    assert torch.equal(heard, plain) and heard.max() < 0


def test_other_models_hear_recordings_at_the_level_of_their_training(smoke_model):
    assert not smoke_model.about.profile.unknown_level
    heard = smoke_model.hear([prepare_target(piano() * np.float32(2), 22_050, note=60)])
    assert heard.max() < 0
