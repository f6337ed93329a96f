"""The default renderer: its level, its checks of arguments, and bit-identical repeats."""

import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dexed
import numpy as np
import pytest
import render_hashes
from scipy.signal import freqz, lfilter

from latentdx import Dexed, Preset, PresetBank
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE, SIX_NOTES, RenderError
from latentdx.errors import LatentDXError, ParameterError
from latentdx.presets.parameters import column, maxima

FADE_SAMPLES = 2_205


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    """Sixteen random presets, a third of them with a sample & hold LFO at work, and INIT VOICE."""
    values = np.random.default_rng(7).integers(0, maxima().astype(int) + 1, (16, len(maxima())))
    values[:, column("OP1 OUTPUT LEVEL")] = 99
    values[::3, column("LFO WAVE")] = 5
    values[::3, column("LFO PM DEPTH")] = values[::3, column("P MODE SENS.")] = 7
    values[::3, column("LFO SPEED")] = 60
    return PresetBank.from_values(values) + PresetBank.init()


@pytest.fixture
def init() -> Preset:
    return PresetBank.init()[0]


def raw(preset: Preset, note: int, velocity: int) -> np.ndarray:
    """dexed-py's own output, unscaled."""
    synth = dexed.DexedSynth(SAMPLE_RATE)
    synth.load_patch(dexed.Patch.from_sysex(preset.values.tobytes() + b"RAW       "))
    return synth.render(note, velocity, HOLD, (N_SAMPLES + 0.5) / SAMPLE_RATE)[:N_SAMPLES]


def test_the_level_is_that_of_the_plugin(bank: PresetBank) -> None:
    for preset in bank:
        sound, expected = Dexed().render(preset, 55, 99), raw(preset, 55, 99) / 8
        assert sound.dtype == np.float32 and sound.shape == (N_SAMPLES,)
        np.testing.assert_array_equal(sound[:-FADE_SAMPLES], expected[:-FADE_SAMPLES])
    # INIT VOICE is one sine at full level: an eighth of full scale in the plug-in
    assert np.abs(sound).max() == pytest.approx(0.125, rel=0.15)


def test_the_last_tenth_of_a_second_fades_out(bank: PresetBank) -> None:
    sounding = bank[0].with_values(**{f"OP{k} EG LEVEL 4": 99 for k in range(1, 7)})
    sound, expected = Dexed().render(sounding), raw(sounding, 60, 85) / 8
    assert np.abs(expected[-FADE_SAMPLES:]).max() > 0.01
    ramp = 1 - np.arange(FADE_SAMPLES) / (FADE_SAMPLES - 1)
    np.testing.assert_allclose(sound[-FADE_SAMPLES:], expected[-FADE_SAMPLES:] * ramp, atol=1e-7)
    assert sound[-1] == 0


def test_the_dc_blocker_is_a_first_order_high_pass_like_the_plugins(bank: PresetBank) -> None:
    for preset in bank[:3]:
        plain = Dexed().render(preset)[:-FADE_SAMPLES]
        blocked = Dexed(dc_blocker=True).render(preset)[:-FADE_SAMPLES]
        # y[n] = x[n] - x[n-1] + pole y[n-1], so filtering back must give x
        pole = 1 - 126 / SAMPLE_RATE
        np.testing.assert_allclose(lfilter([1, -pole], [1, -1], blocked.astype(float)), plain, atol=1e-3)
    _, (at_corner,) = freqz([1, -1], [1, -pole], worN=[20], fs=SAMPLE_RATE)
    assert 20 * np.log10(abs(at_corner)) == pytest.approx(-3, abs=0.1)
    assert Dexed(dc_blocker=True).engine != Dexed().engine


def test_renders_are_bit_identical_in_any_thread_and_order(bank: PresetBank) -> None:
    renderer = Dexed()
    first = [renderer.render(p).tobytes() for p in bank]
    again = [renderer.render(p).tobytes() for p in reversed(list(bank))][::-1]
    assert first == again
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert first == [s.tobytes() for s in pool.map(renderer.render, bank)]
    assert len(set(first)) == len(bank)  # and they are different sounds


def test_a_batch_equals_the_single_renders(bank: PresetBank) -> None:
    batch = Dexed().render_batch(bank[:5], SIX_NOTES, threads=2)
    assert batch.shape == (5, 6, N_SAMPLES)
    for i, j in ((0, 0), (2, 4), (4, 5)):
        np.testing.assert_array_equal(batch[i, j], Dexed().render(bank[i], *SIX_NOTES[j]))


