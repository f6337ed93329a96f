"""The distances of the search: both forms agree, and the compiled one is not waited for."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentdx import Engine, Preset
from latentdx.audio.stft.layout import Spare
from latentdx.metrics import search_distance
from latentdx.metrics.distance_memory import LIBRARY, Workspace
from latentdx.metrics.objective import MODULATION_WEIGHT, WEIGHTS
from latentdx.metrics.search_distance import CompiledDistance, NumpyDistance, SearchDistance
from latentdx.presets.parameters import maxima

LENGTHS = st.sampled_from([4096, 4097, 8191, 8192, 22_050, 88_576]) | st.integers(4096, 40_000)
NOTES = st.tuples(st.integers(0, 127), st.integers(1, 127))


def compiled(target: np.ndarray) -> CompiledDistance:
    return CompiledDistance(target, LIBRARY.functions(), Spare(Workspace.of_length, 1))


def random_preset(seed: int) -> Preset:
    return Preset(np.random.default_rng(seed).integers(0, maxima(), endpoint=True).astype(np.uint8))


def same(a: Sequence[float], b: Sequence[float], atol: float = 0.0) -> None:
    """Compare distances; peaks of the modulation are small differences of sums in single precision."""
    np.testing.assert_allclose(a[:3], b[:3], rtol=1e-5, atol=atol)
    np.testing.assert_allclose(a[3], b[3], rtol=1e-3, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), LENGTHS, st.lists(NOTES, min_size=1, max_size=3))
def test_both_forms_give_the_same_distances(
    seed: int, share: float, n: int, notes: list[tuple[int, int]]
) -> None:
    """The bound is 1e-5; for sounds that are nearly equal, it is the rounding of single precision."""
    preset, other = random_preset(seed), random_preset(seed + 1)
    changed = np.random.default_rng(seed).random(145) < share
    other = Preset(np.where(changed, other.values, preset.values))
    for note in notes:
        target, found = (Engine().render(one, *note, n_samples=n) for one in (preset, other))
        if not target.any():
            target[0] = 1e-3  # a silent target has no spectral convergence
        by_numpy, by_kernels = (
            np.multiply(distance(found), (*WEIGHTS.values(), MODULATION_WEIGHT))
            for distance in (NumpyDistance(target), compiled(target))
        )
        same(by_kernels, by_numpy, atol=2e-6)
        np.testing.assert_allclose(by_kernels[:3].sum(), by_numpy[:3].sum(), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("n", [4096, 88_576])
def test_a_sound_has_no_distance_from_itself(n: int) -> None:
    sound = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    distance = compiled(sound)
    assert distance(sound) == (0, 0, 0, 0)
    assert min(distance(np.roll(sound, 1))[:3]) > 0
    assert distance(sound) == (0, 0, 0, 0)  # whatever is left in the memory


def test_silence_and_steady_values_have_the_same_distances_in_both_forms() -> None:
    noise = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    for sound in (np.zeros_like(noise), np.full_like(noise, 0.3), noise * np.float32(1e-6), noise * 100):
        same(compiled(noise)(sound), NumpyDistance(noise)(sound))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), LENGTHS, st.floats(0, 1))
def test_sounds_that_end_early_have_the_same_distances_in_both_forms(seed: int, n: int, end: float) -> None:
    """Groups of frames without sound are not computed, wherever the sound ends."""
    target, sound = np.random.default_rng(seed).standard_normal((2, n)).astype(np.float32)
    sound[round(end * n) :] = 0
    same(compiled(target)(sound), NumpyDistance(target)(sound))


def test_threads_and_lengths_share_memory() -> None:
    rng, memory = np.random.default_rng(5), Spare(Workspace.of_length, 2)
    sounds = [rng.standard_normal(n).astype(np.float32) for n in (5000, 9000, 5000, 30_000) * 5]
    targets = {n: rng.standard_normal(n).astype(np.float32) for n in (5000, 9000, 30_000)}
    distances = {n: CompiledDistance(target, LIBRARY.functions(), memory) for n, target in targets.items()}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda sound: distances[len(sound)](sound), sounds))
    assert found == [compiled(targets[len(sound)])(sound) for sound in sounds]


def test_numpy_computes_the_distances_until_the_functions_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    LIBRARY.functions()
    target, found = (Engine().render(random_preset(seed), n_samples=8192) for seed in (1, 2))
    memory = Spare(Workspace.of_length, 1)
    distance = SearchDistance(target, memory)
    monkeypatch.setattr(LIBRARY, "at_hand", lambda: None)
    assert distance(found) == NumpyDistance(target)(found)
    monkeypatch.undo()
    monkeypatch.setattr(search_distance, "NumpyDistance", None)
    assert distance(found) == compiled(target)(found)
