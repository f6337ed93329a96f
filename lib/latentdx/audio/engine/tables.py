"""Tables of the engine: levels, rates, speeds, the oscillator's two tables, and the algorithms.

Sections 4, 5, 6, 7.4, 8, 9 and 11 of the specification, and the table of section 12.1.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def _numbers(text: str) -> npt.NDArray[np.float64]:
    return np.array(text.split(), np.float64)


def _integers(text: str) -> Integers:
    return np.array(text.split(), np.int64)


COARSE = _integers(
    """
    -16777216 0 16777216 26591258 33554432 38955489 43368474 47099600 50331648 53182516 55732705 58039632
    60145690 62083076 63876816 65546747 67108864 68576247 69959732 71268397 72509921 73690858 74816848
    75892776 76922906 77910978 78860292 79773775 80654032 81503396 82323963 83117622
    """
)
"""Log frequency that F COARSE adds (section 5.2); 2^24 is an octave."""

OUTPUT_LEVEL = np.concatenate(
    (
        _integers("0 5 9 13 17 20 23 25 27 29 31 33 35 37 39 41 42 43 45 46"),
        np.arange(48, 128),
    )
)
"""Level of the values 0 … 99 of OUTPUT LEVEL and EG LEVEL (section 6)."""

EXPONENTIAL = _integers(
    """
    0 1 2 3 4 5 6 7 8 9 11 14 16 19 23 27 33 39 47 56 66 80 94 110 126 142 158 174 190 206 222 238 250
    """
)
"""Exponential curve of the keyboard level scaling, by groups of three keys (section 6)."""

VELOCITY = _integers(
    """
    0 70 86 97 106 114 121 126 132 138 142 148 152 156 160 163 166 170 173 174 178 181 184 186 189 190 194
    196 198 200 202 205 206 209 211 214 216 218 220 222 224 225 227 229 230 232 233 235 237 238 240 241
    242 243 244 246 246 248 249 250 251 252 253 254
    """
)
"""Level of each pair of velocities (section 6)."""

HOLD = _integers(
    """
    1764000 1764000 1411200 1411200 1190700 1014300 992250 882000 705600 705600 584325 507150 502740
    441000 418950 352800 308700 286650 253575 220500 220500 176400 145530 145530 125685 110250 110250
    88200 88200 74970 61740 61740 55125 48510 44100 37485 31311 30870 27562 27562 22050 18522 17640 15435
    14112 13230 11025 9261 9261 7717 6615 6615 5512 5512 4410 3969 3969 3439 2866 2690 2249 1984 1896 1808
    1411 1367 1234 1146 926 837 837 705 573 573 529 441 441
    """
)
"""Samples at 44,100 Hz that an envelope waits where its level does not move, by rate (section 7.4)."""

PITCH_LEVEL = _integers(
    """
    -128 -116 -104 -95 -85 -76 -68 -61 -56 -52 -49 -46 -43 -41 -39 -37 -35 -33 -32 -31 -30 -29 -28 -27 -26
    -25 -24 -23 -22 -21 -20 -19 -18 -17 -16 -15 -14 -13 -12 -11 -10 -9 -8 -7 -6 -5 -4 -3 -2 -1 0 1 2 3 4 5
    6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 38 40 43 46 49
    53 58 65 73 82 92 103 115 127
    """
)
"""Pitch of the values of PITCH EG LEVEL, in 1/32 octave (section 8)."""

PITCH_RATE = _integers(
    """
    1 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 13 14 14 15 16 16 17 18 18 19 20 21 22 23 24 25
    26 27 28 30 31 33 34 36 37 38 39 41 42 44 46 47 49 51 53 54 56 58 60 62 64 66 68 70 72 74 76 79 82 85
    88 91 94 98 102 106 110 115 120 125 130 135 141 147 153 159 165 171 178 185 193 202 211 232 243 254
    255
    """
)
"""Speed of the values of PITCH EG RATE (section 8)."""

LFO_HERTZ = _numbers(
    """
    0.062541 0.125031 0.312393 0.437120 0.624610 0.750694 0.936330 1.125302 1.249609 1.436782 1.560915
    1.752081 1.875117 2.062494 2.247191 2.374451 2.560492 2.686728 2.873976 2.998950 3.188013 3.369840
    3.500175 3.682224 3.812065 4.000800 4.186202 4.310716 4.501260 4.623209 4.814636 4.930480 5.121901
    5.315191 5.434783 5.617346 5.750431 5.946717 6.062811 6.248438 6.431695 6.564264 6.749460 6.868132
    7.052186 7.250580 7.375719 7.556294 7.687577 7.877738 7.993605 8.181967 8.372405 8.504848 8.685079
    8.810573 8.986341 9.122423 9.300595 9.500285 9.607994 9.798158 9.950249 10.117361 11.251125 11.384335
    12.562814 13.676149 13.904338 15.092062 16.366612 16.638935 17.869907 19.193858 19.425019 20.833333
    21.034918 22.502250 24.003841 24.260068 25.746653 27.173913 27.578599 29.052876 30.693677 31.191516
    32.658393 34.317090 34.674064 36.416606 38.197097 38.550501 40.387722 40.749796 42.625746 44.326241
    44.883303 46.772685 48.590865 49.261084
    """
)
"""LFO frequency in Hz of the values of LFO SPEED in the current engine (section 9.1)."""

PITCH_SENSITIVITY = _integers("0 10 20 33 55 92 153 255")
"""Factor of the values of P MODE SENS. (section 10.1)."""

AMPLITUDE_SENSITIVITY = _integers("0 4342338 7171437 16777216")
"""Factor of the values of A MOD SENS. (section 10.2)."""

_ALGORITHMS = """
    F>1    1>1    1>1    1>M+   0>1    1>M+
    0>1    1>1    1>1    1>M+   F>1    1>M+
    F>1    1>1    1>M+   0>1    1>1    1>M+
    F>1    1>1    1>M+   0>1    1>1    1>M+
    F>1    1>M+   0>1    1>M+   0>1    1>M+
    F>1    1>M+   0>1    1>M+   0>1    1>M+
    F>1    1>1    0>1+   1>M+   0>1    1>M+
    0>1    1>1    F>1+   1>M+   0>1    1>M+
    0>1    1>1    0>1+   1>M+   F>1    1>M+
    0>1    0>1+   1>M+   F>1    1>1    1>M+
    F>1    0>1+   1>M+   0>1    1>1    1>M+
    0>1    0>1+   0>1+   1>M+   F>1    1>M+
    F>1    0>1+   0>1+   1>M+   0>1    1>M+
    F>1    0>1+   1>1    1>M+   0>1    1>M+
    0>1    0>1+   1>1    1>M+   F>1    1>M+
    F>1    1>1    0>2    2>1+   0>1+   1>M+
    0>1    1>1    0>2    2>1+   F>1+   1>M+
    0>1    1>1    1>1    F>1+   0>1+   1>M+
    F>1    1>M+   1>M+   0>1    1>1    1>M+
    0>1    0>1+   1>M+   F>1    1>M+   1>M+
    0>1    1>M+   1>M+   F>1    1>M+   1>M+
    F>1    1>M+   1>M+   1>M+   0>1    1>M+
    F>1    1>M+   1>M+   0>1    1>M+   0>M+
    F>1    1>M+   1>M+   1>M+   0>M+   0>M+
    F>1    1>M+   1>M+   0>M+   0>M+   0>M+
    F>1    0>1+   1>M+   0>1    1>M+   0>M+
    0>1    0>1+   1>M+   F>1    1>M+   0>M+
    0>M+   F>1    1>1    1>M+   0>1    1>M+
    F>1    1>M+   0>1    1>M+   0>M+   0>M+
    0>M+   F>1    1>1    1>M+   0>M+   0>M+
    F>1    1>M+   0>M+   0>M+   0>M+   0>M+
    F>M+   0>M+   0>M+   0>M+   0>M+   0>M+
