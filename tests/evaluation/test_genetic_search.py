"""The genetic search: its operators match their definitions, it keeps its budget, and it gets closer."""

import numpy as np
import pytest

from latentdx.audio.renderer import Dexed
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import ParameterError
from latentdx.evaluation.genetic_search import MUTATION, cross, genetic_search, mutate
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import column, maxima, operator_columns, voice_parameters


def test_mutation() -> None:
    """About 3% of the learnable values change, uniformly to any other value; transpose never changes."""
    rng = np.random.default_rng(0)
    values = corpora.read("starter").neutral().values[7]
    drawn = np.stack([mutate(values, rng) for _ in range(4_000)])
    assert (drawn <= maxima()).all()
    changed = drawn != values
    learnable = np.array([p.learnable for p in voice_parameters()])
    assert not changed[:, ~learnable].any()
    assert changed[:, learnable].mean() == pytest.approx(MUTATION, rel=0.03)
    algorithm = drawn[:, column("ALGORITHM")]
    assert len(np.unique(algorithm[algorithm != values[column("ALGORITHM")]])) == 31  # all of the others
    switch = drawn[changed[:, column("OSC KEY SYNC")], column("OSC KEY SYNC")]
    assert len(switch) and (switch == 1 - values[column("OSC KEY SYNC")]).all()


def test_crossover() -> None:
    """Blocks stay together, and each comes from either parent about half of the time."""
    a, b = np.zeros(145, np.uint8), maxima().copy()
    rng = np.random.default_rng(0)
    children = np.stack([cross(a, b, rng) for _ in range(500)])
    shares = []
    for block in [*(operator_columns(k) for k in range(1, 7)), slice(126, 145)]:
        from_b = (children[:, block] == b[block]).all(1)
        assert (from_b | (children[:, block] == 0).all(1)).all()
        shares.append(from_b.mean())
    assert all(0.4 < share < 0.6 for share in shares)


class Counting:
    engine, sample_rate = "counting", 22_050

    def __init__(self) -> None:
        self.synth, self.rendered = Dexed(), []

    def render(self, preset, note=60, velocity=85, **more):
        self.rendered.append(preset.values.tobytes())
        return self.synth.render(preset, note, velocity, **more)


@pytest.mark.parametrize("renders", [1, 17, 40, 130])
def test_the_budget_is_used_exactly(renders) -> None:
    """The search makes exactly this many renders, none of a preset twice, and returns the best of them."""
    bank = corpora.read("starter").neutral()
    target = Dexed().render(bank[100], n_samples=20_000)
    synth = Counting()
    found = genetic_search(target, bank[3], renders=renders, renderer=synth)
    assert found.renders == len(synth.rendered) == len(set(synth.rendered)) == renders
    wanted = mel_spectrogram(target)
    presets = [Preset(np.frombuffer(v, np.uint8)) for v in synth.rendered]
    distances = [
        np.abs(mel_spectrogram(Dexed().render(p, n_samples=20_000)) - wanted).mean() for p in presets
    ]
    assert found.distance == pytest.approx(min(distances), rel=1e-5)
    assert found.start == pytest.approx(distances[0], rel=1e-5)
    best = presets[int(np.argmin(distances))]
    np.testing.assert_array_equal(found.preset.values, best.values)


def test_the_search_is_seeded_and_gets_closer() -> None:
    """Equal seeds give equal presets, other seeds others; a wrong level is found and corrected."""
    original = PresetBank.init()[0].with_values(**{"OP2 OUTPUT LEVEL": 70})
    target = Dexed().render(original, n_samples=20_000)
    start = original.with_values(**{"OP1 OUTPUT LEVEL": 60, "OP2 OUTPUT LEVEL": 0})
    a, b, c = (genetic_search(target, start, renders=600, seed=seed) for seed in (0, 0, [0, 5]))
    np.testing.assert_array_equal(a.preset.values, b.preset.values)
    assert (a.preset.values != c.preset.values).any()
    assert a.distance < 0.6 * a.start and c.distance < 0.6 * c.start


def test_a_perfect_start_is_kept() -> None:
    """No preset is closer than the target's own, so the search returns it."""
    preset = corpora.read("starter").neutral()[50]
    target = Dexed().render(preset, n_samples=20_000)
    found = genetic_search(target, preset, renders=80)
    assert found.distance == found.start == 0
    np.testing.assert_array_equal(found.preset.values, preset.values)
    with pytest.raises(ParameterError, match="at least 1 render, not 0"):
        genetic_search(target, preset, renders=0)
