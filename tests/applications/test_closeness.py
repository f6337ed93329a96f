"""Test the words for how close an answer comes, and the measurements behind them."""

import json

import numpy as np
import pytest

from latentdx.applications import closeness as module
from latentdx.applications.closeness import WORDS, Closeness, closeness, mixed
from latentdx.metrics.objective import WEIGHTS
from latentdx.registry import data_path

TABLE = json.loads(data_path("results", module.FILE).read_text("utf-8"))


def measured(mix: float) -> dict[str, float]:
    """Measures whose weighted sum is `mix`."""
    return {"log_stft": mix, "convergence": mix, "mfcc13": mix, "log_mel": 9.0}


def test_the_committed_measurements_are_in_order() -> None:
    bounds = [TABLE["words"][word]["most"] for word in WORDS[:-1]]
    assert list(TABLE["words"]) == list(WORDS[:-1]) and 0 < bounds[0] < bounds[1] < bounds[2]
    medians = [tests["quantiles"][50] for tests in TABLE["tests"]]
    assert [tests["renders"] for tests in TABLE["tests"]] == [500, 2_000, 7_000]
    assert medians == sorted(medians, reverse=True)  # more renders come closer
    for tests in TABLE["tests"]:
        assert len(tests["quantiles"]) == 101 and tests["quantiles"] == sorted(tests["quantiles"])
        assert tests["checkpoint_sha256"] and tests["commit"] and tests["n"] >= 50


def test_the_mix_is_that_of_the_objective() -> None:
    assert mixed(measured(1.0)) == pytest.approx(sum(WEIGHTS.values()))
    assert mixed(measured(1.0) | {"convergence": float("nan")}) == pytest.approx(
        WEIGHTS["log_stft_mae"] + WEIGHTS["mfcc13_mae"]
    )


def test_words_change_at_their_bounds() -> None:
    for i, word in enumerate(WORDS[:-1]):
        bound = TABLE["words"][word]["most"]
        assert closeness(measured(bound - 1e-6), 2_000).word == word
        assert closeness(measured(bound + 1e-6), 2_000).word == WORDS[i + 1]
    assert closeness(measured(0.0), 2_000).word == "almost the same"
    assert closeness(measured(50.0), 2_000).word == "far"


def test_the_percentile_is_the_share_of_tests_that_are_further() -> None:
    for tests in TABLE["tests"]:
        for share in (10, 50, 90):
            found = closeness(measured(tests["quantiles"][share] + 1e-6), tests["renders"])
            assert found.percentile == pytest.approx(100 - share, abs=1.5)
            assert (found.renders, found.tests) == (tests["renders"], tests["n"])
    assert closeness(measured(50.0), 2_000).percentile == 0


@pytest.mark.parametrize(("renders", "compared"), [(1, 500), (900, 500), (1_100, 2_000), (10**6, 7_000)])
def test_tests_of_a_similar_budget_are_chosen(renders: int, compared: int) -> None:
    assert closeness(measured(0.5), renders).renders == compared


def test_phrases_read_well() -> None:
    assert (
        str(Closeness("close", 63, 200, 2_000))
        == "close, closer than the answers in 63% of our 200 tests with 2,000 renders"
    )
    assert (
        str(Closeness("far", 0, 50, 500))
        == "far, further than the answers in all of our 50 tests with 500 renders"
    )
    assert (
        str(Closeness("close", 100, 50, 500))
        == "close, closer than the answers in all of our 50 tests with 500 renders"
    )


def test_the_words_are_measured_and_reproducible(monkeypatch) -> None:
    """On presets of our own, a step is closer than a quarter turn, and the result is the same each time."""
    from latentdx.evaluation import closeness_table
    from latentdx.evaluation.trials import Trial
    from latentdx.presets import corpora
    from latentdx.retrieval.sound_index import SoundIndex

    monkeypatch.setattr(closeness_table, "_CHANGES", 2)
    bank = corpora.read("starter").neutral()
    trial = Trial(bank, "starter", "twin-disjoint", "validation", np.arange(0, 384, 40), "")
    index = SoundIndex.read(data_path("index", "starter.safetensors"))
    first, again = (closeness_table.measure_words(trial, index) for _ in range(2))
    assert {word: len(found) for word, found in first.items()} == dict(
        zip(WORDS[:-1], (20, 20, 10), strict=True)
    )
    for word, found in first.items():
        np.testing.assert_array_equal(found, again[word])
    assert np.median(first["almost the same"]) < np.median(first["close"])
