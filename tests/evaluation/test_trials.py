"""Whole evaluations: models hear stored spectrograms, misfits are refused, candidates are ranked."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from latentdx.audio.renderer import Dexed
from latentdx.cli.app import app
from latentdx.dataset import curation
from latentdx.errors import CheckpointError, ParameterError
from latentdx.evaluation import best_of_n, summary, trials
from latentdx.evaluation.results import LEAST_OF_ALGORITHM, Measurement, Result, figures_by_parameter
from latentdx.evaluation.trials import Trial, check, predict
from latentdx.metrics.objective import score
from latentdx.metrics.registry import METRICS, plugin_errors
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import column, learnable_parameters
from latentdx.presets.predictions import Predictions
from latentdx.run_options import RunOptions

ALONE = RunOptions(processes=1, progress=False)
QUICK = {"measurement": Measurement().quick(), "options": ALONE}


@pytest.fixture
def trial(cached) -> Trial:
    return Trial.of("starter", "twin-disjoint", limit=6)


def test_trials_are_seeded_and_describe_their_selection(trial) -> None:
    whole = Trial.of("starter", "twin-disjoint")
    everything = curation.rows("starter", split="twin-disjoint", subset="test")
    assert whole.selection == "" and whole.name("x") == "x" and whole.rows.tolist() == everything.tolist()
    assert set(trial.rows) < set(everything) and len(trial.rows) == 6 and (np.diff(trial.rows) > 0).all()
    assert trial.rows.tolist() == Trial.of("starter", "twin-disjoint", limit=6).rows.tolist()
    assert trial.selection == f"6 of {len(everything)} presets of the test set, twin-disjoint split"
    assert trial.name("x") == "x-on-6"
    assert Trial.of("starter", "twin-disjoint", limit=10**6).selection == ""
    with pytest.raises(ParameterError, match="at least 1 preset, not 0"):
        Trial.of("starter", "twin-disjoint", limit=0)


def test_stored_spectrograms_and_sounds_give_equal_predictions(model, trial) -> None:
    """Predictions agree in batches and one by one, and from stored codes and sounds within rounding."""
    found = predict(model, trial, RunOptions(progress=False))
    store = trials.store_of(model, trial)
    alone = [model.predict(torch.from_numpy(store.decibels([row]))) for row in trial.rows]
    np.testing.assert_allclose(found.plugin, np.concatenate([p.plugin for p in alone]), atol=1e-5)
    rendered = model.predict(model.spectrograms(Dexed().render(trial.bank[int(trial.rows[0])])))
    assert np.abs(found.plugin[0] - rendered.plugin[0]).max() < 0.02


def test_one_pass(model, trial) -> None:
    result = trials.one_pass(model, trial, **QUICK)
    p = result.provenance
    assert p.name == "latentdx-on-6" and p.kind == "model" and p.checkpoint_sha256 == model.sha256
    assert p.selection == trial.selection and p.inference == "one pass" and p.split == "twin-disjoint"
    assert result.table["row"].tolist() == trial.rows.tolist()
    found = predict(model, trial, RunOptions(progress=False))
    expected = METRICS["numerical_mae"].compute(trial.bank[trial.rows], found)  # type: ignore[attr-defined]
    np.testing.assert_allclose(result.table["numerical_mae"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"split": "random"}, "split is 'twin-disjoint', not 'random'"),
        ({"bank": PresetBank.init()}, "corpus_sha256 is '"),
        ({"corpus": "learnfm"}, "corpus is 'starter', not 'learnfm'"),
    ],
)
def test_another_corpus_or_split_is_refused(model, trial, monkeypatch, changes, difference) -> None:
    store = trials.store_of(model, trial)
    monkeypatch.setattr(trials, "store_of", lambda *_: store)
    with pytest.raises(CheckpointError, match="latentdx does not fit: ") as caught:
        check(model, replace(trial, **changes))
    assert difference in str(caught.value)


def test_other_notes_are_refused_and_another_split_or_corpus_may_be_allowed(
    model, trial, monkeypatch
) -> None:
    check(model, trial)
    check(model, replace(trial, split="random"), leaky=True)
    check(model, replace(trial, bank=PresetBank.init()), leaky=True)
    store = trials.store_of(model, trial)
    other = replace(store.manifest, notes=[[48, 20]])
    monkeypatch.setattr(store, "manifest", other)
    monkeypatch.setattr(trials, "store_of", lambda *_: store)
    with pytest.raises(CheckpointError, match=r"notes is \[\[60, 85\]\], not \[\[48, 20\]\]"):
        check(model, trial)


# -- samples -------------------------------------------------------------------------------------------------

N = 5


@pytest.fixture
def drawn(model, trial) -> best_of_n.Drawn:
    return best_of_n.draw(model, trial, N, options=ALONE)


def test_draws_are_ranked_by_rendering_and_cached(model, trial, drawn, monkeypatch) -> None:
    """The first draw is the single pass, distances are those of renders, and nothing is drawn twice."""
    assert drawn.values.shape == (6, N, 145) and drawn.distances.shape == (6, N)
    np.testing.assert_array_equal(drawn.values[:, 0], drawn.single.values)
    target = Dexed().render(trial.bank[int(trial.rows[3])])
    np.testing.assert_allclose(drawn.distances[3], score(drawn.values[3], [target], model.notes, free_db=0.0))
    monkeypatch.setattr(type(model), "sample", None)  # cached draws are not drawn again
    again = best_of_n.draw(model, trial, N, options=ALONE)
    np.testing.assert_array_equal(again.values, drawn.values)


def test_draws_depend_on_the_row_alone(model, trial, drawn) -> None:
    alone = best_of_n.draw(model, replace(trial, rows=trial.rows[2:3]), N, options=ALONE)
    np.testing.assert_array_equal(alone.values[0, 1:], drawn.values[2, 1:])


def test_the_best_is_the_closest_candidate(drawn) -> None:
    np.testing.assert_array_equal(drawn.best(1).plugin, drawn.single.plugin)
    best = drawn.best(N)
    for i in range(len(best)):
        j = drawn.distances[i].argmin()
        np.testing.assert_array_equal(best.values[i], drawn.values[i, j])
        np.testing.assert_array_equal(
            best.plugin[i], drawn.single.plugin[i] if j == 0 else Preset(best.values[i]).bank.plugin()[0]
        )


def test_best_of(model, trial, tmp_path) -> None:
    """Both results are on the same presets, and the median distance never rises along the curve."""
    (single, best), curve = best_of_n.best_of(model, trial, N, **QUICK)
    assert single.provenance.name == "latentdx-on-6"
    assert best.provenance.name == f"latentdx-best-of-{N}-on-6" and best.provenance.kind == "search"
    assert single.table["row"].tolist() == best.table["row"].tolist()
    ranked = curve[curve["metric"] == "distance"]
    assert ranked["samples"].tolist() == [1, 2, 4, 5] and (np.diff(ranked["median"]) <= 0).all()
    assert ((curve["low"] <= curve["median"]) & (curve["median"] <= curve["high"])).all()
    ends = curve[curve["metric"] == "mfcc13_mae"].set_index("samples")["median"]
    assert ends[1] == pytest.approx(single.table["mfcc13_mae"].median())
    assert ends[N] == pytest.approx(best.table["mfcc13_mae"].median())
    best_of_n.write_curve(curve, tmp_path)
    back = best_of_n.read_curves(tmp_path)
    assert back["name"].unique().tolist() == ["latentdx"] and len(back) == len(curve)
    assert best_of_n.read_curves(tmp_path / "none").empty

    for result in (single, best):
        result.write(tmp_path)
    whole = replace(single, provenance=replace(single.provenance, name="latentdx", selection=""))
    whole.write(tmp_path)
    (comparison,) = summary.read(summary.write(tmp_path).parent)["comparisons"]
    assert comparison["members"] == sorted([single.provenance.name, best.provenance.name], reverse=False)
    assert comparison["selection"] == trial.selection  # the whole repeats the single pass


# -- by parameter --------------------------------------------------------------------------------------------


def test_figures_by_parameter() -> None:
    """Accuracy and error agree with a computation by hand; fewer than five presets have none."""
    targets = PresetBank.concatenate([PresetBank.init()] * 8)
    values = targets.values.copy()
    level, wave = column("OP1 OUTPUT LEVEL"), column("LFO WAVE")
    values[:4, level] -= 9
    values[:2, wave] = 3
    live = np.zeros(values.shape, bool)
    live[:, level] = True
    live[:6, wave] = True
    live[: LEAST_OF_ALGORITHM - 1, column("FEEDBACK")] = True
    found = figures_by_parameter(targets, Predictions.of_bank(PresetBank.from_values(values)), live)
    assert set(found) == {p.name for p in learnable_parameters()}
    assert found["OP1 OUTPUT LEVEL"] == {"n": 8, "accuracy": 0.5, "mae": pytest.approx(4.5 / 99, rel=1e-4)}
    assert found["LFO WAVE"] == {"n": 6, "accuracy": pytest.approx(4 / 6, rel=1e-4)}
    assert found["FEEDBACK"] == {"n": 4} and found["ALGORITHM"] == {"n": 0}
    errors = plugin_errors(targets, Predictions.of_bank(targets), learnable_parameters())
    assert errors.shape == (8, 144) and errors.max() < 1e-6


# -- the command ---------------------------------------------------------------------------------------------


def run(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", "model", *map(str, arguments)])


def test_evaluate_writes_results_and_their_summary(checkpoints, cached, tmp_path) -> None:
    file = checkpoints / "numcat++.safetensors"
    done = run(file, "--limit", 4, "--quick", "--processes", 1, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    names = ["numcat++-on-4.twin-disjoint.60-85.parquet", "summary.json"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert done.stdout.split() == [str(tmp_path / name) for name in names]
    first = Result.read(tmp_path / names[0])
    assert first.provenance.title == "NumCat++" and len(first.table) == 4
    run(
        file, "--limit", 4, "--quick", "--processes", 1, "--out", tmp_path, "--as", "mine", "--notes", "48:40"
    )
    mine = Result.read(tmp_path / "mine-on-4.twin-disjoint.48-40.parquet")
    assert mine.provenance.notes == [[48, 40]]
    pd.testing.assert_series_equal(mine.table["numerical_mae"], first.table["numerical_mae"])
    assert not np.allclose(mine.table["mfcc13_mae"], first.table["mfcc13_mae"])


def test_evaluate_reports_errors_in_one_line(checkpoints, cached, tmp_path) -> None:
    file = checkpoints / "numcat++.safetensors"
    for arguments, message in (
        ([file, "--split", "random"], "split is 'twin-disjoint', not 'random'"),
        ([file, "--split", "odd"], "there is no split 'odd', only random, twin-disjoint"),
        ([file, "--subset", "odd"], "there is no subset 'odd', only train, validation, test"),
        (["nonsense"], "no model 'nonsense'"),
        (["numcat++-seed1"], "latentdx train numcat++-seed1"),
    ):
        done = run(*arguments, "--out", tmp_path)
        assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1, done.output
    assert run(file, file, "--as", "two").exit_code == 2
    assert not list(tmp_path.iterdir())


def test_results_of_another_checkpoint_or_with_more_metrics_are_kept(
    checkpoints, cached, tmp_path, monkeypatch
) -> None:
    file, out = checkpoints / "numcat++.safetensors", tmp_path / "results"
    quick = [file, "--limit", 2, "--processes", 1, "--out", out, "--as", "mine", "--quick"]
    assert run(*quick).exit_code == run(*quick).exit_code == 0  # the same checkpoint may be measured again
    (result,) = out.glob("*.parquet")
    before = result.read_bytes()
    other = [checkpoints / "latentdx.safetensors", *quick[1:]]
    monkeypatch.setattr("latentdx.evaluation.trials.predict", None)  # nothing is computed before the refusal
    refused = run(*other)
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1, refused.output
    assert f"{result} holds a result of another checkpoint" in refused.stderr and "--force" in refused.stderr
    found = Result.read(result)
    Result(found.table, replace(found.provenance, live_notes=[[60, 85]])).write(out)
    assert f"{result} holds more metrics than --quick measures" in run(*quick).stderr
    assert Result.read(result).provenance.live_notes == [[60, 85]]
    assert "'Mine!' cannot be part of a file name" in run(*quick[:-2], "Mine!", "--quick").stderr
    monkeypatch.undo()
    monkeypatch.setenv("LATENTDX_CACHE", str(cached))
    assert run(*other, "--force").exit_code == 0
    assert result.read_bytes() != before and Result.read(result).provenance.live_notes == []


def test_evaluate_refuses_a_folder_that_cannot_be_written(checkpoints, cached, tmp_path) -> None:
    (tmp_path / "file").touch()
    done = run(checkpoints / "numcat++.safetensors", "--out", tmp_path / "file" / "results")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1, done.output
    assert f"files cannot be written into {tmp_path / 'file' / 'results'}: Not a directory" in done.stderr
