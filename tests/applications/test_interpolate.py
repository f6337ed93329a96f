"""Test paths between presets: their ends, each method, and refused arguments."""

import copy
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch

from latentdx.applications import interpolate as interpolating
from latentdx.applications.interpolate import FINER, METHODS, Pairs, interpolate, step_names
from latentdx.applications.operator_assignment import (
    assign_operators,
    decibels_of_level,
    level_of_loudness,
    loudness_of_level,
)
from latentdx.applications.path_resampling import NEARNESS, choose, descriptor, most_even, shares
from latentdx.applications.programmer import Programmer
from latentdx.audio.renderer import Dexed
from latentdx.errors import LatentError, ParameterError
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import column, maxima, operator_columns
from latentdx.run_options import RunOptions
from latentdx.training.checkpoint import CheckpointHeader
from latentdx.training.profile import read_profile

STEPS = 5


def programmer(name: str = "numcat++", **changes) -> Programmer:
    """Return a small model with random weights, whose flows are not the identity."""
    torch.manual_seed(0)
    profile = read_profile(name, "smoke")
    model = PresetVAE(replace(profile.architecture, **changes)).eval()
    with torch.no_grad():
        for p in model.regression.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return Programmer(model, CheckpointHeader(profile, "", 1, 2, 3.0, {}), "")


@pytest.fixture(scope="module")
def model() -> Programmer:
    return programmer()


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


@pytest.fixture(scope="module")
def pair(bank) -> tuple[Preset, Preset]:
    """An electric piano and a bell, with different algorithms and transpositions."""
    return bank[5].with_values(TRANSPOSE=12), bank[130].with_values(TRANSPOSE=36)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leads_from_one_preset_to_the_other(method, model, pair) -> None:
    a, b = pair
    path = interpolate(a, b, STEPS, method, model)
    assert len(path) == STEPS and path[0] == a and path[-1] == b
    assert len({p.values.tobytes() for p in path}) > 2 - (method == "switch")
    assert (path.values <= maxima()).all()
    if method == "switch":
        assert [p["TRANSPOSE"] for p in path] == [12, 12, 36, 36, 36]
    elif METHODS[method].chosen_from:
        assert (np.diff([p["TRANSPOSE"] for p in path]) >= 0).all()
    else:
        assert [p["TRANSPOSE"] for p in path] == [12, 18, 24, 30, 36]
    assert interpolate(a, b, STEPS, method, model) == path
    assert all(np.isfinite(Dexed().render(p)).all() for p in path)


@pytest.mark.parametrize("method", METHODS)
def test_two_steps_are_the_ends_and_a_single_step_is_refused(method, model, pair) -> None:
    assert interpolate(*pair, 2, method, model) == PresetBank.concatenate([p.bank for p in pair])
    for steps in (1, interpolating.MOST_STEPS + 1):
        with pytest.raises(ParameterError, match=f"{steps} steps are outside 2 … {interpolating.MOST_STEPS}"):
            interpolate(*pair, steps, method, model)


def test_bad_arguments_are_refused(pair) -> None:
    with pytest.raises(ParameterError, match="no method 'teleport': choose one of latent, naive"):
        interpolate(*pair, 3, "teleport")
    with pytest.raises(ParameterError, match="3 operators cannot reproduce all 6"):
        interpolate(*pair, 3, "latent", programmer(n_operators=3))
    with pytest.raises(ParameterError, match="only a flow encodes presets"):
        interpolate(*pair, 3, "latent", programmer(head="mlp", mlp_hidden=8))
    with pytest.raises(ParameterError, match="pairs must have one shape"):
        Pairs(np.zeros((2, 145), np.uint8), np.zeros((1, 145), np.uint8))


# -- naive ---------------------------------------------------------------------------------------------------