def test_note_off_takes_effect_at_the_next_block(init: Preset) -> None:
    for hold in (0.25, 0.5, 1.0):
        short, long = Dexed().render(init, hold=hold), Dexed().render(init, hold=3.5)
        first = int(np.flatnonzero(short != long)[0])
        block = int(np.ceil(hold * SAMPLE_RATE / 64)) * 64
        assert block <= first < block + 64
        assert np.abs(short[first + SAMPLE_RATE // 10 : -FADE_SAMPLES]).max() < 1e-3


def test_velocity_has_64_levels(init: Preset) -> None:
    sensitive = init.with_values(**{"OP1 KEY VELOCITY": 5})
    at = {v: Dexed().render(sensitive, 60, v).tobytes() for v in (84, 85, 86)}
    assert at[84] == at[85] != at[86]


@pytest.mark.parametrize("n_samples", [1, 63, 2_205, 44_100, 88_576, 100_001])
@pytest.mark.parametrize("rate", [16_384, 22_050, 48_000])
def test_the_length_is_exact(init: Preset, rate: int, n_samples: int) -> None:
    assert Dexed(rate).render(init, n_samples=n_samples).shape == (n_samples,)


@pytest.mark.parametrize("rate", [16_384, 44_100, 96_000])
def test_the_pitch_is_right_at_other_rates(init: Preset, rate: int) -> None:
    sound = Dexed(rate).render(init, 69, n_samples=2 * rate)
    spectrum = np.abs(np.fft.rfft(sound[:rate]))  # 1 Hz a bin
    assert abs(int(spectrum.argmax()) - 440) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"note": -1}, "note -1 is not an integer in 0 … 127"),
        ({"note": 128}, "note 128 is not an integer in 0 … 127"),
        ({"note": 60.5}, "note 60.5 is not an integer"),
        ({"velocity": 0}, "velocity 0 is not an integer in 1 … 127"),
        ({"velocity": 128}, "velocity 128 is not an integer in 1 … 127"),
        ({"hold": 0.0}, "hold must be a finite positive time in seconds, not 0.0"),
        ({"hold": -1.0}, "seconds, not -1.0"),
        ({"hold": float("nan")}, "seconds, not nan"),
        ({"hold": float("inf")}, "seconds, not inf"),
        ({"n_samples": 0}, "n_samples must be positive, not 0"),
    ],
)
def test_bad_arguments_are_named(init: Preset, options: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Dexed().render(init, **options)  # type: ignore[arg-type]


def test_bad_presets_are_named(init: Preset) -> None:
    values = init.values.copy()
    values[column("ALGORITHM")] = 32
    with pytest.raises(ParameterError, match="ALGORITHM = 32 is outside 0 … 31"):
        Dexed().render(Preset(values))
    values = init.values.copy()
    values[column("LFO WAVE")] = 6
    with pytest.raises(ParameterError, match="LFO WAVE = 6 is outside 0 … 5"):
        Dexed().render(Preset(values))
    with pytest.raises(ParameterError, match=r"a preset must be uint8 \(145,\), not uint8 \(144,\)"):
        Dexed().render(Preset(init.values[:-1]))
    with pytest.raises(ParameterError, match="not int64"):
        Dexed().render(Preset(init.values.astype(np.int64)))  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0, 8_000, 16_383, 96_001, 22_050.5, float("nan")])
def test_sample_rates_that_the_engine_gets_wrong_are_refused(rate: float) -> None:
    with pytest.raises(ParameterError, match=r"is not an integer in 16,384 … 96,000"):
        Dexed(rate)  # type: ignore[arg-type]


def test_two_sample_rates_are_refused_at_the_same_time_and_work_one_after_the_other(init: Preset) -> None:
    long = threading.Thread(target=lambda: Dexed().render(init, hold=1000, n_samples=SAMPLE_RATE * 1200))
    long.start()
    try:
        refused = False
        while long.is_alive() and not refused:
            try:
                Dexed(44_100).render(init, n_samples=64)
            except RenderError as error:
                assert "the engine cannot render at 44,100 Hz" in str(error) and isinstance(
                    error, LatentDXError
                )
                refused = True
        assert refused
    finally:
        long.join()
    assert Dexed(44_100).render(init, n_samples=64).shape == (64,)
    assert Dexed().render(init, n_samples=64).shape == (64,)


def test_a_renderer_can_be_pickled(init: Preset) -> None:
    renderer = Dexed(dc_blocker=True)
    renderer.render(init)
    copy = pickle.loads(pickle.dumps(renderer))
    assert copy.engine == renderer.engine
    np.testing.assert_array_equal(copy.render(init), renderer.render(init))


def test_a_hundred_starter_renders_have_the_recorded_hashes() -> None:
    recorded = json.loads(render_hashes.FILE.read_text("utf-8"))
    key = render_hashes.key()
    if key not in recorded:
        pytest.skip(f"no hashes for {key}; to record them, run python {Path(render_hashes.__file__).name}")
    found = render_hashes.compute()
    assert found["bank"] == recorded[key]["bank"], (
        f"the starter bank has changed; if this is intended, run python {render_hashes.__file__}"
    )
    assert len(found["renders"]) == 100
    assert found["renders"] == recorded[key]["renders"]
