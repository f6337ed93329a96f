"""Evaluation of many presets gives equal tables for any chunks, and resumes where it was interrupted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentdx import caching
from latentdx.audio.renderer import Dexed
from latentdx.errors import ParameterError
from latentdx.evaluation.evaluate import _measure, evaluate, pyin_rows
from latentdx.metrics import registry
from latentdx.metrics.registry import AUDIO_METRICS, METRICS, PYIN_METRIC, AudioMetric, ParameterMetric
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.models import audible_parameters
from latentdx.models.audible_parameters import live_masks, live_parameters, mask_file
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.predictions import Predictions
from latentdx.run_options import RunOptions

NOTES = ((60, 85), (48, 20))


class Counting:
    """Dexed that counts its renders, and stops after `most` of them if that is set."""

    engine, sample_rate = "counting", 22_050

    def __init__(self) -> None:
        self.synth, self.renders, self.most = Dexed(), 0, None

    def render(self, preset, note=60, velocity=85, **more):
        self.renders += 1
        if self.most is not None and self.renders > self.most:
            raise KeyboardInterrupt
        return self.synth.render(preset, note, velocity, **more)


@pytest.fixture(scope="module")
def targets() -> PresetBank:
    return corpora.read("starter").neutral()[::32][:12]


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    return Predictions.of_bank(corpora.read("starter").neutral()[5::32][:12])


@pytest.fixture(scope="module")
def table(targets, predictions, tmp_path_factory) -> pd.DataFrame:
    options = RunOptions(processes=1, cache=tmp_path_factory.mktemp("cache"))
    return evaluate(targets, predictions, rows=np.arange(100, 112), notes=NOTES, options=options)


def test_rows_and_values(table, targets, predictions) -> None:
    """There is one row per preset and note, in order, with the metrics of the two sounds."""
    assert table["row"].tolist() == np.repeat(np.arange(100, 112), 2).tolist()
    assert list(zip(table["note"], table["velocity"], strict=True)) == list(NOTES) * 12
    assert set(METRICS) < set(table.columns) and (table[list(METRICS)].dtypes == np.float32).all()
    for i in (0, 5, 23):
        preset, note = divmod(i, 2)
        a = SoundFeatures(Dexed().render(targets[preset], *NOTES[note]))
        b = SoundFeatures(Dexed().render(predictions.bank[preset], *NOTES[note]))
        for metric in AUDIO_METRICS:
            assert table[metric.name][i] == pytest.approx(metric.compute(a, b), rel=1e-6, nan_ok=True)
        assert table["target_silent"][i] == a.silent and table["silent"][i] == b.silent
    assert table["live_accuracy"].isna().all() and table["f0_error_pyin"].isna().all()


@pytest.mark.parametrize("size", [1, 5])
def test_chunks_and_processes_make_no_difference(table, targets, predictions, tmp_path, monkeypatch, size):
    monkeypatch.setattr("latentdx.evaluation.evaluate.map_chunks", _sized(size))
    options = RunOptions(processes=2, cache=tmp_path)
    again = evaluate(targets, predictions, rows=np.arange(100, 112), notes=NOTES, options=options)
    pd.testing.assert_frame_equal(again, table)


def _sized(size: int):
    return lambda *args, **kwargs: caching.map_chunks(*args, **{**kwargs, "size": size})


def test_an_interrupted_evaluation_resumes(table, targets, predictions, tmp_path, monkeypatch) -> None:
    """An interruption loses only the chunk that it fell into; a finished evaluation renders nothing."""
    monkeypatch.setattr("latentdx.evaluation.evaluate.map_chunks", _sized(4))
    synth = Counting()
    run = {
        "rows": np.arange(100, 112),
        "notes": NOTES,
        "renderer": synth,
        "options": RunOptions(processes=1, cache=tmp_path),
    }
    synth.most = 20  # in the second of three chunks of 16
    with pytest.raises(KeyboardInterrupt):
        evaluate(targets, predictions, **run)
    assert len(list((tmp_path / "evaluation").iterdir())) == 1
    synth.most, synth.renders = None, 0
    pd.testing.assert_frame_equal(evaluate(targets, predictions, **run), table)
    assert synth.renders == 32
    evaluate(targets, predictions, **run)
    assert synth.renders == 32
    evaluate(targets, predictions, **(run | {"notes": NOTES[:1]}))  # other notes share nothing with these
    assert synth.renders == 32 + 24


def test_a_failed_write_leaves_no_chunk(tmp_path) -> None:
    """A failed write leaves no file under a chunk's name."""
    values = np.arange(6)
    kept = {"method": "a", "kind": "parts", "options": RunOptions(processes=1, cache=tmp_path)}
    with pytest.raises(ValueError, match="Object arrays"):
        caching.map_chunks(lambda v: np.array([{}]), [values], **kept)
    assert not list((tmp_path / "parts").iterdir())
    out = caching.map_chunks(lambda v: v * 2, [values], size=4, **kept)
    assert out.tolist() == (values * 2).tolist() and len(list((tmp_path / "parts").iterdir())) == 2