def test_the_naive_path_agrees_with_hand_computed_values() -> None:
    """Numbers are linear with halves rounded up; categories switch from start to end in the middle."""
    start = PresetBank.init()[0].with_values(**{"OP1 OUTPUT LEVEL": 10, "FEEDBACK": 0, "ALGORITHM": 4})
    end = start.with_values(**{"OP1 OUTPUT LEVEL": 20, "FEEDBACK": 3, "ALGORITHM": 31})
    path = interpolate(start, end, 5, "naive")
    assert [p["OP1 OUTPUT LEVEL"] for p in path] == [10, 13, 15, 18, 20]
    assert [p["FEEDBACK"] for p in path] == [0, 1, 2, 2, 3]
    assert [p["ALGORITHM"] for p in path] == [4, 4, 31, 31, 31]
    assert (path.values == path.values[0]).all(0).sum() == 145 - 3


# -- operators matched ---------------------------------------------------------------------------------------


def permuted(preset: Preset, order: tuple[int, ...]) -> Preset:
    """Return a preset whose operator k+1 is operator order[k]+1 of `preset`."""
    values = preset.values.copy()
    for k, source in enumerate(order, 1):
        values[operator_columns(k)] = preset.values[operator_columns(source + 1)]
    return Preset(values, preset.name)


@pytest.fixture
def organ() -> Preset:
    """Six different carriers: algorithm 32, no feedback."""
    levels = {f"OP{k} OUTPUT LEVEL": 99 - 4 * k for k in range(1, 7)}
    ratios = {f"OP{k} F COARSE": k for k in range(1, 7)}
    return PresetBank.init()[0].with_values("ORGAN", ALGORITHM=31, FEEDBACK=0, **levels, **ratios)


def test_shuffled_carriers_are_paired(organ) -> None:
    order = (3, 0, 5, 1, 4, 2)
    other = permuted(organ, order)
    matched = assign_operators(organ.values, other.values)
    assert tuple(order[k] for k in matched) == (0, 1, 2, 3, 4, 5)
    assert assign_operators(organ.values, organ.values) == (0, 1, 2, 3, 4, 5)
    path = interpolate(organ, other, 6, "matched")
    assert {p.values.tobytes() for p in path} == {organ.values.tobytes(), other.values.tobytes()}
    sounds = [Dexed().render(p) for p in path]
    assert max(np.abs(s - sounds[0]).max() for s in sounds) < 1e-6
    naive = [Dexed().render(p) for p in interpolate(organ, other, 6, "naive")]
    assert max(np.abs(s - naive[0]).max() for s in naive) > 0.01


def test_carriers_are_paired_with_carriers() -> None:
    """A carrier and its modulator are operators 1 and 2 in algorithm 1, and 3 and 4 in algorithm 5."""
    init = PresetBank.init()[0]
    loud = {"OP1 OUTPUT LEVEL": 99, "OP2 OUTPUT LEVEL": 80, "OP2 F COARSE": 7}
    a = init.with_values(ALGORITHM=0, **loud)
    b = permuted(init.with_values(ALGORITHM=4, **loud), (2, 3, 0, 1, 4, 5))
    matched = assign_operators(a.values, b.values)
    assert matched[:2] == (2, 3)
    path = interpolate(a, b, 4, "matched")
    sounds = [Dexed().render(p) for p in path]
    assert max(np.abs(s - sounds[0]).max() for s in sounds) < 1e-6


def test_levels_fade_in_loudness(organ) -> None:
    """Half the loudness is 10 dB less, and an operator that fades in has its settings from the start."""
    silent = organ.with_values(**{"OP1 OUTPUT LEVEL": 0, "OP1 F COARSE": 1})
    loud = organ.with_values(**{"OP1 OUTPUT LEVEL": 99, "OP1 F COARSE": 9, "OP1 MODE": 1})
    path = interpolate(silent, loud, 5, "matched")
    levels = [p["OP1 OUTPUT LEVEL"] for p in path]
    decibels = decibels_of_level(levels)
    np.testing.assert_allclose(decibels[1:], 10 * np.log2([0.25, 0.5, 0.75, 1]), atol=0.4)
    assert [p["OP1 F COARSE"] for p in path] == [1, 9, 9, 9, 9]
    assert [p["OP1 MODE"] for p in path] == [0, 1, 1, 1, 1]


