"""The engine's parts against the vectors of the specification, which the numbers T5 … T12 name."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from latentdx import PresetBank
from latentdx.audio.engine import envelope, lfo, pitch, tables
from latentdx.audio.engine.control import CHUNK, control
from latentdx.audio.engine.layout import CURRENT, PAPER, VOICE
from latentdx.audio.engine.voice import start
from latentdx.presets.parameters import column

RATE = 22_050
ERAS = [CURRENT, PAPER]
STRAIGHT = np.zeros(1, np.int64)  # no pitch bend

Array = npt.NDArray[Any]


def preset(**changes: int) -> Array:
    """The init voice of the specification, with changes; an underscore stands for a space."""
    return PresetBank.init()[0].with_values(**{k.replace("_", " "): v for k, v in changes.items()}).values


def started(
    values: Array, era: int = CURRENT, note: int = 60, key_off: int = 1 << 40, rate: int = RATE, tune: int = 0
) -> Array:
    voice = np.zeros(1, VOICE)
    start(voice, values.astype(np.int64), note, 85, key_off, era, tune, 0, tables.clocks(rate))
    return voice


def sha(values: Array, dtype: str = "<i4") -> str:
    return hashlib.sha256(values.astype(dtype).tobytes()).hexdigest()


def test_constants_of_the_sample_rates() -> None:
    assert tables.clocks(22_050).tolist() == [33554432, 2286, 73115, 12879818]
    assert tables.clocks(44_100).tolist() == [16777216, 1143, 36558, 6439909]
    assert tables.clocks(48_000).tolist() == [15414067, 1050, 33587, 5916666]


def test_t5_1_frequency_table() -> None:
    steps = tables.phase_steps(RATE)
    assert steps[[0, 1, 2, 512, 677, 1023, 1024]].tolist() == [
        *(797831567, 798371803, 798912405, 1128304222, 1261630046, 1594583392, 1595663133)
    ]
    assert sha(steps) == "089aeee63cdb9bd0e54d585770d27cf0d4bdce0904d6133af24f6faffc64d36b"
    assert (
        sha(tables.phase_steps(44_100)) == "06ac9dc245980e0c7164e094e345276fd9c840d3f97eb3204d7009299ca6e2f0"
    )
    for x, step in [(134743836, 199063), (0, 760), (-5000000, 618), (335544320, 797831567), (352321541, 0)]:
        assert pitch.phase_step(x, steps) == step


@pytest.mark.parametrize(
    "note, settings, current, paper",
    [
        (60, (0, 1, 0, 7), (134743836, 199063), (134743837, 199063)),
        (60, (0, 1, 0, 14), (134860898, 200028), (134832079, 199790)),
        (60, (0, 1, 0, 0), (134626773, 198102), (134655595, 198338)),
        (60, (0, 0, 50, 7), (127780662, 149297), (127780663, 149297)),
        (36, (0, 14, 1, 9), (165362524, 705302), (165332283, 704422)),
        (84, (0, 31, 99, 5), (268052850, 49082450), (268046561, 49069698)),
        (1, (1, 2, 50, 7), (139331750, 240608), (139331750, 240608)),
        (99, (1, 7, 99, 14), (222467672, 7464507), (222467672, 7464507)),
        (60, (1, 0, 0, 0), (0, 760), (0, 760)),
    ],
)
def test_t5_2_base_pitch(
    note: int, settings: tuple[int, ...], current: tuple[int, int], paper: tuple[int, int]
) -> None:
    names = ("OP1 MODE", "OP1 F COARSE", "OP1 F FINE", "OP1 OSC DETUNE")
    values = preset(**dict(zip(names, settings, strict=True))).astype(np.int64)
    for era, expected in zip(ERAS, (current, paper), strict=True):
        p = pitch.base_pitch(values, 5, note, era)
        assert (p, pitch.phase_step(p, tables.phase_steps(RATE))) == expected


def test_t6_levels_and_scaling() -> None:
    for arguments, change in [
        ((60, 39, 50, 50, 0, 3), 4),
        ((72, 20, 50, 50, 0, 3), 48),
        ((72, 20, 50, 80, 0, 1), -12),
        ((36, 60, 70, 30, 2, 0), 16),
        ((36, 60, 70, 30, 1, 0), -16),
        ((20, 60, 99, 30, 0, 0), -151),
        ((127, 0, 0, 99, 0, 2), 248),
        ((55, 39, 99, 99, 3, 0), 0),
    ]:
        assert envelope.keyboard_scaling(*arguments) == change
    velocities = {(85, 7): -160, (85, 3): -64, (0, 7): -3344, (127, 7): 224, (127, 1): 32}
    velocities |= {(1, 5): -2384, (64, 2): -128}
    for (velocity, sensitivity), change in velocities.items():
        assert envelope.velocity_scaling(velocity, sensitivity) == change
    for (note, scaling), faster in {(60, 7): 11, (60, 3): 4, (127, 7): 27, (21, 7): 0, (36, 5): 3}.items():
        assert envelope.rate_scaling(note, scaling) == faster


def levels(values: Array, era: int, key_off: int, n: int, pieces: int = 1) -> Array:
    """Level of operator 1 in each block."""
    voice, out = started(values, era, key_off=key_off), np.zeros(n, np.int32)
    for first in range(0, n, n // pieces):
        envelope.envelope(voice[0], 5, n // pieces, out[first : first + n // pieces])
        voice["block"] += n // pieces
    return out


def operator_1(rates: str, levels: str, **more: int) -> Array:
    changes = {f"OP1 EG RATE {k + 1}": int(v) for k, v in enumerate(rates.split())}
    changes |= {f"OP1 EG LEVEL {k + 1}": int(v) for k, v in enumerate(levels.split())}
    return preset(**changes, **{f"OP1 {k.replace('_', ' ')}": v for k, v in more.items()})


@pytest.mark.parametrize("pieces", [1, 8, 400])
@pytest.mark.parametrize("era", ERAS)
def test_t7_amplitude_envelope(era: int, pieces: int) -> None:
    values = operator_1("70 40 30 50", "99 85 60 0", OUTPUT_LEVEL=90, RATE_SCALING=3, KEY_VELOCITY=2)
    found = levels(values, era, 173, 400, pieces)
    expected = {0: 196345856, 1: 229638144, 2: 229310464, 3: 228982784, 5: 228327424, 10: 226689024}
    expected |= {20: 223412224, 50: 213581824, 100: 199245824, 150: 193511424, 172: 190988288}
    expected |= {173: 189939712, 174: 188891136, 200: 161628160, 300: 56770560}
    assert found[list(expected)].tolist() == list(expected.values())

    found = levels(operator_1("60 99 45 70", "0 99 99 0"), era, 173, 400, pieces)
    expected = {0: 0, 1: 0, 2: 0, 3: 251658240} if era == CURRENT else {0: 1048576, 1: 251658240}
    expected |= {172: 251658240, 173: 247463936, 180: 218103808}
    assert found[list(expected)].tolist() == list(expected.values())

    found = levels(operator_1("99 70 50 40", "99 99 70 0"), era, 345, 800, pieces)
    if era == CURRENT:
        expected = {26: 251658240, 30: 249561088, 60: 233832448, 120: 202375168}
        assert found[27] < found[26]
    else:
        expected = {2: 251133952, 30: 236453888, 120: 192937984}
    expected |= {0: 251658240, 1: 251658240, 344: 192937984, 345: 192774144, 400: 183762944}
    assert found[list(expected)].tolist() == list(expected.values())


def test_t8_pitch_envelope() -> None:
    changes = {f"PITCH EG RATE {k + 1}": v for k, v in enumerate((50, 30, 60, 40))}
    changes |= {f"PITCH EG LEVEL {k + 1}": v for k, v in enumerate((80, 30, 50, 20))}
    voice, out = started(preset(**changes), key_off=173), np.zeros(301, np.int64)
    pitch.pitch_envelope(voice[0], 301, out)
    expected = {0: -15634914, 1: -15541188, 10: -14697654, 60: -10011354, 150: -1576014, 172: 485958}
    expected |= {173: 424236, 200: -1242258, 300: -7414458}
    assert out[list(expected)].tolist() == list(expected.values())


T9 = {  # (wave, key sync): values in blocks 0, 1, 2, 60 and 500, today and in 0.9.3
    (0, 0): ("966790 1933581 2900372 8134629 14600109", "967631 1935262 2902893 8083352 15021247"),
    (0, 1): ("15810425 14843634 13876843 8642586 2177106", "15809584 14841953 13874322 8693863 1755968"),
    (1, 0): ("7905212 7421817 6938421 12455922 1088553", "7904792 7420976 6937161 12430284 877984"),
    (1, 1): ("16293820 15810425 15327029 4067314 9477161", "16293400 15809584 15325769 4041676 9266592"),
    (2, 0): ("8872003 9355398 9838794 4321293 15688662", "8872423 9356239 9840054 4346931 15899231"),
    (2, 1): ("483395 966790 1450186 12709901 7300054", "483815 967631 1451446 12735539 7510623"),
    (3, 0): ("16777216 16777216 16777216 0 16777216",) * 2,
    (3, 1): ("0 0 0 16777216 0",) * 2,
    (4, 0): ("9898949 11359940 12723791 9514 11714443", "9900247 11362408 12727180 13734 11097431"),
    (4, 1): ("6878266 5417275 4053424 16767701 5062772", "6876968 5414807 4050035 16763481 5679784"),
    (5, 0): ("8454144 8454144 8454144 9568256 13434880",) * 2,
    (5, 1): ("8454144 8454144 8454144 7667712 13434880",) * 2,
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("wave, sync", T9)
def test_t9_lfo_waves(wave: int, sync: int, era: int) -> None:
    values = preset(LFO_SPEED=60, LFO_WAVE=wave, LFO_KEY_SYNC=sync)
    voice, waves, delays = started(values, era), np.zeros(501, np.int64), np.zeros(501, np.int64)
    lfo.lfo(voice[0], 501, waves, delays)
    assert waves[[0, 1, 2, 60, 500]].tolist() == [int(v) for v in T9[wave, sync][era].split()]
    assert delays[0] == 16777215 and (delays[1:] == 16777216).all()


def test_t9_lfo_speeds() -> None:
    speeds = (0, 1, 35, 60, 63, 64, 97, 98, 99)
    steps = {
        era: [int(started(preset(LFO_SPEED=speed), era)["lfo_step"][0]) for speed in speeds] for era in ERAS
    }
    assert steps[CURRENT] == [
        *(805516, 1610376, 72350394, 123749214, 130309768, 144912442, 602423670, 625841497, 634473796)
    ]
    assert steps[PAPER] == [
        *(804265, 1608530, 72383850, 123856810, 130290930, 132703725, 292460000, 294799680, 298309200)
    ]


@pytest.mark.parametrize(
    "delay, steps, first, values, full",
    [
        (40, (31585680, 28076160), 67, (2676, 222021, 441366), 144),
        (60, (13453160, 9358720), 159, (39234, 112349), 388),
        (99, (2339680, 9358720), 917, (), 1147),
    ],
)
def test_t9_lfo_delay(
    delay: int, steps: tuple[int, int], first: int, values: tuple[int, ...], full: int
) -> None:
    voice, waves, delays = (
        started(preset(LFO_DELAY=delay)),
        np.zeros(1200, np.int64),
        np.zeros(1200, np.int64),
    )
    assert tuple(voice["delay_step"][0]) == steps
    lfo.lfo(voice[0], 1200, waves, delays)
    assert np.flatnonzero(delays)[0] == first
    assert tuple(delays[first : first + len(values)]) == values
    assert np.flatnonzero(delays == 1 << 24)[0] == full


def test_t9_4_lfo_sine() -> None:
    assert tables.LFO_SINE[[1, 100, 256, 511, 1023]].tolist() == [102943, 9660458, 16777216, 102943, -102943]


T10 = {  # depth of amplitude modulation, log levels of operators 1 and 2, and pitch modulation, by era
    CURRENT: (
        "12175201 10849989 5549136 12671768 13168333 12839368",
        "174668745 197614200 238535865 163752360 151288185 159728850",
        "205990397 206499942 208129501 205787122 205576751 205716927",
        "-13378348 -10110297 2961911 -14602907 -15827466 -15016219",
    ),
    PAPER: (
        "992835 1985671 5957015 6151275 13295387 582778",
        "247771185 246591135 237025905 236246850 147824505 248174325",
        "209124389 208933474 208024209 207973002 205521757 209199495",
        "-14198010 -11749620 -1956059 -1477003 16140787 -15209234",
    ),
}


@pytest.mark.parametrize("era", ERAS)
def test_t10_modulation(era: int) -> None:
    changes = {"OP1 A MOD SENS.": 3, "OP2 A MOD SENS.": 1, "OP2 OUTPUT LEVEL": 80, "P MODE SENS.": 7}
    values = preset(LFO_SPEED=70, LFO_AM_DEPTH=80, LFO_PM_DEPTH=99, LFO_KEY_SYNC=0, **changes)
    voice, work = started(values, era), np.zeros((4, CHUNK), np.int64)
    gains, steps = np.zeros((6, CHUNK), np.int32), np.zeros((6, CHUNK), np.uint32)
    table = tables.phase_steps(RATE)
    control(voice[0], 81, STRAIGHT, table, gains, steps, work)
    depths, one, two, pitches = (np.array(text.split(), np.int64) for text in T10[era])
    blocks = np.array([0, 1, 5, 20, 40, 80])
    np.testing.assert_array_equal(work[3, blocks], depths)
    np.testing.assert_array_equal(work[0, blocks], pitches)
    np.testing.assert_array_equal(gains[5, blocks], 16384 - (one >> 14))
    np.testing.assert_array_equal(gains[4, blocks], 16384 - (two >> 14))
    base = int(voice["pitch"][0, 5])
    expected = [pitch.phase_step(base + int(p), table) << 8 for p in pitches]
    np.testing.assert_array_equal(steps[5, blocks], expected)


def test_tables_of_the_oscillator() -> None:
    log_sine, exponential = tables.quarter_tables()
    assert sha(log_sine) == "f7539a5803e9f337a83af3a759eed684c61861f283822aa812133ce289013359"
    assert sha(exponential) == "cd3c2297d48780bba9e9abca8e1415ae114dd723582b86c65a9896be6e341b92"


def test_t11_one_sample() -> None:
    log_sine, samples = tables.oscillator()
    for phase, gain, value in [
        *((0, 128, 5), (0, 1024, 3), (4194304, 128, 7507), (4194304, 1024, 4093), (8388607, 1024, 3)),
        *((8388608, 1024, -4), (12582912, 1024, -4094), (1234567, 2000, 943), (-1, 1024, -4)),
        *((21777216, 5000, 265), (9000000, 16284, -1), (3000000, 16383, 0), (9000000, 16383, -1)),
    ]:
        assert samples[int(log_sine[(phase >> 12) & 4095]) + gain] == value


def test_algorithms_have_the_carriers_of_a_dx7() -> None:
    carriers = (tables.DESTINATION == 0).sum(1).tolist()
    assert carriers == [
        *(2, 2, 2, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 3, 3, 4, 4, 4, 5, 5, 3, 3, 3, 4, 4, 5, 6)
    ]
    assert ((tables.SOURCE == tables.FEEDBACK).sum(1) == 1).all()


def test_columns_are_where_the_engine_reads_them() -> None:
    names = ("ALGORITHM", "FEEDBACK", "LFO SPEED", "P MODE SENS.", "TRANSPOSE", "OP6 MODE", "PITCH EG RATE 1")
    assert [column(name) for name in names] == [134, 135, 137, 143, 144, 17, 126]