def test_perfect_predictions_have_perfect_metrics(targets, tmp_path) -> None:
    live = np.ones((12, 145), bool)
    options = RunOptions(processes=1, cache=tmp_path)
    table = evaluate(targets, Predictions.of_bank(targets), live=live, n_pyin=2, options=options)
    for name, metric in METRICS.items():
        values = table[name].dropna()
        assert len(values) and (values == (metric.better == "higher")).all(), name
    assert set(table.index[table["f0_error_pyin"].notna()]) <= set(pyin_rows(12, 2))


def test_pyin_rows_are_distinct_sorted_and_repeatable() -> None:
    rows = pyin_rows(5940)
    assert len(rows) == 500 == len(set(rows)) and (np.diff(rows) > 0).all() and rows[-1] < 5940
    assert pyin_rows(30).tolist() == list(range(30))
    np.testing.assert_array_equal(rows, pyin_rows(5940))


def test_no_presets_give_an_empty_table(targets, tmp_path) -> None:
    none = Predictions.of_bank(targets[:0])
    assert len(evaluate(targets[:0], none, options=RunOptions(processes=1, cache=tmp_path))) == 0


def test_lengths_and_shapes_that_do_not_fit_are_refused(targets, predictions, tmp_path) -> None:
    options = RunOptions(cache=tmp_path)
    with pytest.raises(ParameterError, match="11 targets, but 12 predictions"):
        evaluate(targets[:11], predictions, options=options)
    with pytest.raises(ParameterError, match="live mask"):
        evaluate(targets, predictions, live=np.ones((12, 144), bool), options=options)
    with pytest.raises(ParameterError, match="rows of shape"):
        evaluate(targets, predictions, rows=np.arange(3), options=options)


def test_measure_keeps_the_order_of_notes(targets, predictions) -> None:
    """Notes have their own axis: swapping notes swaps entries along it."""
    a = _measure(targets.values[:2], predictions.values[:2], notes=NOTES, renderer=Dexed())
    b = _measure(targets.values[:2], predictions.values[:2], notes=NOTES[::-1], renderer=Dexed())
    np.testing.assert_array_equal(a, b[:, ::-1])
    assert not np.array_equal(a, b)


# -- own metrics ---------------------------------------------------------------------------------------------


def peak_error(target: SoundFeatures, inferred: SoundFeatures) -> float:
    return float(abs(np.abs(target.audio).max() - np.abs(inferred.audio).max()))


def own(compute=peak_error, **changes) -> AudioMetric:
    return AudioMetric("peak_error", "peak error", "", "lower", 3, compute, **changes)


