"""Shipped profiles load and agree with the paper; invalid profiles are refused."""

import json
import math
from dataclasses import replace

import pytest
import torch

from latentdx.errors import ProfileError
from latentdx.models.preset_vae import Architecture, PresetVAE
from latentdx.training.profile import SCALES, Profile, model_names, read_profile

SHIPPED = [(name, scale) for scale in SCALES for name in model_names(scale)]

# those of the paper's sixteen configurations that paper.md section 3.5 counts
PAPER_COUNTS = {
    "numcat++": 60_372_037,
    "numcat": 29_818_593,
    "num": 23_486_273,
    "numcat++-op123": 39_000_457,
    "num-mlp": 59_409_657,
    "numcat-mlp": 59_491_657,
    "numcat++-mlp": 59_887_307,
    "numcat++-mlp-op123": 38_695_277,
    "numcat++-six": 67_146_053,
    "numcat++-unstacked": 76_108_393,
    "numcat++-six-op123": 52_409_993,
}


def count(profile):
    # models of the paper's sizes are counted without allocating memory
    with torch.device("meta" if profile.scale == "paper" else "cpu"):
        return sum(p.numel() for p in PresetVAE(profile.architecture).parameters())


def plain(**changes):
    return {**read_profile("numcat++", "smoke").as_dict(), **changes}


@pytest.mark.parametrize(("name", "scale"), SHIPPED)
def test_shipped_profiles_load_and_survive_json(name, scale):
    profile = read_profile(name, scale)
    assert (profile.name, profile.scale) == (name, scale)
    assert Profile.from_dict(json.loads(json.dumps(profile.as_dict()))) == profile


@pytest.mark.parametrize(("name", "wanted"), PAPER_COUNTS.items(), ids=PAPER_COUNTS)
def test_the_paper_scale_has_the_papers_parameter_counts(name, wanted):
    assert count(read_profile(name, "paper")) == wanted


def test_the_paper_scale_has_the_papers_sixteen_configurations():
    wanted = {
        Architecture.paper(representation, n_operators=operators, head=head)
        for representation in ("num", "numcat", "numcat++")
        for operators in (6, 3)
        for head in ("flow", "mlp")
    } | {
        Architecture.paper("numcat++", n_operators=operators, notes=notes)
        for operators in (6, 3)
        for notes in ("stacked", "unstacked")
    }
    names = model_names("paper")
    assert len(wanted) == len(names) == 16
    assert {read_profile(name, "paper").architecture for name in names} == wanted


def test_the_paper_scale_has_the_papers_schedule():
    for name in model_names("paper"):
        p = read_profile(name, "paper")
        assert (p.optimizer, p.learning_rate, p.weight_decay, p.batch) == ("adam", 2e-4, 1e-4, 160)
        assert (p.schedule, p.beta, p.clamped, p.decoded) == ("plateau", (0.1, 0.2), True, 1.0)
        assert (p.max_gradient_norm, p.scalar_loss, p.least_learning_rate) == (None, "squared", 2e-7)
        times = (p.epochs, p.warmup_epochs, p.patience, p.beta_epochs)
        assert times == ((81, 2, 2, 6) if p.architecture.note_latents else (400, 6, 6, 25))


@pytest.mark.parametrize(("name", "scale"), SHIPPED)
def test_every_profile_but_the_papers_lets_the_machine_decide_on_the_precision(name, scale):
    assert read_profile(name, scale).precision == ("32-true" if scale == "paper" else "auto")


def test_the_gpu_scale_differs_from_the_laptops_only_where_it_says():
    small, large = read_profile("latentdx").as_dict(), read_profile("latentdx", "gpu").as_dict()
    different = {key for key in small if small[key] != large[key]}
    assert different == {"scale", "epochs", "batch", "learning_rate", "decoded", "initial"}


