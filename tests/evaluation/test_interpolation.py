"""Measures of paths: computed by hand, features checked against librosa, whole evaluations on few pairs."""

import json

import librosa
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from latentdx.audio.renderer import N_SAMPLES, Dexed
from latentdx.cli.app import app
from latentdx.dataset import curation
from latentdx.dataset.paper_examples import Example
from latentdx.errors import DataMissingError, ParameterError
from latentdx.evaluation import interpolation, path_examples
from latentdx.evaluation.interpolation import (
    MethodPaths,
    PairResult,
    Standard,
    change,
    draw_pairs,
    evaluate_paths,
    preset_features,
)
from latentdx.metrics.path import largest_step, nonlinearity, progress, smoothness, unevenness
from latentdx.metrics.timbre import FEATURES, GROUPS, TimbreAnalysis, features
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import learnable_parameters
from latentdx.run_options import RunOptions

# -- the measures --------------------------------------------------------------------------------------------


def path(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


def test_all_measures_of_a_straight_line_are_zero() -> None:
    line = np.linspace([0, 5, -2], [1, -3, -2], 7)
    assert smoothness(line) == pytest.approx(0, abs=1e-12)
    assert nonlinearity(line) == pytest.approx(0, abs=1e-12)
    assert unevenness(line) == pytest.approx(0, abs=1e-12)
    assert smoothness(np.ones((3, 46))) == nonlinearity(np.ones((3, 46))) == unevenness(np.ones((3, 46))) == 0


def test_measures_by_hand() -> None:
    """A corner has second difference -2, step 1/2, and its middle 1 away from the line. Then a leap."""
    corner = path(0, 1, 0)
    assert smoothness(corner) == pytest.approx(2 / 0.25)
    assert nonlinearity(corner) == pytest.approx(1)
    assert largest_step(corner) == 1
    leap = path(0, 0, 0, 1, 1, 1, 1)
    assert smoothness(leap) == pytest.approx(36 * np.sqrt(2 / 5))
    off = np.array([1 / 6, 2 / 6, 3 / 6, 2 / 6, 1 / 6])
    assert nonlinearity(leap) == pytest.approx(np.sqrt(np.mean(off**2)))
    assert unevenness(leap) == nonlinearity(leap)  # here progress is the feature itself
    far = np.array([[0, 0], [0.5, 8], [1, 0]])
    assert unevenness(far) == 0 and nonlinearity(far) > 5  # halfway, although far from the line
    both = np.concatenate([corner, path(0, 0, 0)], axis=1)  # half of the features do not move
    assert smoothness(both) == pytest.approx(8 / np.sqrt(2))
    assert largest_step(both) == pytest.approx(1 / np.sqrt(2))


def test_smoothness_and_nonlinearity_can_be_gamed_but_unevenness_cannot() -> None:
    """A path that stays and then leaps wins by both, against an even one that leaves the line."""
    t = np.linspace(0, 1, 7)
    leap = np.stack([(t > 0.4).astype(float), np.zeros(7)], 1)
    arch = np.stack([t, 2 * np.sin(np.pi * t) + 0.6 * (-1) ** np.arange(7) * (t % 1 > 0)], 1)
    assert smoothness(leap) < smoothness(arch) and nonlinearity(leap) < nonlinearity(arch)
    assert unevenness(leap) > unevenness(arch)


def test_a_parabola_is_as_rough_at_any_number_of_steps() -> None:
    """The second difference is divided by the step squared, so smoothness is the second derivative, 2."""
    for steps in (3, 7, 9, 50):
        assert smoothness(np.linspace(0, 1, steps)[:, None] ** 2) == pytest.approx(2)


def test_too_short_paths_are_refused() -> None:
    for measure in (smoothness, nonlinearity, unevenness):
        with pytest.raises(ParameterError, match="at least 3 steps"):
            measure(np.zeros((2, 46)))


# -- features ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def test_there_are_46_features_in_four_groups() -> None:
    assert len(FEATURES) == 46 == len({f.name for f in FEATURES})
    assert {f.group for f in FEATURES} == set(GROUPS)


@pytest.mark.parametrize("row", [5, 130, 300])
def test_features_agree_with_librosa(bank, row) -> None:
    sound = Dexed().render(bank[row])
    s = TimbreAnalysis(sound)
    given = {"S": s.magnitudes, "sr": 22_050}
    mel = librosa.power_to_db(librosa.feature.melspectrogram(S=s.magnitudes**2, sr=22_050))
    centroid, bandwidth, rolloff = s.moments
    one_bin = 22_050 / 2048
    for ours, theirs, tolerance in (
        (centroid, librosa.feature.spectral_centroid(**given)[0], 0.1),
        (bandwidth, librosa.feature.spectral_bandwidth(**given)[0], 0.1),
        (rolloff, librosa.feature.spectral_rolloff(**given)[0], one_bin),
        (s.contrast, librosa.feature.spectral_contrast(**given), 1e-3),
        (s.mfcc, librosa.feature.mfcc(S=mel, n_mfcc=13), 1e-3),
        (s.crossings, librosa.feature.zero_crossing_rate(sound)[0], 1.5 / 2048),
        (s.onset, librosa.onset.onset_strength(S=mel, sr=22_050), 1e-3),
    ):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)