"""

NO_SOURCE, FEEDBACK = 0, 3
"""Sources of an operator that are not one of the work buses 1 and 2."""


def _cells() -> tuple[Integers, Integers, Integers]:
    """Return source, destination and "adds" of operators 6 … 1 in each algorithm, three arrays (32, 6)."""
    cells = [row.split() for row in _ALGORITHMS.strip().splitlines()]
    number = {"0": NO_SOURCE, "1": 1, "2": 2, "F": FEEDBACK, "M": 0}
    sources = [[number[cell[0]] for cell in row] for row in cells]
    destinations = [[number[cell[2]] for cell in row] for row in cells]
    adds = [[cell.endswith("+") for cell in row] for row in cells]
    return np.array(sources), np.array(destinations), np.array(adds, np.int64)


SOURCE, DESTINATION, ADDS = _cells()
"""Buses of operators 6 … 1 in each algorithm (section 12.1): 0 is the mix, or no source."""


@cache
def clocks(sample_rate: int) -> Integers:
    """Return the constants of a sample rate: envelope, pitch envelope, LFO delay, LFO speed (section 4)."""
    return np.array(
        [
            math.trunc(44100 / sample_rate * 2**24),
            math.trunc(64 * 2**24 / (21.3 * sample_rate) + 0.5),
            math.trunc(64 * 25190424 / sample_rate + 0.5),
            math.trunc(4437500000 * 64 / sample_rate),
        ],
        np.int64,
    )


@cache
def phase_steps(sample_rate: int) -> Integers:
    """Return the phase steps of one octave in 1,024 parts, (1025,); 2^24 is a cycle (section 5.1)."""
    steps, y = [], 2**44 / sample_rate
    for _ in range(1025):
        steps.append(math.floor(y + 0.5))
        y *= 1.0006771306930664  # 2^(1/1024); the rounding errors of the running product count
    return np.array(steps, np.int64)


def _lfo_sine() -> Integers:
    """Return one cycle of the LFO's sine and its first value again, (1025,) (section 9.4)."""
    cosine, sine = 1073721611, 6588356  # of a turn by 1/1024 cycle, which is exact in integers; 2^30 is one
    u, w = 2**30, 0
    half = []
    for _ in range(512):
        half.append((w + 32) >> 6)
        u, w = (u * cosine - w * sine + 2**29) >> 30, (u * sine + w * cosine + 2**29) >> 30
    return np.array([*half, *(-y for y in half), 0], np.int64)


