"""Evaluate predictions for many presets: render them and compare them with the targets at every note."""

import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio import pitch
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, Renderer, sound_identity
from latentdx.caching import code_hash, map_chunks
from latentdx.errors import ParameterError
from latentdx.metrics import registry, sound_features
from latentdx.metrics.registry import AudioMetric, Metric, ParameterMetric
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.run_options import RunOptions
from latentdx.typing import Notes, Values

N_PYIN = 500
"""Number of presets with a pYIN estimate, which takes 0.76 s per sound; all other metrics take 0.03 s."""

OwnMetric: TypeAlias = AudioMetric | ParameterMetric
"""A metric that is given to an evaluation, in addition to those of the registry."""

_PITCH_CHUNK = 16  # presets, which take one core 12 s
_SEED = 0
_FLAGS = 2  # columns: target is silent, inferred sound is silent
_COLUMNS = ("row", "label", "note", "velocity", "target_silent", "silent")  # of a result, besides metrics


def method() -> str:
    """Return what a cached measurement depends on in addition to the presets: code and library versions."""
    code = code_hash(registry, sound_features, pitch)
    libraries = (f"{name} {version(name)}" for name in ("librosa", "numpy", "scipy"))
    return f"{code} {' '.join(libraries)}"


def _measure(
    targets: Values, inferred: Values, *, notes: Notes, renderer: Renderer, own: AudioMetric | None = None
) -> npt.NDArray[Any]:
    """Return the two flags and all audio metrics, or an own metric: float32 (preset, note, value)."""
    n_values = len(registry.AUDIO_METRICS) + _FLAGS if own is None else 1
    out = np.empty((len(targets), len(notes), n_values), np.float32)
    for i, values in enumerate(zip(targets, inferred, strict=True)):
        for j, note in enumerate(notes):
            target, found = (SoundFeatures(renderer.render(Preset(v), *note)) for v in values)
            if own is not None:
                out[i, j] = own.compute(target, found)
                continue
            out[i, j, :_FLAGS] = target.silent, found.silent
            out[i, j, _FLAGS:] = [m.compute(target, found) for m in registry.AUDIO_METRICS]
    return out


def _versions(*metrics: Metric) -> str:
    return ", ".join(f"{metric.name} {metric.version}" for metric in metrics)


def _alone(metric: AudioMetric) -> bool:
    """Tell whether only this process has a metric's function: a lambda, or one defined in a notebook."""
    try:
        return b"__main__" in pickle.dumps(metric)
    except (pickle.PicklingError, AttributeError, TypeError):
        return True


def _pitches(values: Values, *, notes: Notes, renderer: Renderer) -> npt.NDArray[Any]:
    """Estimate pitch by pYIN: float64 (preset, note, 2), f0 in Hz and share of voiced frames."""
    found = [[pitch.estimate(renderer.render(Preset(v), *note)) for note in notes] for v in values]
    return np.array([[(p.f0, p.voiced) for p in row] for row in found]).reshape(len(values), len(notes), 2)


def pyin_rows(n: int, n_pyin: int = N_PYIN) -> npt.NDArray[np.int64]:
    """Choose the presets that pYIN is run on, the same for all models.

    Args:
        n: Number of presets.
        n_pyin: Number of presets to choose, at most `n`.

    Returns:
        Positions of the chosen presets, int64, ascending.

    >>> pyin_rows(4).tolist()
    [0, 1, 2, 3]
    """
    return np.sort(np.random.default_rng(_SEED).choice(n, min(n, n_pyin), replace=False))


def _pyin_errors(
    targets: Values, inferred: Values, n_notes: int, n_pyin: int, estimates: Callable[..., npt.NDArray[Any]]
) -> npt.NDArray[np.float32]:
    """Return pitch errors, float32 (presets x notes,); `nan` where pYIN was not run."""
    chosen = pyin_rows(len(targets), n_pyin)
    errors = np.full((len(targets), n_notes), np.nan, np.float32)
    a, b = (estimates([values[chosen]], size=_PITCH_CHUNK) for values in (targets, inferred))
    for i, row in enumerate(chosen):
        pairs = zip(a[i], b[i], strict=True)
        errors[row] = [registry.PYIN_METRIC.compute(pitch.Pitch(*x), pitch.Pitch(*y)) for x, y in pairs]
    return errors.ravel()


def _check(
    targets: PresetBank, predictions: Predictions, rows: npt.NDArray[Any], live: npt.NDArray[Any] | None
) -> None:
    if len(targets) != len(predictions):
        raise ParameterError(f"there are {len(targets)} targets, but {len(predictions)} predictions")
    if live is not None and live.shape != targets.values.shape:
        raise ParameterError(f"the live mask must have shape {targets.values.shape}, not {live.shape}")
    if rows.shape != (len(targets),):
        raise ParameterError(f"there are {len(targets)} targets, but rows of shape {rows.shape}")


