"""Anchors for the results: what has learnt nothing, and what already knows the answer.

Each gives `Predictions` for the presets of some rows, deterministically: what is drawn for a row depends on
the seed and the row alone, not on the other rows.
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
"""Presets that share at least this part of the 145 values are relatives."""

_METHOD = 1  # raise it when the search finds something else, so that stale rows are not reused


def perfect(targets: PresetBank) -> Predictions:
    """The targets themselves: every error is 0."""
    return Predictions.of_bank(targets)


def one_step(targets: PresetBank, live: Mask, rows: npt.ArrayLike, seed: int = 0) -> Predictions:
    """The targets with one random live parameter one step up or down, whichever its range allows.

    Args:
        targets: N presets.
        live: bool (N, 145); a preset without a live parameter stays as it is.
        rows: int (N,), whose numbers seed each preset's draw.
        seed: of all draws.
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
    """`n` times the training set's mean of each numerical and commonest value of each other parameter.

    What is rendered is rounded to the DX7's steps; `plugin` keeps the means.
    """
    if not len(train):
        raise ParameterError("the mean of no presets is undefined")
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
    """A random training preset for each of `rows`."""
    drawn = [train[np.random.default_rng([seed, row]).integers(len(train))] for row in np.asarray(rows)]
    return Predictions.of_bank(bank[np.array(drawn, np.int64)])


def relatives(preset: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> Mask:
    """Which presets (N, 145) share at least 80 % of the values with one (145,): bool (N,)."""
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
    """Find the training row whose spectrogram at the store's first note is nearest to each of `rows`.

    Args:
        bank: The store's presets.
        store: Spectrograms of the rows searched and of those asked for.
        train: Rows to search.
        rows: Rows asked for.
        related: Whether relatives may be found too (`relatives`).
        options: Progress, and where finished searches are kept.

    Returns:
        int64 (len(rows),); -1 where the whole training set is related.

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
    """Return the presets of `nearest_rows`: a look-up that has learned nothing."""
    found = nearest_rows(bank, store, train, rows, related=related, options=options)
    if (found < 0).any():
        raise ParameterError(f"row {rows[found < 0][0]}: all training presets are its relatives")
    return Predictions.of_bank(bank[found])
