"""A network of one's own trains, resumes, loads and is evaluated; a checkpoint alone never runs its code."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import read_log
from small_cnn import SmallCNN
from typer.testing import CliRunner

from latentdx.applications.programmer import load_model
from latentdx.audio.renderer import Dexed
from latentdx.cli.app import app
from latentdx.errors import CheckpointError, DataMissingError, ParameterError, ProfileError
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets import corpora
from latentdx.training.checkpoint import load, read_header
from latentdx.training.history import of_run
from latentdx.training.loop import train
from latentdx.training.network import PresetNetwork, import_factory, make_network
from latentdx.training.profile import Profile, read_profile

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """Return the profile of the network, from a file."""
    file = tmp_path_factory.mktemp("profile") / "cnn.yml"
    file.write_text("{scale: smoke, factory: 'small_cnn:SmallCNN', epochs: 2, precision: 32-true}")
    return read_profile("small-cnn", file)


@pytest.fixture(scope="module")
def run(profile, tmp_path_factory):
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("own-network")
    train(profile, folder)
    return folder


def test_it_learns_and_its_losses_are_logged(run, profile):
    assert (profile.name, profile.title) == ("small-cnn", "small-cnn")
    rows = read_log(run)
    losses = [float(row["controls"]) for row in rows if row["subset"] == "train"]
    assert len(losses) == 14 and np.mean(losses[-3:]) < np.mean(losses[:3])
    assert all(row["loss"] == row["controls"] and row["reconstruction"] == "" for row in rows)
    validations = [float(row["loss"]) for row in rows if row["subset"] == "validation"]
    about = read_header(run / "model.safetensors")
    assert about.epoch == 1 + int(np.argmin(validations)) and about.profile == profile
    assert of_run(run).provenance.parameters == sum(p.numel() for p in SmallCNN(profile).parameters())


def test_an_interrupted_run_resumes_exactly(run, profile, tmp_path):
    def stop(row):
        if row.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(profile, tmp_path, callback=stop, save_seconds=0)
    train(profile, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_a_checkpoint_runs_no_code_unless_the_factory_is_passed(run, monkeypatch):
    file = run / "model.safetensors"
    monkeypatch.setattr("latentdx.training.network.import_factory", lambda name: pytest.fail("imported"))
    with pytest.raises(CheckpointError, match=r"made by 'small_cnn:SmallCNN'\. Its code is run only if"):
        load(file)
    network, about = load(file, factory=SmallCNN)
    assert isinstance(network, SmallCNN) and not network.training and about.profile.factory


def test_another_file_of_a_run_is_refused_with_the_name_of_the_one_to_give(run):
    with pytest.raises(DataMissingError, match=r"running\.ckpt cannot be .* leaves is model\.safetensors"):
        load_model(run / "running.ckpt")


def test_a_loaded_network_programs_one_preset_per_sound(run):
    model = load_model(run / "model.safetensors", factory="small_cnn:SmallCNN")
    sound = Dexed().render(corpora.read("starter")[0])
    preset = model.program(sound)
    assert preset.values.shape == (145,) and model.program_best(sound, 1) == preset
    with pytest.raises(ParameterError, match="'small-cnn' has no posterior"):
        model.program_best(sound, 4)


def test_it_is_evaluated_with_the_factory_only(run, tmp_path):
    command = ["evaluate", "model", str(run / "model.safetensors"), "--quick", "--limit", "4"]
    command += ["--processes", "1", "--out", str(tmp_path)]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 1 and "--factory" in refused.stderr and refused.stderr.count("\n") == 1
    done = CliRunner().invoke(app, [*command, "--factory", "small_cnn:SmallCNN"])
    assert done.exit_code == 0, done.output
    assert any("small-cnn" in path.name for path in tmp_path.iterdir())


def test_the_papers_network_is_a_preset_network_but_for_its_losses(smoke):
    network = make_network(smoke)
    assert isinstance(network, PresetVAE)
    missing = {name for name in dir(PresetNetwork) if not name.startswith("_") and not hasattr(network, name)}
    assert missing == {"losses"}  # they are settings of the profile


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nothing_here:make", "'nothing_here:make' cannot be imported: No module named 'nothing_here'"),
        ("small_cnn:make", "cannot be imported: module 'small_cnn' has no attribute 'make'"),
        (
            "small_cnn:no_network",
            "made a Linear, which is no PresetNetwork: it has no representation and no norm",
        ),
    ],
)
def test_wrong_factories_are_named(factory, message, smoke):
    with pytest.raises(ProfileError) as caught:
        make_network(smoke, factory)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["small_cnn", ":make", "small_cnn:"])
def test_a_factory_that_is_no_import_path_is_refused(name, smoke):
    with pytest.raises(ProfileError, match="factory must be an import path such as 'module:function'"):
        Profile.from_dict(smoke.as_dict() | {"factory": name})


def test_a_module_in_the_working_folder_is_found(tmp_path, monkeypatch):
    Path(tmp_path, "local_net.py").write_text("def make(profile): return 'made'\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert import_factory("local_net:make")(None) == "made" and sys.path == before


def test_without_a_factory_an_unknown_name_is_refused(tmp_path):
    file = tmp_path / "own.yml"
    file.write_text("epochs: 3")
    with pytest.raises(ProfileError, match="there is no model 'small-cnn' at scale 'laptop'"):
        read_profile("small-cnn", file)


def test_its_weights_survive_the_checkpoint(run, profile):
    network, _ = load(run / "model.safetensors", factory=SmallCNN)
    best = torch.load(run / "best.ckpt", weights_only=True)["model"]
    for name, tensor in network.state_dict().items():
        assert torch.allclose(tensor, best[name], rtol=2**-10, atol=2**-24), name
