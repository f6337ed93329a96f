"""The registry of metrics: definitions of the paper (its section 5) and those that we add.

Audio metrics compare two `SoundFeatures`s at plug-in scale. Parameter metrics compare presets, vectorized. A
metric that is undefined for a preset is `nan` there, and left out of the statistics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from latentdx.audio.pitch import Pitch
from latentdx.metrics.sound_features import STEADY_SHARE, SoundFeatures
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import Parameter, column, learnable_parameters
from latentdx.presets.predictions import Predictions
from latentdx.typing import Floats, Mask

CONTINUOUS_SIZE = 100
"""Parameters of so many values were continuous to the authors: their predictions are not rounded."""


@dataclass(frozen=True)
class Metric:
    """What every metric tells of itself.

    Attributes:
        name: column in the results.
        title: as a table heads it.
        unit: "" where it has none.
        better: which way is better.
        decimals: worth printing.
    """

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]
    decimals: int


@dataclass(frozen=True)
class AudioMetric(Metric):
    """`compute(target, inferred)` of two `SoundFeatures`s of one length."""

    compute: Callable[[SoundFeatures, SoundFeatures], float]


@dataclass(frozen=True)
class PitchMetric(Metric):
    """`compute(target, inferred)` of two pYIN estimates; slow, so evaluated on a part of the presets."""

    compute: Callable[[Pitch, Pitch], float]


@dataclass(frozen=True)
class ParameterMetric(Metric):
    """`compute(targets, inferred, live)`: float (N,) of N presets; `live` is bool (N, 145)."""

    compute: Callable[[PresetBank, Predictions, Mask | None], Floats]


# -- audio ---------------------------------------------------------------------------------------------------


def log_stft_mae(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Mean absolute difference of log10 magnitudes."""
    return float(np.abs(target.log_stft - inferred.log_stft).mean())


