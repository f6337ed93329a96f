"""Benchmark of matching on presets of a test set, at several budgets and against search without learning.

Relatives of a target (`latentdx.evaluation.baselines.relatives`) are removed from the known presets that a
match, or the genetic search, starts from. Otherwise it would measure whether near duplicates exist.
"""

from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from latentdx.applications import (
    candidate_choice,
    evolutionary_search,
    heard_modulation,
    key_behavior,
    known_stage,
    match,
    mutations,
    output_level,
    plausibility,
    programmer,
    tune,
)
from latentdx.applications.match import N_NEAREST
from latentdx.applications.programmer import N_DRAWN, Programmer, load_model
from latentdx.applications.target import Target
from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.caching import code_hash, map_chunks
from latentdx.dataset import curation
from latentdx.dataset.store import Store, store_folder
from latentdx.errors import SoundIndexError
from latentdx.evaluation import best_of_n, genetic_search
from latentdx.evaluation.baselines import nearest_neighbor_presets, relatives
from latentdx.evaluation.results import Measurement, Result, evaluate_rows
from latentdx.evaluation.trials import Trial, check, evaluated
from latentdx.metrics import gain, modulation, objective
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.corpora import bank_hash, read
from latentdx.presets.parameters import N_VALUES
from latentdx.presets.predictions import Predictions
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.run_options import RunOptions
from latentdx.training.checkpoint import differences
from latentdx.typing import Rows, Values

BUDGETS = (500, 2_000, 7_000)
"""Numbers of renders of a match; 7,000 fit into about the time of 5,000 notes of four seconds in dexed-py."""

N_TARGETS = 200
"""Default number of targets."""

COUNTS = (1, 4, 16, 64, 128, 256, 500, 1_000, 2_000, 4_000, 7_000)
"""Numbers of renders at which the curve is sampled."""

SEED = 0
"""Random seed of matches and of genetic searches."""

_CHUNK = 2  # targets; 2,000 renders take ten seconds


def _sound(bank: PresetBank, row: int) -> npt.NDArray[np.float32]:
    return Dexed().render(bank[row], *SINGLE_NOTE[0])


@cache
def one_thread_model(file: str) -> Programmer:
    """Load a model once per process, to run on one core because there is a process for every core."""
    torch.set_num_threads(1)
    return load_model(file)


def _match(rows: Rows, near: Values, *, file: str, corpus: str, budget: int) -> Values:
    """Return the best preset of each match, and the best so far at each of `COUNTS`: (N, 1 + counts, 145)."""
    bank = neutral_bank(corpus)
    out = np.empty((len(rows), 1 + len(COUNTS), N_VALUES), np.uint8)
    for found, row, known in zip(out, rows.tolist(), near, strict=True):
        sound = Target(_sound(bank, row), *SINGLE_NOTE[0], (), ())
        # only the best preset is evaluated
        made = match.match_targets(
            [sound], one_thread_model(file), nearest=known, budget=budget, keep=1, seed=SEED + row, threads=1
        )
        found[0] = made.best.preset.values
        for place, count in enumerate(COUNTS, 1):
            found[place] = [i for i in made.curve if i.renders <= count][-1].preset.values
    return out


def _search(rows: Rows, starts: Values, *, corpus: str, budget: int) -> Values:
    """Return the result of the genetic search for each target, (N, 145)."""
    bank = neutral_bank(corpus)
    return np.stack(
        [
            genetic_search.genetic_search(
                _sound(bank, row), Preset(start), SINGLE_NOTE[0], renders=budget, seed=[SEED, row]
            ).preset.values
            for row, start in zip(rows.tolist(), starts, strict=True)
        ]
    )


@cache
def neutral_bank(corpus: str) -> PresetBank:
    """Read a corpus once per process."""
    return read(corpus).neutral()


def nearest_unrelated(trial: Trial, index: SoundIndex, n: int = N_NEAREST) -> Values:
    """Find the known presets that a match starts from, without relatives of the target.

    Args:
        trial: Targets.
        index: Index of the known presets.
        n: Number of presets for each target.

    Returns:
        Presets, uint8 (N, n, 145), the closest first.
    """
    store = Store(store_folder(trial.corpus, SINGLE_NOTE))
    known = trial.bank.values[index.rows]
    out = []
    for row in trial.rows.tolist():
        related = relatives(trial.bank.values[row], known)
        found, _ = index.nearest(store.row(row)[0], n, excluded=related, at_any_level=True)
        out.append(trial.bank.values[found])
    return np.stack(out)


