"""`Engine`: the same bits as dexed-py in the current era, and the specification's vectors in both."""

import hashlib
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import dexed
import numpy as np
import numpy.typing as npt
import pytest

from latentdx import Dexed, Engine, Preset, PresetBank
from latentdx.audio.engine import compilation
from latentdx.audio.engine.tables import DESTINATION
from latentdx.audio.renderer import SAMPLE_RATE, check_request
from latentdx.errors import ParameterError
from latentdx.presets import corpora
from latentdx.presets.parameters import column, maxima

RATES = (16_384, 22_050, 32_000, 44_100, 48_000, 96_000)
Sound = npt.NDArray[np.float32]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """No test of this file hears the stand-in."""
    compilation.kernels()


def fuzzed(n: int, seed: int) -> PresetBank:
    """Random presets; every other one has six loud operators."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, maxima().astype(int) + 1, (n, len(maxima())))
    loud = [column(f"OP{k} OUTPUT LEVEL") for k in range(1, 7)]
    values[::2, loud] = rng.integers(70, 100, (len(values[::2]), 6))
    return PresetBank.from_values(values)


def plain(preset: Preset, era: str = "current", **more: float) -> Sound:
    """4 s in steps of 1/4096, key up after 3 s, without the fade: as in the specification's vectors."""
    pieces = Engine(era=era).blocks(preset, hold=3.0, size=88_256, **more)  # type: ignore[arg-type]
    return next(pieces)[:88_200] * 8


def sha(sound: Sound) -> str:
    return hashlib.sha256(sound.tobytes()).hexdigest()