def test_ratio_and_fixed_frequency_are_not_mixed(organ) -> None:
    fixed = organ.with_values(**{"OP2 MODE": 1, "OP2 F COARSE": 10, "OP2 F FINE": 50})
    path = interpolate(organ, fixed, 5, "matched")
    assert [p["OP2 F COARSE"] for p in path] == [2, 2, 10, 10, 10]
    assert [p["OP2 F FINE"] for p in path] == [0, 0, 50, 50, 50]


def test_loudness_grows_with_level_and_can_be_inverted() -> None:
    levels = np.arange(100)
    np.testing.assert_array_equal(level_of_loudness(loudness_of_level(levels)), levels)
    assert loudness_of_level(0) == 0 and loudness_of_level(99) == 1
    assert (np.diff(loudness_of_level(levels)) > 0).all()
    assert float(decibels_of_level(91)) == pytest.approx(-6)


def test_levels_agree_with_the_synth() -> None:
    """The RMS of a single sine falls as `decibels_of_level` computes."""
    init = PresetBank.init()[0]
    for level in (91, 60, 20):
        sounds = [Dexed().render(init.with_values(**{"OP1 OUTPUT LEVEL": v})) for v in (99, level)]
        loud, quiet = (np.sqrt(np.mean(np.square(s, dtype=np.float64))) for s in sounds)
        assert 20 * np.log10(quiet / loud) == pytest.approx(float(decibels_of_level(level)), abs=0.3)


# -- latents -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["num", "numcat", "numcat++"])
def test_the_flow_reproduces_both_ends(name, bank) -> None:
    paths = Pairs(bank.values[:4], bank.values[100:104], programmer(name)).paths("latent", 3)
    assert paths.exact.all() and not paths.failed.any()
    assert np.isfinite(paths.radius).all() and (paths.radius > 0).all()


def test_the_latent_path_is_straight_in_zk(model, pair) -> None:
    a, b = (p.values[None] for p in pair)
    pairs = Pairs(a, b, model)
    with torch.no_grad():
        encode = model.model.representation.encode
        ends = torch.stack([model.model.encode_preset(encode(v)) for v in (a, b)], 1)
        torch.testing.assert_close(pairs.of_presets.float(), ends, rtol=1e-3, atol=1e-3)
        middle = copy.deepcopy(model.model.regression).double()(pairs.of_presets.mean(1))[0]
    expected = model.model.representation.decode(middle)[0]
    found = pairs.paths("latent", 5).values[0, 2]
    same = np.arange(145) != column("TRANSPOSE")
    np.testing.assert_array_equal(found[same], expected[same])


def test_latents_of_sounds_decode_to_the_presets_that_the_model_programs(model, pair) -> None:
    """Latents of a sound decode to the forward pass's preset; the anchored path has the given presets."""
    a, b = (p.with_values(TRANSPOSE=24) for p in pair)
    heard = Pairs(a.values[None], b.values[None], model)
    with torch.no_grad():
        vectors = model.model.regress(heard.of_sounds[:, 0])
    programmed = model.model.representation.decode(vectors.clamp(0, 1))[0]
    np.testing.assert_array_equal(programmed, model.program(Dexed().render(a)).values)
    assert not heard.paths("heard", 3).exact.any()
    assert heard.paths("guided", 3).exact.all()


def test_a_model_of_six_notes_interpolates_by_sounds(bank) -> None:
    six = programmer("numcat++-six")
    path = interpolate(bank[3], bank[9], 3, "heard", six)
    assert path[0] == bank[3] and path[-1] == bank[9]


