"""`make site PROFILE=full` goes the whole way through the chapters, and says before what it will cost."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import papermill
import pytest
import yaml

from latentdx.dataset import curation
from latentdx.errors import ProfileError
from latentdx.evaluation.anchors import ANCHORS
from latentdx.evaluation.results import read_all
from latentdx.training import read_profile
from latentdx.training.checkpoint import read_header
from latentdx.training.cost import operations_per_preset
from latentdx_book.build import pipeline_cost
from latentdx_book.build.notebook_runner import run_notebook
from latentdx_book.build.pipeline import SHOWN, Pipeline, as_options, evaluations
from latentdx_book.build.pipeline_cost import cost_table, cost_text, stage_costs

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "data/benchmarks"

TINY = """
scale: smoke
presets: 64
precision: 32-true
"""


def chapters(profile: str) -> dict:
    return yaml.safe_load((ROOT / f"book/profiles/{profile}.yml").read_text("utf8")) or {}


def pipeline_of(profile: str, build: Path, *models: str) -> Pipeline:
    found = Pipeline.of(chapters(profile), models, build)
    assert found
    return found


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "whole_way" not in request.node.name:
        monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_the_published_profiles_train_nothing_but_the_pages_own_model(profile: str, tmp_path: Path) -> None:
    assert Pipeline.of(chapters(profile), [], tmp_path) is None


def test_full_has_the_laptops_models_and_paper_has_the_papers(tmp_path: Path) -> None:
    full, paper = pipeline_of("full", tmp_path), pipeline_of("paper", tmp_path)
    assert (full.scale, full.models, full.shown) == ("laptop", SHOWN, "numcat++")
    assert paper.scale == "paper" and paper.models == ("num", "numcat", "numcat++", "numcat++-six")
    for name in paper.models:
        assert paper.profile(name) == read_profile(name, "paper")


def test_models_can_be_chosen_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    chosen = pipeline_of("full", tmp_path, "num", "latentdx")
    assert chosen.models == ("num", "latentdx") and chosen.shown == "num"
    with pytest.raises(
        ProfileError, match="there is no model 'latentdx' at scale 'paper'; choose one of num,"
    ):
        pipeline_of("paper", tmp_path, "latentdx")


def test_a_model_is_trained_after_the_one_whose_weights_it_begins_with(tmp_path: Path) -> None:
    found = pipeline_of("full", tmp_path, "latentdx")
    assert found.trained == ("latentdx-base", "latentdx")
    steps = [step.name for step in found.steps() if step.name.startswith(("train", "evaluate"))]
    assert steps == ["train-latentdx-base", "train-latentdx", "evaluate-latentdx-1", "evaluate-latentdx-2"]
    assert "initial" not in found.parameters("training")  # it is where `latentdx train` keeps it
    trial = replace(found, trial={"epochs": 1})
    assert trial.parameters("training")["initial"] == str(trial.checkpoint("latentdx-base"))
    assert "train latentdx-base" in [cost.stage for cost in stage_costs(found, 2)]


def test_steps_go_from_the_corpus_to_the_results_and_leave_data_alone(tmp_path: Path) -> None:
    steps = list(pipeline_of("full", tmp_path, "numcat++", "numcat++-six").steps())
    assert [step.name for step in steps] == [
        "cost",
        "fetch-learnfm",
        "curate-learnfm",
        "render-learnfm-single",
        "render-learnfm-six",
        "train-numcat++",
        "train-numcat++-six",
        "evaluate-numcat++-1",
        "evaluate-numcat++-2",
        "evaluate-numcat++-six-1",
        "evaluate-numcat++-six-2",
    ]
    assert all(target.is_relative_to(tmp_path) for step in steps for target in step.targets)


def test_a_step_has_the_same_settings_in_every_process(tmp_path: Path) -> None:
    steps = list(pipeline_of("full", tmp_path).steps())
    assert all(" at 0x" not in step.settings for step in steps)
    assert len({step.settings for step in steps}) == len(steps)


def test_a_curation_is_compared_by_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (curate,) = [s for s in pipeline_of("full", tmp_path).steps() if s.name == "curate-learnfm"]
    compare, (made, corpus) = curate.actions[-1]
    made.parent.mkdir(parents=True)
    table = curation.read_curation("learnfm")
    table.to_parquet(made)  # without the metadata, which name the code
    compare(made, corpus)
    table.iloc[:-1].to_parquet(made)
    compare(made, corpus)
    first, second = capsys.readouterr().out.splitlines()
    assert " equals " in first and " differs from " in second


def test_a_chapter_gets_only_parameters_that_it_has(tmp_path: Path) -> None:
    for profile in ("full", "paper"):
        for chapter in sorted((ROOT / "book").glob("*.ipynb")):
            given = pipeline_of(profile, tmp_path).parameters(chapter.stem)
            assert set(given) <= set(papermill.inspect_notebook(str(chapter))), chapter


def test_the_commands_evaluate_what_the_chapter_does() -> None:
    assert [as_options(each) for each in evaluations("latentdx")] == [
        [],
        ["--best-of", "64", "--limit", "1000"],
    ]
    five = ["--notes", "60:20,60:64,60:127,40:85,70:85", "--quick", "--limit", "2000"]
    assert [as_options(each) for each in evaluations("numcat++")] == [[], five]
    assert [as_options(each) for each in evaluations("numcat++-random")] == [["--quick"]]


def test_models_that_cannot_be_evaluated_are_only_trained(tmp_path: Path) -> None:
    names = ("numcat++-op123", "numcat++-unstacked")
    steps = [step.name for step in pipeline_of("paper", tmp_path, *names).steps()]
    assert [name for name in steps if name.startswith("evaluate")] == []
    assert [f"train-{name}" in steps for name in names] == [True, True]


# -- what it costs -------------------------------------------------------------------------------------------


def cost_of(stage: str, pipeline: Pipeline, cores: int = 2) -> pipeline_cost.StageCost:
    (found,) = [cost for cost in stage_costs(pipeline, cores) if cost.stage == stage][:1]
    return found


def test_a_training_costs_its_operations_at_the_measured_speed(tmp_path: Path) -> None:
    measured = json.loads((BENCHMARKS / "train.json").read_text())
    presets, validated = (len(curation.rows("learnfm", subset=s)) for s in ("train", "validation"))
    profile, reference = read_profile("num", "laptop"), read_profile("numcat++", "laptop")
    work = (presets + validated // 3) * profile.epochs * operations_per_preset(profile)
    speed = measured["training"]["presets_per_second"] * operations_per_preset(reference)
    cost = cost_of("train num", pipeline_of("full", tmp_path))
    assert measured["machine"]["cores"] == 2
    assert cost.seconds == pytest.approx(work / speed) and cost.source == "train.json"


def test_the_papers_sizes_cost_what_the_slice_says(tmp_path: Path) -> None:
    measured = json.loads((BENCHMARKS / "paper_slice.json").read_text())
    presets, validated = (len(curation.rows("learnfm", subset=s)) for s in ("train", "validation"))
    cost = cost_of("train numcat++", pipeline_of("paper", tmp_path))
    items = 400 * (presets + validated // 3)
    scaled = items / measured["presets_per_second"] * measured["machine"]["cores"] / 2
    assert cost.seconds == pytest.approx(scaled) and cost.source == "paper_slice.json"
    assert " days" in cost_text(pipeline_of("paper", tmp_path), 2)


def test_twice_the_cores_take_half_the_time_and_a_trial_takes_its_share(tmp_path: Path) -> None:
    pipeline = pipeline_of("full", tmp_path)
    two, four = (
        {c.stage: c.seconds for c in stage_costs(pipeline, cores) if c.seconds is not None}
        for cores in (2, 4)
    )
    assert len(two) > 10 and two == pytest.approx({stage: 2 * seconds for stage, seconds in four.items()})
    trial = {"scale": "laptop", "model": "num", "epochs": 1, "presets": 1901}
    short = Pipeline.of({"training": trial, "evaluation": {"limit": 594}}, ["num"], tmp_path)
    assert short and cost_of("train num", short).seconds == pytest.approx(two["train num"] / 100, rel=1e-3)
    assert cost_of("evaluate num", short).size.startswith("594 presets")


def test_what_is_done_is_said_and_what_was_never_measured_has_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = pipeline_of("full", tmp_path, "num", "numcat")
    before = cost_text(pipeline, 2)
    assert "done" not in before and "of it is left" not in before
    finished = pipeline.run("num") / "model.safetensors"
    finished.parent.mkdir(parents=True)
    finished.touch()
    lines = cost_text(pipeline, 2).splitlines()
    (line,) = [line for line in lines if "train num " in line]
    assert line.split()[2] == "done" and "of it is left" in lines[-1]
    assert "done" not in cost_table("laptop", 2)

    monkeypatch.setattr(pipeline_cost, "_read", lambda name: {})
    unknown = list(stage_costs(pipeline, 2))
    assert [cost.seconds for cost in unknown] == [None] * len(unknown)
    assert "not measured" in cost_text(pipeline, 2)


@pytest.mark.training
def test_the_whole_way_through_the_notebooks(tmp_path: Path) -> None:
    """With a tiny model of one's own, on the starter bank; the chapters then show its results."""
    scale, build = tmp_path / "tiny.yml", tmp_path / "build"
    scale.write_text(TINY, "utf8")
    given = {"training": {"model": "num", "scale": str(scale), "epochs": 3}, "evaluation": {"limit": 5}}
    pipeline = Pipeline.of(given, [], build)
    assert pipeline and pipeline.run("num").is_relative_to(build)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    said = ""
    for step in pipeline.steps():
        for action in step.actions:
            if isinstance(action, list):
                run = [sys.executable, "-m", *action]
                done = subprocess.run(
                    run, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
                )
                said += done.stdout
            else:
                function, arguments = action
                function(*arguments)
        assert all(target.is_file() for target in step.targets)
    assert said.index("What this will take") < said.index("starter-single: 384 presets")
    about = read_header(pipeline.checkpoint("num"))
    assert (about.profile.name, about.profile.epochs, about.profile.presets) == ("num-tiny", 3, 64)
    names = {r.provenance.name for r in read_all(pipeline.results)}
    assert names == {f"{name}-on-5" for name in ("num-tiny", *ANCHORS)}

    page = build / "executed/evaluation.ipynb"  # as the site runs it
    run_notebook(ROOT / "book/evaluation.ipynb", page, pipeline.parameters("evaluation"))
    assert "num-tiny-on-5.twin-disjoint.60-85.parquet" in page.read_text("utf8")
