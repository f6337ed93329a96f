"""The best of several samples by rendering: draw presets, render each, keep the nearest.

Each preset's candidates begin with the model's single pass, so that the best of one is that.
"""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor

from latentdx.audio.dexed import SINGLE_NOTE, Dexed
from latentdx.dataset.loading import SpectrogramDataset
from latentdx.dataset.store import atomic_write
from latentdx.download import cache_folder
from latentdx.evaluation import evaluate, statistics
from latentdx.evaluation.chunks import map_chunks
from latentdx.evaluation.results import Notes, Result
from latentdx.evaluation.runs import Model, Rows, Trial, Values, check, evaluated, predict, store_of
from latentdx.models.predictions import Predictions
from latentdx.presets.bank import Preset, PresetBank
from latentdx.provenance import code_commit
from latentdx.training.cards import title

Rank = Callable[..., npt.NDArray[np.float64]]
"""(presets (N, 145), target sounds, their notes, threads=) -> distances (N,). Such as
`latentdx.applications.program.score`."""

SEED = 0
"""Of samples."""

CURVE_METRICS = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "log_mel_mae")

_CHUNK = 16  # presets between two writes


def _code_of(rank: Rank) -> str:
    """What cached distances depend on."""
    file = Path(inspect.getfile(rank))
    return f"{rank.__name__} {hashlib.sha256(file.read_bytes()).hexdigest()}"


def candidates(
    model: Model, decibels: Tensor, n: int, *, temperature: float = 1.0, seed: int = SEED
) -> tuple[Predictions, Values]:
    """Of one sound, dB (1, note, 257, 347): its forward pass, and `n` presets (n, 145) that begin with it."""
    single = model.predict(decibels)
    drawn = (
        model.sample(decibels, n - 1, temperature=temperature, seed=seed)[0] if n > 1 else single.values[:0]
    )
    return single, np.concatenate([single.values, drawn])


def _distances(targets: Values, drawn: Values, *, rank: Rank, notes: Notes) -> npt.NDArray[np.float64]:
    """Presets (N, 145) and candidates for each (N, n, 145) -> distances (N, n)."""
    synth = Dexed()
    return np.array(
        [
            rank(values, [synth.render(Preset(target), *note) for note in notes], notes, threads=1)
            for target, values in zip(targets, drawn, strict=True)
        ]
    ).reshape(drawn.shape[:2])


@dataclass(frozen=True)
class Drawn:
    """Candidates of each preset of a trial: `values` uint8 (N, n, 145), the first being `single`, and their
    `distances` (N, n) from the target."""

    single: Predictions
    values: Values
    distances: npt.NDArray[np.float64]

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
    temperature: float = 1.0,
    processes: int | None = None,
    cache: Path | None = None,
    progress: bool | None = None,
) -> Drawn:
    """Draw candidates for each preset of a trial and rank them by rendering; finished chunks are kept.

    A preset's draws depend on its row and `SEED` alone, not on the others of its trial.
    """
    folder = cache or cache_folder() / "samples"
    single = predict(model, trial, progress=progress)
    dataset = SpectrogramDataset(store_of(model, trial), trial.bank, decibels=True)

    def sample(rows: Rows) -> Values:
        return np.stack(
            [
                candidates(model, dataset[[row]].spectrogram, n, temperature=temperature, seed=SEED + row)[1]
                for row in rows.tolist()
            ]
        )

    if n > 1:
        method = (
            f"{model.sha256} {dataset.store.manifest.corpus_sha256} {model.notes} {n} {temperature} {SEED}"
        )
        values = map_chunks(
            sample, [trial.rows], method=method, folder=folder, size=_CHUNK, processes=1, progress=progress,
            description="sampling",
        )  # fmt: skip
    else:
        values = single.values[:, None]
    values[:, 0] = single.values  # a batch rounds otherwise in the last bit
    distances = map_chunks(
        partial(_distances, rank=rank, notes=model.notes),
        [trial.bank[trial.rows].values, values],
        method=f"{evaluate.method()} {_code_of(rank)} {Dexed().engine} {model.notes}",
        folder=folder,
        size=_CHUNK,
        processes=processes,
        progress=progress,
        description="rendering samples",
    )
    return Drawn(single, values, distances)


def best_of(
    model: Model,
    rank: Rank,
    trial: Trial,
    n: int,
    *,
    name: str | None = None,
    temperature: float = 1.0,
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
    curve = _curve(trial, drawn, n, notes, processes, progress).assign(
        name=base,
        title=title(model.about.profile),
        checkpoint_sha256=model.sha256,
        split=trial.split,
        subset=trial.subset,
        selection=trial.selection,
        temperature=temperature,
        engine=Dexed().engine,
        commit=code_commit(),
    )
    return found, curve


def _curve(
    trial: Trial, drawn: Drawn, n: int, notes: Notes, processes: int | None, progress: bool | None
) -> pd.DataFrame:
    counts = [k for k in (2**i for i in range(n.bit_length())) if k < n] + [n]
    out = []
    for k in counts:
        table = evaluate.evaluate(
            trial.bank[trial.rows], drawn.best(k), rows=trial.rows, notes=notes, processes=processes,
            progress=progress,
        )  # fmt: skip
        scores = table.groupby("row")[list(CURVE_METRICS)].mean()
        scores["distance"] = drawn.distances[:, :k].min(1)
        for metric in scores:
            e = statistics.bootstrap(scores[metric], "median")
            out.append([k, metric, e.n, e.value, e.low, e.high])
    return pd.DataFrame(out, columns=["samples", "metric", "n", "median", "low", "high"])


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
