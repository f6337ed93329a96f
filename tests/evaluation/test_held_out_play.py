"""Held-out play compares answers with the true presets as they are played, at one volume."""

import numpy as np
import pytest

from latentdx import Engine, PresetBank
from latentdx.evaluation import held_out_play
from latentdx.evaluation.condition_tables import METRICS
from latentdx.evaluation.held_out_play import HEARD, PLAYINGS
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column

SENSITIVITY = [column(f"OP{k} KEY VELOCITY") for k in range(1, 7)]


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(scope="module")
def piano():
    return PresetBank.read("data/starter/01-electric-pianos.syx").neutral().values[0]


def mfcc(true, found, engine):
    compared = held_out_play.compare(Preset(true), Preset(found), engine)
    return dict(zip(PLAYINGS, compared[:, METRICS.index("mfcc13_mae")], strict=True))


def test_an_equal_preset_is_equal_however_it_is_played(piano, engine):
    assert not held_out_play.compare(Preset(piano), Preset(piano), engine).any()


def test_what_velocity_does_is_heard_only_at_other_velocities(piano, engine):
    deaf = piano.copy()
    deaf[SENSITIVITY] = 0
    assert piano[SENSITIVITY].any()
    found = mfcc(piano, deaf, engine)
    assert found["soft"] > 2 * found[HEARD] and found["soft"] > 2
    assert np.isclose(found["held 6 s"], found[HEARD], rtol=0.5)


def test_the_volume_is_set_once(engine):
    values = PresetBank.init().neutral().values[0]  # one carrier
    quiet = values.copy()
    quiet[column("OP1 OUTPUT LEVEL")] -= 10
    found = mfcc(values, quiet, engine)
    assert max(found.values()) < 0.6  # 7.5 dB would be 6.5; what is left is noise


def test_all_answers_are_played():
    true = PresetBank.read("data/starter/01-electric-pianos.syx").neutral().values[:2]
    found = held_out_play.play(true, true[[1, 1]])
    assert found.shape == (2, len(PLAYINGS), len(METRICS))
    assert (found[0] > 0).all() and not found[1].any()
