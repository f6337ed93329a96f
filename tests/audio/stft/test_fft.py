"""The compiled transforms compared with double precision, one part at a time."""

import numpy as np
import pytest
from numba import njit

from latentdx.audio.engine.memory import address
from latentdx.audio.stft.fft import powers_of_1024, powers_of_2048
from latentdx.audio.stft.frames import cut, reflect_end, reflect_start
from latentdx.audio.stft.lanes import leading, load, store
from latentdx.audio.stft.layout import LANES, Spare, n_groups, new_blocks, zeros
from latentdx.audio.stft.logarithm import log2
from latentdx.audio.stft.mel import band
from latentdx.audio.stft.tables import hann, mel_bands, transform


@pytest.mark.parametrize(("n", "hop"), [(1024, 256), (1024, 512), (2048, 512)])
def test_powers_equal_those_of_numpys_fft(n: int, hop: int) -> None:
    powers = powers_of_1024 if n == 1024 else powers_of_2048

    @njit
    def run(blocks, tables, work, out):
        powers(address(blocks), 4 * blocks.shape[1], hop, tables, address(work), address(out))

    rng = np.random.default_rng(n)
    window = rng.random(n)  # not symmetric, so that an order in reverse would show
    blocks, work, out = zeros(hop, LANES + 5), zeros(n, LANES), zeros(n // 2 + 1, LANES)
    blocks[:] = rng.standard_normal(blocks.shape)
    run(blocks, transform(window), work, out)
    sound = blocks.T.ravel().astype(np.float64)
    frames = np.stack([sound[hop * i :][:n] for i in range(LANES)])
    expected = np.abs(np.fft.rfft(frames * window)).T ** 2
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6 * expected.max())


@pytest.mark.parametrize("n", [1, 100, 256, 4000, 4351, 4352, 4608, 9000])
def test_blocks_hold_the_sound_between_zeros_or_its_reflections(n: int) -> None:
    hop, sound = 256, np.random.default_rng(n).random(n, np.float32)
    blocks, groups = new_blocks(hop), n_groups(1 + n // hop)
    blocks[:] = 7
    padded = np.pad(sound, (2 * hop, (16 * groups + 3) * hop - n)).reshape(-1, hop).T
    for group in range(groups):
        cut(sound, group, blocks)
        np.testing.assert_array_equal(blocks[:, :19], padded[:, 16 * group :][:, :19])
    if n > 4000:
        reflect_end(sound, groups - 1, blocks)
        reflected = np.pad(np.pad(sound, hop, mode="reflect"), (hop, 16 * groups * hop)).tolist()
        reflected = np.reshape(reflected[: (16 * groups + 3) * hop], (-1, hop)).T
        # before the sound there are zeros in the first group only
        start = 2 if groups == 1 else 0
        np.testing.assert_array_equal(blocks[:, start:19], reflected[:, 16 * (groups - 1) :][:, start:19])
        cut(sound, 0, blocks)
        reflect_start(sound, blocks)
        np.testing.assert_array_equal(blocks[:, :17], reflected[:, :17])


def test_the_logarithm_is_exact_to_single_precision() -> None:
    @njit
    def run(numbers):
        for i in range(0, len(numbers), LANES):
            store(address(numbers) + 4 * i, log2(load(address(numbers) + 4 * i)))

    numbers = np.geomspace(1e-30, 1e30, 64_000).astype(np.float32)
    numbers[:160] = np.linspace(0.99, 1.01, 160)
    expected = np.log2(numbers.astype(np.float64))
    run(numbers)
    np.testing.assert_allclose(numbers, expected, rtol=1e-7, atol=2e-7)


def test_mel_bands_are_weighted_sums_of_bins() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    weights = np.zeros((4, 9), np.float32)
    weights[0, 0], weights[1, 2:5], weights[3, 3:9] = 2, (0.5, 0, 1), np.arange(6)  # one band is empty
    filters = mel_bands(scipy_sparse.csr_array(weights))

    @njit
    def run(spectrum, filters, out):
        for i in range(len(out)):
            store(address(out) + 4 * LANES * i, band(address(spectrum), filters, i))

    spectrum, out = zeros(10, LANES), zeros(4, LANES)
    spectrum[:] = np.random.default_rng(0).random(spectrum.shape)
    run(spectrum, filters, out)
    np.testing.assert_allclose(out, weights @ spectrum[:9], rtol=1e-6)


def test_the_leading_lanes_are_marked() -> None:
    @njit
    def run(n, out):
        store(address(out), leading(n))

    out = zeros(LANES)
    for n in (-3, 0, 1, 15, 16, 40):
        run(n, out)
        np.testing.assert_array_equal(out, np.arange(LANES) < n)


def test_arrays_start_where_a_vector_may_start() -> None:
    for shape in ((3,), (5, 7), (100, 16)):
        array = zeros(*shape)
        assert array.shape == shape and array.ctypes.data % 64 == 0 and not array.any()


def test_memory_is_used_again_only_for_its_size() -> None:
    made = []
    spare = Spare(lambda size: made.append(size) or [size], 1)
    with spare.taken(3) as one, spare.taken(3) as two:
        assert one == two == [3] and one is not two
    with spare.taken(3) as again:
        assert again is one
    with spare.taken(4) as other:
        assert other == [4]
    assert made == [3, 3, 4]


def test_the_hann_window_is_periodic() -> None:
    scipy_signal = pytest.importorskip("scipy.signal")
    np.testing.assert_allclose(hann(1024), scipy_signal.get_window("hann", 1024), atol=1e-7)
