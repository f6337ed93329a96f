"""Predictions of the anchors: baselines that have learned nothing, and references that know the target.

Each function returns `Predictions` for the presets of some rows. They are deterministic: a draw for a row
depends on the seed and the row alone, not on the other rows.
"""

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from latentdx.caching import cached
from latentdx.dataset.store import Store
from latentdx.errors import ParameterError, StoreMismatchError
from latentdx.presets.bank import PresetBank
from latentdx.presets.corpora import bank_hash
from latentdx.presets.parameters import N_VALUES, PARAMETERS, maxima
from latentdx.presets.predictions import Predictions
from latentdx.retrieval.exact_neighbors import Neighbors
from latentdx.run_options import RunOptions
from latentdx.typing import Mask, Rows

RELATED = 0.8
"""Share of the 145 values that two presets must have in common to be relatives."""

_METHOD = 1  # raise it when the search changes its results, so that stale ones are not reused


def perfect(targets: PresetBank) -> Predictions:
    """Return the targets themselves, so that every error is 0."""
    return Predictions.of_bank(targets)


def one_step(targets: PresetBank, live: Mask, rows: npt.ArrayLike, seed: int = 0) -> Predictions:
    """Return the targets with one random live parameter moved one step up or down, within its range.

    Args:
        targets: N presets.
        live: Mask of the live parameters, bool (N, 145); a preset without any stays unchanged.
        rows: Rows of the presets, int (N,), which seed each preset's draw.
        seed: Random seed; equal seeds and rows give equal presets.
    """
    values = targets.values.copy()
    for preset, mask, row in zip(values, live, np.asarray(rows).tolist(), strict=True):
        if not mask.any():
            continue
        rng = np.random.default_rng([seed, row])
        column = rng.choice(np.flatnonzero(mask))
        step = rng.choice([-1, 1])
        if not 0 <= int(preset[column]) + step <= maxima()[column]:
            step = -step
        preset[column] += step
    return Predictions.of_bank(PresetBank.from_values(values))


def mean_preset(train: PresetBank, n: int) -> Predictions:
    """Return the mean preset of a training set, `n` times.

    Numerical parameters have their mean, all others their most common value. `values`, which are rendered,
    are rounded to the DX7's steps; `plugin` keeps the means.

    Args:
        train: Presets of the training set, at least one.
        n: Number of copies.

    Raises:
        ParameterError: The training set is empty.
    """
    if not len(train):
        raise ParameterError("the mean preset needs at least 1 training preset, not 0")
    values, plugin = np.zeros((1, N_VALUES), np.uint8), PresetBank.init().plugin()
    for p in PARAMETERS:
        if p.vced is None:
            continue
        known = train.values[:, p.vced]
        if p.kind == "numerical":
            values[0, p.vced] = np.rint(known.mean())
            plugin[0, p.index] = known.mean() / p.maximum
        else:
            values[0, p.vced] = np.bincount(known).argmax()
            plugin[0, p.index] = values[0, p.vced] / p.maximum
    return Predictions(values.repeat(n, 0), plugin.repeat(n, 0))


def random_presets(bank: PresetBank, train: Rows, rows: npt.ArrayLike, seed: int = 0) -> Predictions:
    """Draw a random training preset for each row.

    Args:
        bank: Presets that rows refer to.
        train: Rows to draw from, int64 (M,).
        rows: Rows to draw for, int (N,), which seed the draws.
        seed: Random seed; equal seeds and rows give equal presets.
    """
    drawn = [train[np.random.default_rng([seed, row]).integers(len(train))] for row in np.asarray(rows)]
    return Predictions.of_bank(bank[np.array(drawn, np.int64)])


def relatives(preset: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> Mask:
    """Find presets that share at least 80% of their values with a preset.

    Args:
        preset: Values of one preset, uint8 (145,).
        others: Values of the presets to compare it with, uint8 (N, 145).

    Returns:
        Mask of the relatives, bool (N,).

    >>> preset = PresetBank.init().values[0]
    >>> other = preset.copy()
    >>> other[:30] += 1
    >>> relatives(preset, np.stack([preset, other])).tolist()
    [True, False]
    """
    return (others == preset).sum(1) >= RELATED * N_VALUES


def nearest_rows(
    bank: PresetBank,
    store: Store,
    train: Rows,
    rows: Rows,
    *,
    related: bool = True,
    options: RunOptions = RunOptions(),
) -> Rows:
    """Find the training row whose spectrogram at the store's first note is closest to that of each row.

    Args:
        bank: Presets of the store.
        store: Spectrograms of `train` and `rows`.
        train: Rows to search, int64 (M,).
        rows: Rows to find neighbors of, int64 (N,).
        related: False to exclude relatives of each row (see `relatives`).
        options: Progress bar, and location of the cache.

    Returns:
        Rows of the training set, int64 (N,); -1 where the whole training set is related.

    Raises:
        StoreMismatchError: The store was rendered from another bank.
    """
    if bank_hash(bank) != store.manifest.corpus_sha256:
        raise StoreMismatchError(f"{store.folder} was rendered from another bank")

    def search() -> Rows:
        neighbors, others = Neighbors(store, train), bank.values[train]
        out = np.full(len(rows), -1, np.int64)
        bar = tqdm(rows.tolist(), unit="preset", desc="nearest presets", disable=options.hidden)
        for i, row in enumerate(bar):
            excluded = None if related else relatives(bank.values[row], others)
            found, _ = neighbors.nearest(store.row(row)[0], excluded=excluded)
            if len(found):
                out[i] = found[0]
        return out

    shards = sorted(store.manifest.shards.items())
    method = f"{_METHOD} {shards} {related} {RELATED}"
    return cached(search, train, rows, method=method, kind="nearest", options=options)


def nearest_neighbor_presets(
    bank: PresetBank,
    store: Store,
    train: Rows,
    rows: Rows,
    *,
    related: bool = True,
    options: RunOptions = RunOptions(),
) -> Predictions:
    """Return the presets found by `nearest_rows`: a look-up that has learned nothing.

    Args:
        bank: Presets of the store.
        store: Spectrograms of `train` and `rows`.
        train: Rows to search, int64 (M,).
        rows: Rows to find neighbors of, int64 (N,).
        related: False to exclude relatives of each row (see `relatives`).
        options: Progress bar, and location of the cache.

    Raises:
        ParameterError: All training presets are relatives of a row.
        StoreMismatchError: The store was rendered from another bank.
    """
    found = nearest_rows(bank, store, train, rows, related=related, options=options)
    if (found < 0).any():
        row = rows[found < 0][0]
        raise ParameterError(f"row {row} has no neighbor: all training presets are its relatives")
    return Predictions.of_bank(bank[found])
