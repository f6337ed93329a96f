"""How smooth, straight and even are paths between presets? By 46 audio features, over many pairs.

The measures are those of `latentdx.metrics.path`, of features each standardized by its mean and deviation
over training presets. What makes the paths comes from outside (`latentdx.applications.interpolate`), for
imports run one way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio.renderer import SINGLE_NOTE, Dexed, Renderer
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
"""Of what ships, in `data`."""

N_PAIRS = 500
N_STEPS = 7
"""As on the paper's page; SPINVAE was measured at nine."""

N_TRAINING = 1000
"""Training presets that the features are standardized on, drawn by seed."""

SEED = 0
BASELINE = "naive"
"""What the others are compared with."""

MEASURES = ("smoothness", "nonlinearity", "unevenness")

_CHUNK = 128
_LEAST = 5  # presets that anything is told of; fewer would tell on presets


# -- features of many presets --------------------------------------------------------------------------------


def method(renderer: Renderer) -> str:
    """What a cached feature depends on beside the preset."""
    code = code_hash(timbre)
    libraries = (f"{name} {version(name)}" for name in ("librosa", "numpy", "scipy"))
    return f"{code} {' '.join(libraries)} {renderer.engine} {renderer.sample_rate} {SINGLE_NOTE}"


def _measure(values: Values) -> Floats:
    """(N, 46 + 1): the features, and whether it is silent."""
    synth = Dexed()
    out = np.empty((len(values), len(FEATURES) + 1))
    for i, v in enumerate(values):
        analysis = TimbreAnalysis(synth.render(Preset(v), *SINGLE_NOTE[0]))
        out[i, :-1] = [f.compute(analysis) for f in FEATURES]
        out[i, -1] = analysis.silent
    return out


