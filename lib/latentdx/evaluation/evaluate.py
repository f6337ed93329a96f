"""Evaluate predictions for many presets: render them and compare them with the targets at every note."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio import pitch
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, Renderer, sound_identity
from latentdx.caching import code_hash, map_chunks
from latentdx.errors import ParameterError
from latentdx.metrics import registry, sound_features
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.run_options import RunOptions
from latentdx.typing import Notes, Values

N_PYIN = 500
"""Number of presets with a pYIN estimate, which takes 0.76 s per sound; all other metrics take 0.03 s."""

_PITCH_CHUNK = 16  # presets, which take one core 12 s
_SEED = 0
_FLAGS = 2  # columns: target is silent, inferred sound is silent


def method() -> str:
    """Return what a cached measurement depends on in addition to the presets: code and library versions."""
    code = code_hash(registry, sound_features, pitch)
    libraries = (f"{name} {version(name)}" for name in ("librosa", "numpy", "scipy"))
    return f"{code} {' '.join(libraries)}"


def _measure(targets: Values, inferred: Values, *, notes: Notes, renderer: Renderer) -> npt.NDArray[Any]:
    """Return the two flags and all audio metrics, float32 (preset, note, flag or metric)."""
    out = np.empty((len(targets), len(notes), len(registry.AUDIO_METRICS) + _FLAGS), np.float32)
    for i, values in enumerate(zip(targets, inferred, strict=True)):
        for j, note in enumerate(notes):
            target, found = (SoundFeatures(renderer.render(Preset(v), *note)) for v in values)
            out[i, j, :_FLAGS] = target.silent, found.silent
            out[i, j, _FLAGS:] = [m.compute(target, found) for m in registry.AUDIO_METRICS]
    return out


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


def evaluate(
    targets: PresetBank,
    predictions: Predictions,
    *,
    rows: npt.ArrayLike | None = None,
    notes: Notes = SINGLE_NOTE,
    live: npt.NDArray[np.bool_] | None = None,
    n_pyin: int = 0,
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
        renderer: Synth that renders; default `Engine()`.
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        Table with N x notes rows. Columns: row, note, velocity, target_silent, silent, and one for each of
        `latentdx.metrics.registry.METRICS`, float32. Parameter metrics are equal at all notes of a preset.

    Raises:
        ParameterError: Lengths or shapes of targets, predictions, rows and mask do not fit.
    """
    names = np.arange(len(targets)) if rows is None else np.asarray(rows)
    _check(targets, predictions, names, live)
    synth = renderer or Engine()
    pairs = tuple((int(n), int(v)) for n, v in notes)
    run = partial(
        map_chunks,
        method=f"{method()} {sound_identity(synth.engine)} {synth.sample_rate} {pairs}",
        kind="evaluation",
        options=options,
    )
    measured = run(
        partial(_measure, notes=pairs, renderer=synth),
        [targets.values, predictions.values],
        description="evaluating",
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
    estimates = partial(run, partial(_pitches, notes=pairs, renderer=synth), description="pYIN")
    table[registry.PYIN_METRIC.name] = _pyin_errors(
        targets.values, predictions.values, len(pairs), n_pyin, estimates
    )
    for metric in registry.PARAMETER_METRICS:
        found = metric.compute(targets, predictions, live).astype(np.float32)
        table[metric.name] = np.repeat(found, len(pairs))
    return table