def spectral_convergence(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Frobenius norm of the magnitudes' difference over that of the target's; `nan` for a silent target.

    The paper divides by whatever is there; a target without sound would weigh more than all others together.
    """
    if target.silent:
        return float("nan")
    return float(np.linalg.norm(target.stft - inferred.stft) / np.linalg.norm(target.stft))


def mfcc_mae(target: SoundFeatures, inferred: SoundFeatures, n: int) -> float:
    """Mean absolute difference of the first `n` cepstral coefficients."""
    return float(np.abs(target.mfcc[:n] - inferred.mfcc[:n]).mean())


def log_mel_mae(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Mean absolute difference of mel spectrograms in dB, averaged over the resolutions."""
    pairs = zip(target.log_mels, inferred.log_mels, strict=True)
    return float(np.mean([np.abs(a - b).mean() for a, b in pairs]))


def silence_mismatch(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """1 if exactly one of the two is silent, else 0."""
    return float(target.silent != inferred.silent)


def f0_error(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Difference of median YIN pitches in cents, where the target is pitched and the other not silent.

    YIN calls nothing unvoiced: a target is pitched if half its audible frames lie within 50 cents of their
    median. Whatever YIN says of the inferred sound counts, or noise for a tone would be forgiven.
    """
    pitch, steady = target.pitch
    return abs(pitch - inferred.pitch[0]) * 100 if steady >= STEADY_SHARE else float("nan")


def f0_error_pyin(target: Pitch, inferred: Pitch) -> float:
    """The same by pYIN, where half the target's audible frames are voiced, and any of the other's."""
    return abs(target.midi - inferred.midi) * 100 if target.voiced >= STEADY_SHARE else float("nan")


# -- parameters ----------------------------------------------------------------------------------------------


def _columns(parameters: tuple[Parameter, ...]) -> list[int]:
    return [column(p.name) for p in parameters]


def _of_kind(kind: str, *, dynamic: bool = False) -> tuple[Parameter, ...]:
    return tuple(p for p in learnable_parameters() if p.kind == kind and (p.dynamic or not dynamic))


def _mean(values: npt.NDArray[Any], mask: Mask | None) -> Floats:
    """Mean over the last axis where `mask`; `nan` where it is all false."""
    chosen = np.ones(values.shape, bool) if mask is None else mask
    count = chosen.sum(1)
    return np.divide((values * chosen).sum(1), count, out=np.full(len(values), np.nan), where=count > 0)


def plugin_errors(
    targets: PresetBank, inferred: Predictions, parameters: tuple[Parameter, ...]
) -> npt.NDArray[np.float32]:
    """Absolute errors in [0, 1], (N, len(parameters)), rounded as `numerical_mae` says."""
    indices = [p.index for p in parameters]
    steps = np.array([p.maximum for p in parameters], np.float64)
    small = np.array([p.maximum + 1 < CONTINUOUS_SIZE for p in parameters])
    found = inferred.plugin[:, indices]
    rounded = (np.rint(found * steps) / steps).astype(np.float32)
    return np.abs(np.where(small, rounded, found) - targets.plugin()[:, indices])


def _numerical_mae(
    targets: PresetBank, inferred: Predictions, parameters: tuple[Parameter, ...], mask: Mask | None = None
) -> Floats:
    errors = plugin_errors(targets, inferred, parameters)
    return _mean(errors, None if mask is None else mask[:, _columns(parameters)])


def _accuracy(
    targets: PresetBank, inferred: Predictions, parameters: tuple[Parameter, ...], mask: Mask | None = None
) -> Floats:
    columns = _columns(parameters)
    same = targets.values[:, columns] == inferred.values[:, columns]
    return _mean(same, None if mask is None else mask[:, columns])


def numerical_mae(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Mean absolute error over the 122 numerical parameters, each in [0, 1].

    Parameters of up to 32 values are rounded to these, those of 100 are not; targets are as they are.
    """
    return _numerical_mae(targets, inferred, _of_kind("numerical"))


def categorical_accuracy(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Share of the 22 categorical parameters that are exact."""
    return _accuracy(targets, inferred, _of_kind("categorical"))


def dynamic_numerical_mae(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """`numerical_mae` over the 30 whose effect depends on key or velocity.

    The authors' code divides by 122 here.
    """
    return _numerical_mae(targets, inferred, _of_kind("numerical", dynamic=True))


def dynamic_categorical_accuracy(
    targets: PresetBank, inferred: Predictions, live: Mask | None = None
) -> Floats:
    """`categorical_accuracy` over the 12 whose effect depends on the key."""
    return _accuracy(targets, inferred, _of_kind("categorical", dynamic=True))


def _undefined(targets: PresetBank) -> Floats:
    return np.full(len(targets), np.nan)


def live_accuracy(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Share of the target's live parameters whose DX7 integer is exact; `nan` without a mask."""
    return _undefined(targets) if live is None else _accuracy(targets, inferred, learnable_parameters(), live)


def live_numerical_mae(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """`numerical_mae` over the live ones."""
    if live is None:
        return _undefined(targets)
    return _numerical_mae(targets, inferred, _of_kind("numerical"), live)


def live_categorical_accuracy(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """`categorical_accuracy` over the live ones."""
    return (
        _undefined(targets) if live is None else _accuracy(targets, inferred, _of_kind("categorical"), live)
    )


# -- the registry --------------------------------------------------------------------------------------------

AUDIO_METRICS: tuple[AudioMetric, ...] = (
    AudioMetric("log_stft_mae", "log-STFT MAE", "log10", "lower", 3, log_stft_mae),
    AudioMetric("spectral_convergence", "spectral convergence", "", "lower", 3, spectral_convergence),
    AudioMetric("mfcc13_mae", "MFCC13", "", "lower", 2, lambda a, b: mfcc_mae(a, b, 13)),
    AudioMetric("mfcc40_mae", "MFCC40", "", "lower", 2, lambda a, b: mfcc_mae(a, b, 40)),
    AudioMetric("log_mel_mae", "log-mel, 4 resolutions", "dB", "lower", 2, log_mel_mae),
    AudioMetric("silence_mismatch", "silence mismatch", "share", "lower", 4, silence_mismatch),
    AudioMetric("f0_error", "pitch error (YIN)", "cents", "lower", 1, f0_error),
)

PYIN_METRIC = PitchMetric("f0_error_pyin", "pitch error (pYIN)", "cents", "lower", 1, f0_error_pyin)

PARAMETER_METRICS: tuple[ParameterMetric, ...] = (
    ParameterMetric("numerical_mae", "numerical MAE", "", "lower", 4, numerical_mae),
    ParameterMetric(
        "categorical_accuracy", "categorical accuracy", "share", "higher", 4, categorical_accuracy
    ),
    ParameterMetric("dynamic_numerical_mae", "dynamic numerical MAE", "", "lower", 4, dynamic_numerical_mae),
    ParameterMetric(
        "dynamic_categorical_accuracy",
        "dynamic categorical accuracy",
        "share",
        "higher",
        4,
        dynamic_categorical_accuracy,
    ),
    ParameterMetric("live_accuracy", "live accuracy", "share", "higher", 4, live_accuracy),
    ParameterMetric("live_numerical_mae", "live numerical MAE", "", "lower", 4, live_numerical_mae),
    ParameterMetric(
        "live_categorical_accuracy",
        "live categorical accuracy",
        "share",
        "higher",
        4,
        live_categorical_accuracy,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType(
    {m.name: m for m in (*AUDIO_METRICS, PYIN_METRIC, *PARAMETER_METRICS)}
)
"""All of them by name.

:meta hide-value:
"""
