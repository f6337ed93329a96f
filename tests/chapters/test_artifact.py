"""The artifact pack names files, commands and cells that exist, and its claims hold on what ships."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from command_lines import parse
from latentdx.dataset.curation import read_curation
from latentdx.display.listener_agreement import listener_agreement_table
from latentdx.display.result_comparisons import compare_steps, notes_comparison_table
from latentdx.errors import NotebookError
from latentdx.evaluation import InterpolationData
from latentdx.evaluation.listening_examples import read_listening
from latentdx.evaluation.listening_studies import SOUND_METRICS
from latentdx.evaluation.published_eras import RECORDED
from latentdx.evaluation.result_data import SOUND, PublishedExamples, ResultData, per_preset
from latentdx.evaluation.results import Result
from latentdx.metrics import objective
from latentdx_book.chapters import artifact_claims, artifact_costs, interpolation_results
from latentdx_book.chapters.artifact_claims import CLAIMS, Claim
from latentdx_book.chapters.artifact_costs import NOT_MEASURED

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"

claims = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.chapter}-{claim.text[:40]}")


def rows(html: str) -> list[list[str]]:
    return [
        [cell.get_text(" ", strip=True) for cell in row.select("td")]
        for row in BeautifulSoup(html, "html.parser").select("tbody tr")
    ]


# -- the claims name what exists -----------------------------------------------------------------------------


@claims
def test_files_chapter_and_cell_exist(claim: Claim) -> None:
    assert claim.files and not [file for file in claim.files if not (DATA / file).is_file()]
    assert (ROOT / f"book/{claim.chapter}.ipynb").is_file()
    title, heading = artifact_claims.find_cell(claim.chapter, claim.cell)
    assert title and heading


@claims
def test_commands_are_accepted(claim: Claim) -> None:
    """Parsed as the shell and the command line would, but not run."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf8"), re.MULTILINE))
    for command in claim.commands:
        program, *arguments = shlex.split(command)
        if program == "make":
            assert arguments[0] in targets
        elif program == "python":
            assert (ROOT / arguments[0]).is_file()
        else:
            parse(arguments)


def test_a_command_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(shlex.split("evaluate listening --best 64"))
    with pytest.raises(Exception, match="No such command"):
        parse(["evaluate", "numcat++"])


def test_a_cell_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(NotebookError, match="no cell 'nowhere'"):
        artifact_claims.find_cell("results", "nowhere")
    with pytest.raises(NotebookError, match="no chapter"):
        artifact_claims.find_cell("nowhere", "title")


def test_every_result_that_ships_backs_a_claim() -> None:
    named = {file for claim in CLAIMS for file in claim.files}
    patterns = ("results/*.parquet", "results/*.csv", "results/training/*.csv", "interpolation/*.parquet")
    shipped = {file.relative_to(DATA).as_posix() for pattern in patterns for file in DATA.glob(pattern)}
    assert shipped <= named


def test_the_table_has_a_line_for_each_claim() -> None:
    table = rows(artifact_claims.claims_table())
    assert [line[0] for line in table] == [claim.text for claim in CLAIMS]
    assert "<code" in artifact_claims.claims_table() and "&lt;code" not in artifact_claims.claims_table()


# -- the claims hold -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results() -> ResultData:
    return ResultData.read()


@pytest.fixture(scope="module")
def paths() -> InterpolationData:
    return InterpolationData.read()


def medians(results: ResultData, name: str) -> pd.Series:
    """Of every distance of sounds."""
    result = next(r for r in results.results if r.provenance.name == name and len(r.provenance.notes) == 1)
    return pd.Series({m: per_preset(result, m).median() for m in SOUND})


def named(results: ResultData, name: str) -> Result:
    return next(r for r in results.results if r.provenance.name == name)


def test_the_engine_equals_dexed_py_and_differs_from_that_of_the_paper() -> None:
    equality, eras = (
        json.loads((DATA / f"benchmarks/{name}.json").read_text("utf8"))
        for name in ("engine_equality", "compare_eras")
    )
    parts = [equality[part] for part in ("all_voices", "random_voices")]
    assert sum(part["renders"] for part in parts) == 58_380 and not any(part["different"] for part in parts)
    assert eras["voices"] == 31_380 and eras["corpus_sha256"] == equality["corpus_sha256"]
    assert eras["different"] / eras["audible"] > 0.9 and eras["percentiles"]["mfcc13_mae"]["50"] > 2
    assert eras["unconcerned"]["voices"] > 0 and eras["unconcerned"]["differ"] == 0
    assert sum(original["highest"] < RECORDED for original in eras["originals"]) == 13
    assert len(eras["originals"]) == 14