LFO_SINE = _lfo_sine()
"""One cycle of the LFO's sine, 2^24 at its peak (section 9.4)."""


def quarter_tables() -> tuple[Integers, Integers]:
    """Return log-sine and exponential as the specification lists them, two arrays (1024,) (section 11.1)."""
    i = np.arange(1024)
    log_sine = np.floor(-1024 * np.log2(np.sin((i + 0.5) / 1024 * np.pi / 2)) + 0.5)
    exponential = np.floor((2 ** (i / 1024) - 1) * 4096 + 0.5)
    return log_sine.astype(np.int64), exponential.astype(np.int64)


MARGIN = 4096
"""Entries before and after the cycle in the table of log-sines, so that a phase may lie outside of it."""


@cache
def oscillator() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int16]]:
    """Return the two tables of an oscillator (sections 11.1 and 11.2).

    Two look-ups make one sample: `samples[log_sine[MARGIN + phase] + gain]`.

    Returns:
        `log_sine`, uint16 (12288,): the attenuation at each of 4,096 phases of a cycle, 1,024 for a factor of
        two, plus 32,768 in the negative half; with the cycles before and after it. And `samples`, int16
        (65536,): the sample at each sum of log-sine and gain, 8,191 at most.
    """
    log_sine, exponential = quarter_tables()
    half = np.concatenate((log_sine, log_sine[::-1]))
    attenuation = np.arange(32768)
    positive = (4096 + exponential[1023 - (attenuation & 1023)]) >> (attenuation >> 10)
    return (
        np.tile(np.concatenate((half, half + 32768)).astype(np.uint16), 3),
        np.concatenate((positive, -positive - 1)).astype(np.int16),
    )
