"""The compiled sampler draws what PyTorch draws, whatever is cached, and steps back where it cannot."""

import copy
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentdx import Engine, PresetBank, load_model
from latentdx.applications.programmer import Programmer
from latentdx.models import incremental_decoding, posterior_sampler
from latentdx.models.incremental_decoding import LIBRARY
from latentdx.models.posterior_sampler import N_BLOCKS, PresetSampler, SamplerShape
from latentdx.presets import corpora
from latentdx.presets.parameters import column

CHANNELS = 6
ORDERS = (None, [3, 1, 7, 2, 5, 4, 6])
SHAPES = (SamplerShape(width=64, layers=2, heads=2, dropout=0.0), SamplerShape(width=96, layers=1, heads=3))

Draw = Callable[[], torch.Tensor]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    LIBRARY.functions()


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: f"width {shape.width}")
def sampler(request: pytest.FixtureRequest) -> PresetSampler:
    torch.manual_seed(0)
    made = PresetSampler(CHANNELS, shape=request.param).eval()
    for parameter in made.parameters():  # far from uniform, so that a wrong context would show
        torch.nn.init.normal_(parameter, std=0.2)
    level = made.offset[made.kind[made.level[0]]]
    with torch.no_grad():
        made.logits.bias[level] += 4  # so that some operators are silent
    return made


@pytest.fixture(scope="module")
def values() -> torch.Tensor:
    return torch.from_numpy(corpora.read("starter").neutral().values[:200:50].copy())


@pytest.fixture(scope="module")
def maps(values: torch.Tensor) -> torch.Tensor:
    return torch.randn(len(values), CHANNELS, 5, 7, generator=torch.Generator().manual_seed(1))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_pytorch(draw: Draw) -> torch.Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posterior_sampler, "decoder_for", lambda *_: None)
        return draw()


