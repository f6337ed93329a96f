"""The movements of the four sounds are measured as they were made."""

import numpy as np
import pytest

from latentdx import Engine, PresetBank
from latentdx.errors import ParameterError
from latentdx.evaluation.modulated_sounds import SOUNDS, ModulatedSound, measured


@pytest.mark.parametrize("made", SOUNDS, ids=lambda made: made.name)
def test_rate_and_depth_are_found(made: ModulatedSound) -> None:
    found = measured(made.sound(), made.moving, made.note)
    assert found.rate == pytest.approx(made.movement.rate, abs=0.1)
    if made.moving != "brightness":  # the centroid moves less than the cutoff
        assert found.depth == pytest.approx(made.movement.depth, rel=0.1)
    assert found.depth > 2
    for other in {"pitch", "level", "brightness"} - {made.moving}:
        bound = {"pitch": 5.0, "level": 2.0, "brightness": 2.0}[other]
        assert measured(made.sound(), other, made.note).depth < bound


def test_the_vibrato_of_a_preset_is_found_and_a_still_one_has_none() -> None:
    vibrato = {"LFO SPEED": 34, "LFO DELAY": 0, "LFO PM DEPTH": 30, "P MODE SENS.": 3, "LFO WAVE": 4}
    still = PresetBank.init()[0]
    found, none = (
        measured(Engine().render(preset, hold=4.0, n_samples=88_200), "pitch", 60)
        for preset in (still.with_values(**vibrato), still)
    )
    assert 5 < found.rate < 7 and 10 < found.depth < 60 and none.depth < 1


def test_a_short_sound_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"measured in 3.6 s of sound, not 1"):
        measured(np.zeros(22_050, np.float32), "level", 60)