def match_code() -> str:
    """Return the hash of the code of a match."""
    answers = candidate_choice, heard_modulation, key_behavior, known_stage, output_level, plausibility, tune
    return code_hash(match, evolutionary_search, mutations, programmer, *answers, objective, gain, modulation)


def checked_nearest(model: Programmer, trial: Trial, index: SoundIndex) -> Values:
    """Check that model and index fit a trial, and return the known presets that matches start from.

    Args:
        model, trial, index: See `measure`.

    Returns:
        Presets, uint8 (N, n, 145), see `nearest_unrelated`.

    Raises:
        CheckpointError: The model does not fit the trial.
        SoundIndexError: The index does not fit the trial.
    """
    check(model, trial)
    there = {"split": index.about.split, "subset": index.about.subset, "corpus": index.about.corpus_sha256}
    wanted = {"split": trial.split, "subset": "train", "corpus": bank_hash(trial.bank)}
    if found := differences(there, wanted):
        raise SoundIndexError(f"the index of {trial.corpus} does not fit: {'; '.join(found)}")
    return nearest_unrelated(trial, index)


def measure(
    model: Programmer,
    file: Path,
    trial: Trial,
    index: SoundIndex,
    budgets: Sequence[int] = BUDGETS,
    options: RunOptions = RunOptions(),
) -> Iterator[Result | pd.DataFrame]:
    """Evaluate `match` at several budgets, and for comparison the best of 64 draws and the genetic search.

    The genetic search starts from the nearest preset. Finished chunks are kept.

    Args:
        model: Model that a match uses.
        file: Checkpoint of the model.
        trial: Targets.
        index: Index of the known presets, which must be the training set.
        budgets: Numbers of renders.
        options: Number of processes, progress bar, and location of the cache.

    Yields:
        Results of the best of 64 draws and of the genetic search; then for each budget its result, and its
        curve as a table of `latentdx.evaluation.best_of_n.curve_of`.

    Raises:
        CheckpointError: The model does not fit the trial.
        SoundIndexError: The index does not fit the trial.
    """
    near = checked_nearest(model, trial, index)
    quick = Measurement().quick()
    _, best_of = best_of_n.best_of(model, trial, N_DRAWN, measurement=quick, options=options)[0]
    yield best_of
    yield _genetic(trial, quick, options)
    for budget in budgets:
        matched = map_chunks(
            partial(_match, file=str(file), corpus=trial.corpus, budget=budget),
            [trial.rows, near],
            method=f"{model.sha256} {match_code()} {Dexed().engine} {budget} {COUNTS}",
            kind="matches",
            size=_CHUNK,
            description=f"match, {budget:,} renders",
            options=options,
        )
        best = _predictions(matched[:, 0])
        name, inference = f"match-{budget}", f"match, {budget:,} renders"
        yield evaluated(model, trial, best, name, inference, quick, options)
        so_far = {k: _predictions(matched[:, 1 + i]) for i, k in enumerate(COUNTS) if k <= budget}
        curve = best_of_n.curve_of(so_far, model, trial, name, options=options)
        yield curve.assign(title=inference.capitalize())


def _genetic(trial: Trial, measurement: Measurement, options: RunOptions) -> Result:
    train = curation.rows(trial.corpus, split=trial.split, subset="train")
    store = Store(store_folder(trial.corpus, SINGLE_NOTE))
    starts = nearest_neighbor_presets(
        trial.bank, store, train, trial.rows, related=False, options=options
    ).values
    budget = genetic_search.RENDERS
    values = map_chunks(
        partial(_search, corpus=trial.corpus, budget=budget),
        [trial.rows, starts],
        method=f"{code_hash(genetic_search)} {budget} {SEED} {Dexed().engine}",
        kind="matches",
        size=_CHUNK,
        description="genetic search",
        options=options,
    )
    return evaluate_rows(
        trial.name("nearest-genetic"),
        f"Nearest preset, relatives removed, then genetic search, {budget:,} renders",
        _predictions(values),
        trial.rows,
        kind="search",
        corpus=trial.corpus,
        split=trial.split,
        subset=trial.subset,
        selection=trial.selection,
        inference=f"genetic search, {budget:,} renders",
        measurement=measurement,
        options=options,
    )


def _predictions(values: Values) -> Predictions:
    return Predictions.of_bank(PresetBank.from_values(values))
