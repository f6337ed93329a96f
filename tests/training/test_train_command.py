"""`latentdx train`: its help fits a screen, errors take one line, and Ctrl-C explains how to resume."""

import os
import shutil

import pytest
from click.testing import Result
from runs import read_log
from typer.testing import CliRunner

from latentdx.cli.app import app
from latentdx.registry import data_path
from latentdx.training.checkpoint import read_header

pytestmark = pytest.mark.training


SINGLE = ("--scale", "smoke", "--precision", "32-true")
"""Options with which nothing is measured, and so nothing said about the precision."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, ["train", *map(str, arguments)], env={"LT_DEVICES": None, "LT_PRECISION": None}
    )


def assert_one_line(result: Result, status: int, *parts: str) -> None:
    assert result.exit_code == status, result.output
    assert result.stdout == "" and result.stderr.startswith("latentdx: ") and result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_help_fits_a_screen_and_shows_an_example() -> None:
    lines = run("--help").stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 100
    assert any(line.strip().startswith("Example:  latentdx train") for line in lines)


def test_it_trains_with_the_given_options_and_prints_the_models_path(tmp_path) -> None:
    result = run(
        "num", "--scale", "smoke", "--out", tmp_path / "new/run", "--epochs", 1, "--precision", "bf16-mixed"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path}/new/run/model.safetensors\n"
    profile = read_header(tmp_path / "new/run/model.safetensors").profile
    assert (profile.name, profile.scale, profile.epochs, profile.precision) == (
        "num",
        "smoke",
        1,
        "bf16-mixed",
    )
    assert [row["epoch"] for row in read_log(tmp_path / "new/run")] == ["0"] * 8


def test_it_makes_the_very_file_that_the_python_function_makes(undisturbed, tmp_path) -> None:
    assert run("numcat++", *SINGLE, "--out", tmp_path).exit_code == 0
    ours, theirs = ((folder / "model.safetensors").read_bytes() for folder in (tmp_path, undisturbed))
    assert ours == theirs


def test_the_default_folder_of_a_run_is_in_the_cache(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path))
    monkeypatch.setattr("latentdx.training.train", lambda *rest, **named: asked.append(rest) or rest[1])
    assert run("numcat++").exit_code == 0
    ((profile, folder),) = asked
    assert (profile.name, profile.scale) == ("numcat++", "laptop")
    assert folder == tmp_path / "runs/laptop-numcat++"


def test_wrong_options_give_a_one_line_error(undisturbed) -> None:
    assert_one_line(run("numdog"), 1, "there is no model 'numdog' at scale 'laptop'; choose one of num, ")
    assert_one_line(
        run("num", "--scale", "huge"), 1, "there is no scale 'huge'; choose one of smoke, laptop, gpu, paper"
    )
    assert_one_line(
        run("num", "--precision", "fp8"),
        1,
        "precision must be one of 'auto', '32-true', 'bf16-mixed', not 'fp8'",
    )
    assert_one_line(run("num", "--corpus", "nowhere"), 1, "nowhere is neither a file or folder nor")
    assert_one_line(run("num", "--profile", "no.yml"), 1, "profile no.yml cannot be read: No such file")
    both = run("num", "--profile", "no.yml", "--scale", "smoke")
    assert both.exit_code == 2 and "--scale and --profile exclude each other" in both.stderr
    refused = run("num", "--scale", "smoke", "--out", undisturbed)
    assert_one_line(refused, 1, "another profile: name is 'numcat++', not 'num'; architecture.repres")


def test_a_folder_is_trained_on_and_the_model_evaluated_with_files_in_the_cache_only(tmp_path) -> None:
    sounds, out, results = tmp_path / "sounds", tmp_path / "run", tmp_path / "results"
    sounds.mkdir()
    for number in ("01-electric-pianos", "03-basses"):
        shutil.copy(data_path("starter", f"{number}.syx"), sounds)
    settings = tmp_path / "short.yml"
    settings.write_text("scale: smoke\nepochs: 1\nbatch: 16\n")
    result = run("numcat++", "--profile", settings, "--corpus", sounds, "--out", out)
    assert result.exit_code == 0, result.output
    profile = read_header(out / "model.safetensors").profile
    assert (profile.name, profile.scale, profile.batch) == ("numcat++-short", "smoke", 16)
    assert profile.corpus.startswith("sounds-") and str(tmp_path) not in str(profile.as_dict())
    assert len(list(sounds.iterdir())) == 2 and {p.name for p in tmp_path.iterdir()} >= {"sounds", "run"}
    shutil.rmtree(sounds)
    evaluated = CliRunner().invoke(
        app,
        ["evaluate", "model", str(out / "model.safetensors"), "--quick", "--out", str(results)],
    )
    assert evaluated.exit_code == 0, evaluated.output
    assert (results / "numcat++-short.twin-disjoint.60-85.parquet").exists()


@pytest.mark.parametrize(("load", "awake"), [(0.1, True), (50.0, False)])
def test_threads_wait_awake_on_an_idle_machine_only(load, awake, monkeypatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # restored after the test
    del os.environ["OMP_WAIT_POLICY"]
    assert run("numdog").exit_code == 1
    assert ("OMP_WAIT_POLICY" in os.environ) == awake


@pytest.mark.parametrize("devices", ["none", "0", "-1x"])
def test_wrong_devices_are_a_usage_error(devices) -> None:
    result = run("num", "--scale", "smoke", "--devices", devices)
    assert result.exit_code == 2 and f"--devices {devices}: " in result.stderr


def test_a_full_disk_gives_a_one_line_error(tmp_path, monkeypatch) -> None:
    def full(*rest: object, **named: object) -> None:
        raise OSError(28, "No space left on device", "running.ckpt")

    monkeypatch.setattr("latentdx.training.loop.save", full)
    result = run("num", *SINGLE, "--out", tmp_path)
    assert_one_line(result, 1, "No space left on device")


def test_control_c_explains_how_to_resume(tmp_path, monkeypatch) -> None:
    def stop(*rest: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("latentdx.training.loop.validate", stop)
        stopped = run("num", *SINGLE, "--out", tmp_path)
    assert_one_line(
        stopped, 130, "stopped; run the same command to resume from the last checkpoint", str(tmp_path)
    )
    assert run("num", *SINGLE, "--out", tmp_path).exit_code == 0
