"""The sampler learns from how close its draws sound, and nothing else of the model changes."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from runs import read_log

from latentdx.audio.engine.synth import Engine
from latentdx.errors import ProfileError
from latentdx.metrics.objective import distance_as_is
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, PresetSampler, SamplerShape
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column
from latentdx.training import checkpoint, reinforcement
from latentdx.training.fabric import make_fabric
from latentdx.training.loop import set_up, train
from latentdx.training.profile import read_profile
from latentdx.training.reinforcement import FARTHEST, advantages, distances, draw, policy_loss

NOTES = [[(60, 85)]] * 4


@pytest.fixture
def sampler():
    torch.manual_seed(0)
    return PresetSampler(8, shape=SamplerShape(width=32, layers=1, heads=1, dropout=0.0)).eval()


@pytest.fixture(scope="module")
def values():
    return corpora.read("starter").values[:4]


def quieter(values):
    """Return presets whose carriers are 16 steps quieter, with all operators as carriers."""
    out = values.copy()
    for k in range(1, 7):
        level = column(f"OP{k} OUTPUT LEVEL")
        out[:, level] = np.maximum(out[:, level].astype(int) - 16, 0)
    return out


def test_distances_are_those_of_the_objective(values):
    found = distances(np.stack([values, values[::-1]], 1), values, NOTES, np.ones(4, bool))
    assert np.allclose(found[:, 0], 0, atol=1e-6)
    sounds = [SoundFeatures(Engine().render(Preset(v), 60, 85)) for v in values]
    wanted = [distance_as_is(a, b) for a, b in zip(sounds, sounds[::-1], strict=True)]
    assert found[:, 1] == pytest.approx(wanted, rel=0.1)  # the fast form has half the frames


def test_what_velocity_and_key_do_counts(values):
    """All operators of one answer are deaf to velocity, and of the other one as sensitive as can be."""
    deaf, sensitive = values.copy(), values.copy()
    for k in range(1, 7):
        deaf[:, column(f"OP{k} KEY VELOCITY")] = 0
        sensitive[:, column(f"OP{k} KEY VELOCITY")] = 7
    drawn, level_known = np.stack([deaf, sensitive], 1), np.zeros(4, bool)
    for way in ((60, 30), (60, 120)):
        found = distances(drawn, deaf, [[(60, 85), way]] * 4, level_known)
        alone = distances(drawn, deaf, NOTES, level_known)
        assert (found[:, 0] == 0).all() and (found[:, 1] > alone[:, 1]).all()


def test_other_ways_are_other_velocities_and_other_notes():
    torch.manual_seed(0)
    ways = reinforcement.other_ways(1000)
    notes, velocities = zip(*ways, strict=True)
    assert all(note == 60 or velocity == 85 for note, velocity in ways)
    assert (min(notes), max(notes), min(velocities), max(velocities)) == (36, 84, 20, 127)
    assert 400 < sum(velocity != 85 for velocity in velocities) < 600


def test_levels_count_only_where_they_could_be_heard(values):
    additive = values.copy()
    additive[:, column("ALGORITHM")] = 31  # six carriers
    drawn = quieter(additive)[:, None]
    known = distances(drawn, additive, NOTES, np.ones(4, bool))
    unknown = distances(drawn, additive, NOTES, np.zeros(4, bool))
    assert (unknown < 0.3 * known).all()


def test_silent_sounds_teach_nothing_and_silent_draws_are_far(values):
    silent = values.copy()
    for k in range(1, 7):
        silent[:, column(f"OP{k} OUTPUT LEVEL")] = 0
    assert (distances(values[:, None], silent, NOTES, np.ones(4, bool)) == FARTHEST).all()
    found = distances(silent[:, None], values, NOTES, np.ones(4, bool))
    assert np.isfinite(found).all() and (found > 0.5).all()


def test_closer_draws_have_more_advantage_and_equal_ones_none():
    found = advantages(np.array([[0.2, 0.4, 0.8], [0.02, 0.01, 0.0]]))
    assert found[0, 0] > found[0, 1] > found[0, 2]
    assert found.sum(1) == pytest.approx(0)
    assert (found[1] == 0).all()  # below what can be heard, all are equal
    assert advantages(np.array([[2.0, 4.0, 8.0]])) == pytest.approx(found[:1])  # only ratios count


def test_draws_depend_on_the_generator_alone(sampler, monkeypatch):
    maps = torch.randn(20, 8, 5, 7)
    blocks = [3, 1, 2, 7, 6, 5, 4]
    drawn = []
    for seed, cores in ((1, 1), (1, 8), (2, 8)):
        monkeypatch.setattr("os.cpu_count", lambda n=cores: n)
        torch.manual_seed(seed)
        drawn.append(draw(sampler, maps, 3, blocks))
    assert drawn[0].shape == (20, 3, 145)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_a_step_makes_close_draws_likelier(sampler, values):
    maps, blocks = torch.randn(1, 8, 5, 7).expand(4, -1, -1, -1), [1, 2, 3, 4, 5, 6, 7]
    draws = torch.from_numpy(values)
    heard = sampler.heard(draws)

    def nll():
        return sampler(maps, draws, blocks, DRAWING_TEMPERATURE)

    with torch.no_grad():
        before = (nll() * heard).sum(1)
    optimizer = torch.optim.Adam(sampler.parameters(), lr=1e-3)
    for _ in range(5):
        optimizer.zero_grad()
        policy_loss(nll(), heard, torch.tensor([1.0, 1.0, -1.0, -1.0])).backward()
        optimizer.step()
    with torch.no_grad():
        change = (nll() * heard).sum(1) - before
    assert (change[:2] < 0).all() and (change[2:] > change[:2].max()).all()


def test_the_temperature_of_the_likelihood_is_that_of_the_draws(sampler, values):
    maps, draws = torch.randn(4, 8, 5, 7), torch.from_numpy(values)
    with torch.no_grad():
        logits = sampler.logits_given(maps, draws)
        cool = sampler(maps, draws, temperature=0.5)
    which = 0  # ALGORITHM
    wanted = torch.nn.functional.cross_entropy(
        logits[which] / 0.5, draws[:, column("ALGORITHM")].long(), reduction="none"
    )
    assert torch.allclose(cool[:, which], wanted, atol=1e-4)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    """Return the profile of a finished run by likelihood, and one that goes on from it with rewards."""
    changes = {"precision": "32-true", "presets": 48, "epochs": 1, "batch": 16}
    first = read_profile("latentdx", "smoke", changes)
    file = train(first, tmp_path_factory.mktemp("likelihood"), show=False)
    return first, replace(first, rewarded=3, initial=str(file), varied=0.5, unknown_level=0.3, canonical=True)


@pytest.mark.training
def test_only_the_sampler_learns(profiles, tmp_path):
    _, rewarded = profiles
    before, _ = checkpoint.load(checkpoint._file(rewarded.initial))
    after, about = checkpoint.load(train(rewarded, tmp_path, show=False))
    for (name, old), new in zip(before.state_dict().items(), after.state_dict().values(), strict=True):
        learned = name.startswith("sampler.")
        assert learned or torch.equal(old, new), name
    assert not torch.equal(before.sampler.logits.weight, after.sampler.logits.weight)
    rows = read_log(tmp_path)
    assert all(np.isfinite(float(row["log_distance"])) for row in rows)
    assert about.validation["log_distance"] == pytest.approx(float(rows[-1]["log_distance"]), abs=1e-4)


@pytest.mark.training
def test_a_rewarded_run_resumes_exactly(profiles, tmp_path, monkeypatch):
    rewarded = replace(profiles[1], epochs=2)
    whole = train(rewarded, tmp_path / "whole", show=False).read_bytes()
    honest, calls = reinforcement.policy_loss, []

    def stopped(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return honest(*args)

    monkeypatch.setattr("latentdx.training.objective.policy_loss", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(rewarded, tmp_path / "resumed", show=False, save_seconds=0)
    monkeypatch.setattr("latentdx.training.objective.policy_loss", honest)
    assert train(rewarded, tmp_path / "resumed", show=False).read_bytes() == whole


def test_rewards_need_a_trained_sampler_several_draws_and_one_device(profiles, tmp_path):
    first, rewarded = profiles
    with pytest.raises(ProfileError, match="rewarded must be 0 or at least 2, not 1"):
        replace(rewarded, rewarded=1)
    with pytest.raises(ProfileError, match="rewarded needs a sampler, and a trained model as initial"):
        replace(rewarded, initial=None)
    with pytest.raises(ProfileError, match="rewarded needs a sampler"):
        replace(rewarded, architecture=replace(first.architecture, sampler=None))
    fabric = copy.copy(make_fabric(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(fabric), "world_size", 2)
        with pytest.raises(ProfileError, match="a sampler is rewarded on one device, not on 2"):
            set_up(rewarded, tmp_path, fabric)
