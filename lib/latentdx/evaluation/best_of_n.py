"""Best-of-n inference: a model draws several presets, each is rendered, and the closest one is kept.

The first candidate for each target is the preset of the model's single pass, so the best of one is that.
Candidates are ranked at equal loudness, where every dB has a price, because the level of a render is known.
The best of several is then brought to the target's level.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.applications import output_level, programmer
from latentdx.applications.output_level import at_level
from latentdx.applications.programmer import Programmer
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, sound_identity
from latentdx.caching import code_hash, map_chunks
from latentdx.dataset.loading import SpectrogramDataset
from latentdx.evaluation import evaluate, statistics
from latentdx.evaluation.results import Measurement, Result
from latentdx.evaluation.trials import Trial, check, evaluated, predict, store_of
from latentdx.files import atomic_write
from latentdx.metrics import gain, modulation, objective
from latentdx.metrics.objective import FastObjective, score
from latentdx.models import posterior_sampler
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES
from latentdx.presets.predictions import Predictions
from latentdx.provenance import code_commit
from latentdx.run_options import RunOptions
from latentdx.typing import Notes, Rows, Values

SEED = 0
"""Random seed of the draws."""

CURVE_METRICS = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "log_mel_mae")
"""Metrics of the curve, in addition to the distance by which candidates are ranked."""

_CHUNK = 16  # presets per write to the cache


@dataclass(frozen=True)
class Drawn:
    """Candidates for each of the N presets of a trial.

    Attributes:
        single: Predictions of the single pass, which are the first candidates.
        values: Candidates, uint8 (N, n, 145).
        distances: Distance of each candidate's sound from the target, float32 (N, n).
    """

    single: Predictions
    values: Values
    distances: npt.NDArray[np.float32]

    def best(self, n: int) -> Predictions:
        """Return the closest of the first `n` candidates of each preset."""
        chosen = self.distances[:, :n].argmin(1)
        values = self.values[np.arange(len(chosen)), chosen]
        plugin = PresetBank.from_values(values).plugin()
        return Predictions(values, np.where((chosen == 0)[:, None], self.single.plugin, plugin))


def draw(
    model: Programmer,
    trial: Trial,
    n: int,
    *,
    temperature: float = DRAWING_TEMPERATURE,
    options: RunOptions = RunOptions(),
) -> Drawn:
    """Draw candidates for each preset of a trial and rank them by rendering; finished chunks are kept.

    A preset's draws depend on its row and `SEED` alone, not on the other presets of its trial.

    Args:
        model: Model that draws.
        trial: Presets to evaluate on.
        n: Number of candidates per preset, at least 1; the first is the single pass.
        temperature: Temperature of the draws.
        options: Number of threads that render, progress bar, and location of the cache.
    """
    single = predict(model, trial, options)
    dataset = SpectrogramDataset(store_of(model, trial), trial.bank, decibels=True)
    synth = Engine()

    def explore(rows: Rows) -> npt.NDArray[np.float32]:
        """Return the values and the distance of each candidate, float32 (rows, n, 146)."""
        out = np.empty((len(rows), n, N_VALUES + 1), np.float32)
        for found, row in zip(out, rows.tolist(), strict=True):
            targets = [synth.render(trial.bank[row], *note) for note in model.notes]
            tried = model.explore(
                dataset[[row]].spectrogram,
                n,
                partial(score, targets=targets, notes=model.notes, free_db=0.0, threads=options.processes),
                temperature=temperature,
                seed=SEED + row,
            )
            found[:, :-1], found[:, -1] = tried.values, tried.distances
        return out

    known = f"{model.sha256} {dataset.store.manifest.corpus_sha256} {model.notes} {n} {temperature} {SEED}"
    code = code_hash(objective, gain, modulation, programmer, posterior_sampler)
    found = map_chunks(
        explore,
        [trial.rows],
        method=f"{known} {evaluate.method()} {code} {sound_identity(synth.engine)}",
        kind="samples",
        options=replace(options, processes=1),
        size=_CHUNK,
        description=f"best of {n}",
    )
    values, distances = found[..., :-1].astype(np.uint8), found[..., -1]
    values[:, 0] = single.values  # in a batch, the last bit may be rounded differently
    return Drawn(single, values, distances)


def best_of(
    model: Programmer,
    trial: Trial,
    n: int,
    *,
    name: str | None = None,
    temperature: float = DRAWING_TEMPERATURE,
    leaky: bool = False,
    measurement: Measurement = Measurement(),
    options: RunOptions = RunOptions(),
) -> tuple[list[Result], pd.DataFrame]:
    """Evaluate the best of `n` candidates by rendering, and the single pass on the same presets.

    Args:
        model: Model that draws.
        trial: Presets to evaluate on.
        n: Number of candidates per preset, at least 1; the first is the single pass.
        name: Name of the result; default: the model's.
        temperature: Temperature of the draws.
        leaky: True to allow another split than the model's, see `latentdx.evaluation.trials.check`.
        measurement: Metrics to compute, and the notes at which sounds are compared.
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        Results of the single pass and of the best of `n`; table of `curve_of` at 1, 2, 4 … n candidates.

    Raises:
        CheckpointError: The model does not fit the trial.
    """
    check(model, trial, leaky=leaky)
    drawn = draw(model, trial, n, temperature=temperature, options=options)

    # one pass has not heard its own answer, so its level stays as it is
    counts = [k for k in (2**i for i in range(n.bit_length())) if k < n] + [n]
    best = {k: drawn.best(k) if k == 1 else _at_level(drawn.best(k), model, trial, options) for k in counts}
    base = name or model.about.profile.name
    inference = f"best of {n} by rendering"
    found = [
        evaluated(model, trial, drawn.single, base, "one pass", measurement, options),
        evaluated(model, trial, best[n], name_of(base, n), inference, measurement, options),
    ]
    curve = curve_of(best, model, trial, base, measurement.notes, options)
    return found, curve.assign(temperature=temperature)


def _at_level(found: Predictions, model: Programmer, trial: Trial, options: RunOptions) -> Predictions:
    """Bring answers to the level of their targets, where that costs nothing in timbre; see `output_level`."""
    values = map_chunks(
        partial(_with_level, notes=model.notes),
        [trial.bank.values[trial.rows], found.values],
        method=f"{code_hash(output_level, objective, gain, modulation)} {Engine().engine} {model.notes}",
        kind="evaluation",
        size=_CHUNK,
        description="levels",
        options=options,
    )
    same = (values == found.values).all(1)[:, None]
    return Predictions(values, np.where(same, found.plugin, PresetBank.from_values(values).plugin()))


def _with_level(true: Values, found: Values, *, notes: Notes) -> Values:
    synth, out = Engine(), found.copy()
    for values, preset in zip(out, true, strict=True):
        targets = [synth.render(Preset(preset), *note) for note in notes]
        heard = [synth.render(Preset(values), *note) for note in notes]
        rank = FastObjective(targets, notes, free_db=0.0, threads=1)
        values[:] = at_level(Preset(values), targets, heard, rank).values
    return out


def name_of(base: str, n: int) -> str:
    """Return the name of a result, given the model's: with the number of candidates, unless it is 1."""
    return base if n == 1 else f"{base}-best-of-{n}"


