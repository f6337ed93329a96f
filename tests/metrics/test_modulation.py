"""The modulation spectrum hears rate and depth of a vibrato or tremolo, and not its phase."""

import numpy as np
import pytest

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.metrics.modulation import modulation_mismatch, modulation_spectrum, tracks_of
from latentdx.metrics.objective import MODULATION_WEIGHT, distance_as_is
from latentdx.metrics.sound_features import SoundFeatures

T = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE


def note(rate: float = 6.0, cents: float = 0.0, decibels: float = 0.0, phase: float = 0.0) -> SoundFeatures:
    """Return four seconds of eight harmonics with vibrato and tremolo."""
    lfo = np.sin(2 * np.pi * rate * T + phase)
    angle = 2 * np.pi * np.cumsum(330 * 2 ** (cents / 1200 * lfo)) / SAMPLE_RATE
    sound = sum(np.sin(k * angle) / k for k in range(1, 9)) * 10 ** (decibels * lfo / 20)
    return SoundFeatures((0.1 * sound).astype(np.float32))


@pytest.mark.parametrize("kind", ["cents", "decibels"])
def test_phase_hardly_counts_and_rate_and_depth_do(kind: str) -> None:
    depth = 30.0 if kind == "cents" else 3.0
    target, flat = note(**{kind: depth}), note()
    from_flat = modulation_mismatch(target, flat)
    assert from_flat > 0.3
    assert modulation_mismatch(target, note(**{kind: depth}, phase=2.0)) < 0.15 * from_flat
    half, slower, slow = (
        modulation_mismatch(target, other)
        for other in (note(**{kind: depth / 2}), note(5.0, **{kind: depth}), note(1.5, **{kind: depth}))
    )
    assert half < 0.7 * from_flat and slower < 0.6 * from_flat and slower < slow
    assert modulation_mismatch(target, target) == 0


def test_without_this_view_an_answer_without_vibrato_would_win() -> None:
    """Frame by frame, a vibrato in another phase is as far away as none."""
    target, flat, shifted = note(cents=30.0), note(), note(cents=30.0, phase=np.pi)
    frames = [
        distance_as_is(target, x) - MODULATION_WEIGHT * modulation_mismatch(target, x)
        for x in (flat, shifted)
    ]
    assert frames[0] < 1.05 * frames[1]
    assert modulation_mismatch(target, flat) > 3 * modulation_mismatch(target, shifted)


def test_the_band_of_the_rate_is_found() -> None:
    for rate, band in ((1.4, 1), (2.0, 2), (6.0, 5), (13.0, 7)):
        depths = modulation_spectrum(tracks_of(note(rate, decibels=6.0)))
        assert depths[0].argmax() == band


@pytest.mark.parametrize("n", [4096, 20_000, 88_576])
def test_silence_and_short_sounds_have_a_modulation_too(n: int) -> None:
    silence, noise = np.zeros(n), np.random.default_rng(0).standard_normal(n)
    for sound in (silence, noise, np.append(noise[: n // 2], silence[: n - n // 2])):
        depths = modulation_spectrum(tracks_of(SoundFeatures(sound.astype(np.float32))))
        assert np.isfinite(depths).all() and depths.shape == (8, 8)
        assert sound.any() or not depths.any()


def test_an_attack_and_a_decay_are_no_modulation() -> None:
    """What moves once counts for much less than what moves regularly."""
    for decay in (1.0, 2.0, 8.0, 16.0):
        plucked = SoundFeatures(note().audio * np.exp(-decay * T).astype(np.float32))
        assert modulation_mismatch(note(), plucked) < 0.3 * modulation_mismatch(note(cents=30.0), note())


def test_the_level_does_not_count() -> None:
    target = note(cents=30.0)
    softer = SoundFeatures(target.audio * np.float32(0.25))
    assert modulation_mismatch(target, softer) < 0.01
