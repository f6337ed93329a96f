"""A played note: until it has faded, or as long as one waits for it."""

import numpy as np
import pytest

from latentdx import Engine, PresetBank
from latentdx.audio.played_note import play_note
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column

RATE = 22_050


def sine(**changes: int) -> Preset:
    """Return the INIT VOICE with some parameters of operator 1 changed."""
    values = PresetBank.init().values[0].copy()
    for name, value in changes.items():
        values[column("OP1 " + name.replace("_", " "))] = value
    return Preset(values)


def test_a_note_ends_where_it_has_faded() -> None:
    quick = play_note(sine(EG_RATE_4=80), hold=1.0, engine=Engine(RATE))
    slow = play_note(sine(EG_RATE_4=30), hold=1.0, engine=Engine(RATE))
    assert 1.0 < len(quick.sound) / RATE < 1.6 < len(slow.sound) / RATE
    assert quick.end_db == slow.end_db == -np.inf
    assert np.abs(quick.sound[-200:]).max() < quick.peak / 1000


def test_a_note_that_never_fades_is_heard_as_long_as_asked_and_known_to_sound() -> None:
    forever = play_note(sine(EG_LEVEL_4=98), hold=0.5, release=2.0, engine=Engine(RATE))
    assert len(forever.sound) / RATE == pytest.approx(2.5, abs=0.05)
    assert -3 < forever.end_db <= 0
    assert forever.sound[-1] == 0  # faded out


def test_the_beginning_is_what_the_engine_renders() -> None:
    preset = sine(EG_RATE_4=50)
    played = play_note(preset, 48, 100, hold=0.5, engine=Engine(RATE)).sound[:8192]
    rendered = Engine(RATE).render(preset, 48, 100, hold=0.5, n_samples=16_384)[:8192]
    np.testing.assert_array_equal(played, rendered)


@pytest.mark.parametrize("release", [0.1, 10.0])
def test_a_silent_preset_is_silent(release: float) -> None:
    played = play_note(sine(OUTPUT_LEVEL=0), hold=0.5, release=release, engine=Engine(RATE))
    assert played.peak == 0 and played.end_db == -np.inf


@pytest.mark.parametrize("release", [0.0, -1.0, np.inf, np.nan])
def test_a_time_to_wait_that_makes_no_sense_is_refused(release: float) -> None:
    with pytest.raises(ParameterError, match="release must be a finite time of at least"):
        play_note(sine(), release=release)
