"""Agreement with listeners: made-up studies with known ratings, their errors, and the result that ships."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from latentdx.cli.app import app
from latentdx.errors import AudioFileError, DataMissingError, ParameterError
from latentdx.evaluation import listening_studies
from latentdx.evaluation.listening_studies import (
    FILE,
    OBJECTIVE,
    SOUND_METRICS,
    ListenerAgreement,
    ListeningStudy,
    distances,
    measure,
    rank_correlation,
    read_studies,
    triplet_agreement,
)
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.metrics.objective import MODULATION_WEIGHT, WEIGHTS, distance
from latentdx.metrics.registry import METRICS, PARAMETER_METRICS, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.run_options import RunOptions

RATE = 44_100
N = 7
HERTZ = (220.0, 440.0, 300.0, 260.0, 392.0, 233.0, 330.0)
PAIRS = N * (N - 1) // 2

Write = Callable[..., Path]


def write_study(folder: Path, name: str, matrix: np.ndarray, *, separator: str = "\t") -> None:
    """Write a study of tones of 0.1 … 0.25 s: steady ones, a silent one, and one of noise."""
    place = folder / listening_studies.SOUNDS / name
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i, hertz in enumerate(HERTZ):
        time = np.arange(round((0.1 + 0.025 * i) * RATE)) / RATE
        sound = 0.3 * np.sin(2 * np.pi * hertz * time) * np.exp(-3 * i * time)
        if i == N - 1:
            sound = rng.normal(0, 0.1, len(time))
        soundfile.write(place / f"{i}.aiff", np.stack([sound, sound], 1), RATE, format="AIFF")
    (folder / listening_studies.RATINGS).mkdir(exist_ok=True)
    np.savetxt(
        folder / listening_studies.RATINGS / f"{name}{listening_studies.SUFFIX}", matrix, delimiter=separator
    )


def matrix_of(ratings: np.ndarray) -> np.ndarray:
    """Return the matrix whose upper triangle holds these ratings; below it are numbers that do not count."""
    matrix = np.full((N, N), -9.0)
    matrix[np.triu_indices(N, 1)] = ratings
    return matrix


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> RunOptions:
    return RunOptions(processes=1, progress=False, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, options: RunOptions) -> Path:
    """Three studies of the same sounds: rated by the objective, the other way round, and at random."""
    folder = tmp_path_factory.mktemp("studies")
    write_study(folder, "random", matrix_of(np.random.default_rng(1).random(PAIRS)))
    (table,) = distances(read_studies(folder), options)
    by_objective = table[OBJECTIVE].to_numpy()
    write_study(folder, "alike", matrix_of(by_objective**2), separator=" ")
    write_study(folder, "opposite", matrix_of(by_objective.max() - by_objective))
    (folder / "sounds/.DS_Store").touch()
    (folder / "sounds/alike/.hidden").touch()
    return folder


@pytest.fixture(scope="module")
def agreement(folder: Path, options: RunOptions) -> ListenerAgreement:
    return measure(read_studies(folder), options)


# -- reading -------------------------------------------------------------------------------------------------


def test_studies_are_read_in_order_with_the_upper_triangle_of_their_matrices(folder: Path) -> None:
    studies = read_studies(folder)
    assert [study.name for study in studies] == ["alike", "opposite", "random"]
    assert [path.name for path in studies[0].sounds] == [f"{i}.aiff" for i in range(N)]
    np.testing.assert_allclose(studies[2].ratings, np.random.default_rng(1).random(PAIRS))
    assert studies[0].pairs[:3].tolist() == [[0, 1], [0, 2], [0, 3]]


@pytest.fixture
def study(tmp_path: Path) -> Write:
    def write(ratings: np.ndarray | None = None) -> Path:
        write_study(tmp_path, "mine", matrix_of(np.arange(PAIRS) if ratings is None else ratings))
        return tmp_path / f"true_dissim/mine{listening_studies.SUFFIX}"

    return write


def refused(folder: Path, error: type[Exception], *parts: str) -> None:
    """Check that both Python and the command line refuse a folder, in one line that has these parts."""
    with pytest.raises(error) as caught:
        read_studies(folder)
    result = CliRunner().invoke(
        app, ["evaluate", "listeners", "--data", str(folder), "--out", str(folder / "out")]
    )
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    for part in parts:
        assert part in str(caught.value) and part in result.stderr
    assert not (folder / "out" / FILE).exists()


def test_a_folder_without_studies_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, DataMissingError, f"{tmp_path} is not a folder of listening studies", "sounds/STUDY")
    refused(tmp_path / "none", DataMissingError, "none is not a folder of listening studies")


def test_a_study_without_a_matrix_is_named(study: Write, tmp_path: Path) -> None:
    study().unlink()
    refused(tmp_path, DataMissingError, "the study mine has no ratings")


@pytest.mark.parametrize("count", [2, 6])
def test_another_number_of_sounds_than_of_ratings_is_refused(
    study: Write, tmp_path: Path, count: int
) -> None:
    study()
    for i in range(count, N):
        (tmp_path / f"sounds/mine/{i}.aiff").unlink()
    message = "has 2 sounds" if count == 2 else "the ratings of the study mine are 7 × 7 for 6 sounds"
    refused(tmp_path, ParameterError, "the study mine", message)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (np.append(np.arange(PAIRS - 1), np.nan), "a rating of the study mine is nan, but must be finite"),
        (np.arange(PAIRS) - 2.0, "a rating of the study mine is -2, but must be at least 0"),
        (np.full(PAIRS, 3.0), "all ratings of the study mine are 3"),
    ],
)
def test_ratings_that_rank_nothing_are_refused(
    study: Write, tmp_path: Path, ratings: np.ndarray, message: str
) -> None:
    study(ratings)
    refused(tmp_path, ParameterError, message)


def test_a_matrix_of_text_is_refused(study: Write, tmp_path: Path) -> None:
    study().write_text("a\tb\n", "utf8")
    refused(tmp_path, ParameterError, "the ratings of the study mine cannot be read")


def test_an_unreadable_or_long_sound_is_named(
    study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study()
    with monkeypatch.context() as patch:
        patch.setattr(listening_studies, "LONGEST", 0.2)
        refused(tmp_path, AudioFileError, "mine/5.aiff: the sound lasts 0.2 s, but may last at most 0 s")
    (tmp_path / "sounds/mine/3.aiff").write_bytes(b"no sound")
    refused(tmp_path, AudioFileError, "mine/3.aiff")


# -- agreement -----------------------------------------------------------------------------------------------


def test_ranks_and_triplets_agree_perfectly_or_not_at_all() -> None:
    ratings = np.random.default_rng(0).random(PAIRS)
    for measured, expected in ((np.exp(ratings), 1.0), (-ratings, -1.0)):
        assert rank_correlation(ratings, measured) == pytest.approx(expected)
        assert triplet_agreement(ratings, measured) == (expected + 1) / 2


def test_random_distances_agree_by_chance() -> None:
    rng = np.random.default_rng(0)
    found = [(rng.random(PAIRS), rng.random(PAIRS)) for _ in range(400)]
    assert np.mean([rank_correlation(*pair) for pair in found]) == pytest.approx(0, abs=0.05)
    assert np.mean([triplet_agreement(*pair) for pair in found]) == pytest.approx(0.5, abs=0.02)


def test_triplets_are_counted_as_by_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    rated, measured = rng.integers(0, 30, PAIRS).astype(float), rng.integers(0, 5, PAIRS).astype(float)
    measured[[2, 11]] = np.nan
    found = []
    rating, other = (np.zeros((N, N)) for _ in range(2))
    for square, values in ((rating, rated), (other, measured)):
        square[np.triu_indices(N, 1)] = values
        square += square.T
    for i in range(N):
        for j in range(N):
            for k in range(j):
                clear = abs(rating[i, j] - rating[i, k]) > 0.1 * rated.max()
                if i in (j, k) or not clear or np.isnan(other[i, j] - other[i, k]):
                    continue
                if other[i, j] == other[i, k]:
                    found.append(0.5)
                else:
                    found.append((rating[i, j] > rating[i, k]) == (other[i, j] > other[i, k]))
    assert triplet_agreement(rated, measured) == pytest.approx(np.mean(found))


def test_a_distance_that_ranks_nothing_has_no_agreement() -> None:
    ratings = np.arange(PAIRS) + 1.0
    for measured in (np.zeros(PAIRS), np.full(PAIRS, np.nan), np.append([1.0], np.full(PAIRS - 1, np.nan))):
        assert np.isnan(rank_correlation(ratings, measured))
        assert np.isnan(triplet_agreement(ratings, measured))


# -- measuring -----------------------------------------------------------------------------------------------


def test_the_objective_agrees_with_ratings_made_from_it(agreement: ListenerAgreement) -> None:
    of_objective = agreement.table[agreement.table["metric"] == OBJECTIVE].set_index("study")
    assert of_objective["rho"][["alike", "opposite"]].to_list() == pytest.approx([1, -1])
    assert of_objective["triplets"][["alike", "opposite"]].to_list() == [1, 0]
    assert abs(of_objective["rho"]["random"]) < 0.6
    assert (of_objective["sounds"] == N).all() and (of_objective["pairs"] == PAIRS).all()
    np.testing.assert_array_equal(agreement.differences(OBJECTIVE, "rho"), 0)


def test_sounds_are_normalized_padded_and_compared_both_ways(folder: Path, options: RunOptions) -> None:
    study = read_studies(folder)[0]
    (table,) = distances([study], options)
    sounds = [soundfile.read(path, dtype="float32")[0][::2, 0] for path in study.sounds[4:6]]
    length = max(4096, *map(len, sounds))
    a, b = (SoundFeatures(np.pad(x / np.abs(x).max(), (0, length - len(x)))) for x in sounds)
    row = study.pairs.tolist().index([4, 5])
    both = (spectral_convergence(a, b) + spectral_convergence(b, a)) / 2
    assert table["spectral_convergence"][row] == pytest.approx(both, rel=0.01)  # resampled without a filter
    assert table[OBJECTIVE][row] == pytest.approx((distance(a, b) + distance(b, a)) / 2, rel=0.05)
    parts = sum(weight * table[name] for name, weight in WEIGHTS.items())
    assert not np.allclose(table[OBJECTIVE], parts)  # measured at equal peaks, not at equal loudness


def test_undefined_pairs_are_left_out_and_told(agreement: ListenerAgreement) -> None:
    """Noise has no pitch, so its pairs have no pitch error; none of the sounds is silent."""
    table = agreement.table[agreement.table["study"] == "alike"].set_index("metric")
    assert table["defined"]["f0_error"] == table["defined"]["f0_error_pyin"] == PAIRS - (N - 1)
    assert table["defined"].drop(["f0_error", "f0_error_pyin"]).eq(PAIRS).all()
    assert np.isnan(table["rho"]["silence_mismatch"]) and np.isnan(table["triplets"]["silence_mismatch"])
    # the objective is compared over the same pairs, where it still agrees perfectly
    assert table["objective_rho"]["f0_error"] == pytest.approx(1)
    assert agreement.differences("f0_error", "rho")[0] == pytest.approx(1 - table["rho"]["f0_error"])


def test_processes_and_a_cache_change_nothing(
    folder: Path, agreement: ListenerAgreement, options: RunOptions, tmp_path: Path
) -> None:
    studies = read_studies(folder)
    fresh = measure(studies, RunOptions(processes=2, progress=False, cache=tmp_path))
    again = measure(studies, options)
    assert fresh.table.equals(agreement.table) and again.table.equals(agreement.table)


def test_a_changed_sound_is_measured_again(folder: Path, options: RunOptions, tmp_path: Path) -> None:
    write_study(tmp_path, "mine", matrix_of(np.arange(PAIRS)))
    before = distances(read_studies(tmp_path), options)[0]
    path = tmp_path / "sounds/mine/2.aiff"
    sound, rate = soundfile.read(path)
    soundfile.write(path, sound[::-1], rate)
    after = distances(read_studies(tmp_path), options)[0]
    changed = (before[OBJECTIVE] != after[OBJECTIVE]).to_numpy()
    assert [2 in pair for pair in ListeningStudy("", (path,) * N, changed).pairs.tolist()] == changed.tolist()


# -- the result ----------------------------------------------------------------------------------------------


def test_a_result_is_read_as_it_was_written(agreement: ListenerAgreement, tmp_path: Path) -> None:
    path = agreement.write(tmp_path / "new")
    assert path.name == FILE and "NaN" not in path.read_text("utf8")
    found = ListenerAgreement.read(tmp_path / "new")
    assert found.commit == agreement.commit and found.weights == {**WEIGHTS, "modulation": MODULATION_WEIGHT}
    for column in agreement.table:
        if agreement.table[column].dtype == np.float64:
            np.testing.assert_allclose(found.table[column], agreement.table[column], atol=1e-6)
        else:
            assert found.table[column].tolist() == agreement.table[column].tolist()
    assert found.write(tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_missing_result_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match="`latentdx evaluate listeners --data FOLDER`"):
        ListenerAgreement.read(tmp_path)


def test_the_command_writes_the_result_once(
    folder: Path, options: RunOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(options.cache))
    asked = ["evaluate", "listeners", "--data", str(folder), "-o", str(tmp_path), "--processes", "1"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / FILE}\n"
    (tmp_path / FILE).write_text("{}", "utf8")
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code == 1 and f"{FILE} exists already: --force replaces it" in refused.stderr
    assert CliRunner().invoke(app, [*asked, "--force"]).exit_code == 0
    assert len(json.loads((tmp_path / FILE).read_text("utf8"))["table"]) == 3 * (1 + len(SOUND_METRICS))


def test_the_result_that_ships_has_every_metric_of_sounds() -> None:
    shipped = ListenerAgreement.read()
    of_sounds = [name for name in METRICS if METRICS[name] not in PARAMETER_METRICS]
    studies = shipped.table.drop_duplicates("study")
    assert (len(studies), studies["sounds"].sum(), studies["pairs"].sum()) == (21, 334, 2614)
    assert (studies["pairs"] == studies["sounds"] * (studies["sounds"] - 1) / 2).all()
    for _, part in shipped.table.groupby("study"):
        assert part["metric"].tolist() == [OBJECTIVE, *of_sounds]
    assert shipped.versions == {name: METRICS[name].version for name in of_sounds}
    assert shipped.weights == {**WEIGHTS, "modulation": MODULATION_WEIGHT}
    assert len(shipped.commit) == 12  # without the + of changes that were not committed
    defined = shipped.table["defined"] == shipped.table["pairs"]
    assert defined[~shipped.table["metric"].isin(["f0_error", "f0_error_pyin"])].all()
    assert shipped.table["rho"].dropna().between(-1, 1).all()
    assert shipped.table["triplets"].dropna().between(0, 1).all()
