"""Results on disk, anchors and the summary, on the test set of the starter bank."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset import curation
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import store_folder
from latentdx.errors import DataMissingError, ParameterError
from latentdx.evaluation import anchors, evaluate, results, summary
from latentdx.evaluation.result_data import ResultData
from latentdx.evaluation.results import LEAST_OF_ALGORITHM, Measurement, Result, evaluate_rows, file_name
from latentdx.metrics.registry import METRICS, AudioMetric
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.registry import data_path
from latentdx.run_options import RunOptions


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return curation.rows("starter", subset="test")[:24]


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Use a separate cache instead of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTDX_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def result(rows, bank) -> Result:
    train = curation.rows("starter", subset="train")
    found = Predictions.of_bank(bank[train[: len(rows)]])
    return evaluate_rows(
        "some",
        "Some model",
        found,
        rows,
        corpus="starter",
        checkpoint_sha256="ab" * 32,
        measurement=Measurement(((60, 85), (48, 40)), live_notes=None),
        options=RunOptions(processes=1),
    )


def named(result: Result, name: str, **changes) -> Result:
    return replace(result, provenance=replace(result.provenance, name=name, **changes))


def test_a_folder_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="no folder of results .*nowhere"):
        ResultData.read(tmp_path / "nowhere")


def test_results_survive_writing_and_reading(result, tmp_path: Path) -> None:
    """Tables come back with their types, and equal results give equal bytes."""
    path = result.write(tmp_path)
    assert path.name == "some.twin-disjoint.2-notes.parquet" == file_name(result.provenance)
    back = Result.read(path)
    pd.testing.assert_frame_equal(back.table, result.table)
    assert back.provenance == result.provenance
    first = path.read_bytes()
    assert result.write(tmp_path).read_bytes() == first
    assert (result.table[list(METRICS)].dtypes == np.float32).all()
    assert list(tmp_path.iterdir()) == [path]
    assert summary.read_all(tmp_path)[0].provenance == result.provenance


def test_provenance(result, rows, bank) -> None:
    p = result.provenance
    assert p.corpus_sha256 == corpora.bank_hash(bank) and p.engine == "LatentDX engine 1, era current"
    assert p.notes == [[60, 85], [48, 40]] and p.live_notes == [] and p.n_pyin == 0
    assert "librosa" in p.libraries and re.fullmatch(r"[0-9a-f]{12}\+?|unknown", p.commit)
    line = results.describe(p)
    assert "starter" in line and "(48, 40)" in line and "test set, twin-disjoint split" in line


def test_labels_come_from_the_curation_table(result, rows) -> None:
    labels = curation.read_curation("starter").set_index("index")["label"]
    assert result.table["label"].tolist() == labels.loc[np.repeat(rows, 2)].tolist()


def test_results_reveal_no_parameters(result, rows, bank) -> None:
    """Neither the algorithm nor another parameter of a preset is written, only medians over five or more."""
    columns = {"row", "label", "note", "velocity", "target_silent", "silent"} | set(METRICS)
    assert set(result.table.columns) == columns
    algorithm = pd.Series([bank[int(r)]["ALGORITHM"] + 1 for r in rows], index=rows)
    counts = algorithm.value_counts()
    by_algorithm = result.provenance.by_algorithm
    assert {int(k) for k in by_algorithm} == set(counts.index[counts >= LEAST_OF_ALGORITHM])
    for number, figures in by_algorithm.items():
        of = result.table[result.table["row"].isin(algorithm.index[algorithm == int(number)])]
        assert figures["n"] == counts[int(number)]
        assert figures["mfcc13_mae"] == pytest.approx(of["mfcc13_mae"].median(), rel=1e-4)


def test_own_metrics_are_columns_of_a_result_which_says_what_they_are(rows, bank, tmp_path: Path) -> None:
    metric = AudioMetric("loud", "loudness", "dB", "lower", 1, lambda a, b: 3.5, version="4")
    measurement = Measurement(live_notes=None, n_pyin=0, extra=(metric,))
    found = Predictions.of_bank(bank[rows[:2]])
    options = RunOptions(processes=1, cache=tmp_path)
    result = evaluate_rows(
        "own", "Own", found, rows[:2], corpus="starter", measurement=measurement, options=options
    )
    back = Result.read(result.write(tmp_path))
    assert back.table["loud"].tolist() == [3.5, 3.5] and back.provenance == result.provenance
    about = {"title": "loudness", "unit": "dB", "better": "lower", "version": "4"}
    assert back.provenance.extra_metrics == {"loud": about}
    assert summary.read(summary.write(tmp_path).parent)["results"]["own.twin-disjoint.60-85"]["all"]["n"] == 2


def test_results_without_the_newer_fields_are_still_read() -> None:
    assert all(r.provenance.extra_metrics == {} for r in summary.read_all(data_path("results")))


def test_bad_names_and_files_are_refused(rows, bank, tmp_path: Path) -> None:
    found = Predictions.of_bank(bank[rows])
    with pytest.raises(ParameterError, match="cannot be part of a file name"):
        evaluate_rows("../up", "Up", found, rows, corpus="starter")
    with pytest.raises(DataMissingError, match="missing"):
        Result.read(tmp_path / "none.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataMissingError, match="not a result of LatentDX"):
        Result.read(tmp_path / "other.parquet")
    with pytest.raises(DataMissingError, match=r"summary\.json is missing"):
        summary.read(tmp_path)


# -- anchors -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anchor_results(cache, bank) -> dict[str, Result]:
    """Evaluate all six on the starter bank's 77 test presets; live masks are invented to save time."""
    render_store(bank, SINGLE_NOTE, store_folder("starter", SINGLE_NOTE), corpus="starter")
    live = np.random.default_rng(0).random((len(bank), 145)) < 0.3
    live[:, 144] = False
    with pytest.MonkeyPatch.context() as patch:
        for module in (anchors, results):
            patch.setattr(module, "live_masks", lambda bank, rows, *a, **k: live[rows])
        measurement, options = Measurement(n_pyin=0), RunOptions(processes=2)
        found = list(anchors.evaluate_anchors(corpus="starter", measurement=measurement, options=options))
    return {r.provenance.name: r for r in found}


