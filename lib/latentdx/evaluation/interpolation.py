"""Smoothness, straightness and evenness of paths between presets, by 46 audio features over many pairs.

The measures are those of `latentdx.metrics.path`, computed from features that are standardized by their mean
and standard deviation over training presets. `latentdx.applications.interpolate` makes the paths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, Renderer, sound_identity
from latentdx.caching import code_hash, map_chunks
from latentdx.dataset import curation, splits
from latentdx.errors import ParameterError
from latentdx.evaluation import parquet, statistics
from latentdx.metrics import timbre
from latentdx.metrics.path import largest_step, nonlinearity, smoothness, unevenness
from latentdx.metrics.timbre import FEATURES, GROUPS, TimbreAnalysis
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Rows, Values

FOLDER = "interpolation"
"""Folder of the results that ship, in `data`."""

N_PAIRS = 500
"""Default number of pairs."""

N_STEPS = 7
"""Number of steps of a path, as on the paper's page; SPINVAE was evaluated with nine."""

N_TRAINING = 1000
"""Number of training presets, drawn by seed, that features are standardized on."""

SEED = 0
"""Random seed of the pairs and of the training presets."""

BASELINE = "naive"
"""Method that the others are compared with."""

MEASURES = ("smoothness", "nonlinearity", "unevenness")

_CHUNK = 128
_LEAST = 5  # pairs per reported median; fewer would reveal properties of single presets


# -- features of many presets --------------------------------------------------------------------------------


def method(renderer: Renderer) -> str:
    """Return what a cached feature depends on in addition to the preset: code, libraries, engine and note."""
    code = code_hash(timbre)
    libraries = (f"{name} {version(name)}" for name in ("librosa", "numpy", "scipy"))
    synth = f"{sound_identity(renderer.engine)} {renderer.sample_rate}"
    return f"{code} {' '.join(libraries)} {synth} {SINGLE_NOTE}"


def _measure(values: Values) -> Floats:
    """Return the features of presets, and 1 where one is silent: float64 (N, 46 + 1)."""
    synth = Engine()
    out = np.empty((len(values), len(FEATURES) + 1))
    for i, v in enumerate(values):
        analysis = TimbreAnalysis(synth.render(Preset(v), *SINGLE_NOTE[0]))
        out[i, :-1] = [f.compute(analysis) for f in FEATURES]
        out[i, -1] = analysis.silent
    return out