def test_curation() -> None:
    summary = json.loads((DATA / "curation/learnfm.json").read_text("utf8"))
    counts, splits = summary["counts"], summary["splits"]
    assert (counts["read"], counts["duplicates"], counts["silent"], counts["kept"]) == (
        31380,
        1040,
        637,
        29703,
    )
    assert 0.23 < counts["kept_with_a_twin"] / counts["kept"] < 0.27
    kept = read_curation("learnfm").query("kept")
    for split, shared in (("random", True), ("twin_disjoint", False)):
        groups = {part: set(kept["twin_group"][kept[f"split_{split}"] == part]) for part in splits[split]}
        assert bool(groups["train"] & groups["test"]) == shared


def test_trainings_took_less_than_an_hour_but_for_the_default_one() -> None:
    minutes = {name: run.minutes for name, run in artifact_costs.training_runs().items()}
    assert 110 < minutes.pop("latentdx") < 130
    assert max(minutes.values()) < 60


def test_models_lie_between_the_anchors(results: ResultData) -> None:
    models = [medians(results, name) for name in artifact_claims._SHIPPED]
    one_step, nearest = medians(results, "one-step"), medians(results, "nearest-unrelated")
    assert all((one_step < model).all() for model in models)
    assert all((nearest < model).all() for model in models)
    assert (medians(results, "nearest") < nearest).all()
    for name in ("mean", "random"):
        for m in ("mfcc13_mae", "log_stft_mae"):
            assert all(model[m] < medians(results, name)[m] for model in models)


def test_steps(results: ResultData) -> None:
    table = compare_steps(results)
    verdicts = {
        (line.question, line.metric): line.verdict
        for line in table[["question", "metric", "verdict"]].itertuples()
    }
    none, better = "no difference shown", "better"
    expected = {
        "categories as categories": (better, better),
        "small numbers as categories too": (better, better),
        "flow instead of MLP": ("mixed", better),
        "our own model": (better, better),
        "only another seed": (none, none),
    }
    assert {q: (verdicts[q, "mfcc13_mae"], verdicts[q, "log_stft_mae"]) for q in expected} == expected


def test_six_notes(results: ResultData) -> None:
    table = notes_comparison_table(results)
    soft, dynamic = table["note, velocity"] == "(60, 20)", table["metric"] == "dynamic numerical MAE"
    assert soft.any() and dynamic.any() and set(table["verdict"][soft | dynamic]) == {"better"}
    assert set(table["verdict"][~soft & (table["metric"] == "MFCC13")]) == {"no difference shown"}


def test_near_duplicates_in_training_help(results: ResultData) -> None:
    table = named(results, "numcat++-random").table.set_index("row")
    kept = read_curation("learnfm").query("kept")
    known = set(kept["twin_group"][kept["split_random"] == "train"])
    helped = table.index.isin(kept["index"][kept["twin_group"].isin(known)])
    assert table["mfcc13_mae"][helped].median() < table["mfcc13_mae"][~helped].median()
    assert table["categorical_accuracy"][helped].mean() > table["categorical_accuracy"][~helped].mean()


def test_best_of_64(results: ResultData) -> None:
    assert (medians(results, "latentdx-best-of-64-on-1000") < medians(results, "latentdx-on-1000")).all()


def test_match(results: ResultData) -> None:
    assert (medians(results, "match-2000-on-200") < medians(results, "nearest-genetic-on-200")).all()
    few, some, many = (medians(results, f"match-{n}-on-200") for n in (500, 2000, 7000))
    distances = [m for m in SOUND if m != "f0_error"]
    assert (some[distances] < few[distances]).all() and (many[distances] < some[distances]).all()


def test_searches() -> None:
    measured = json.loads((DATA / "benchmarks/match.json").read_text("utf8"))
    assert measured["targets"] == 10
    mean = {name: distance["mean"] for name, distance in measured["distance"].items()}
    assert mean["ours"] == min(mean.values())


def test_listeners(results: ResultData) -> None:
    table = listener_agreement_table(results)
    mean = table.loc["the objective of searches"]
    said = re.compile(r"mean rank correlation.* (0\.\d\d) \((?:95% interval )?(0\.\d\d) to (0\.\d\d)\)")
    places = [*(claim.text for claim in CLAIMS), " ".join((objective.__doc__ or "").split())]
    found = [match.groups() for text in places if (match := said.search(text))]
    columns = ["rank correlation", "rank correlation low", "rank correlation high"]
    assert found == [tuple(f"{mean[column]:.2f}" for column in columns)] * 2
    assert mean["studies"] == 21
    others = table[table["studies"] > 0].drop(index="the objective of searches")
    assert len(others) == len(SOUND_METRICS) - 1  # none of the sounds is silent
    for figure in ("rank correlation", "triplets"):
        assert (others[f"objective ahead, {figure} low"] > 0).all()