@pytest.mark.parametrize("compute", [peak_error, lambda target, inferred: peak_error(target, inferred)])
def test_an_own_metric_is_computed_beside_the_others(
    compute, table, targets, predictions, tmp_path, monkeypatch
) -> None:
    """A function that other processes cannot import, such as a lambda, is computed in this one."""
    monkeypatch.setattr("latentdx.evaluation.evaluate.map_chunks", _sized(5))
    agree = ParameterMetric(
        "agree", "agree", "", "higher", 2, lambda t, p, live: (t.values == p.values).mean(1)
    )
    found = evaluate(
        targets,
        predictions,
        rows=np.arange(100, 112),
        notes=NOTES,
        extra=[own(compute), agree],
        options=RunOptions(processes=2, cache=tmp_path),
    )
    pd.testing.assert_frame_equal(found[table.columns], table)
    assert found.columns[-2:].tolist() == ["peak_error", "agree"] and found["peak_error"].dtype == np.float32
    for i in (0, 5, 23):
        sounds = (Dexed().render(p[i // 2], *NOTES[i % 2]) for p in (targets, predictions.bank))
        assert found["peak_error"][i] == pytest.approx(peak_error(*map(SoundFeatures, sounds)), rel=1e-6)
        assert found["agree"][i] == np.float32((targets.values == predictions.values)[i // 2].mean())


def test_own_metrics_are_kept_under_their_names_and_versions(targets, predictions, tmp_path) -> None:
    synth, calls = Counting(), []

    def counted(target, inferred):
        calls.append(1)
        return float(len(calls))

    def run(*extra):
        options = RunOptions(processes=1, cache=tmp_path)
        return evaluate(
            targets[:3],
            Predictions.of_bank(predictions.bank[:3]),
            extra=extra,
            renderer=synth,
            options=options,
        )

    run()
    assert synth.renders == 6
    first = run(own(counted))  # after a cached run; what is known is not measured again
    assert first["peak_error"].tolist() == [1, 2, 3] and synth.renders == 12
    pd.testing.assert_frame_equal(run(own(counted)), first)
    assert len(calls) == 3 and synth.renders == 12
    assert run(own(counted, version="2"))["peak_error"].tolist() == [4, 5, 6]
    other = AudioMetric("another", "another", "", "lower", 3, counted)
    assert run(other)["another"].tolist() == [7, 8, 9]
    assert run(own(counted), other)[["peak_error", "another"]].values.tolist() == [[1, 7], [2, 8], [3, 9]]


def test_a_longer_registry_does_not_read_measurements_of_a_shorter_one(
    targets, predictions, tmp_path, monkeypatch
) -> None:
    few = targets[:2], Predictions.of_bank(predictions.bank[:2])
    options = RunOptions(processes=1, cache=tmp_path)
    evaluate(*few, options=options)
    for version in ("1", "2"):
        metric = own(lambda target, inferred, version=version: float(version), version=version)
        monkeypatch.setattr(registry, "AUDIO_METRICS", (*AUDIO_METRICS, metric))
        assert evaluate(*few, options=options)["peak_error"].tolist() == [float(version)] * 2


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ([AudioMetric("mfcc13_mae", "", "", "lower", 1, peak_error)], "'mfcc13_mae' is taken"),
        ([AudioMetric("row", "", "", "lower", 1, peak_error)], "'row' is taken"),
        ([own(), own(version="2")], "'peak_error' is taken"),
        ([PYIN_METRIC], "takes AudioMetric and ParameterMetric, not PitchMetric"),
    ],
)
def test_unusable_own_metrics_are_refused(targets, predictions, tmp_path, extra, message) -> None:
    with pytest.raises(ParameterError, match=message):
        evaluate(targets, predictions, extra=extra, options=RunOptions(cache=tmp_path))


def test_live_masks(tmp_path: Path, monkeypatch) -> None:
    """Masks equal `live_parameters`, are computed once per row, and resume after an interruption."""
    bank = corpora.read("starter").neutral()[:6]
    monkeypatch.setattr(audible_parameters, "_CHUNK", 2)
    synth, options = Counting(), RunOptions(processes=1, progress=False, cache=tmp_path)
    first = live_masks(bank, np.array([4, 1]), renderer=synth, options=options)
    np.testing.assert_array_equal(first, live_parameters(bank[[4, 1]], options=options))
    cost, synth.renders = synth.renders, 0
    again = live_masks(bank, np.array([1, 4, 1]), renderer=synth, options=options)
    assert synth.renders == 0
    np.testing.assert_array_equal(again, first[[1, 0, 1]])
    synth.most = cost  # is interrupted in its second chunk
    with pytest.raises(KeyboardInterrupt):
        live_masks(bank, np.array([0, 2, 3, 5]), renderer=synth, options=options)
    known = np.load(mask_file(bank, ((60, 85),), synth, options))
    assert (known[:, 0] != 2).tolist() == [True, True, True, False, True, False]
    assert mask_file(bank, NOTES, synth, options) != mask_file(bank, NOTES[:1], synth, options)