def test_starter_presets_sound_as_in_dexed_py() -> None:
    bank, notes = (
        corpora.read("starter"),
        itertools.cycle([(36, 20), (60, 85), (84, 127), (24, 1), (108, 64)]),
    )
    for i, (preset, note) in enumerate(zip(bank, notes, strict=False)):
        if i % 3 == 0:
            expected = Dexed().render(preset, *note, n_samples=40_000, hold=1.1)
            np.testing.assert_array_equal(
                Engine().render(preset, *note, n_samples=40_000, hold=1.1), expected, preset.name
            )


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_presets_sound_as_in_dexed_py(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for preset in fuzzed(100, seed):
        note, velocity = int(rng.integers(128)), int(rng.integers(1, 128))
        hold, n_samples = float(rng.uniform(1e-3, 1.2)), int(rng.integers(1, 40_000))
        found = Engine().render(preset, note, velocity, hold=hold, n_samples=n_samples)
        expected = Dexed().render(preset, note, velocity, hold=hold, n_samples=n_samples)
        np.testing.assert_array_equal(found, expected, f"note {note}, velocity {velocity}, hold {hold}")


@pytest.mark.parametrize("rate", RATES)
def test_sample_rates_sound_as_in_dexed_py(rate: int) -> None:
    for preset in fuzzed(6, rate):
        found = Engine(rate).render(preset, 57, 90, hold=0.3, n_samples=rate // 2)
        np.testing.assert_array_equal(
            found, Dexed(rate).render(preset, 57, 90, hold=0.3, n_samples=rate // 2)
        )


def test_the_dc_blocker_is_that_of_dexed() -> None:
    preset = fuzzed(1, 3)[0]
    found = Engine(dc_blocker=True).render(preset, n_samples=20_000)
    expected = Dexed(dc_blocker=True).render(preset, n_samples=20_000)
    np.testing.assert_array_equal(found, expected)
    pieces = Engine(dc_blocker=True).blocks(preset, size=4096)
    np.testing.assert_array_equal(np.concatenate([next(pieces) for _ in range(4)]), expected[:16_384])


def test_every_note_sounds_as_in_dexed_py() -> None:
    preset = fuzzed(1, 8)[0].with_values(TRANSPOSE=36, **{"OP1 OUTPUT LEVEL": 99})
    for note in range(128):
        found = Engine().render(preset, note, note or 1, n_samples=1024)
        np.testing.assert_array_equal(found, Dexed().render(preset, note, note or 1, n_samples=1024))


INIT = "d3809fe1fcf4b5caa16da9eb87922f608fed0e8896a686625011fedc17eb399b"


def levels(**operators: int) -> dict[str, int]:
    return {f"OP{k} OUTPUT LEVEL": operators.get(f"op{k}", 0) for k in range(1, 7)}


T12 = [  # algorithm, levels, coarse = 1 for all, samples at 500, 1000, 5000, 20000 today and in 0.9.3
    (32, {"op6": 99}, True, (-3899, -3473, 1616, 1893), (2545, -3719, 429, 1058)),
    (1, {"op6": 90, "op5": 85, "op4": 80, "op3": 99}, False, (4005, 2470, -2288, -3637), None),
    (4, {"op6": 99, "op5": 80, "op4": 99}, False, (2128, -919, -4088, 3470), None),
    (6, {"op6": 99, "op5": 99}, False, (-3535, 3753, 3463, 1107), None),
    (
        *(16, {"op1": 99, "op2": 85, "op3": 85, "op4": 85, "op5": 85, "op6": 85}, False),
        *((-3478, 862, 28, -1120), None),
    ),
]


@pytest.mark.parametrize("algorithm, operators, same_coarse, current, paper", T12)
def test_t12_feedback_and_algorithms(
    algorithm: int,
    operators: dict[str, int],
    same_coarse: bool,
    current: tuple[int, ...],
    paper: tuple[int, ...] | None,
) -> None:
    coarse = {} if same_coarse else {f"OP{k} F COARSE": k - 1 for k in range(2, 7)}
    preset = PresetBank.init()[0].with_values(
        ALGORITHM=algorithm - 1, FEEDBACK=7, **coarse, **levels(**operators)
    )
    for era, expected in (("current", current), ("0.9.3", paper or current)):
        assert tuple(plain(preset, era)[[500, 1000, 5000, 20000]] * 4096) == expected


@pytest.mark.parametrize("era", ["current", "0.9.3"])
def test_t12_init_voice(era: str) -> None:
    sound = plain(PresetBank.init()[0], era)
    assert sha(sound) == INIT
    assert np.flatnonzero(sound)[-1] == 66_329


T17 = {  # position in learnfm: SHA-256 in the current era and in 0.9.3
    7111: (
        "d0379b31a82590d814727f6445a8aa1673fe1e9224d35a05156cc31211735d98",
        "b69f6c3e88a845f7ab2a91c533fc4fbb7360dfd93067ba08e1804aff50c68b68",
    ),
    12619: (
        "1949b35d2281465e41bf148174f3a665ba1d5c363a7c955781477765df6978ac",
        "ea2a435c94b27d1b063fe14d6641ddcf8f0506c282ed79fc57532a46abc68913",
    ),
    19914: (
        "22719dcdfbdee47551773980d9335d8d9bb1f04a0b4ba53401331c17af4cedb7",
        "274d3a891dfe2aa77c24ccb71bec6732fa4cf254479edf2eb9d2253e02aaccea",
    ),
    24857: (
        "140fa075cb256427d89d47b00226ee6a573920bb4b9b2c23f59e6ef335e21019",
        "315b4c8ae8d01ccbe870956ae8f202eda9797b48f526456de8ff89e095f556a6",
    ),
    14706: (
        "7405f1ec64ab56118d76aab1bc90eca68cee2225a2bd261053190cc1f56d96b6",
        "4fa84284f4c4a79f2cf8d120a52856d02926fa6f52229d0dd583daff9c993ae5",
    ),
    21553: (
        "953b4590b0b057e8bf922207114c5d6cfab8521489f0eb87aa1d52e7a453b588",
        "91bb405ca0c144fa064ba36addb0c3547789fd40798520348f55b99f1f63932f",
    ),
    22914: (
        "db178dbc439451fc232528dc5a069edce30f58cf21f371077efc7e111944b133",
        "6233f9aff2436f30c3e4c595fbcb9abd5f1c301882443b2082f7fe34ebb155bc",
    ),
    27175: (
        "a00338d4f47813878fd1ae28b79e225ac5261e57fc8398ede0e6db1dc61efb33",
        "166384b2ec36f50d0cd58ff84c9445d0b94617998965688494281d1d2aa2b713",
    ),
    31052: (
        "496d5866685c41e7c72e99d053ce164ccf87699bf68bcc2464b80128c9308f5c",
        "2377e1936f4772091f06d33ad339d9610f1e655b2fb4a96f760f87c839112e9b",
    ),
    26951: (
        "9c28ea1f11cc4d8722824e97cbea29c6415a1ecc3319fe800b7ff47d16cdb9cd",
        "355158a1e5daa390743923bba15dec72bd31109197d6221edc27deaf08b0af55",
    ),
    13142: (
        "e62645cc0039dfa441a03212a98f788101ea3b25fe5351ffdb4ff0f885f37b42",
        "537ddcf390e79d42a0603ca83f0a8b66d2f6c2bcfc5ec5ae8df8009d2e2c7318",
    ),
    25675: (
        "d9bee9af4f130b457dbd9f20581e523537c59159af3074d2a79615caa9293f8c",
        "6340ff27fbbfbaeaec511ad94ea637dc659bc96072cc80f9dd88ea38f3897f85",
    ),
}


@pytest.mark.corpus
def test_vectors_of_the_specification_in_both_eras() -> None:
    try:
        (file,) = corpora.find("learnfm")
    except corpora.DataMissingError as error:
        pytest.skip(str(error))
    bank = PresetBank.read(file, format="packed").neutral()
    found = {row: tuple(sha(plain(bank[row], era)) for era in ("current", "0.9.3")) for row in T17}
    assert found == T17


def test_master_tune_and_bend_move_the_pitch() -> None:
    preset, n = PresetBank.init()[0], 22_016

    def cycles(sound: Sound) -> float:
        """Cycles of a sine between its first and its last rise through zero."""
        sounding = sound[: -SAMPLE_RATE // 10]  # the fade ends with a zero
        rises = np.flatnonzero((sounding[:-1] < 0) & (sounding[1:] >= 0))
        return (len(rises) - 1) / (rises[-1] - rises[0]) * SAMPLE_RATE

    straight = cycles(Engine().render(preset, n_samples=n))
    for engine, bend in ((Engine(tune=50), 0.0), (Engine(), 50.0), (Engine(tune=-50), 100.0)):
        ratio = cycles(engine.render(preset, n_samples=n, bend=bend)) / straight
        assert 1200 * np.log2(ratio) == pytest.approx(50, abs=0.2)
    octave = Engine().render(preset, n_samples=n, bend=np.full(3, 1200))
    assert cycles(octave) / straight == pytest.approx(2, abs=1e-3)
    np.testing.assert_array_equal(octave, Engine().render(preset, n_samples=n, bend=1200))
    late = Engine().render(preset, n_samples=n, bend=[*[0.0] * 100, 700.0])
    np.testing.assert_array_equal(late[:6400], Engine().render(preset, n_samples=n)[:6400])
    assert (late[6400:6500] != Engine().render(preset, n_samples=n)[6400:6500]).any()


def test_master_tune_moves_fixed_operators_too() -> None:
    preset = PresetBank.init()[0].with_values(**{"OP1 MODE": 1, "OP1 F COARSE": 2, "OP1 F FINE": 50})
    for era in ("current", "0.9.3"):
        plain_sound, tuned = (Engine(era=era, tune=t).render(preset, n_samples=4096) for t in (0, 30))  # type: ignore[arg-type]
        assert (plain_sound != tuned).any()


@pytest.mark.parametrize("era", ["current", "0.9.3"])
def test_a_muted_operator_is_one_of_output_level_0(era: str) -> None:
    rng = np.random.default_rng(5)
    for preset in fuzzed(24, 5):
        muted = rng.choice(6, rng.integers(1, 4), replace=False) + 1
        off = {f"OP{k} OUTPUT LEVEL": 0 for k in muted} | {f"OP{k} L SCALE DEPTH": 0 for k in muted}
        off |= {f"OP{k} R SCALE DEPTH": 0 for k in muted} | {f"OP{k} A MOD SENS.": 0 for k in muted}
        engine = Engine(era=era)  # type: ignore[arg-type]
        found = engine.render(preset, n_samples=8192, hold=0.2, muted=muted.tolist())
        expected = engine.render(preset.with_values(**off), n_samples=8192, hold=0.2)
        np.testing.assert_array_equal(found, expected)


def test_operators_alone_are_those_of_dexed_py_and_the_carriers_make_the_sound() -> None:
    synth = dexed.DexedSynth(SAMPLE_RATE)
    for preset in [
        *fuzzed(40, 9),
        *(fuzzed(1, 2)[0].with_values(ALGORITHM=k, FEEDBACK=7) for k in range(32)),
    ]:
        found = Engine().render_operators(preset, 50, 100, hold=0.3, n_samples=10_000)
        carriers = DESTINATION[preset["ALGORITHM"]][::-1] == 0
        sound = next(Engine().blocks(preset, 50, 100, hold=0.3, size=10_048))[:10_000]
        np.testing.assert_array_equal(found[carriers].sum(0), sound)
        synth.load_patch(dexed.Patch.from_sysex(preset.values.tobytes() + b" " * 10))
        theirs = synth.render_all_ops(50, 100, 0.3, 10_000.5 / SAMPLE_RATE)[:6, :10_000]
        np.testing.assert_array_equal(found, theirs / 8)


@pytest.mark.parametrize("size", [64, 1024, 64 * 300])
def test_pieces_join_to_the_whole_note(size: int) -> None:
    for preset in fuzzed(8, 6):
        pieces = Engine().blocks(preset, 64, 70, hold=0.7, size=size)
        joined = np.concatenate([next(pieces) for _ in range(-(-38_400 // size))])[:38_400]
        whole = next(Engine().blocks(preset, 64, 70, hold=0.7, size=38_400))
        np.testing.assert_array_equal(joined, whole)


def test_a_key_that_stays_down_sounds_on() -> None:
    pieces = Engine().blocks(PresetBank.init()[0], size=64 * 1000)
    assert all(np.abs(next(pieces)).max() > 0.1 for _ in range(20))


def test_threads_share_an_engine() -> None:
    bank, engine = fuzzed(24, 11), Engine()
    alone = [engine.render(preset, n_samples=20_000) for preset in bank]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda preset: engine.render(preset, n_samples=20_000), bank))
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(engine.render_batch(bank, n_samples=20_000)[:, 0], alone)


def test_an_engine_can_be_pickled() -> None:
    engine = Engine(era="0.9.3", tune=3, dc_blocker=True)
    copy = pickle.loads(pickle.dumps(engine))
    assert copy.engine == engine.engine and "0.9.3" in copy.engine and "+3 cents" in copy.engine
    preset = fuzzed(1, 1)[0]
    np.testing.assert_array_equal(copy.render(preset, n_samples=999), engine.render(preset, n_samples=999))


def test_bad_arguments_are_refused_as_by_dexed() -> None:
    init = PresetBank.init()[0]
    for bad in (
        *({"note": 128}, {"note": -1}, {"note": 60.0}, {"velocity": 0}, {"velocity": 128}),
        *({"hold": 0.0}, {"hold": float("nan")}, {"n_samples": 0}),
    ):
        with pytest.raises(ParameterError) as theirs:
            Dexed().render(init, **bad)  # type: ignore[arg-type]
        for method in (Engine().render, Engine().render_operators):
            with pytest.raises(ParameterError) as ours:
                method(init, **bad)  # type: ignore[arg-type]
            assert str(ours.value) == str(theirs.value)
    values = init.values.copy()
    values[column("LFO WAVE")] = 6
    with pytest.raises(ParameterError, match="LFO WAVE = 6 is outside 0 … 5"):
        Engine().render(Preset(values))
    for rate in (0, 16_383, 96_001, 22_050.5):
        with pytest.raises(ParameterError, match="is not an integer in 16,384 … 96,000"):
            Engine(rate)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="era '0.9.4' is not one of 'current', '0.9.3'"):
        Engine(era="0.9.4")  # type: ignore[arg-type]
    for tune in (101, -100.1, float("nan")):
        with pytest.raises(ParameterError, match=f"tune must be in -100 … 100 cents, not {tune}"):
            Engine(tune=tune)
    with pytest.raises(ParameterError, match="bend must be in -1200 … 1200 cents, not 1201.0"):
        Engine().render(init, bend=[0, 1201])
    with pytest.raises(ParameterError, match="bend must be a number or a list of numbers"):
        Engine().render(init, bend=[])
    for operator in (0, 7, 1.5):
        with pytest.raises(ParameterError, match=f"muted operator {operator} is not an integer in 1 … 6"):
            Engine().render(init, muted=[operator])  # type: ignore[list-item]
    for size in (0, 100, -64):
        with pytest.raises(
            ParameterError, match=f"size must be a positive multiple of 64 samples, not {size}"
        ):
            Engine().blocks(init, size=size)
    check_request(init, 60, 85, 1.0, 1)  # what all of them begin with


def test_the_eras_differ_where_the_specification_says() -> None:
    detuned = PresetBank.init()[0].with_values(**{"OP1 OSC DETUNE": 14})
    old, new = (Engine(era=era).render(detuned, n_samples=4096) for era in ("0.9.3", "current"))  # type: ignore[arg-type]
    assert (old != new).any()
