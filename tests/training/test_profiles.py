"""Profiles: what ships is what the paper says and what fits; what does not hold together is refused."""

import json
from dataclasses import replace

import pytest
import torch

from latentdx.errors import ProfileError
from latentdx.models.preset_vae import Architecture, PresetVAE
from latentdx.training.profile import SCALES, Profile, model_names, read_profile

SHIPPED = [(name, scale) for scale in SCALES for name in model_names(scale)]

# of the paper's sixteen configurations, those counted in paper.md section 3.5
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
    # the paper's sizes are counted without being filled
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


@pytest.mark.parametrize("name", model_names("laptop"))
def test_laptop_models_have_at_most_12_million_parameters(name):
    assert count(read_profile(name, "laptop")) <= 12_000_000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epoch": 3}, "unknown epoch; known: name,"),
        ({"architecture": {"width": 3}}, "architecture: unknown width"),
        ({"epochs": "3"}, "epochs is '3', not int"),
        ({"epochs": 3.0}, "epochs is 3.0, not int"),
        ({"epochs": True}, "epochs is True, not int"),
        ({"epochs": 0}, "epochs is 0, not at least 1"),
        ({"learning_rate": "2e-3"}, "learning_rate is '2e-3', not float"),
        ({"clamped": 1}, "clamped is 1, not bool"),
        ({"schedule": "cosine"}, "schedule is 'cosine', not one of 'plateau', 'one-cycle'"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"split": "mine"}, "split is 'mine', not one of"),
        ({"beta": [0.1]}, "beta is"),
        ({"beta": [0.1, "x"]}, "beta is 'x'"),
        ({"decoded": 0.0}, "decoded is 0.0, not within"),
        ({"recorded": 1.5}, "recorded is 1.5, not within"),
        ({"batch": 1}, "batch is 1, not at least 2"),
        ({"max_gradient_norm": "none"}, "max_gradient_norm is 'none'"),
        ({"architecture": {"channels": [1, 2.5]}}, "architecture: channels is 2.5, not int"),
        ({"architecture": 3}, "architecture is 3"),
        ({"notes": "six"}, "n_notes is 1; notes 'six' need 6"),
        ({"architecture": {"n_notes": 6}}, "n_notes is 6; notes 'single' need 1"),
    ],
    ids=str,
)
def test_what_does_not_hold_together_is_refused(changes, said):
    with pytest.raises(ProfileError, match="^numcat\\+\\+: ") as caught:
        Profile.from_dict(plain(**changes))
    assert said in str(caught.value)


def test_a_profile_without_a_name_is_refused():
    content = plain()
    del content["name"]
    with pytest.raises(ProfileError, match="name is missing"):
        Profile.from_dict(content)


def test_unknown_models_and_scales_are_refused_with_what_there_is():
    with pytest.raises(ProfileError, match="no model 'numdog' at scale 'smoke': there are num, numcat, "):
        read_profile("numdog", "smoke")
    with pytest.raises(ProfileError, match="no scale 'huge': there are smoke, laptop, paper"):
        read_profile("num", "huge")


def test_changes_reach_into_the_architecture_and_are_checked():
    before = read_profile("numcat++", "smoke")
    after = read_profile("numcat++", "smoke", {"epochs": 7, "architecture": {"flow_hidden": 5}})
    assert after == replace(before, epochs=7, architecture=replace(before.architecture, flow_hidden=5))
    with pytest.raises(ProfileError, match="unknown epoch"):
        read_profile("numcat++", "smoke", {"epoch": 7})
