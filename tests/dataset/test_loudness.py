"""The level that models expect, and the gain that brings sounds to it."""

import numpy as np
import pytest

from latentdx.dataset import curation, loudness, target_sounds
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.errors import ParameterError


def test_the_level_is_the_median_of_the_training_set() -> None:
    table = curation.read_curation("starter")
    part = table[table["split_random"] == "train"]["peak_rms_db_85"]
    assert loudness.training_level_db("starter", "random") == np.median(part)
    assert loudness.training_level_db("starter", "random") != loudness.training_level_db()


@pytest.mark.parametrize("before", [0.01, 1.0, 30.0])
def test_one_gain_brings_the_loudest_frame_there(before) -> None:
    sound = target_sounds.load("out of domain")[0].audio() * np.float32(before)
    out, gain = loudness.leveled(sound)
    assert out.dtype == np.float32
    assert peak_rms_db(out) == pytest.approx(loudness.training_level_db(), abs=1e-3)
    np.testing.assert_allclose(out, sound * 10 ** (gain / 20), rtol=1e-5, atol=1e-9)
    assert peak_rms_db(loudness.leveled(sound, -30.0)[0]) == pytest.approx(-30.0, abs=1e-3)


def test_silence_is_refused() -> None:
    with pytest.raises(ParameterError, match="silent"):
        loudness.leveled(np.zeros(10_000, np.float32))
