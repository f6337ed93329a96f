"""Listening examples are chosen by rule and hold only sounds; the published examples need no corpus."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from latentdx.audio.engine.synth import Engine
from latentdx.audio.io import encoding
from latentdx.audio.renderer import Dexed
from latentdx.errors import ParameterError
from latentdx.evaluation import listening_examples, published, trials
from latentdx.evaluation.listening_examples import choose, evaluate_examples, read_listening, write_listening
from latentdx.evaluation.results import Measurement, Result
from latentdx.evaluation.trials import Trial
from latentdx.metrics.objective import score
from latentdx.presets import corpora
from latentdx.run_options import RunOptions


@pytest.fixture(scope="module")
def trial(starter_cache) -> Trial:
    return Trial.of("starter", "twin-disjoint")


@pytest.fixture(scope="module")
def reference(model, trial, starter_cache) -> Result:
    """Make a result on the starter bank's test set with invented distances."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTDX_CACHE", str(starter_cache))
        part = replace(trial, rows=trial.rows[:2])
        quick, options = Measurement().quick(), RunOptions(processes=1, progress=False)
        made = trials.one_pass(model, part, measurement=quick, options=options)
    table = made.table.iloc[[0] * 63].reset_index(drop=True)
    table["row"] = trial.rows[:63].astype(np.int32)
    table["label"] = pd.Categorical(["harmonic"] * 21 + ["percussive"] * 21 + ["sfx"] * 21)
    table["mfcc13_mae"] = np.random.default_rng(0).permutation(63).astype(np.float32)
    table["target_silent"] = False
    return Result(table, made.provenance)


def test_presets_are_chosen_by_percentile_of_each_label(reference) -> None:
    chosen = choose(reference)
    assert [(label, p) for label, p, _ in chosen] == [
        (label, p) for label in ("harmonic", "percussive", "sfx") for p in (10, 50, 90)
    ]
    values = reference.table.set_index("row")["mfcc13_mae"]
    for label, percentile, row in chosen:
        of_label = reference.table[reference.table["label"] == label]["mfcc13_mae"]
        assert values[row] == np.percentile(of_label, percentile)  # 21 of each: exactly one of them
    silent = reference.table.assign(target_silent=reference.table["row"] == chosen[0][2])
    assert choose(replace(reference, table=silent))[0][2] != chosen[0][2]


def test_examples_are_written_and_read(model, reference, trial, tmp_path, cached, monkeypatch) -> None:
    """Targets and inferred sounds are files with metrics and without parameters; old files are removed."""
    monkeypatch.setattr(listening_examples, "PERCENTILES", (50,))
    (tmp_path / "listen").mkdir()
    (tmp_path / "listen" / "99-0.flac").write_bytes(b"old")
    (tmp_path / "listen" / listening_examples.MANIFEST).write_text('{"file": "99-0.flac"}')
    manifest = write_listening(reference, [model], n=2, folder=tmp_path)
    about, found = read_listening(tmp_path)
    assert about["reference"] == "LatentDX" and about["checkpoints"] == {"LatentDX": model.sha256}
    assert [e.label for e in found] == ["harmonic", "percussive", "sfx"]
    listed = {file for e in found for s in e.sounds for file in (s.file, s.paper_file)}
    assert {p.name for p in manifest.parent.glob("*.flac")} == listed
    for e in found:
        target, single, best = e.sounds
        assert (target.title, single.title) == ("Target", "LatentDX")
        assert best.title == "LatentDX, best of 2" and target.metrics == {}
        np.testing.assert_allclose(
            target.audio(manifest.parent), Dexed().render(trial.bank[e.row]), atol=2**-15
        )
        old = Engine(era="0.9.3").render(trial.bank[e.row])
        np.testing.assert_allclose(target.paper_audio(manifest.parent), old, atol=2**-15)
        assert set(single.metrics) == {"log_stft_mae", "mfcc13_mae"} == set(best.metrics)
        assert encoding.read(manifest.parent / best.file).shape == (88_576,)
    assert set(json.loads(manifest.read_text())["exhibits"][0]) == {"row", "label", "percentile", "sounds"}
    assert read_listening(tmp_path / "none") == ({}, [])


def test_a_result_without_the_labels_is_refused(reference, model) -> None:
    other = replace(reference, table=reference.table.assign(label="harmonic+percussive"))
    with pytest.raises(ParameterError, match="no audible presets"):
        write_listening(other, [model])


def test_published_examples_need_no_corpus(model, tmp_path, monkeypatch) -> None:
    """Both sections are measured in every coding, on the sounds of the presets that the model infers."""
    monkeypatch.setattr(corpora, "read", None)
    path = evaluate_examples(model, folder=tmp_path)
    table = pd.read_csv(path, dtype={"uid": str})
    assert path.name == "examples.latentdx.csv" and len(table) == (8 + 3) * 3 * 2
    assert set(table["version"]) == {"latentdx"} and set(table["checkpoint_sha256"]) == {model.sha256}
    first = published.examples()[0]
    preset = model.program(first.audio())
    sounds = [Dexed().render(preset)] + [t.audio() for t in published.examples()[1:]]
    expected = published.measure(sounds).iloc[0]
    assert table["mfcc13_mae"][0] == pytest.approx(expected["mfcc13_mae"], rel=1e-4)
    means = published.means(tmp_path)
    assert {"authors", "ours"} == set(means["source"])


def test_the_best_of_four_is_at_least_as_close_as_one_pass(model) -> None:
    """Closeness is the distance by which candidates are ranked; one example, as all eight take seconds."""
    first = published.examples()[:1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "examples", lambda section: first if section == "programming" else [])
        single = listening_examples.program_examples(model)
        best = listening_examples.program_examples(model, 4)
    uid = str(first[0].uid)
    values = np.stack([single[uid].values, best[uid].values])
    distances = score(values, [first[0].audio()], model.notes)
    assert distances[1] <= distances[0]