def test_latents_that_are_not_finite_are_reported(model, bank, pair) -> None:
    """Many pairs are marked as failed; a single pair raises an error."""
    broken = copy.deepcopy(model.model)
    with torch.no_grad():
        broken.regression.steps[0].conditioner[-1].bias.fill_(float("inf"))
    other = replace(model, model=broken)
    assert Pairs(bank.values[:2], bank.values[5:7], other).paths("latent", 3).failed.all()
    with pytest.raises(LatentError, match=f"between {pair[0].name!r} and {pair[1].name!r}. Their latents"):
        interpolate(*pair, 3, "latent", other)
    assert interpolate(*pair, 3, "naive", other) == interpolate(*pair, 3, "naive")


# -- steps chosen by sound -----------------------------------------------------------------------------------


def cost(path, apart) -> float:
    share = shares(apart[0], apart[-1])[list(path)]
    jumps = sum((apart[i, j] / apart[0, -1]) ** 2 for i, j in pairwise(path))
    return ((share - np.linspace(0, 1, len(path))) ** 2).sum() + NEARNESS * jumps


@pytest.mark.parametrize("seed", range(5))
def test_most_even_has_the_least_cost_of_all_paths(seed) -> None:
    points = np.random.default_rng(seed).normal(size=(9, 2))
    times = np.array([0, 1, 1, 2, 3, 3, 3, 4, 5])
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    paths = [(0, *inner, 8) for inner in combinations(range(1, 8), 3)]
    possible = {path: cost(path, apart) for path in paths if (np.diff(times[list(path)]) > 0).all()}
    assert tuple(most_even(times, apart, 5)) == min(possible, key=possible.__getitem__)


def test_a_sudden_change_is_divided_among_the_steps() -> None:
    """If the sound changes within three candidates only, these are chosen."""
    place = np.array([0, 0, 0, 0, 1, 2, 3, 3, 3.0])
    way = most_even(range(9), np.abs(place[:, None] - place), 4)
    assert place[way].tolist() == [0, 1, 2, 3]
    with pytest.raises(ParameterError, match="10 steps are outside 2 … 9"):
        most_even(range(9), np.zeros((9, 9)), 10)
    assert len(most_even(range(9), np.zeros((9, 9)), 4)) == 4  # all sounds alike


def test_a_detour_is_preferred_to_staying_at_an_end() -> None:
    """Staying at an end and leaping would have the smaller jumps, but no progress."""
    points = np.array([[0, 0], [0.01, 0], [0.5, 0.9], [0.99, 0], [1, 0]])
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    assert most_even(range(5), apart, 3) == [0, 2, 4]


def test_paced_steps_come_from_the_fine_path_and_are_more_even(bank, tmp_path) -> None:
    a, b = bank.values[[5, 40]], bank.values[[130, 300]]
    fine = Pairs(a, b).paths("naive", FINER * 4 + 1).values
    plain, paced = (Pairs(a, b).paths(m, 5).values for m in ("naive", "naive-paced"))
    for i in range(2):
        order = [np.flatnonzero((fine[i] == step).all(1))[0] for step in paced[i]]
        assert order[0] == 0 and order[-1] == len(fine[i]) - 1 and (np.diff(order) > 0).all()
        costs = []
        for path in (paced[i], plain[i]):
            sounds = np.stack([descriptor(v, Dexed()) for v in path])
            apart = np.linalg.norm(sounds[:, None] - sounds, axis=-1)
            costs.append(cost(range(5), apart))
        assert costs[0] <= costs[1]
    cached = choose(fine[:, None], 5, options=RunOptions(processes=1, cache=tmp_path))
    np.testing.assert_array_equal(cached, paced)
    assert list((tmp_path / "paths").glob("*.npy"))


# -- names ---------------------------------------------------------------------------------------------------


def test_step_names_are_distinct_and_fit_ten_characters() -> None:
    assert step_names("NylonPick4", "FmRhodes14", 3) == ["NylonPick4", "Nylo-FmRh2", "FmRhodes14"]
    for first, last in (("NylonPick4", "FmRhodes14"), ("", ""), ("Dingle 1", "Get it")):
        for steps in (7, 12, 128):
            names = step_names(first, last, steps)
            assert len(set(names[1:-1])) == steps - 2 == len(names) - 2
            assert max(map(len, names)) <= 10
