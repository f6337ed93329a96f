"""Harmonic-percussive separation equals librosa's, and plain cases get the right label."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE, Dexed
from latentdx.dataset import labels
from latentdx.presets import corpora

TIME = np.arange(N_SAMPLES, dtype=np.float32) / SAMPLE_RATE
SINE = 0.5 * np.sin(2 * np.pi * 440 * TIME).astype(np.float32)


def _click() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=N_SAMPLES).astype(np.float32)
    return 0.5 * noise * np.exp(-TIME * 200)


def _librosa_parts(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    spectrum = librosa.stft(sound)
    harmonic, percussive = librosa.decompose.hpss(spectrum, margin=3.0)
    return np.abs(spectrum), np.abs(harmonic), np.abs(percussive)


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    bank = corpora.read("starter").neutral()
    played = [Dexed().render(bank[i], *labels.LABEL_NOTE) for i in range(0, len(bank), len(bank) // 8)]
    return [*played, SINE, _click()]


def test_separation_equals_librosa(sounds) -> None:
    for sound in sounds:
        magnitude, harmonic, percussive = _librosa_parts(sound)
        ours = labels.separate(magnitude)
        # librosa multiplies by the phase and we do not: its magnitudes carry one more rounding
        np.testing.assert_allclose(ours[0], harmonic, rtol=2e-6, atol=1e-9)
        np.testing.assert_allclose(ours[1], percussive, rtol=2e-6, atol=1e-9)


def test_balance_follows_the_papers_definition(sounds) -> None:
    """Shares are ratios of sums of librosa's own separation, with an attack of 250 ms."""
    for sound in sounds:
        whole, harmonic, percussive = (part.astype(np.float64) for part in _librosa_parts(sound))
        frames = (
            librosa.time_to_frames(0.25, sr=SAMPLE_RATE, hop_length=512) + 1
        )  # the last one begins within
        assert frames == labels.ATTACK_FRAMES
        ours = labels.balance(sound)
        assert ours.harmonic == pytest.approx(harmonic.sum() / whole.sum(), rel=1e-5)
        assert ours.percussive == pytest.approx(percussive.sum() / whole.sum(), rel=1e-5)
        assert ours.harmonic_attack == pytest.approx(harmonic[:, :frames].sum() / harmonic.sum(), rel=1e-5)
        assert ours.percussive_attack == pytest.approx(
            percussive[:, :frames].sum() / percussive.sum(), rel=1e-5
        )


def test_labels_of_plain_cases() -> None:
    assert labels.label_names(SINE) == ("harmonic",)
    assert labels.label_names(_click()) == ("percussive",)
    assert labels.label_names(np.zeros(N_SAMPLES, np.float32)) == ("sfx",)
    noise = 0.1 * np.random.default_rng(1).normal(size=N_SAMPLES).astype(np.float32)
    assert labels.label_names(noise) == ("sfx",)


@pytest.mark.parametrize(
    ("harmonic", "percussive", "harmonic_attack", "percussive_attack", "expected"),
    [
        (0.41, 0.0, 0.0, 0.0, (True, False)),
        (0.40, 0.0, 0.0, 0.0, (False, False)),
        (0.36, 0.0, 0.0, 0.90, (True, False)),
        (0.36, 0.0, 0.0, 0.89, (False, False)),
        (0.0, 0.41, 0.0, 0.91, (False, True)),
        (0.0, 0.41, 0.0, 0.90, (False, False)),
        (0.16, 0.36, 0.81, 0.91, (False, True)),
        (0.15, 0.36, 0.81, 0.91, (False, False)),
        (0.16, 0.36, 0.80, 0.91, (False, False)),
        (0.41, 0.41, 0.0, 0.95, (True, True)),
    ],
)
def test_rules_at_their_thresholds(
    harmonic, percussive, harmonic_attack, percussive_attack, expected
) -> None:
    found = (
        labels.is_harmonic(harmonic, percussive_attack),
        labels.is_percussive(harmonic, percussive, harmonic_attack, percussive_attack),
    )
    assert found == expected


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60))
def test_running_median_of_any_shape(seed: int, rows: int, columns: int) -> None:
    values = np.random.default_rng(seed).exponential(size=(rows, columns)).astype(np.float32)
    half = labels.KERNEL // 2
    mirrored = np.pad(values, ((0, 0), (half, half)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, labels.KERNEL, axis=1)
    np.testing.assert_array_equal(labels._median(values), np.median(windows, axis=-1))


@settings(max_examples=20, deadline=None)
# at least 16: if an axis is mirrored more than once, SciPy's two-dimensional median, which librosa uses, is
# sometimes wrong or NaN
@given(st.integers(0, 2**32 - 1), st.integers(16, 200), st.integers(16, 60))
def test_separation_of_any_shape(seed: int, bins: int, frames: int) -> None:
    magnitude = np.random.default_rng(seed).exponential(size=(bins, frames)).astype(np.float32)
    harmonic, percussive = librosa.decompose.hpss(magnitude, margin=3.0)
    ours = labels.separate(magnitude)
    np.testing.assert_array_equal(ours[0], harmonic)
    np.testing.assert_array_equal(ours[1], percussive)