def value(sound: np.ndarray, name: str) -> float:
    return dict(zip((f.name for f in FEATURES), features(sound), strict=True))[name]


def test_features_measure_what_their_names_say() -> None:
    """A sine of 440 Hz that starts after half a second, and the same sine at half its level."""
    seconds = np.arange(N_SAMPLES) / 22_050
    sine = np.where(seconds < 0.5, 0, np.sin(2 * np.pi * 440 * seconds) / 2).astype(np.float32)
    assert value(sine, "pitch, median") == pytest.approx(69, abs=0.1)
    assert value(sine, "pitch, steady share") > 0.9
    assert value(sine, "RMS level, maximum") == pytest.approx(-9.03, abs=0.1)
    assert value(sine, "attack time") < value(
        (sine * np.minimum(seconds, 1)).astype(np.float32), "attack time"
    )
    assert value(sine, "temporal centroid") == pytest.approx((0.5 + N_SAMPLES / 22_050) / 2, abs=0.05)
    assert value(sine, "zero crossings, mean") == pytest.approx(880 / 22_050, rel=0.05)
    quieter = features(sine / 2) - features(sine)
    moved = {f.name for f, d in zip(FEATURES, quieter, strict=True) if abs(d) > 0.5}
    assert "RMS level, maximum" in moved and "MFCC 1, mean" in moved
    assert not any("centroid" in name or "pitch" in name for name in moved)


@pytest.mark.parametrize("kind", ["silence", "click", "noise", "constant"])
def test_features_of_any_sound_are_finite(kind) -> None:
    sound = np.zeros(N_SAMPLES, np.float32)
    if kind == "click":
        sound[1000] = 1
    elif kind == "noise":
        sound[:] = np.random.default_rng(0).normal(size=N_SAMPLES)
    elif kind == "constant":
        sound[:] = 0.3
    assert np.isfinite(features(sound)).all()
    assert TimbreAnalysis(sound).silent == (kind == "silence")


def test_a_sound_of_100_samples_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least 2048 samples"):
        features(np.zeros(100, np.float32))


def test_standardized_features_have_mean_0_and_deviation_1() -> None:
    found = np.random.default_rng(0).normal([3, -2, 7], [1, 5, 0], (400, 3))
    standard = Standard.of(found)
    scaled = standard.of_path(found)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(0), [1, 1, 0], atol=1e-9)


def test_features_are_computed_once_and_cached(bank, tmp_path, monkeypatch) -> None:
    values = bank.values[[3, 9, 3, 20]]
    options = RunOptions(processes=1, progress=False, cache=tmp_path)
    found, silent = preset_features(values, options=options)
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[1], features(Dexed().render(bank[9])))
    assert not silent.any() and preset_features(np.zeros((1, 145), np.uint8), options=options)[1].all()
    monkeypatch.setattr(interpolation, "_measure", None)
    np.testing.assert_array_equal(preset_features(values, options=options)[0], found)


# -- pairs and results ---------------------------------------------------------------------------------------


