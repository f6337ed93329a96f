"""The joint posterior scores presets and draws presets, and both agree."""

import numpy as np
import pytest
import torch

from latentdx.models.posterior_sampler import N_BLOCKS, PresetSampler, SamplerShape
from latentdx.presets import corpora
from latentdx.presets.parameters import column, init_values, learnable_parameters, maxima, operator_columns

CHANNELS = 6
ORDERS = (None, [3, 1, 7, 2, 5, 4, 6])


@pytest.fixture(scope="module")
def sampler() -> PresetSampler:
    torch.manual_seed(0)
    made = PresetSampler(CHANNELS, shape=SamplerShape(width=16, layers=2, heads=2, dropout=0.0)).eval()
    for parameter in made.parameters():  # far from uniform, so that a wrong context would show
        torch.nn.init.normal_(parameter, std=0.4)
    return made


@pytest.fixture(scope="module")
def values() -> torch.Tensor:
    return torch.from_numpy(corpora.read("starter").neutral().values[::50].copy())


@pytest.fixture(scope="module")
def maps(values: torch.Tensor) -> torch.Tensor:
    return torch.randn(len(values), CHANNELS, 5, 7, generator=torch.Generator().manual_seed(1))


def test_every_learnable_parameter_is_drawn_once(sampler) -> None:
    expected = {column(p.name) for p in learnable_parameters()}
    for blocks in ORDERS:
        order = sampler.order(blocks)
        assert sorted(order.tolist()) == list(range(144))
        assert {int(c) for c in sampler.column[order]} == expected
    sizes = [sampler.sizes[int(k)] for k in sampler.kind]
    assert sizes == [int(maxima()[c]) + 1 for c in sampler.column]


@pytest.mark.parametrize("blocks", ORDERS)
def test_drawing_step_by_step_agrees_with_scoring_at_once(sampler, maps, blocks) -> None:
    likeliest = sampler.sample(maps, 1, temperature=0, blocks=blocks)[:, 0]
    with torch.no_grad():
        nll = sampler(maps, likeliest, blocks=blocks)
        heard = sampler.heard(likeliest)
        for which in sampler.order(blocks)[::12].tolist():
            c = int(sampler.column[which])
            largest = int(maxima()[c])
            for other in {
                0,
                largest // 3,
                largest,
            }:  # no other value is likelier after the same
                changed = likeliest.clone()
                changed[:, c] = other
                both = heard[:, which]
                assert (sampler(maps, changed, blocks=blocks)[both, which] >= nll[both, which] - 1e-4).all()


@pytest.mark.parametrize("blocks", ORDERS)
def test_logits_are_those_that_score_presets(sampler, maps, values, blocks) -> None:
    order = sampler.order(blocks).tolist()
    with torch.no_grad():
        nll = sampler(maps, values, blocks=blocks)
        logits = sampler.logits_given(maps, values, blocks)
    for which, each in zip(order, logits, strict=True):
        own = values[:, sampler.column[which]].long()
        scored = torch.nn.functional.cross_entropy(each, own, reduction="none")
        torch.testing.assert_close(scored, nll[:, which])


def test_probabilities_of_a_parameter_sum_to_one(sampler, maps, values) -> None:
    which = int(sampler.order()[0])
    total = torch.zeros(len(values))
    with torch.no_grad():
        for value in range(32):
            changed = values.clone()
            changed[:, int(sampler.column[which])] = value
            total += torch.exp(-sampler(maps, changed)[:, which])
    torch.testing.assert_close(total, torch.ones(len(values)), atol=1e-4, rtol=0)


def test_frequencies_of_draws_match_the_probabilities(sampler, maps) -> None:
    drawn = sampler.sample(maps[:1], 1000, generator=torch.Generator().manual_seed(3))[0]
    which = int(sampler.order()[0])
    c = int(sampler.column[which])
    probability = torch.zeros(32)
    with torch.no_grad():
        for value in range(32):
            changed = drawn[:1].clone()
            changed[:, c] = value
            probability[value] = torch.exp(-sampler(maps[:1], changed)[0, which])
    found = torch.bincount(drawn[:, c].long(), minlength=32) / len(drawn)
    assert (found - probability).abs().max() < 4 * (0.25 / 1000) ** 0.5


