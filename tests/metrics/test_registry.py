"""Metrics against librosa and against their definitions written out."""

import itertools

import librosa
import numpy as np
import pytest

from latentdx.audio.pitch import Pitch
from latentdx.audio.renderer import SAMPLE_RATE, Dexed
from latentdx.errors import ParameterError
from latentdx.metrics.registry import AUDIO_METRICS, METRICS, PARAMETER_METRICS, PYIN_METRIC, log_mel_mae
from latentdx.metrics.sound_features import SILENCE_DB, SoundFeatures
from latentdx.models.representation import REPRESENTATIONS
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import PARAMETERS, column, learnable_parameters, maxima, parameter
from latentdx.presets.predictions import Predictions

AUDIO = {m.name: m.compute for m in AUDIO_METRICS}
OF_PRESETS = {m.name: m.compute for m in PARAMETER_METRICS}


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()[::48]


@pytest.fixture(scope="module")
def sounds(bank: PresetBank) -> list[np.ndarray]:
    return [Dexed().render(preset) for preset in bank]


def tone(hertz: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


def test_audio_metrics_equal_librosas(sounds) -> None:
    """The paper's four metrics equal those from librosa's functions, with the paper's reflection padding."""
    for a, b in itertools.pairwise(sounds):
        target, inferred = SoundFeatures(a), SoundFeatures(b)
        x, y = (np.abs(librosa.stft(s, n_fft=1024, hop_length=256, pad_mode="reflect")) for s in (a, b))
        expected = {
            "log_stft_mae": np.abs(np.log10(np.maximum(x, 1e-4)) - np.log10(np.maximum(y, 1e-4))).mean(),
            "spectral_convergence": np.linalg.norm(x - y, "fro") / np.linalg.norm(x, "fro"),
        }
        for n in (13, 40):
            u, v = (librosa.feature.mfcc(y=s, sr=SAMPLE_RATE, n_mfcc=n) for s in (a, b))
            expected[f"mfcc{n}_mae"] = np.abs(u - v).mean()
            np.testing.assert_allclose(target.mfcc[:n], u, rtol=1e-4, atol=2e-3)
        for name, value in expected.items():
            assert AUDIO[name](target, inferred) == pytest.approx(value, rel=1e-5), name


def test_log_mel_mae_equals_its_definition(sounds) -> None:
    distances = []
    for n_fft in (512, 1024, 2048, 4096):
        mels = []
        for s in sounds[:2]:
            mode = "reflect" if n_fft == 1024 else "constant"
            magnitude = np.abs(librosa.stft(s, n_fft=n_fft, hop_length=n_fft // 4, pad_mode=mode))
            filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=n_fft, n_mels=n_fft // 16, norm=None)
            mels.append(20 * np.log10(np.maximum(filters @ magnitude / (n_fft / 4), 1e-4)))
        distances.append(np.abs(mels[0] - mels[1]).mean())
    found = log_mel_mae(SoundFeatures(sounds[0]), SoundFeatures(sounds[1]))
    assert found == pytest.approx(np.mean(distances), rel=1e-5)


def test_log_mel_is_0_db_at_full_scale() -> None:
    """A full-scale sine in the middle of a filter is at 0 dB; elsewhere two filters share its energy."""
    for mel in SoundFeatures(tone(1000.0, 1.0)).log_mels:
        assert mel.max() == pytest.approx(0.0, abs=4.5)


def test_effect_of_halving_the_level() -> None:
    """Halving the level changes decibels by 6.02 where nothing is floored, and halves the norm."""
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    loud, soft = SoundFeatures(noise), SoundFeatures(noise / 2)
    assert AUDIO["log_stft_mae"](loud, soft) == pytest.approx(np.log10(2), abs=1e-3)
    assert AUDIO["spectral_convergence"](loud, soft) == pytest.approx(0.5, abs=1e-6)
    assert AUDIO["spectral_convergence"](soft, loud) == pytest.approx(1.0, abs=1e-6)
    assert AUDIO["log_mel_mae"](loud, soft) == pytest.approx(6.02, abs=0.05)
    # only the first coefficient changes, by 6.02 dB times the root of 128 bands
    assert AUDIO["mfcc13_mae"](loud, soft) == pytest.approx(6.02 * np.sqrt(128) / 13, rel=1e-3)
    assert AUDIO["silence_mismatch"](loud, soft) == 0


def test_equal_sounds_have_no_distance(sounds) -> None:
    for s in sounds:
        values = {name: compute(SoundFeatures(s), SoundFeatures(s.copy())) for name, compute in AUDIO.items()}
        assert all(v == 0 or (name == "f0_error" and np.isnan(v)) for name, v in values.items()), values


def test_pitch_errors_in_cents() -> None:
    """A semitone is 100 cents; the error is undefined for a target of noise, but not for noise found."""
    noise = SoundFeatures(np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32))
    compute = AUDIO["f0_error"]
    assert compute(SoundFeatures(tone(440)), SoundFeatures(tone(440 * 2 ** (1 / 12)))) == pytest.approx(
        100, abs=2
    )
    assert compute(SoundFeatures(tone(440)), SoundFeatures(tone(220))) == pytest.approx(1200, abs=5)
    assert np.isnan(compute(noise, SoundFeatures(tone(440))))
    assert compute(SoundFeatures(tone(440)), noise) > 100
    assert PYIN_METRIC.compute(Pitch(440, 0.9), Pitch(220, 0.1)) == pytest.approx(1200)
    assert np.isnan(PYIN_METRIC.compute(Pitch(440, 0.4), Pitch(220, 0.9)))
    assert np.isnan(PYIN_METRIC.compute(Pitch(440, 0.9), Pitch(np.nan, 0.0)))


def test_metrics_of_silent_targets() -> None:
    """Spectral convergence and pitch error are undefined; the other metrics are finite."""
    silence, sound = SoundFeatures(np.zeros(SAMPLE_RATE, np.float32)), SoundFeatures(tone(440))
    for pair in ((silence, sound), (silence, SoundFeatures(tone(50, 1e-6)))):
        values = {name: compute(*pair) for name, compute in AUDIO.items()}
        assert {name for name, v in values.items() if np.isnan(v)} == {"spectral_convergence", "f0_error"}
    assert AUDIO["silence_mismatch"](silence, sound) == AUDIO["silence_mismatch"](sound, silence) == 1
    assert AUDIO["spectral_convergence"](sound, silence) == pytest.approx(1)
    level = 10 ** (SILENCE_DB / 20) * np.sqrt(2)  # a sine's amplitude at the threshold
    assert (
        SoundFeatures(tone(1000, 0.99 * level)).silent and not SoundFeatures(tone(1000, 1.01 * level)).silent
    )


def test_short_and_stereo_sounds_are_refused() -> None:
    with pytest.raises(ParameterError, match="4096 samples"):
        SoundFeatures(np.zeros(4000, np.float32))
    with pytest.raises(ParameterError, match="mono"):
        SoundFeatures(np.zeros((2, 8192), np.float32))


# -- parameters ----------------------------------------------------------------------------------------------


def test_denominators_of_parameter_metrics(bank) -> None:
    """One wrong parameter of each kind gives the metrics calculated by hand."""
    target = PresetBank.init()
    wrong = target.values.copy()
    changes = {"OP1 BREAK POINT": 39 - 33, "OP2 KEY VELOCITY": 7, "OP3 L KEY SCALE": 3, "ALGORITHM": 5}
    for name, value in changes.items():
        wrong[0, column(name)] = value
    found = Predictions.of_bank(PresetBank.from_values(wrong))
    live = np.zeros((1, 145), bool)
    live[0, [column("OP1 BREAK POINT"), column("ALGORITHM"), column("FEEDBACK")]] = True
    values = {name: compute(target, found, live)[0] for name, compute in OF_PRESETS.items()}
    error = 33 / 99 + 7 / 7
    assert values == pytest.approx(
        {
            "numerical_mae": error / 122,
            "categorical_accuracy": 20 / 22,
            "dynamic_numerical_mae": error / 30,
            "dynamic_categorical_accuracy": 11 / 12,
            "live_accuracy": 1 / 3,
            "live_numerical_mae": 33 / 99 / 2,
            "live_categorical_accuracy": 0.0,
        },
        rel=1e-6,
    )


def test_predictions_are_rounded_as_in_the_paper() -> None:
    """Predictions of up to 32 values are rounded, those of 100 are not; targets never are."""
    target = PresetBank.init()
    plugin = target.plugin()
    plugin[0, parameter("FEEDBACK").index] = 0.4 / 7  # rounds to the target's 0
    plugin[0, parameter("LFO SPEED").index] += 0.3 / 99  # would round to the target's 35
    found = Predictions(target.values, plugin)
    assert OF_PRESETS["numerical_mae"](target, found, None)[0] == pytest.approx(0.3 / 99 / 122, rel=1e-4)


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_parameter_metrics_equal_plain_loops(name, bank) -> None:
    """The vectorized metrics equal their definitions, computed one parameter at a time."""
    r = REPRESENTATIONS[name]
    rng = np.random.default_rng(0)
    vectors = r.encode(bank.values).numpy() + rng.normal(0, 0.3, (len(bank), r.length)).astype(np.float32)
    found = r.predictions(vectors)
    live = rng.random((len(bank), 145)) < 0.5
    computed = {metric: compute(bank, found, live) for metric, compute in OF_PRESETS.items()}
    for i in range(len(bank)):
        errors, hits = {}, {}
        for p in learnable_parameters():
            true = int(bank.values[i, column(p.name)])
            predicted = float(found.plugin[i, p.index])
            if p.kind == "categorical":
                hits[p.name] = round(predicted * p.maximum) == true
            else:
                used = predicted if p.maximum == 99 else round(predicted * p.maximum) / p.maximum
                errors[p.name] = abs(used - true / p.maximum)
        assert computed["numerical_mae"][i] == pytest.approx(np.mean(list(errors.values())), abs=1e-7)
        assert computed["categorical_accuracy"][i] == pytest.approx(np.mean(list(hits.values())))
        audible = [v for k, v in errors.items() if live[i, column(k)]]
        assert computed["live_numerical_mae"][i] == pytest.approx(np.mean(audible), abs=1e-7)
        moving = [v for k, v in hits.items() if parameter(k).dynamic]
        assert computed["dynamic_categorical_accuracy"][i] == pytest.approx(np.mean(moving))


def test_live_metrics_are_undefined_without_live_parameters(bank) -> None:
    found = Predictions.of_bank(bank)
    none = np.zeros((len(bank), 145), bool)
    for name in ("live_accuracy", "live_numerical_mae", "live_categorical_accuracy"):
        assert np.isnan(OF_PRESETS[name](bank, found, none)).all()
        assert np.isnan(OF_PRESETS[name](bank, found, None)).all()


def test_predictions_are_checked(bank) -> None:
    plugin = bank.plugin()
    with pytest.raises(ParameterError, match="shapes"):
        Predictions(bank.values, plugin[1:])
    for bad in (1.01, -0.01, np.nan):
        plugin[1, 7] = bad
        with pytest.raises(ParameterError, match=f"prediction 1: {PARAMETERS[7].name}"):
            Predictions(bank.values, plugin)


def test_the_registry_names_the_better_direction_of_each_metric() -> None:
    assert len(METRICS) == len(AUDIO_METRICS) + len(PARAMETER_METRICS) + 1
    worst = PresetBank.from_values((maxima() - PresetBank.init().values)[:1].clip(0, maxima()))
    for metric in PARAMETER_METRICS:  # compare with the direction that is recorded as better
        good = metric.compute(worst, Predictions.of_bank(worst), np.ones((1, 145), bool))[0]
        bad = metric.compute(worst, Predictions.of_bank(PresetBank.init()), np.ones((1, 145), bool))[0]
        assert (good < bad) == (metric.better == "lower"), metric.name