def test_joint_draws() -> None:
    levers = pd.read_csv(DATA / "results/levers.csv").query("lever == 'a joint posterior'")
    assert len(levers) >= 2 and (levers["after"] < levers["before"]).all() and (levers["p"] < 0.05).all()


def test_published_examples(results: ResultData) -> None:
    means = PublishedExamples.read(results).means("programming", "as published", "peak")
    ours, theirs = (
        means.loc[("ours", "LatentDX, best of 64 by rendering")],
        means.loc[("the authors", "NumCat++")],
    )
    assert ours["n"] == theirs["n"] == 8
    assert (ours[["log_stft_mae", "mfcc13_mae"]] < theirs[["log_stft_mae", "mfcc13_mae"]]).all()


def test_listening_examples_are_chosen_by_rule(results: ResultData) -> None:
    _, examples = read_listening(DATA / "results")
    chosen = {(example.label, example.percentile): example.row for example in examples}
    assert set(chosen) == {(label, p) for label in ("harmonic", "percussive", "sfx") for p in (10, 50, 90)}
    table = named(results, "latentdx").table
    for (label, percentile), row in chosen.items():
        part = table[table["label"] == label].set_index("row")["mfcc13_mae"]
        below, up_to = 100 * (part < part[row]).mean(), 100 * (part <= part[row]).mean()  # some are equal
        assert below - 1 < percentile < up_to + 1


def test_interpolation(paths: InterpolationData) -> None:
    said = interpolation_results.verdict(paths)
    assert "Here the latent path is smoother and straighter and more even than the naive one." in said
    assert paths.ours() == "latent-paced"
    assert paths.result and paths.result.provenance.n_pairs == 500
    for measure, best in (("smoothness", True), ("nonlinearity", True), ("unevenness", False)):
        means = {name: np.nanmean(values) for name, values in paths.result.scores(measure).items()}
        extreme = min if best else max
        assert extreme(means, key=means.__getitem__) == "switch"
    assert paths.page
    first, second = (journey.ways for journey in paths.page.journeys)
    assert first["latent"].smoothness < first["naive"].smoothness
    assert second["latent"].smoothness > second["naive"].smoothness


# -- the costs -----------------------------------------------------------------------------------------------


def test_a_time_comes_from_a_file_that_ships() -> None:
    for cost in artifact_costs.costs():
        assert (cost.time == NOT_MEASURED) == (not cost.source), cost.command
        assert not cost.source or (DATA / cost.source).exists(), cost.command


def test_times_are_those_in_the_files() -> None:
    times = {cost.command: cost for cost in artifact_costs.costs()}
    render = json.loads((DATA / "benchmarks/render.json").read_text("utf8"))
    six = times["latentdx render --corpus learnfm --notes six"]
    assert six.time == f"{render['store_six']['minutes']:.1f} min"
    assert six.disk == f"{render['store_six']['bytes'] / 1e9:.1f} GB"
    first = (DATA / "results/training/numcat++.csv").read_text("utf8").partition("\n")[0]
    assert (
        times["latentdx train numcat++"].time
        == f"{json.loads(first.partition('{')[1] + first.partition('{')[2])['minutes']:.1f} min"
    )
    load = json.loads((DATA / "benchmarks/load.json").read_text("utf8"))
    assert times["latentdx match SOUND"].time.startswith(f"{sorted(load['quiet_s'])[1]:.0f} s;")


def test_what_no_file_records_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_costs, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    costs = artifact_costs.costs()
    assert {cost.time for cost in costs} == {cost.memory for cost in costs} == {NOT_MEASURED}
    assert {cost.disk for cost in costs} == {NOT_MEASURED, "4.0 MB"}  # what is fetched is in the registry
    assert len(rows(artifact_costs.cost_table())) == len(costs)
    assert rows(artifact_costs.machine_table()) == []


def test_machines_are_named_as_the_files_name_them() -> None:
    table = {line[0]: line for line in rows(artifact_costs.machine_table())}
    machine = json.loads((DATA / "benchmarks/render.json").read_text("utf8"))["machine"]
    assert table["benchmarks/render.json"][1] == machine["processor"]
    assert "not recorded" in table["results/training/*.csv"]


# -- the data card -------------------------------------------------------------------------------------------


def test_numbers_of_the_data_card_are_in_the_files_that_it_names() -> None:
    card = (DATA / "curation/DATA_CARD.md").read_text("utf8")
    known = set[int]()
    for name in ("learnfm", "starter"):
        assert f"{name}.json" in card
        text = (DATA / f"curation/{name}.json").read_text("utf8")
        known |= {int(number) for number in re.findall(r"(?<![\w.])\d+(?![\w.])", text)}
    stated = {int(n.replace(",", "")) for n in re.findall(r"(?<![\w.-])\d{1,3}(?:,\d{3})+(?![\w.])", card)}
    assert {31380, 29703, 1040} & stated and stated <= known
