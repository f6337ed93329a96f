"""The search benchmark, on small budgets and with an untrained model."""

import numpy as np
import pandas as pd
import pytest

from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset import curation
from latentdx.dataset.store import Store, store_folder
from latentdx.errors import SoundIndexError
from latentdx.evaluation import (
    condition_benchmark,
    genetic_search,
    held_out_play,
    level_study,
    search_benchmark,
)
from latentdx.evaluation.baselines import relatives
from latentdx.evaluation.results import Result
from latentdx.evaluation.trials import Trial
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.run_options import RunOptions

QUIET = RunOptions(processes=1, progress=False)


@pytest.fixture(scope="module")
def index(starter_cache) -> SoundIndex:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTDX_CACHE", str(starter_cache))
        rows = curation.rows("starter", split="twin-disjoint", subset="train")
        store = Store(store_folder("starter", SINGLE_NOTE))
        return SoundIndex.build(store, rows, split="twin-disjoint", subset="train")


@pytest.fixture
def trial(cached) -> Trial:
    return Trial.of("starter", "twin-disjoint", limit=3)


def test_known_presets_come_from_the_training_set_without_relatives(trial, index) -> None:
    found = search_benchmark.nearest_unrelated(trial, index, 4)
    train = {v.tobytes() for v in trial.bank.values[index.rows]}
    assert found.shape == (3, 4, 145) and all(v.tobytes() in train for v in found.reshape(-1, 145))
    for target, near in zip(trial.bank.values[trial.rows], found, strict=True):
        assert not relatives(target, near).any()


def test_results_and_curves_of_each_budget(checkpoints, model, trial, index, monkeypatch) -> None:
    monkeypatch.setattr(search_benchmark, "N_DRAWN", 4)
    monkeypatch.setattr(genetic_search, "RENDERS", 60)
    file = checkpoints / "latentdx.safetensors"
    found = list(search_benchmark.measure(model, file, trial, index, (20, 130), QUIET))
    results = [r for r in found if isinstance(r, Result)]
    assert [r.provenance.name for r in results] == [
        "latentdx-best-of-4-on-3",
        "nearest-genetic-on-3",
        "match-20-on-3",
        "match-130-on-3",
    ]
    assert all(r.provenance.kind == "search" for r in results)
    assert all(set(r.table["row"]) == set(trial.rows) for r in results)

    curves = [c for c in found if isinstance(c, pd.DataFrame)]
    assert [c["title"].unique().tolist() for c in curves] == [["Match, 20 renders"], ["Match, 130 renders"]]
    assert [sorted(c["samples"].unique()) for c in curves] == [[1, 4, 16], [1, 4, 16, 64, 128]]
    for curve in curves:
        medians = curve[curve["metric"] == "distance"]["median"].to_numpy()
        assert (medians[1:] <= medians[:-1] + 0.05).all()  # the search compares fewer frames
        assert medians[-1] < medians[0]

    monkeypatch.setattr(search_benchmark.match, "match", lambda *_, **__: pytest.fail("searched again"))
    again = list(search_benchmark.measure(model, file, trial, index, (20,), QUIET))
    pd.testing.assert_frame_equal(again[2].table, results[2].table)


def test_answers_are_compared_with_and_without_a_level_and_played(
    checkpoints, model, trial, index, monkeypatch
) -> None:
    monkeypatch.setattr(level_study, "BUDGET", 20)
    monkeypatch.setattr(level_study, "N_DRAWN", 2)
    file = checkpoints / "latentdx.safetensors"
    levels, played = condition_benchmark.measure_conditions(model, file, trial, index, QUIET)
    assert (levels.study, played.study) == (level_study.STUDY, held_out_play.STUDY)
    for found, conditions in ((levels, level_study.CONDITIONS), (played, held_out_play.PLAYINGS)):
        assert found.table["row"].tolist() == np.repeat(trial.rows, len(conditions)).tolist()
        assert found.table["condition"].tolist() == [*conditions] * len(trial.rows)
        assert found.table["label"].notna().all() and found.selection == trial.selection
    heard = played.table[played.table["condition"] == held_out_play.HEARD]
    same = levels.table[levels.table["condition"] == level_study.MATCHED]
    assert heard["mfcc13_mae"].tolist() == same["mfcc13_mae"].tolist()


def test_an_index_of_other_presets_than_the_training_set_is_refused(checkpoints, model, trial) -> None:
    store = Store(store_folder("starter", SINGLE_NOTE))
    everything = SoundIndex.build(store, curation.rows("starter"), split="", subset="all")
    with pytest.raises(SoundIndexError, match="subset"):
        next(search_benchmark.measure(model, checkpoints / "latentdx.safetensors", trial, everything))
