"""Chords of known notes, and sounds that are none."""

import numpy as np
import pytest

from latentdx import Dexed
from latentdx.audio.chord import chord_notes, partials
from latentdx.presets import starter

RATE = 22_050


def note(midi: float, harmonics: int, seconds: float = 1.5) -> np.ndarray:
    """Return a note whose harmonics fall with their number."""
    f0, t = 440 * 2 ** ((midi - 69) / 12), np.arange(round(seconds * RATE)) / RATE
    return (sum(np.sin(2 * np.pi * f0 * k * t + k * k) / k for k in range(1, harmonics + 1))).astype(
        np.float32
    )


def found(sound: np.ndarray) -> list[int]:
    return [round(69 + 12 * np.log2(f / 440)) for f in chord_notes(sound)]


@pytest.mark.parametrize("harmonics", [2, 4, 8])
@pytest.mark.parametrize("shape", [(0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 3, 6), (0, 4, 7, 10), (0, 3), (0, 7)])
def test_the_notes_of_a_chord_are_found(harmonics, shape):
    for root in (43, 55, 64):
        assert found(sum(note(root + k, harmonics) for k in shape)) == [root + k for k in shape]


def test_a_single_note_is_no_chord():
    out_of_tune = note(60, 6) + note(60.1, 6)
    for sound in (note(60, 1), note(60, 8), note(40, 30), out_of_tune, np.zeros(RATE, np.float32)):
        assert chord_notes(sound) == ()
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert chord_notes(noise) == ()


def test_partials_are_measured():
    frequencies, levels = partials(note(60, 5))
    assert np.allclose(frequencies, 261.63 * np.arange(1, 6), atol=0.1)
    assert np.allclose(levels, -20 * np.log10(np.arange(1, 6)), atol=0.1)
    assert partials(np.zeros(RATE, np.float32))[0].size == 0


@pytest.mark.parametrize("midi", [48, 60, 72, 84])
def test_no_preset_is_taken_for_a_chord(midi):
    synth = Dexed()
    assert [p.name for p in starter.bank()[midi % 5 :: 5] if chord_notes(synth.render(p, midi))] == []


def test_three_notes_of_a_preset_are_a_chord():
    synth, bank = Dexed(), starter.bank()
    for name in ("PIANO 2", "PERC ORG 5", "CHOIR 4", "HARPSI 6"):
        assert found(sum(synth.render(bank[name], 52 + k) for k in (0, 4, 7)))[0] in (40, 52), name