def _check_own(metrics: Sequence[OwnMetric]) -> None:
    names = Counter([*_COLUMNS, *registry.METRICS, *(metric.name for metric in metrics)])
    for metric in metrics:
        if not isinstance(metric, OwnMetric):
            raise ParameterError(
                f"extra takes AudioMetric and ParameterMetric, not {type(metric).__name__} ({metric.name!r})"
            )
        if names[metric.name] > 1:
            raise ParameterError(f"the name of the extra metric {metric.name!r} is taken: choose another")


def evaluate(
    targets: PresetBank,
    predictions: Predictions,
    *,
    rows: npt.ArrayLike | None = None,
    notes: Notes = SINGLE_NOTE,
    live: npt.NDArray[np.bool_] | None = None,
    n_pyin: int = 0,
    extra: Sequence[OwnMetric] = (),
    renderer: Renderer | None = None,
    options: RunOptions = RunOptions(),
) -> pd.DataFrame:
    """Compute every metric of every preset at every note, in about 30 ms per preset, note and core.

    Results are deterministic. Finished chunks are kept, so an interrupted evaluation resumes.

    Args:
        targets: N presets, neutral, as the models see them (`PresetBank.neutral`).
        predictions: N presets that were inferred from the targets' sounds.
        rows: Names of the presets in the result, int (N,); default 0 … N-1.
        notes: (MIDI note, velocity) pairs at which both are rendered.
        live: Mask of the targets' live parameters, bool (N, 145); without it, three metrics are `nan`.
        n_pyin: Number of presets with a pYIN estimate, 0 … N.
        extra: Metrics of your own, computed in addition. What audio metrics measure is kept under their name
            and version; other measurements are not repeated for them.
        renderer: Synth that renders; default `Engine()`.
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        Table with N x notes rows. Columns: row, note, velocity, target_silent, silent, and one for each of
        `latentdx.metrics.registry.METRICS` and of `extra`, float32. Parameter metrics are equal at all notes
        of a preset.

    Raises:
        ParameterError: Lengths or shapes of targets, predictions, rows and mask do not fit, or the name of an
            extra metric is taken.

    A metric of your own compares the `SoundFeatures` of two sounds, such as their levels:

    >>> from latentdx.presets import corpora
    >>> def level_error(target, inferred):
    ...     return abs(20 * np.log10(np.linalg.norm(target.audio) / np.linalg.norm(inferred.audio)))
    >>> metric = AudioMetric("level_error", "level error", "dB", "lower", 1, level_error, version="1")
    >>> bank = corpora.read("starter").neutral()
    >>> guessed = Predictions.of_bank(bank[[1, 1]])
    >>> evaluate(bank[:2], guessed, extra=[metric])[["row", "mfcc13_mae", "level_error"]].round(1)
       row  mfcc13_mae  level_error
    0    0         6.0          2.5
    1    1         0.0          0.0
    """
    names = np.arange(len(targets)) if rows is None else np.asarray(rows)
    _check(targets, predictions, names, live)
    _check_own(extra)
    synth = renderer or Engine()
    pairs = tuple((int(n), int(v)) for n, v in notes)
    base = f"{method()} {sound_identity(synth.engine)} {synth.sample_rate} {pairs}"
    run = partial(map_chunks, kind="evaluation", options=options)
    both = [targets.values, predictions.values]
    measure = partial(_measure, notes=pairs, renderer=synth)
    measured = run(
        measure, both, method=f"{base} {_versions(*registry.AUDIO_METRICS)}", description="evaluating"
    )
    table = pd.DataFrame(
        {
            "row": np.repeat(names, len(pairs)).astype(np.int32),
            "note": np.tile([n for n, _ in pairs], len(targets)).astype(np.int8),
            "velocity": np.tile([v for _, v in pairs], len(targets)).astype(np.int8),
            "target_silent": measured[..., 0].ravel() > 0,
            "silent": measured[..., 1].ravel() > 0,
        }
    )
    for i, audio_metric in enumerate(registry.AUDIO_METRICS):
        table[audio_metric.name] = measured[..., _FLAGS + i].ravel()
    estimates = partial(run, partial(_pitches, notes=pairs, renderer=synth), method=base, description="pYIN")
    table[registry.PYIN_METRIC.name] = _pyin_errors(
        targets.values, predictions.values, len(pairs), n_pyin, estimates
    )
    for metric in (*registry.PARAMETER_METRICS, *extra):
        if isinstance(metric, ParameterMetric):
            found = metric.compute(targets, predictions, live).astype(np.float32)
            table[metric.name] = np.repeat(found, len(pairs))
            continue
        own = run(
            partial(measure, own=metric),
            both,
            method=f"{base} {_versions(metric)}",
            options=replace(options, processes=1) if _alone(metric) else options,
            description=metric.name,
        )
        table[metric.name] = own.ravel()
    return table
