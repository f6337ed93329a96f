"""The best of several presets by rendering: let the model try some, render each, keep the nearest.

Each preset's candidates begin with the model's single pass, so that the best of one is that.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio.dexed import SINGLE_NOTE, Dexed
from latentdx.dataset.loading import SpectrogramDataset
from latentdx.dataset.store import atomic_write
from latentdx.download import cache_folder
from latentdx.evaluation import evaluate, statistics
from latentdx.evaluation.chunks import map_chunks
from latentdx.evaluation.results import Notes, Result
from latentdx.evaluation.runs import Model, Rows, Trial, Values, check, evaluated, predict, store_of
from latentdx.models.predictions import Predictions
from latentdx.models.sampler import DRAWING_TEMPERATURE, PresetSampler
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import N_VALUES
from latentdx.provenance import code_commit
from latentdx.training.cards import title

Rank = Callable[..., npt.NDArray[np.float64]]
"""(presets (N, 145), target sounds, their notes, threads=) -> distances (N,). Such as
`latentdx.applications.program.score`."""

SEED = 0
"""Of samples."""

CURVE_METRICS = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "log_mel_mae")

RANKED_BY = {"log_stft_mae": 0.27, "spectral_convergence": 0.70, "mfcc13_mae": 0.03}

_CHUNK = 16  # presets between two writes


def _code_of(work: Callable[..., Any]) -> str:
    """What cached presets and distances depend on."""
    file = Path(inspect.getfile(work))
    return f"{work.__name__} {hashlib.sha256(file.read_bytes()).hexdigest()}"


@dataclass(frozen=True)
class Drawn:
    """Candidates of each preset of a trial: `values` uint8 (N, n, 145), the first being `single`, and their
    `distances` (N, n) from the target."""

    single: Predictions
    values: Values
    distances: npt.NDArray[np.float32]

    def best(self, n: int) -> Predictions:
        """The nearest of the first `n` candidates."""
        chosen = self.distances[:, :n].argmin(1)
        values = self.values[np.arange(len(chosen)), chosen]
        plugin = PresetBank.from_values(values).plugin()
        return Predictions(values, np.where((chosen == 0)[:, None], self.single.plugin, plugin))


def draw(
    model: Model,
    rank: Rank,
    trial: Trial,
    n: int,
    *,
    temperature: float = DRAWING_TEMPERATURE,
    processes: int | None = None,
    cache: Path | None = None,
    progress: bool | None = None,
) -> Drawn:
    """Draw candidates for each preset of a trial and rank them by rendering; finished chunks are kept.

    A preset's draws depend on its row and `SEED` alone, not on the others of its trial.
    """
    single = predict(model, trial, progress=progress)
    dataset = SpectrogramDataset(store_of(model, trial), trial.bank, decibels=True)
    synth = Dexed()

    def explore(rows: Rows) -> npt.NDArray[np.float32]:
        """(rows, n, values and distance)."""
        out = np.empty((len(rows), n, N_VALUES + 1), np.float32)
        for found, row in zip(out, rows.tolist(), strict=True):
            targets = [synth.render(trial.bank[row], *note) for note in model.notes]
            tried = model.explore(
                dataset[[row]].spectrogram,
                n,
                partial(rank, targets=targets, notes=model.notes, threads=processes),
                temperature=temperature,
                seed=SEED + row,
            )
            found[:, :-1], found[:, -1] = tried.values, tried.distances
        return out

    known = f"{model.sha256} {dataset.store.manifest.corpus_sha256} {model.notes} {n} {temperature} {SEED}"
    code = " ".join(_code_of(work) for work in (rank, type(model).explore, PresetSampler))
    method = f"{known} {evaluate.method()} {code} {synth.engine}"
    found = map_chunks(
        explore, [trial.rows], method=method, folder=cache or cache_folder() / "samples", size=_CHUNK,
        processes=1, progress=progress, description=f"best of {n}",
    )  # fmt: skip
    values, distances = found[..., :-1].astype(np.uint8), found[..., -1]
    values[:, 0] = single.values  # a batch rounds otherwise in the last bit
    return Drawn(single, values, distances)


def best_of(
    model: Model,
    rank: Rank,
    trial: Trial,
    n: int,
    *,
    name: str | None = None,
    temperature: float = DRAWING_TEMPERATURE,
    notes: Notes = SINGLE_NOTE,
    leaky: bool = False,
    live_notes: Notes | None = SINGLE_NOTE,
    n_pyin: int | None = None,
    processes: int | None = None,
    progress: bool | None = None,
) -> tuple[list[Result], pd.DataFrame]:
    """The best of `n` candidates by rendering, and the single pass on the same presets.

    Args:
        n: candidates a preset; one of them is the single pass.
        temperature: of the draws.
        name, notes, leaky, live_notes, n_pyin, processes, progress: as of `one_pass`.

    Returns:
        Results of the single pass and of the best; and a table of medians against the number of candidates
        (1, 2, 4 … n): samples, metric, n presets, median, low, high, and what made it.
    """
    check(model, trial, leaky=leaky)
    drawn = draw(model, rank, trial, n, temperature=temperature, processes=processes, progress=progress)
    base = name or model.about.profile.name
    how = {"live_notes": live_notes, "n_pyin": n_pyin, "processes": processes, "progress": progress}
    inference = f"best of {n} by rendering"
    found = [
        evaluated(model, trial, drawn.single, base, "one pass", notes, **how),
        evaluated(model, trial, drawn.best(n), f"{base}-best-of-{n}", inference, notes, **how),
    ]
    counts = [k for k in (2**i for i in range(n.bit_length())) if k < n] + [n]
    curve = curve_of(
        {k: drawn.best(k) for k in counts}, model, trial, base, notes, processes=processes, progress=progress
    )
    return found, curve.assign(temperature=temperature)


def curve_of(
    best: Mapping[int, Predictions],
    model: Model,
    trial: Trial,
    name: str,
    notes: Notes = SINGLE_NOTE,
    *,
    processes: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Medians against the number of presets rendered: samples, metric, n presets, median, low, high, and
    what made it.

    Args:
        best: number -> the best preset by then of each preset of the trial.
        model: that inferred them.
        trial: which presets.
        name: of the curve.
        notes, processes, progress: as of `best_of`.
    """
    out = []
    for k, found in best.items():
        table = evaluate.evaluate(
            trial.bank[trial.rows], found, rows=trial.rows, notes=notes, processes=processes,
            progress=progress,
        )  # fmt: skip
        scores = table.groupby("row")[list(CURVE_METRICS)].mean()
        # what presets are ranked by, `applications.program.distance`
        scores["distance"] = sum(w * scores[m].fillna(0) for m, w in RANKED_BY.items())
        for metric in scores:
            e = statistics.bootstrap(scores[metric], "median")
            out.append([k, metric, e.n, e.value, e.low, e.high])
    return pd.DataFrame(out, columns=["samples", "metric", "n", "median", "low", "high"]).assign(
        name=name,
        title=title(model.about.profile),
        checkpoint_sha256=model.sha256,
        split=trial.split,
        subset=trial.subset,
        selection=trial.selection,
        engine=Dexed().engine,
        commit=code_commit(),
    )


def write_curve(curve: pd.DataFrame, folder: Path) -> Path:
    """Keep `best_of`'s table as `curve.<name>.<split>.csv`."""
    first = curve.iloc[0]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"curve.{first['name']}.{first['split']}.csv"
    with atomic_write(path) as file:
        file.write(curve.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode())
    return path


def read_curves(folder: Path) -> pd.DataFrame:
    """All curves of a folder, one after another; empty where there is none."""
    tables = [pd.read_csv(path, keep_default_na=False) for path in sorted(folder.glob("curve.*.csv"))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["name", "metric"])
