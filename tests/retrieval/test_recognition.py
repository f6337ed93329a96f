"""Test the recognition of known presets by their waveforms."""

import numpy as np
import pytest

from latentdx import Dexed
from latentdx.presets import corpora
from latentdx.retrieval.recognition import LENGTH, delayed, likeness


@pytest.fixture(scope="module")
def renders():
    return [Dexed().render(p, 55, 100, n_samples=LENGTH) for p in corpora.read("starter")[::16]]


@pytest.mark.parametrize("place", [0, 5, 13])
@pytest.mark.parametrize("cut", [0, 300, 2_000])
def test_a_sound_is_recognized_at_any_level_and_onset(renders, place, cut) -> None:
    whole = Dexed().render(corpora.read("starter")[16 * place], 55, 100)
    sound = -0.01 * whole[cut:]
    found = likeness(sound, renders)
    assert int(np.argmax([f.correlation for f in found])) == place
    assert found[place].correlation > 0.999 and found[place].delay == cut


def test_silence_before_the_onset_is_a_negative_delay(renders) -> None:
    sound = np.pad(Dexed().render(corpora.read("starter")[0], 55, 100), (200, 0))
    assert likeness(sound, renders)[0].delay == -200


def test_silence_is_like_nothing(renders) -> None:
    silence = np.zeros(LENGTH, np.float32)
    assert likeness(renders[0], [silence])[0].correlation == 0
    assert likeness(silence, renders[:1])[0].correlation < 1e-3


def test_delays_are_undone() -> None:
    sound = np.arange(1, 6, dtype=np.float32)
    np.testing.assert_array_equal(delayed(delayed(sound, -2), 2)[2:], sound[2:])
    assert delayed(sound, 0).tolist() == sound.tolist() and len(delayed(sound, 3)) == 5