def test_pairs_use_each_row_once() -> None:
    rows = np.arange(50, 90)
    pairs = draw_pairs(rows, 20)
    assert sorted(pairs.ravel()) == rows.tolist()
    assert draw_pairs(rows, 7).tolist() == pairs[:7].tolist() and pairs.ravel().tolist() != rows.tolist()
    for n in (0, 21):
        with pytest.raises(ParameterError, match=f"{n} pairs cannot be drawn from 40 presets, only 1 … 20"):
            draw_pairs(rows, n)


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    return draw_pairs(curation.rows("starter", subset="test"), 5)


@pytest.fixture(scope="module")
def result(bank, pairs, tmp_path_factory) -> PairResult:
    """Evaluate naive paths, paths that stay and then leap, and paths of which one failed."""
    a, b = (bank.values[pairs[:, i], None].astype(float) for i in (0, 1))
    t = np.linspace(0, 1, 4)[None, :, None]
    naive = np.rint(a + t * (b - a)).astype(np.uint8)
    leap = np.where(t > 0.9, b, a).astype(np.uint8)
    failed = np.zeros(5, bool)
    sources = {
        "naive": MethodPaths(naive, failed, {"title": "Naive"}),
        "leap": MethodPaths(leap, failed, {"title": "Leap"}),
        "broken": MethodPaths(naive, np.arange(5) == 2, {"title": "Broken", "radius": 1e9}),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpolation, "N_TRAINING", 12)
        return evaluate_paths(
            sources,
            pairs,
            bank,
            model="numcat++",
            title="NumCat++",
            checkpoint_sha256="abc",
            corpus="starter",
            options=RunOptions(processes=1, progress=False, cache=tmp_path_factory.mktemp("features")),
        )


def test_every_path_is_measured(result, bank, pairs) -> None:
    table = result.table.set_index(["method", "pair"])
    assert len(table) == 15 and table["failed"].sum() == 1
    standard = Standard.of_features(result.provenance.features, result.provenance.n_training)
    ends = [standard.of_path(features(Dexed().render(bank[int(row)]))) for row in pairs[3]]
    leap = np.stack([ends[0]] * 3 + [ends[1]])
    line = table.loc[("leap", 3)]
    assert (line["row_a"], line["row_b"]) == tuple(pairs[3])
    assert line["smoothness"] == pytest.approx(smoothness(leap), rel=1e-5)
    assert line["nonlinearity"] == pytest.approx(nonlinearity(leap), rel=1e-5)
    assert line["unevenness"] == pytest.approx(unevenness(leap), rel=1e-5)
    timbre = [f.group == "timbre" for f in FEATURES]
    assert line["smoothness_timbre"] == pytest.approx(smoothness(leap[:, timbre]), rel=1e-5)
    assert line["largest_step"] == pytest.approx(np.sqrt(np.mean((ends[1] - ends[0]) ** 2)), rel=1e-5)
    assert table.loc[("broken", 2), "smoothness"] != table.loc[("broken", 2), "smoothness"]
    assert table.loc[("broken", 1), "smoothness"] == table.loc[("naive", 1), "smoothness"]


def test_results_on_disk(result, tmp_path) -> None:
    file = result.write(tmp_path)
    assert file.name == "pairs.numcat++.parquet"
    first = file.read_bytes()
    back = PairResult.read(file)
    assert back.provenance == result.provenance and back.table.equals(result.table)
    assert back.write(tmp_path).read_bytes() == first
    assert [r.provenance.model for r in interpolation.read_results(tmp_path)] == ["numcat++"]
    p = result.provenance
    assert (p.n_pairs, p.n_steps, p.n_training, p.split) == (5, 4, 12, "twin-disjoint")
    assert p.methods["broken"]["radius"] == 1e9
    names = {q.name for q in learnable_parameters()}
    metadata = json.loads(pq.read_schema(file).metadata[b"latentdx"])
    assert not names & {*metadata, *metadata["features"], *back.table.columns}
    with pytest.raises(DataMissingError, match="latentdx evaluate interpolation"):
        PairResult.read(tmp_path / "none.parquet")
    pq.write_table(pq.read_table(file).replace_schema_metadata({}), tmp_path / "foreign.parquet")
    with pytest.raises(DataMissingError, match="not a result of LatentDX"):
        PairResult.read(tmp_path / "foreign.parquet")