def curve_of(
    best: Mapping[int, Predictions],
    model: Programmer,
    trial: Trial,
    name: str,
    notes: Notes = SINGLE_NOTE,
    options: RunOptions = RunOptions(),
) -> pd.DataFrame:
    """Tabulate median metrics against the number of presets that were rendered.

    Args:
        best: Mapping from a number of rendered presets to the best ones among them, one for each target.
        model: Model that inferred them.
        trial: Presets to evaluate on.
        name: Name of the curve.
        notes: (MIDI note, velocity) pairs at which sounds are compared.
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        Table with a row per number and metric. Columns: samples, metric, n (number of targets), median, low
        and high (the median's 95% interval), and the provenance: name, title, checkpoint_sha256, split,
        subset, selection, engine, commit.
    """
    out = []
    for k, found in best.items():
        targets = trial.bank[trial.rows]
        table = evaluate.evaluate(targets, found, rows=trial.rows, notes=notes, options=options)
        scores = table.groupby("row")[list(CURVE_METRICS)].mean()
        scores["distance"] = objective.weighted({name: scores[name].to_numpy() for name in objective.WEIGHTS})
        for metric in scores:
            e = statistics.bootstrap(scores[metric], "median")
            out.append([k, metric, e.n, e.value, e.low, e.high])
    return pd.DataFrame(out, columns=["samples", "metric", "n", "median", "low", "high"]).assign(
        name=name,
        title=model.about.profile.title,
        checkpoint_sha256=model.sha256,
        split=trial.split,
        subset=trial.subset,
        selection=trial.selection,
        engine=Engine().engine,
        commit=code_commit(),
    )


def write_curve(curve: pd.DataFrame, folder: Path) -> Path:
    """Write the table of `curve_of` as `curve.<name>.<split>.csv` into a folder, and return the file."""
    first = curve.iloc[0]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"curve.{first['name']}.{first['split']}.csv"
    with atomic_write(path) as file:
        file.write(curve.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode())
    return path


def read_curves(folder: Path) -> pd.DataFrame:
    """Read all curves of a folder into one table, which is empty if there are none."""
    tables = [pd.read_csv(path, keep_default_na=False) for path in sorted(folder.glob("curve.*.csv"))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["name", "metric"])