def compiled_only(draw: Draw) -> torch.Tensor:
    """Draw, and fail if PyTorch does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PresetSampler, "_draw", None)
        return draw()


def assert_same(draw: Draw) -> torch.Tensor:
    expected = by_pytorch(draw)
    torch.testing.assert_close(compiled_only(draw), expected, rtol=0, atol=0)
    return expected


@pytest.mark.parametrize("blocks", ORDERS)
@pytest.mark.parametrize("temperature", [0, 0.7, 1.3])
@pytest.mark.parametrize("n", [1, 3, 70])  # 70 presets of a sound do not fit into the cache
def test_draws_are_those_of_pytorch(sampler, maps, blocks, temperature, n) -> None:
    heard = maps[:1] if n == 70 else maps
    drawn = assert_same(
        lambda: sampler.sample(heard, n, temperature=temperature, blocks=blocks, generator=seeded(n))
    )
    silent = drawn[..., sampler.column[sampler.level]] == 0
    if temperature and n > 1:
        assert silent.any() and not silent.all()  # parameters of silent operators are not drawn
        assert len(drawn.flatten(0, 1).unique(dim=0)) == len(heard) * n


@pytest.mark.parametrize("blocks", ORDERS)
@pytest.mark.parametrize("n_given", [0, 1, 30, 143, 144])
def test_draws_given_parameters_are_those_of_pytorch(sampler, maps, values, blocks, n_given) -> None:
    given = values[:, None].expand(-1, 3, -1)
    for seed in range(2):  # the second time from what was cached
        assert_same(
            lambda seed=seed: sampler.sample(
                maps, 3, blocks=blocks, given=given, n_given=n_given, generator=seeded(seed)
            )
        )


def test_a_long_sequence_of_redraws_is_that_of_pytorch(sampler, maps) -> None:
    """Presets that descend from one another share more and less of what is cached, and most is forgotten."""

    def search() -> torch.Tensor:
        rng, generator = np.random.default_rng(5), seeded(5)
        found = sampler.sample(maps[:1], 23, temperature=0.7, generator=generator)
        for _ in range(40):
            rows = torch.from_numpy(rng.choice(found.shape[1], 4))
            block = int(rng.integers(1, N_BLOCKS))
            new = sampler.redraw(maps[:1], found[:, rows], block, temperature=0.7, generator=generator)
            found = torch.cat([found, new], 1)
        return found

    assert len(assert_same(search)[0].unique(dim=0)) > 100


def test_presets_of_one_call_that_begin_alike_are_redrawn_as_by_pytorch(sampler, maps) -> None:
    """Equal presets, and some that differ late or early, of two sounds whose beginnings must not be mixed."""

    def redraw() -> torch.Tensor:
        given = sampler.sample(maps[:2], 1, generator=seeded(3)).repeat(1, 12, 1)
        given[:, 4:8, sampler.column[sampler.blocks[5][3]]] ^= 1
        given[:, 8:, sampler.column[sampler.blocks[1][2]]] ^= 1
        return sampler.redraw(maps[:2], given, 7, generator=seeded(4))

    assert len(assert_same(redraw).flatten(0, 1).unique(dim=0)) > 12


def test_the_default_random_numbers_are_used_as_pytorch_uses_them(sampler, maps) -> None:
    def draw() -> torch.Tensor:
        torch.manual_seed(9)
        drawn = sampler.sample(maps, 2)
        return torch.cat([drawn.flatten().float(), torch.rand(3)])  # as many numbers are used up

    assert_same(draw)


def test_changed_weights_and_other_sounds_are_noticed(sampler, maps) -> None:
    changing = copy.deepcopy(sampler)
    before = assert_same(lambda: changing.sample(maps[:2], 2, generator=seeded(0)))
    other = assert_same(lambda: changing.sample(maps[2:4], 2, generator=seeded(0)))
    assert (before != other).any()
    with torch.no_grad():
        changing.layers[0].mlp[0].weight.mul_(-1)
    after = assert_same(lambda: changing.sample(maps[:2], 2, generator=seeded(0)))
    assert (before != after).any()
    changing.load_state_dict(sampler.state_dict())
    again = assert_same(lambda: changing.sample(maps[:2], 2, generator=seeded(0)))
    assert (before == again).all()


def test_threads_may_share_a_sampler(sampler, maps) -> None:
    expected = [
        by_pytorch(lambda i=i: sampler.sample(maps[i : i + 1], 4, generator=seeded(i))) for i in range(4)
    ]
    found: dict[int, list[torch.Tensor]] = {i: [] for i in range(4)}

    def work(i: int) -> None:
        for _ in range(5):
            found[i].append(sampler.sample(maps[i : i + 1], 4, generator=seeded(i)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(found[i]) == 5 and all((f == expected[i]).all() for f in found[i]) for i in range(4))


def test_pytorch_draws_what_the_compiled_functions_cannot(sampler, maps, monkeypatch) -> None:
    assert incremental_decoding.decoder_for(sampler, maps) is not None
    narrow = PresetSampler(CHANNELS, shape=SamplerShape(width=32, layers=1, heads=2)).eval()
    training = copy.deepcopy(sampler).train()
    double = copy.deepcopy(sampler).double()
    for model, heard in ((narrow, maps), (training, maps), (double, maps.double()), (sampler, maps.double())):
        assert incremental_decoding.decoder_for(model, heard) is None
    for model, heard in ((narrow, maps), (training, maps), (double, maps.double())):
        assert model.sample(heard[:1], 1).shape == (1, 1, 145)
    assert sampler.sample(maps, 0).shape == (len(maps), 0, 145)
    monkeypatch.setattr(LIBRARY, "ready", lambda: False)
    monkeypatch.setattr(LIBRARY, "functions", None)
    assert sampler.sample(maps[:1], 2).shape == (1, 2, 145)  # until the compiler is done


def test_maps_that_are_not_numbers_are_refused_as_by_pytorch(sampler, maps) -> None:
    broken = maps[:1].clone()
    broken[0, 0, 0, 0] = torch.nan
    with pytest.raises(RuntimeError, match="nan"):
        sampler.sample(broken, 1)


@pytest.fixture(scope="module")
def published() -> Programmer:
    return load_model("latentdx")


@pytest.mark.slow
def test_the_published_model_draws_the_same_presets(published) -> None:
    """Twenty sounds, with redraws of every block; not one of 100,000 values differs."""
    model = published.model
    sounds = corpora.read("starter").neutral()
    n_values = 0
    for i, row in enumerate(np.linspace(0, len(sounds) - 1, 20).astype(int)):
        with torch.inference_mode():
            sound = Engine().render(sounds[row])
            maps = model.encoder.maps(model.normalize(published.spectrograms(np.asarray(sound))))

            def search(maps: torch.Tensor = maps, seed: int = i) -> torch.Tensor:
                generator = seeded(seed)
                found = [model.sampler.sample(maps, 12, temperature=0.7, generator=generator)]
                for block in range(1, N_BLOCKS):
                    found.append(
                        model.sampler.redraw(
                            maps, found[-1][:, :4], block, temperature=0.7, generator=generator
                        )
                    )
                return torch.cat(found, 1)

            n_values += assert_same(search).numel()
    assert n_values > 100_000


def test_a_programmer_explores_alike_with_and_without_compiled_functions(published, monkeypatch) -> None:
    decibels = published.spectrograms(np.asarray(Engine().render(PresetBank.init()[0])))
    level = column("OP1 OUTPUT LEVEL")

    def rank(values: np.ndarray) -> np.ndarray:
        return np.abs(values[:, level].astype(float) - 50)

    found = published.explore(decibels, 32, rank, seed=3)
    monkeypatch.setattr(posterior_sampler, "decoder_for", lambda *_: None)
    expected = published.explore(decibels, 32, rank, seed=3)
    np.testing.assert_array_equal(found.values, expected.values)