@pytest.mark.parametrize("blocks", ORDERS)
@pytest.mark.parametrize("n_given", [0, 1, 3, 24, 123, 143, 144])
def test_given_parameters_are_kept(sampler, maps, values, blocks, n_given) -> None:
    given = values[:, None].repeat(1, 3, 1)
    drawn = sampler.sample(maps, 3, blocks=blocks, given=given, n_given=n_given)
    kept = sampler.column[sampler.order(blocks)[:n_given]]
    assert (drawn[..., kept] == given[..., kept]).all()
    if n_given < 100:
        assert (drawn != given).any()


def test_draws_depend_on_the_given_values(sampler, maps, values) -> None:
    """The likeliest continuation of a given beginning also scores best after that beginning."""
    first = 3 + 21
    drawn = sampler.sample(maps, 1, temperature=0, given=values[:, None], n_given=first)[:, 0]
    which = int(sampler.order()[first])
    c = int(sampler.column[which])
    with torch.no_grad():
        least = torch.full((len(values),), torch.inf)
        best = torch.zeros(len(values))
        for value in range(int(maxima()[c]) + 1):
            changed = drawn.clone()
            changed[:, c] = value
            nll = sampler(maps, changed)[:, which]
            best = torch.where(nll < least, float(value), best)
            least = torch.minimum(nll, least)
    assert (best == drawn[:, c]).all()


def test_silent_operators_are_neither_learned_nor_read(sampler, maps, values) -> None:
    silent = values.clone()
    silent[:, column("OP3 OUTPUT LEVEL")] = 0
    other = silent.clone()
    columns = [c for c in range(*operator_columns(3).indices(145)) if c != column("OP3 OUTPUT LEVEL")]
    other[:, columns] = 1
    with torch.no_grad():
        a, b = sampler(maps, silent), sampler(maps, other)
    heard = sampler.heard(silent)
    assert not heard[:, [i for i in range(144) if int(sampler.column[i]) in columns]].any()
    torch.testing.assert_close(a[heard], b[heard])
    drawn = sampler.sample(maps, 1, given=silent[:, None], n_given=3 + 3 * 21)[:, 0]
    assert (drawn[:, columns].numpy() == silent[:, columns].numpy()).all()  # given values are kept …
    loud = sampler.sample(maps, 60, generator=torch.Generator().manual_seed(0)).flatten(0, 1).numpy()
    off = loud[:, column("OP3 OUTPUT LEVEL")] == 0
    assert off.any()
    assert (loud[off][:, columns] == init_values()[columns]).all()  # … and drawn ones are as in INIT VOICE


def test_draws_are_valid_and_equal_for_equal_seeds(sampler, maps) -> None:
    drawn = [sampler.sample(maps, 4, generator=torch.Generator().manual_seed(s)).numpy() for s in (1, 1, 2)]
    assert (drawn[0] <= maxima()).all()
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    assert (drawn[0][..., column("TRANSPOSE")] == 24).all()


def test_training_orders_the_blocks_at_random_and_every_weight_learns(maps, values) -> None:
    torch.manual_seed(0)
    model = PresetSampler(CHANNELS, shape=SamplerShape(width=16, layers=1, heads=2)).train()
    (model(maps, values) * model.heard(values)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    model.layers[0].dropout = 0.0
    with torch.no_grad():
        assert not torch.equal(model(maps, values), model(maps, values))
    assert N_BLOCKS == 8


def test_redrawing_a_block_leaves_all_other_blocks_unchanged(sampler, maps) -> None:
    presets = sampler.sample(maps, 3, generator=torch.Generator().manual_seed(0))
    new = sampler.redraw(maps, presets, 2, generator=torch.Generator().manual_seed(1))
    assert new.shape == presets.shape
    changed = (new != presets).any(0).any(0).nonzero()[:, 0]
    assert len(changed) and set(changed.tolist()) <= set(sampler.column[sampler.blocks[2]].tolist())
