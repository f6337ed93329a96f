"""The paper's mel spectrogram compared with librosa's functions, and its storage as codes."""

import librosa
import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.audio.spectrogram import (
    CEILING_DB,
    FLOOR_DB,
    N_FFT,
    REVISION,
    SETTINGS,
    from_codes,
    mel_filters,
    mel_spectrogram,
    spectrogram_code,
    to_codes,
)
from latentdx.audio.stft.compilation import LIBRARY
from latentdx.compilation import CompilationError
from latentdx.errors import ParameterError
from latentdx.presets.parameters import column, maxima

RATE, LENGTH = 22_050, 88_576


@pytest.fixture(scope="module")
def sounds() -> np.ndarray:
    """Renders of five random presets, noise, a click and silence: float32 (8, samples)."""
    rng = np.random.default_rng(3)
    values = rng.integers(0, maxima().astype(int) + 1, (5, len(maxima())))
    values[:, column("OP1 OUTPUT LEVEL")] = 99
    renders = Dexed().render_batch(PresetBank.from_values(values))[:, 0]
    others = np.zeros((3, LENGTH), np.float32)
    others[0] = rng.normal(0, 0.1, LENGTH)
    others[1, 1000] = 1
    return np.concatenate([renders, others])


def by_librosa(sound: np.ndarray) -> np.ndarray:
    """Compute the mel spectrogram with librosa in double precision."""
    window = np.hanning(1024)
    stft = librosa.stft(
        sound.astype(np.float64), n_fft=1024, hop_length=256, window=window, center=True, pad_mode="constant"
    )
    filters = librosa.filters.mel(
        sr=RATE, n_fft=1024, n_mels=257, fmin=0, fmax=11_025, norm=None, htk=False, dtype=np.float64
    )
    return 20 * np.log10(np.maximum(filters @ (np.abs(stft) / 511.5), 1e-6))


def test_it_agrees_with_librosa(sounds: np.ndarray) -> None:
    for sound in sounds:
        found, expected = mel_spectrogram(sound), by_librosa(sound)
        assert found.shape == expected.shape == (257, 347) and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=0.05)  # a tenth of the step between codes
        loud = expected > -80
        np.testing.assert_allclose(found[loud], expected[loud], atol=1e-3)


def test_the_window_is_symmetric_with_a_sum_of_511_5() -> None:
    assert np.hanning(1024).sum() == pytest.approx(511.5)
    assert SETTINGS["n_fft"] == N_FFT == 1024 and SETTINGS["hop"] == 256


@pytest.mark.parametrize("bin_", [3, 6, 12, 48])
def test_a_full_scale_sine_reads_minus_six_decibels(bin_: int) -> None:
    """The sine lies at the center of an FFT bin for which one mel filter has a weight close to 1."""
    weight = mel_filters().toarray()[:, bin_].max()
    sine = np.sin(2 * np.pi * bin_ * np.arange(LENGTH) / N_FFT).astype(np.float32)
    top = mel_spectrogram(sine)[:, 2:-2].max(axis=0)
    assert weight > 0.95
    np.testing.assert_allclose(top, 20 * np.log10(0.5 * weight), atol=0.03)
    np.testing.assert_allclose(top, -6.02, atol=0.4)


def test_silence_is_at_the_floor(sounds: np.ndarray) -> None:
    assert (mel_spectrogram(sounds[-1]) == FLOOR_DB).all()
    assert mel_spectrogram(sounds).min() >= FLOOR_DB


def test_a_batch_equals_the_single_spectrograms(sounds: np.ndarray) -> None:
    batch = mel_spectrogram(sounds.reshape(4, 2, LENGTH))
    assert batch.shape == (4, 2, 257, 347)
    for i, sound in enumerate(sounds):
        np.testing.assert_array_equal(batch[i // 2, i % 2], mel_spectrogram(sound))


@pytest.mark.parametrize("length", [1, 255, 256, 1000, 88_575, 88_576])
def test_any_length_gives_a_frame_every_256_samples(length: int) -> None:
    assert mel_spectrogram(np.ones(length, np.float32)).shape == (257, 1 + length // 256)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_an_empty_sound_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match="a sound must have at least 1 sample"):
        mel_spectrogram(np.zeros(shape, np.float32))


def test_codes_keep_decibels_within_half_a_step(sounds: np.ndarray) -> None:
    decibels = np.append(mel_spectrogram(sounds).ravel(), np.linspace(FLOOR_DB, CEILING_DB, 10_001))
    step = (CEILING_DB - FLOOR_DB) / 255
    error = np.abs(from_codes(to_codes(decibels)) - decibels)
    assert error.max() <= step / 2 + 1e-4
    assert error.max() > step / 2 - 1e-2  # the bound is reached


def test_codes_survive_a_round_trip_and_louder_values_are_clipped() -> None:
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_codes(from_codes(codes)), codes)
    assert from_codes(codes)[[0, 255]].tolist() == [FLOOR_DB, CEILING_DB]
    assert to_codes(np.array([-200, 25, 1000], np.float32)).tolist() == [0, 255, 255]


def test_the_compiled_spectrogram_is_as_exact_as_scipys(
    sounds: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are in single precision, and each rounds some codes unlike the other."""
    assert spectrogram_code() == f"compiled {REVISION}"
    compiled = mel_spectrogram(sounds)
    monkeypatch.setattr(LIBRARY, "at_hand", lambda: None)
    scipys, exact = mel_spectrogram(sounds), np.stack([by_librosa(sound) for sound in sounds])
    assert 0 < np.abs(compiled - scipys).max() < 0.05
    errors = [np.sqrt(np.mean((found - exact) ** 2)) for found in (compiled, scipys)]
    assert errors[0] < 1.5 * errors[1]
    steps = np.abs(to_codes(compiled).astype(int) - to_codes(scipys))
    assert steps.max() <= 1 and steps.mean() < 1e-3


@pytest.mark.parametrize("n", [1, 255, 256, 4000, 4096, 30_000])
@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_both_forms_take_any_length_and_rate(n: int, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(n).standard_normal((2, n)).astype(np.float32)[:, ::-1]
    compiled = mel_spectrogram(sound, rate)
    monkeypatch.setattr(LIBRARY, "at_hand", lambda: None)
    np.testing.assert_allclose(compiled, mel_spectrogram(sound, rate), atol=0.01)


def test_a_machine_that_cannot_compile_uses_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise CompilationError

    monkeypatch.setattr(LIBRARY, "functions", refuse)
    assert spectrogram_code() == "SciPy"