def preset_features(
    values: Values,
    *,
    options: RunOptions = RunOptions(),
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Features (N, 46), raw, and silence (N,), of presets (N, 145) at (60, 85). Equal presets are rendered
    once; finished chunks are kept in the user's cache."""
    distinct, where = np.unique(values, axis=0, return_inverse=True)
    found = map_chunks(
        _measure,
        [distinct],
        method=method(Dexed()),
        kind="features",
        size=_CHUNK,
        options=options,
        description="features",
    )
    found = found[where.ravel()]
    return found[:, :-1], found[:, -1] > 0


# -- pairs, and the result -----------------------------------------------------------------------------------


def draw_pairs(rows: Rows, n: int = N_PAIRS) -> Rows:
    """`n` pairs of rows, (n, 2), no row twice: the first of a seeded shuffle, so that fewer are a part of
    more."""
    if not 1 <= n <= len(rows) // 2:
        raise ParameterError(f"{n} pairs are outside 1 … {len(rows) // 2}: there are {len(rows)} presets")
    return np.random.default_rng(SEED).permutation(rows)[: 2 * n].reshape(n, 2)


@dataclass(frozen=True)
class PathProvenance:
    """What made a result, and what cannot be told from its table.

    Attributes:
        model, title: of the model whose latents are used.
        checkpoint_sha256: of its weights, first sixteen digits.
        corpus, corpus_sha256, split, subset: where the pairs are from.
        n_pairs, n_steps, seed, note: how they were made and played.
        methods: name -> title, text; of models also `exact` (share of ends that the model itself gives back
            exactly) and `radius` (median RMS of the ends' latents).
        features: name -> group, unit, mean and deviation over the training presets.
        n_training: how many these were.
        engine, commit, libraries: as elsewhere.
        by_algorithm: "same" or "different" algorithm at the ends -> n, and method -> the median of each
            measure; no fewer than five pairs.
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
    """Mean and deviation of each feature over presets, (46,) each; what never varies has deviation 1."""

    mean: Floats
    deviation: Floats
    n: int

    @classmethod
    def of(cls, found: Floats) -> "Standard":
        """Of features (N, 46)."""
        deviation = found.std(axis=0)
        return cls(found.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0), len(found))

    @classmethod
    def of_training(cls, bank: PresetBank, rows: Rows, options: RunOptions = RunOptions()) -> "Standard":
        """Compute it over `N_TRAINING` presets of these rows of a bank, drawn by seed."""
        chosen = np.random.default_rng(SEED).choice(rows, min(N_TRAINING, len(rows)), replace=False)
        return cls.of(preset_features(bank.values[np.sort(chosen)], options=options)[0])

    @classmethod
    def of_features(cls, told: Mapping[str, Mapping[str, Any]], n: int) -> "Standard":
        """As a result's provenance has it."""
        mean, deviation = (np.array([told[f.name][key] for f in FEATURES]) for key in ("mean", "deviation"))
        return cls(mean, deviation, n)

    def of_path(self, found: Floats) -> Floats:
        """Features (…, 46) -> in deviations from the mean."""
        return (found - self.mean) / self.deviation


@dataclass(frozen=True)
class PairResult:
    """One row a pair and method, and what made it.

    Columns: pair, row_a, row_b, label_a, label_b, method, failed, silent_steps (between the ends),
    smoothness, nonlinearity, unevenness, largest_step, and the first two for each group of features,
    `smoothness_timbre` for one.
    """

    table: pd.DataFrame
    provenance: PathProvenance

    def write(self, folder: Path) -> Path:
        """Write `pairs.<model>.parquet`, as `parquet.write` does."""
        return parquet.write(self.table, self.provenance, folder / f"pairs.{self.provenance.model}.parquet")

    @classmethod
    def read(cls, path: Path) -> "PairResult":
        """Read a file that `write` made; raises `DataMissingError` for any other, or none."""
        return cls(*parquet.read(path, PathProvenance, "latentdx evaluate interpolation"))

    def scores(self, measure: str, *, sounding: bool = False) -> dict[str, Floats]:
        """Method -> one value a pair, in one order; `nan` where it failed.

        Args:
            sounding: only the pairs in which no method has a silent step.
        """
        wide = self.table.pivot(index="pair", columns="method", values=measure)
        if sounding:
            silent = self.table.groupby("pair")["silent_steps"].sum()
            wide = wide[silent.reindex(wide.index) == 0]
        return {name: wide[name].to_numpy(np.float64) for name in self.provenance.methods}


def change(scores: Mapping[str, Floats], name: str, baseline: str = BASELINE) -> statistics.Estimate:
    """Relative change of a method's mean against the baseline's (-0.1 is 10 % less), with its interval: both
    means are of the same resampled pairs. Pairs that failed in either are left out."""
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
    """One method's rows; `path` is standardized, (P, steps, 46)."""
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
    """Medians of pairs of one algorithm and of two, `same` (pairs,), where there are enough of them."""
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
    """What a method gave: paths uint8 (P, steps, 145) and what is to be said of it.

    Attributes:
        values, failed: see `latentdx.applications.interpolate.Paths`.
        about: title, text and, of models, `exact` and `radius`, see `PathProvenance.methods`.
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
        sources: method -> its paths over the same pairs.
        pairs: rows of the bank, (P, 2).
        bank: the corpus, neutral.
        model, title, checkpoint_sha256, corpus, split, subset: see `PathProvenance`.
        options: how the computation runs.
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
        engine=Dexed().engine,
        commit=code_commit(),
        libraries=", ".join(f"{name} {version(name)}" for name in libraries),
        by_algorithm=by_algorithm(table, algorithms[:, 0] == algorithms[:, 1]),
    )
    return PairResult(table, provenance)


def read_results(folder: Path | None = None) -> list[PairResult]:
    """All results of a folder, default `data/interpolation`."""
    return [PairResult.read(p) for p in sorted((folder or data_path(FOLDER)).glob("pairs.*.parquet"))]


def comparisons(
    result: PairResult, measure: str, *, sounding: bool = False
) -> Sequence[statistics.Comparison]:
    """Paired Wilcoxon tests between all methods, Holm-corrected."""
    return statistics.compare(result.scores(measure, sounding=sounding))