@pytest.mark.parametrize("name", model_names("laptop"))
def test_laptop_models_have_at_most_12_million_parameters(name):
    assert count(read_profile(name, "laptop")) <= 12_000_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "unknown epoch; choose from name,"),
        ({"architecture": {"width": 3}}, "architecture: unknown width"),
        ({"epochs": "3"}, "epochs must be of type int, not '3'"),
        ({"epochs": 3.0}, "epochs must be of type int, not 3.0"),
        ({"epochs": True}, "epochs must be of type int, not True"),
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"learning_rate": "2e-3"}, "learning_rate must be of type float, not '2e-3'"),
        ({"clamped": 1}, "clamped must be of type bool, not 1"),
        ({"schedule": "cosine"}, "schedule must be one of 'plateau', 'one-cycle', not 'cosine'"),
        ({"precision": "fp8"}, "precision must be one of 'auto', '32-true', 'bf16-mixed', not 'fp8'"),
        ({"split": "mine"}, "split must be one of "),
        ({"beta": [0.1]}, "beta must be of type"),
        ({"beta": [0.1, "x"]}, "beta must be of type float, not 'x'"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0, not -0.1"),
        ({"learning_rate": 0.0}, "learning_rate must be more than 0, not 0.0"),
        ({"max_gradient_norm": -5.0}, "max_gradient_norm must be more than 0, not -5.0"),
        ({"learning_rate": math.nan}, "learning_rate must be finite, not nan"),
        ({"beta": [0.1, math.inf]}, "beta must be finite, not "),
        ({"beta": [-0.1, 0.2]}, "beta must be at least 0, not "),
        ({"decoded": 0.0}, "decoded must be more than 0 and at most 1, not 0.0"),
        ({"recorded": 1.5}, "recorded must be from 0 to 1, not 1.5"),
        ({"unknown_level": -1.0}, "unknown_level must be from 0 to 1, not -1.0"),
        ({"varied": 2.0}, "varied must be from 0 to 1, not 2.0"),
        ({"varied": 0.5, "recorded": 0.75}, "recorded and varied must add up to at most 1, not 1.25"),
        ({"presets": 1}, "presets must be at least 2, not 1"),
        ({"batch": 1}, "batch must be at least 2, not 1"),
        ({"max_gradient_norm": "none"}, "max_gradient_norm must be of type float, not 'none'"),
        ({"architecture": {"channels": [1, 2.5]}}, "architecture: channels must be of type int, not 2.5"),
        ({"architecture": 3}, "architecture must be of type Architecture, not 3"),
        ({"notes": "six"}, "n_notes must be 6 with notes 'six', not 1"),
        ({"architecture": {"n_notes": 6}}, "n_notes must be 1 with notes 'single', not 6"),
    ],
    ids=str,
)
def test_invalid_values_are_refused(changes, message):
    with pytest.raises(ProfileError, match="^numcat\\+\\+: ") as caught:
        Profile.from_dict(plain(**changes))
    assert message in str(caught.value)


def test_a_profile_without_a_name_is_refused():
    content = plain()
    del content["name"]
    with pytest.raises(ProfileError, match="missing name"):
        Profile.from_dict(content)


def test_errors_about_unknown_models_and_scales_list_the_known_ones():
    with pytest.raises(
        ProfileError, match="there is no model 'numdog' at scale 'smoke'; choose one of num, numcat, "
    ):
        read_profile("numdog", "smoke")
    with pytest.raises(
        ProfileError, match="there is no scale 'huge'; choose one of smoke, laptop, gpu, paper"
    ):
        read_profile("num", "huge")


def test_a_file_of_ones_own_replaces_settings_of_a_scale(tmp_path):
    file = tmp_path / "wide.yml"
    file.write_text("scale: smoke\nepochs: 7\narchitecture: {flow_hidden: 5}\n")
    before = read_profile("numcat", "smoke")
    wanted = replace(before, epochs=7, architecture=replace(before.architecture, flow_hidden=5))
    assert read_profile("numcat", file) == replace(wanted, name="numcat-wide")
    assert read_profile("numcat", str(file), {"epochs": 3}).epochs == 3
    assert read_profile("numcat", file).title == "NumCat, numcat-wide"
    file.write_text("{name: mine}")
    assert read_profile("numcat", file) == replace(read_profile("numcat", "laptop"), name="mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "own.yml: unknown epoch; choose from name,"),
        ("architecture: {width: 3}", "own.yml: architecture: unknown width"),
        ("epochs: many", "own.yml: epochs must be of type int, not 'many'"),
        ("scale: huge", "there is no scale 'huge'"),
        ("epochs: [1", "own.yml is not YAML: "),
        ("- epochs", "own.yml must hold settings such as"),
        (None, "own.yml cannot be read: No such file"),
    ],
)
def test_errors_in_a_file_of_ones_own_name_it(text, message, tmp_path):
    file = tmp_path / "own.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ProfileError) as caught:
        read_profile("numcat", file)
    assert message in str(caught.value)


def test_changes_reach_into_the_architecture_and_are_checked():
    before = read_profile("numcat++", "smoke")
    after = read_profile("numcat++", "smoke", {"epochs": 7, "architecture": {"flow_hidden": 5}})
    assert after == replace(before, epochs=7, architecture=replace(before.architecture, flow_hidden=5))
    with pytest.raises(ProfileError, match="unknown epoch"):
        read_profile("numcat++", "smoke", {"epoch": 7})
