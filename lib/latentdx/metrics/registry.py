"""The registry of metrics: those that the paper defines (in its section 5) and those added here.

Audio metrics compare the `SoundFeatures` of two sounds at plug-in scale. Parameter metrics compare presets,
vectorized over a bank. A metric that is undefined for a preset is `nan` there and is left out of statistics.

A metric of your own need not be registered here: give it to an evaluation, as
`latentdx.evaluation.evaluate.evaluate` shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
"""Number of values from which on a parameter counts as continuous, as in the paper: no rounding."""


@dataclass(frozen=True)
class Metric:
    """Description of a metric.

    Attributes:
        name: Column in the results.
        title: Heading in tables.
        unit: Unit, or "" if it has none.
        better: Direction in which results improve, "lower" or "higher".
        decimals: Number of decimals to print.
        version: Version of the function. Measurements are kept on disk under the metric's name and version,
            so change it whenever the function changes.
    """

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]
    decimals: int
    version: str = field(default="1", kw_only=True)


@dataclass(frozen=True)
class AudioMetric(Metric):
    """Metric that compares two sounds.

    Attributes:
        compute: Function (target, inferred) of the `SoundFeatures` of two sounds of the same length.
    """

    compute: Callable[[SoundFeatures, SoundFeatures], float]


@dataclass(frozen=True)
class PitchMetric(Metric):
    """Metric that compares two pYIN estimates; they are slow, so only some of the presets are evaluated.

    Attributes:
        compute: Function (target, inferred) of the pitches of two sounds.
    """

    compute: Callable[[Pitch, Pitch], float]


@dataclass(frozen=True)
class ParameterMetric(Metric):
    """Metric that compares the parameters of presets.

    Attributes:
        compute: Function (targets, inferred, live) of N presets that returns float64 (N,). `live` is bool
            (N, 145), the parameters that can be heard in each target, or `None`.
    """

    compute: Callable[[PresetBank, Predictions, Mask | None], Floats]


# -- audio ---------------------------------------------------------------------------------------------------


def log_stft_mae(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Return the mean absolute difference of the log10 magnitudes of two STFTs."""
    return float(np.abs(target.log_stft - inferred.log_stft).mean())


def spectral_convergence(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Return the spectral convergence: the norm of the magnitudes' difference over the target's norm.

    Both are Frobenius norms of STFT magnitudes. The result is `nan` for a silent target; the paper makes no
    exception, but a silent target would then count more than all others together.
    """
    if target.silent:
        return float("nan")
    return float(np.linalg.norm(target.stft - inferred.stft) / np.linalg.norm(target.stft))


def mfcc_mae(target: SoundFeatures, inferred: SoundFeatures, n: int) -> float:
    """Return the mean absolute difference of the first `n` MFCCs, at most 40."""
    return float(np.abs(target.mfcc[:n] - inferred.mfcc[:n]).mean())


def log_mel_mae(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Return the mean absolute difference of the mel spectrograms in dB, averaged over four resolutions."""
    pairs = zip(target.log_mels, inferred.log_mels, strict=True)
    return float(np.mean([np.abs(a - b).mean() for a, b in pairs]))


def silence_mismatch(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Return 1 if exactly one of the two sounds is silent, else 0."""
    return float(target.silent != inferred.silent)


def f0_error(target: SoundFeatures, inferred: SoundFeatures) -> float:
    """Return the absolute difference of the median YIN pitches in cents; `nan` where it is undefined.

    It is defined if the target is pitched and the inferred sound is not silent. YIN estimates a pitch for
    every frame, so a target counts as pitched if half of its audible frames lie within 50 cents of their
    median. The inferred sound need not be pitched; otherwise noise instead of a tone would go unpunished.
    """
    pitch, steady = target.pitch
    return abs(pitch - inferred.pitch[0]) * 100 if steady >= STEADY_SHARE else float("nan")


def f0_error_pyin(target: Pitch, inferred: Pitch) -> float:
    """Return the absolute difference of the median pYIN pitches in cents; `nan` where it is undefined.

    It is defined if half of the target's audible frames are voiced, and any frame of the inferred sound is.
    """
    return abs(target.midi - inferred.midi) * 100 if target.voiced >= STEADY_SHARE else float("nan")


# -- parameters ----------------------------------------------------------------------------------------------


def _columns(parameters: tuple[Parameter, ...]) -> list[int]:
    return [column(p.name) for p in parameters]


def _of_kind(kind: str, *, dynamic: bool = False) -> tuple[Parameter, ...]:
    return tuple(p for p in learnable_parameters() if p.kind == kind and (p.dynamic or not dynamic))


def _mean(values: npt.NDArray[Any], mask: Mask | None) -> Floats:
    """Return the mean over the last axis where `mask` is true; `nan` where it is never true."""
    chosen = np.ones(values.shape, bool) if mask is None else mask
    count = chosen.sum(1)
    return np.divide((values * chosen).sum(1), count, out=np.full(len(values), np.nan), where=count > 0)


def plugin_errors(
    targets: PresetBank, inferred: Predictions, parameters: tuple[Parameter, ...]
) -> npt.NDArray[np.float32]:
    """Return the absolute error of each parameter, in [0, 1].

    Args:
        targets: N presets.
        inferred: Predictions of these presets.
        parameters: Parameters to compare.

    Returns:
        float32 (N, len(parameters)). Predictions are rounded as in `numerical_mae`.
    """
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
    """Return the mean absolute error over the 122 numerical parameters, each scaled to [0, 1].

    Predictions of parameters with up to 32 values are rounded to the closest value; those of parameters with
    100 values are not, as in the paper. `live` is ignored.
    """
    return _numerical_mae(targets, inferred, _of_kind("numerical"))


def categorical_accuracy(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Return the share of the 22 categorical parameters that are exact; `live` is ignored."""
    return _accuracy(targets, inferred, _of_kind("categorical"))


def dynamic_numerical_mae(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Return `numerical_mae` over the 30 parameters whose effect depends on key or velocity.

    The authors' code divides by 122 here. `live` is ignored.
    """
    return _numerical_mae(targets, inferred, _of_kind("numerical", dynamic=True))


def dynamic_categorical_accuracy(
    targets: PresetBank, inferred: Predictions, live: Mask | None = None
) -> Floats:
    """Return `categorical_accuracy` over the 12 parameters whose effect depends on the key; ignore `live`."""
    return _accuracy(targets, inferred, _of_kind("categorical", dynamic=True))


def _undefined(targets: PresetBank) -> Floats:
    return np.full(len(targets), np.nan)


def live_accuracy(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Return the share of the target's live parameters whose DX7 integer is exact; `nan` without a mask."""
    return _undefined(targets) if live is None else _accuracy(targets, inferred, learnable_parameters(), live)


def live_numerical_mae(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Return `numerical_mae` over the target's live parameters; `nan` without a mask."""
    if live is None:
        return _undefined(targets)
    return _numerical_mae(targets, inferred, _of_kind("numerical"), live)


def live_categorical_accuracy(targets: PresetBank, inferred: Predictions, live: Mask | None = None) -> Floats:
    """Return `categorical_accuracy` over the target's live parameters; `nan` without a mask."""
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
"""All metrics, by name.

:meta hide-value:
"""