def test_anchors_are_ordered_from_best_to_worst(anchor_results) -> None:
    """Perfect has no error, one step a small one, and the nearest preset beats the random one."""
    assert list(anchor_results) == list(anchors.ANCHORS)
    n = len(curation.rows("starter", subset="test"))
    medians = {name: r.table[list(METRICS)].median() for name, r in anchor_results.items()}
    assert all(len(r.table) == n for r in anchor_results.values())
    perfect = anchor_results["perfect"].table
    for name, metric in METRICS.items():
        assert (perfect[name].dropna() == (metric.better == "higher")).all(), name
    for name in ("log_stft_mae", "mfcc13_mae", "log_mel_mae"):
        values = [medians[a][name] for a in ("perfect", "one-step", "nearest", "random")]
        assert values == sorted(values) and len(set(values)) == 4, name
        assert medians["nearest"][name] <= medians["nearest-unrelated"][name]
    step = anchor_results["one-step"].table
    assert ((1 - step["live_accuracy"]) > 0).all() and (step["numerical_mae"] < 0.01).all()
    constant = anchor_results["mean"].provenance
    assert constant.kind == "anchor" and anchor_results["one-step"].provenance.kind == "reference"


# -- summary -------------------------------------------------------------------------------------------------


def test_summary(result, anchor_results, tmp_path: Path) -> None:
    """The summary of written results agrees with statistics computed by pandas."""
    model = named(anchor_results["nearest"], "nearest-as-model", kind="model")
    worse = named(anchor_results["random"], "random-as-model", kind="model")
    rows = curation.rows("starter", subset="test")[:20]
    part = named(anchor_results["mean"], "part", kind="search", selection="the first 20")
    part = replace(part, table=part.table[part.table["row"].isin(rows)].reset_index(drop=True))
    kept = [anchor_results[name] for name in ("perfect", "nearest", "random")]
    for r in (result, *kept, model, worse, part):
        r.write(tmp_path)
    found = summary.read(summary.write(tmp_path).parent)
    assert json.loads((tmp_path / "summary.json").read_text()) == found
    assert set(found["metrics"]) == set(METRICS)

    both = found["results"]["some.twin-disjoint.2-notes"]
    means = result.table.groupby("row")["mfcc13_mae"].mean()
    low = both["all"]["metrics"]["mfcc13_mae"]
    assert low["median"][0] == pytest.approx(means.median(), rel=1e-4) and low["n"] == len(means)
    assert low["mean"][0] == pytest.approx(means.mean(), rel=1e-4)
    assert low["mean"][1] < low["mean"][0] < low["mean"][2]
    soft = result.table[result.table["velocity"] == 40]["mfcc13_mae"]
    assert both["notes"]["48-40"]["metrics"]["mfcc13_mae"]["median"][0] == pytest.approx(
        soft.median(), rel=1e-4
    )
    assert sum(part["n"] for part in both["labels"].values()) == both["all"]["n"] == 24
    assert "live_accuracy" not in both["all"]["metrics"]  # without masks it is undefined

    by_selection = {c["selection"]: c for c in found["comparisons"]}
    assert set(by_selection) == {"", "the first 20"}
    whole, twenty = by_selection[""], by_selection["the first 20"]
    assert not {"perfect", "one-step", "part", "some"} & set(whole["members"])
    assert twenty["n"] == 20 and "part" in twenty["members"] and "nearest" in twenty["members"]
    mfcc = whole["metrics"]["mfcc13_mae"]
    assert mfcc["best"] is None  # two of them are the same
    assert mfcc["best_model"] == "nearest-as-model"
    pair = next(p for p in mfcc["pairs"] if {p["a"], p["b"]} == {"nearest", "random"})
    assert pair["lower"] == "nearest" and pair["p"] < 0.001 and pair["n"] == whole["n"]
    expected = twenty["metrics"]["mfcc13_mae"]["medians"]["part"]
    assert expected == pytest.approx(part.table["mfcc13_mae"].median(), rel=1e-4)
    assert {e["source"] for e in found["examples"]} == {"authors"}


def test_equal_results_give_equal_summaries(result, tmp_path: Path) -> None:
    result.write(tmp_path)
    first = summary.write(tmp_path).read_bytes()
    assert summary.write(tmp_path).read_bytes() == first


def test_method_depends_on_code_and_libraries() -> None:
    """The method, part of the cache's key, is repeatable and names the libraries."""
    assert evaluate.method() == evaluate.method() and "librosa" in evaluate.method()