def test_scores_and_changes(result) -> None:
    scores = result.scores("smoothness")
    assert list(scores) == ["naive", "leap", "broken"] and all(len(v) == 5 for v in scores.values())
    assert np.isnan(scores["broken"]).tolist() == [False, False, True, False, False]
    same = change(scores, "broken")
    assert (same.value, same.low, same.high, same.n) == (0, 0, 0, 4)
    half = change({"naive": np.arange(1.0, 9), "x": np.arange(1.0, 9) / 2}, "x")
    assert (half.value, half.low, half.high, half.n) == pytest.approx((-0.5, -0.5, -0.5, 8))
    rng = np.random.default_rng(0)
    naive = rng.lognormal(size=400)
    noisy = change({"naive": naive, "x": naive * rng.normal(0.9, 0.1, 400)}, "x")
    assert noisy.low < noisy.value < noisy.high < 0 and noisy.value == pytest.approx(-0.1, abs=0.02)
    assert change({"naive": np.full(3, np.nan), "x": np.ones(3)}, "x").n == 0
    (first, *_) = interpolation.comparisons(result, "smoothness")
    assert {first.a, first.b} == {"naive", "leap"} and first.n == 5


def test_pairs_with_silent_steps_can_be_left_out(result) -> None:
    table = result.table.assign(silent_steps=(result.table["pair"] == 1).astype(np.int16))
    scores = PairResult(table, result.provenance).scores("smoothness", sounding=True)
    assert scores["naive"].tolist() == np.delete(result.scores("smoothness")["naive"], 1).tolist()


def test_medians_of_fewer_than_five_pairs_are_left_out(result) -> None:
    same = np.array([True, True, True, True, False])
    assert interpolation.by_algorithm(result.table, same) == {}
    found = interpolation.by_algorithm(result.table, np.zeros(5, bool))
    assert found["different"]["n"] == 5 and set(found) == {"different"}
    assert found["different"]["leap"]["smoothness"] == pytest.approx(
        np.median(result.scores("smoothness")["leap"]), rel=1e-3
    )


# -- the two paths of the paper's page -----------------------------------------------------------------------


def test_distance_from_the_line_and_progress_by_hand() -> None:
    """A path that leaves the line by one in the second of two features, and overshoots its end."""
    path_ = np.array([[0, 0], [1, 1], [5, 0], [4, 0.0]])
    np.testing.assert_allclose(path_examples.aside(path_), [0, np.sqrt(0.5), 0, 0])
    far, near = np.sqrt(10), np.sqrt(2)
    np.testing.assert_allclose(progress(path_), [0, near / (near + far), 5 / 6, 1])
    assert path_examples.aside(np.ones((3, 46))).tolist() == [0, 0, 0]


def test_progress_of_parameters_by_hand() -> None:
    start = PresetBank.init()[0]
    middle = start.with_values(**{"OP1 EG RATE 1": 79, "LFO WAVE": 3})
    end = start.with_values(**{"OP1 EG RATE 1": 59, "LFO WAVE": 3, "ALGORITHM": 9})
    numbers, classes = path_examples.parameters_along(np.stack([p.values for p in (start, middle, end)]))
    np.testing.assert_allclose(numbers, [0, 0.5, 1])
    np.testing.assert_allclose(classes, [0, 0.5, 1])
    still = path_examples.parameters_along(np.stack([start.values] * 3))
    assert not np.any(still)


@pytest.fixture
def page(bank, monkeypatch) -> list[tuple[Example, Example]]:
    """Replace the paper's pairs by two pairs of starter presets."""
    ends = [Example(f"{row:06}", bank.names[row], row, (), "interpolation 1") for row in (5, 130, 40, 300)]
    found = [(ends[0], ends[1]), (ends[2], ends[3])]
    monkeypatch.setattr(path_examples, "page_pairs", lambda: found)
    return found


