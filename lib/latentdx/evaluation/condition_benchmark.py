"""Studies of a model's answers under several conditions: `level_study` and `held_out_play` on a test set."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from latentdx.applications import target
from latentdx.applications.programmer import Programmer
from latentdx.audio.engine.synth import Engine
from latentdx.caching import code_hash, map_chunks
from latentdx.dataset import curation, loudness
from latentdx.evaluation import held_out_play, level_study
from latentdx.evaluation.condition_tables import ConditionTable, condition_frame
from latentdx.evaluation.search_benchmark import checked_nearest, match_code, neutral_bank, one_thread_model
from latentdx.evaluation.trials import Trial
from latentdx.presets.parameters import N_VALUES
from latentdx.provenance import code_commit
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Rows, Values


def _answers(rows: Rows, near: Values, *, file: str, corpus: str) -> Floats:
    return level_study.answer_all(rows, near, model=one_thread_model(file), bank=neutral_bank(corpus))


def measure_conditions(
    model: Programmer, file: Path, trial: Trial, index: SoundIndex, options: RunOptions = RunOptions()
) -> Iterator[ConditionTable]:
    """Evaluate answers to sounds whose level is known or not, and play those of a match in other ways.

    Args:
        model, file, trial, index, options: See `search_benchmark.measure`.

    Yields:
        Tables of `level_study` and of `held_out_play`.

    Raises:
        CheckpointError, SoundIndexError: See `search_benchmark.measure`.
    """
    near = checked_nearest(model, trial, index)
    found = map_chunks(
        partial(_answers, file=str(file), corpus=trial.corpus),
        [trial.rows, near],
        method=f"{model.sha256} {match_code()} {code_hash(level_study, target, loudness)} {Engine().engine}",
        kind="matches",
        size=2,
        description="known and unknown levels",
        options=options,
    )
    answers, measured = found[..., :N_VALUES].astype(np.uint8), found[..., N_VALUES:]
    label = curation.read_curation(trial.corpus).set_index("index")["label"]
    labels = [str(label[row]) for row in trial.rows]
    shared: dict[str, Any] = {
        "name": model.about.profile.name,
        "title": model.about.profile.title,
        "corpus": trial.corpus,
        "selection": trial.selection,
        "checkpoint_sha256": model.sha256,
        "engine": Engine().engine,
        "commit": code_commit(),
    }
    conditions = level_study.CONDITIONS
    yield ConditionTable(
        level_study.STUDY,
        table=condition_frame(measured, trial.rows, labels, conditions),
        inference="one pass, draws and searches",
        **shared,
    )
    matched = answers[:, conditions.index(level_study.MATCHED)]
    played = held_out_play.play(trial.bank.values[trial.rows], matched, options)
    yield ConditionTable(
        held_out_play.STUDY,
        table=condition_frame(played, trial.rows, labels, tuple(held_out_play.PLAYINGS)),
        inference=level_study.MATCHED,
        **shared,
    )