def preset_features(
    values: Values, *, options: RunOptions = RunOptions()
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Compute the features of presets at note 60, velocity 85; equal presets are rendered once.

    Args:
        values: Presets, uint8 (N, 145).
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        Features that are not standardized, float64 (N, 46); and mask of the silent presets, bool (N,).
    """
    distinct, where = np.unique(values, axis=0, return_inverse=True)
    found = map_chunks(
        _measure,
        [distinct],
        method=method(Engine()),
        kind="features",
        size=_CHUNK,
        options=options,
        description="features",
    )
    found = found[where.ravel()]
    return found[:, :-1], found[:, -1] > 0


# -- pairs, and the result -----------------------------------------------------------------------------------


def draw_pairs(rows: Rows, n: int = N_PAIRS) -> Rows:
    """Draw pairs of rows by seed, without reusing a row; a smaller draw is the start of a larger one.

    Args:
        rows: Rows to draw from, int64 (M,).
        n: Number of pairs, 1 … M / 2.

    Returns:
        Rows of the start and end of each pair, int64 (n, 2).

    >>> draw_pairs(np.arange(10), 2).shape
    (2, 2)
    """
    if not 1 <= n <= len(rows) // 2:
        most = len(rows) // 2
        raise ParameterError(f"{n} pairs cannot be drawn from {len(rows)} presets, only 1 … {most}")
    return np.random.default_rng(SEED).permutation(rows)[: 2 * n].reshape(n, 2)


@dataclass(frozen=True)
class PathProvenance:
    """Provenance of a result, and statistics that cannot be computed from its table.

    Attributes:
        model, title: Name and title of the model whose latents are used.
        checkpoint_sha256: SHA-256 of its weights, first sixteen digits.
        corpus, corpus_sha256, split, subset: Origin of the pairs.
        n_pairs, n_steps, seed: Number of pairs, number of steps of each path, and seed of the pairs.
        note: MIDI note and velocity at which presets are rendered.
        methods: Title and text of each method; for models also `exact` (share of the ends that the model
            itself reproduces exactly) and `radius` (median RMS of the ends' latents).
        features: Group and unit of each feature, and its mean and deviation over the training presets.
        n_training: Number of these training presets.
        engine, commit, libraries: Versions of the rendering engine, the code and the libraries.
        by_algorithm: For pairs with the "same" or "different" algorithms at their ends, their number `n` and
            each method's median of each measure, where there are at least five pairs.
    """

    model: str
    title: str
    checkpoint_sha256: str
    corpus: str
    corpus_sha256: str
    split: str
    subset: str
    n_pairs: int
    n_steps: int
    seed: int
    note: list[int]
    methods: dict[str, dict[str, Any]]
    features: dict[str, dict[str, Any]]
    n_training: int
    engine: str
    commit: str
    libraries: str
    by_algorithm: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Standard:
    """Standardization of features by their mean and standard deviation over some presets.

    Attributes:
        mean: Mean of each feature, float64 (46,).
        deviation: Standard deviation of each feature, float64 (46,); 1 for features that do not vary.
        n: Number of presets.
    """

    mean: Floats
    deviation: Floats
    n: int

    @classmethod
    def of(cls, found: Floats) -> "Standard":
        """Compute it from the features of N presets, float64 (N, 46)."""
        deviation = found.std(axis=0)
        return cls(found.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0), len(found))

    @classmethod
    def of_training(cls, bank: PresetBank, rows: Rows, options: RunOptions = RunOptions()) -> "Standard":
        """Compute it from `N_TRAINING` presets that are drawn by seed from some rows of a bank."""
        chosen = np.random.default_rng(SEED).choice(rows, min(N_TRAINING, len(rows)), replace=False)
        return cls.of(preset_features(bank.values[np.sort(chosen)], options=options)[0])

    @classmethod
    def of_features(cls, told: Mapping[str, Mapping[str, Any]], n: int) -> "Standard":
        """Restore it from the `features` and `n_training` of a result's provenance."""
        mean, deviation = (np.array([told[f.name][key] for f in FEATURES]) for key in ("mean", "deviation"))
        return cls(mean, deviation, n)

    def of_path(self, found: Floats) -> Floats:
        """Standardize features (…, 46): subtract the means and divide by the deviations."""
        return (found - self.mean) / self.deviation


@dataclass(frozen=True)
class PairResult:
    """Measures of all paths.

    Attributes:
        table: One row per pair and method. Columns: pair, row_a, row_b, label_a, label_b, method, failed,
            silent_steps (number of silent steps between the ends), smoothness, nonlinearity, unevenness,
            largest_step; and the first two measures for each group of features, such as `smoothness_timbre`.
        provenance: Provenance of the table.
    """

    table: pd.DataFrame
    provenance: PathProvenance

    def write(self, folder: Path) -> Path:
        """Write `pairs.<model>.parquet` into a folder, and return the file; see `parquet.write`."""
        return parquet.write(self.table, self.provenance, folder / f"pairs.{self.provenance.model}.parquet")

    @classmethod
    def read(cls, path: Path) -> "PairResult":
        """Read a file that `write` wrote; raise `DataMissingError` if it is missing or another file."""
        return cls(*parquet.read(path, PathProvenance, "latentdx evaluate interpolation"))

    def scores(self, measure: str, *, sounding: bool = False) -> dict[str, Floats]:
        """Return the values of a measure for each method.

        Args:
            measure: Name of a column, such as "smoothness".
            sounding: True to keep only pairs in which no method has a silent step.

        Returns:
            One value per pair for each method, float64, in one order for all; `nan` where a method failed.
        """
        wide = self.table.pivot(index="pair", columns="method", values=measure)
        if sounding:
            silent = self.table.groupby("pair")["silent_steps"].sum()
            wide = wide[silent.reindex(wide.index) == 0]
        return {name: wide[name].to_numpy(np.float64) for name in self.provenance.methods}


def change(scores: Mapping[str, Floats], name: str, baseline: str = BASELINE) -> statistics.Estimate:
    """Estimate the relative change of a method's mean from the baseline's, with its 95% bootstrap interval.

    Both means are taken over the same resampled pairs. Pairs that failed in either method are left out.

    Args:
        scores: One value per pair for each method, as `PairResult.scores` returns them.
        name: Method to compare.
        baseline: Method to compare it with.

    Returns:
        Relative change, such as -0.1 for 10% less; `nan` if no pair is left.
    """
    a, b = scores[name], scores[baseline]
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if not len(a):
        return statistics.Estimate(*(float("nan"),) * 3, 0)
    n = statistics.N_RESAMPLES
    ratio = statistics.bootstrap_means(a, n) / statistics.bootstrap_means(b, n) - 1
    low, high = np.quantile(ratio, [(1 - statistics.LEVEL) / 2, (1 + statistics.LEVEL) / 2])
    return statistics.Estimate(float(a.mean() / b.mean() - 1), float(low), float(high), len(a))


def _lines(
    pairs: Rows,
    labels: pd.Series,
    name: str,
    path: Floats,
    silent: npt.NDArray[Any],
    failed: npt.NDArray[Any],
) -> pd.DataFrame:
    """Return one method's rows of the table; `path` holds standardized features, (P, steps, 46)."""
    groups = np.array([f.group for f in FEATURES])
    lines = []
    for i, (one, (a, b)) in enumerate(zip(path, pairs, strict=True)):
        line: dict[str, Any] = {
            "pair": np.int32(i),
            "row_a": np.int32(a),
            "row_b": np.int32(b),
            "label_a": labels[a],
            "label_b": labels[b],
            "method": name,
            "failed": bool(failed[i]),
            "silent_steps": np.int16(0 if failed[i] else silent[i, 1:-1].sum()),
        }
        numbers = {"smoothness": smoothness(one), "nonlinearity": nonlinearity(one)}
        numbers |= {"unevenness": unevenness(one), "largest_step": largest_step(one)}
        for group in GROUPS:
            part = one[:, groups == group]
            numbers[f"smoothness_{group}"] = smoothness(part)
            numbers[f"nonlinearity_{group}"] = nonlinearity(part)
        line |= {k: np.float32(np.nan if failed[i] else v) for k, v in numbers.items()}
        lines.append(line)
    return pd.DataFrame(lines)


def by_algorithm(table: pd.DataFrame, same: npt.NDArray[np.bool_]) -> dict[str, dict[str, Any]]:
    """Compute medians separately for pairs whose ends have the same algorithm and different ones.

    Args:
        table: Table of a `PairResult`.
        same: Mask of the pairs with the same algorithm at both ends, bool (P,).

    Returns:
        Statistics as in `PathProvenance.by_algorithm`; groups of fewer than five pairs are left out.
    """
    out: dict[str, dict[str, Any]] = {}
    for name, which in (("same", same), ("different", ~same)):
        if which.sum() >= _LEAST:
            part = table[which[table["pair"]]]
            medians = part.groupby("method")[list(MEASURES)].median()
            out[name] = {
                "n": int(which.sum()),
                **{
                    str(m): {k: float(f"{v:.5g}") for k, v in line.items()}
                    for m, line in medians.to_dict("index").items()
                },
            }
    return out


@dataclass(frozen=True)
class MethodPaths:
    """Paths of one method.

    Attributes:
        values: Presets, uint8 (P, steps, 145), see `latentdx.applications.interpolate.Paths`.
        failed: Mask of the paths that could not be computed, bool (P,).
        about: Description of the method, see `PathProvenance.methods`.
    """

    values: Values
    failed: npt.NDArray[np.bool_]
    about: dict[str, Any]


def evaluate_paths(
    sources: Mapping[str, MethodPaths],
    pairs: Rows,
    bank: PresetBank,
    *,
    model: str,
    title: str,
    checkpoint_sha256: str,
    corpus: str,
    split: splits.Split = "twin-disjoint",
    subset: splits.Subset = "test",
    options: RunOptions = RunOptions(),
) -> PairResult:
    """Render and measure every step of every path.

    Args:
        sources: Paths of each method between the same pairs.
        pairs: Rows of the start and end of each pair, int64 (P, 2).
        bank: All presets of the corpus, neutral.
        model, title, checkpoint_sha256: Name and title of the model whose latents are used, and its hash.
        corpus, split, subset: Origin of the pairs; features are standardized on the split's training set.
        options: Number of processes, progress bar, and location of the cache.
    """
    shape = next(iter(sources.values())).values.shape
    stacked = np.concatenate([s.values.reshape(-1, shape[-1]) for s in sources.values()])
    found, silent = preset_features(stacked, options=options)
    standard = Standard.of_training(bank, curation.rows(corpus, split, "train"), options)
    each = standard.of_path(found).reshape(len(sources), *shape[:2], -1)
    quiet = silent.reshape(len(sources), *shape[:2])
    labels = curation.read_curation(corpus).set_index("index")["label"].astype(str)
    table = pd.concat(
        [
            _lines(pairs, labels, name, each[i], quiet[i], source.failed)
            for i, (name, source) in enumerate(sources.items())
        ],
        ignore_index=True,
    )
    algorithms = np.array([p["ALGORITHM"] for p in bank[pairs.ravel()]]).reshape(pairs.shape)
    libraries = ("dexed-py", "librosa", "numpy", "pandas", "pyarrow", "scipy", "torch")
    provenance = PathProvenance(
        model=model,
        title=title,
        checkpoint_sha256=checkpoint_sha256,
        corpus=corpus,
        corpus_sha256=corpora.bank_hash(bank),
        split=split,
        subset=subset,
        n_pairs=len(pairs),
        n_steps=shape[1],
        seed=SEED,
        note=list(SINGLE_NOTE[0]),
        methods={name: source.about for name, source in sources.items()},
        features={
            f.name: {"group": f.group, "unit": f.unit, "mean": float(m), "deviation": float(d)}
            for f, m, d in zip(FEATURES, standard.mean, standard.deviation, strict=True)
        },
        n_training=standard.n,
        engine=Engine().engine,
        commit=code_commit(),
        libraries=", ".join(f"{name} {version(name)}" for name in libraries),
        by_algorithm=by_algorithm(table, algorithms[:, 0] == algorithms[:, 1]),
    )
    return PairResult(table, provenance)


def read_results(folder: Path | None = None) -> list[PairResult]:
    """Read all results in a folder, default `data/interpolation`."""
    return [PairResult.read(p) for p in sorted((folder or data_path(FOLDER)).glob("pairs.*.parquet"))]


def comparisons(
    result: PairResult, measure: str, *, sounding: bool = False
) -> Sequence[statistics.Comparison]:
    """Compare all methods by paired Wilcoxon tests with Holm correction.

    Args:
        result: Measures of all paths.
        measure: Name of a column, such as "smoothness".
        sounding: True to keep only pairs in which no method has a silent step.
    """
    return statistics.compare(result.scores(measure, sounding=sounding))