def test_path_examples_hold_sounds_and_numbers_only(bank, page, result, tmp_path) -> None:
    """No parameter is written, paths share their ends, failed paths are left out, and old files removed."""
    (tmp_path / "old.flac").write_bytes(b"")
    (tmp_path / path_examples.MANIFEST).write_text('{"file": "old.flac"}')
    ends = bank.values[[[a.index, b.index] for a, b in page]]
    values = np.stack([ends[:, 0], ends[:, 0], ends[:, 1]], 1)
    sources = {
        "naive": MethodPaths(values, np.zeros(2, bool), {"title": "Naive", "text": "so"}),
        "latent": MethodPaths(values, np.array([True, False]), {"title": "Latent", "text": "so"}),
    }
    exact = {name: np.array([[True, False], [True, True]]) for name in sources}
    standard = Standard.of_features(result.provenance.features, 12)
    checkpoint = tmp_path / "numcat++.safetensors"
    checkpoint.write_bytes(b"weights")
    sha = path_examples.checkpoint_hash(checkpoint)
    who = {"model": "numcat++", "title": "NumCat++", "checkpoint_sha256": sha}
    manifest = path_examples.write(sources, exact, standard, folder=tmp_path, **who)
    found = path_examples.read(tmp_path)
    assert found is not None and found.belongs(checkpoint)
    checkpoint.write_bytes(b"other weights")
    assert not found.belongs(checkpoint) and not found.belongs(tmp_path / "none.safetensors")
    assert [j.title for j in found.journeys] == [f"{a.name} to {b.name}" for a, b in page]
    assert [list(j.ways) for j in found.journeys] == [["naive"], ["naive", "latent"]]
    naive = found.journeys[0].ways["naive"]
    assert [s.sound for s in naive.steps] == [0, 0, 1] == [s.parameters for s in naive.steps]
    assert naive.exact == [True, False] and max(s.aside for s in naive.steps) < 1e-6
    for step, values_ in zip(naive.steps, values[0], strict=True):
        sound = Dexed().render(Preset(values_))
        np.testing.assert_allclose(step.audio(tmp_path), sound, atol=2**-15)
    used = {s.file for j in found.journeys for w in j.ways.values() for s in w.steps}
    assert used == {f.name for f in tmp_path.glob("*.flac")} and len(used) == 2 * 2 + 3
    path_examples.write(sources, exact, standard, played=["latent"], folder=tmp_path, **who)
    again = path_examples.read(tmp_path)
    assert again is not None and again.journeys[1].ways["latent"] == found.journeys[1].ways["latent"]
    assert not again.journeys[1].ways["naive"].kept and len(list(tmp_path.glob("*.flac"))) == 3
    text = manifest.read_text("utf-8")
    assert not any(p.name in text for p in learnable_parameters())
    assert path_examples.read(tmp_path / "none") is None


def test_pairs_of_the_page() -> None:
    assert [(a.name, b.name) for a, b in path_examples.page_pairs()] == [
        ("NylonPick4", "FmRhodes14"),
        ("Dingle 1", "Get it"),
    ]


# -- the command ---------------------------------------------------------------------------------------------


def test_the_command_writes_all_methods(checkpoints, tmp_path_factory, tmp_path, monkeypatch) -> None:
    """All nine methods are measured, and no summary is written."""
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(interpolation, "N_STEPS", 3)
    monkeypatch.setattr(interpolation, "N_TRAINING", 4)
    file = checkpoints / "numcat++.safetensors"
    options = ["--model", str(file), "--limit", "1", "--processes", "1", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, ["evaluate", "interpolation", *options])
    assert done.exit_code == 0, done.output
    assert [p.name for p in tmp_path.iterdir()] == ["pairs.numcat++-on-1.parquet"]
    (found,) = interpolation.read_results(tmp_path)
    assert found.table["method"].nunique() == 9 and found.table.groupby("method").size().eq(1).all()
    assert found.provenance.methods["latent"]["exact"] == 1 != found.provenance.methods["heard"]["exact"]
    assert found.table["nonlinearity"].notna().all()
    done = CliRunner().invoke(app, ["evaluate", "interpolation", "--split", "random", *options])
    assert done.exit_code == 1 and "split is 'twin-disjoint', not 'random'" in done.stderr
