"""The language in which the starter sounds are written: operators, envelopes, voices, and measured variation.

Levels and rates are the DX7's own 0 … 99. What a designer needs to know of them (note 60, engine as
rendered): a modulator at level 99 swings its carrier by 12.6 radians and halves every 8 levels (91: 6.3,
75: 1.6, 60: 0.4); a carrier loses 6 dB every 8 levels; an envelope falls by about 200, 65, 20, 7, 4 and 2
dB a second at rates 60, 50, 40, 30, 25 and 20, and rises to its peak in about 20, 50, 170 and 550 ms at
rates 70, 60, 50 and 40. Rate scaling 4 adds about 9 to all of an operator's rates at this note.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import KEY_SCALE_CURVES, LFO_WAVES, NEUTRAL_TRANSPOSE, column, parameter

SEED = 1983
"""The year of the DX7. Every choice in the bank follows from it and from the sounds' own names."""

Four = tuple[int, int, int, int]
T = TypeVar("T")

_CENTER_DETUNE = 7
_BREAK_POINT_OFFSET = 17  # break point 0 is MIDI note 17 (engine-spec: offset = note - break point - 17)
_UNITY_PITCH = 50


class Variation:
    """The choices of one variant among `count` of the same archetype: a Latin hypercube.

    The k-th choice of all variants is spread evenly over its range, in an order of its own, so that the
    variants differ in every respect and none is a copy. Only `random.Random.random` is used, whose sequence
    Python guarantees for a seed.
    """

    def __init__(self, archetype: str, index: int, count: int) -> None:
        self.archetype, self.index, self.count = archetype, index, count
        self._choices = 0

    def _place(self) -> float:
        """This variant's place in [0, 1) for the next choice."""
        self._choices += 1
        stream = random.Random(f"{SEED}/{self.archetype}/{self._choices}")
        keys = [(stream.random(), stream.random()) for _ in range(self.count)]
        order = sorted(range(self.count), key=keys.__getitem__)
        return (order[self.index] + keys[self.index][1]) / self.count

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + int(self._place() * (high - low + 1))

    def pick(self, *options: T) -> T:
        """One of the options, each about equally often."""
        return options[int(self._place() * len(options))]


@dataclass(frozen=True)
class Envelope:
    """Four rates and four levels; the fourth level is where the sound ends (and the pitch EG starts)."""

    rates: Four
    levels: Four


def struck(
    drop: int, knee: int, decay: int, *, attack: int = 99, end: int = 0, release: int = 50
) -> Envelope:
    """Hit or plucked: down to level `knee` at rate `drop`, then to level `end` at rate `decay`."""
    return Envelope((attack, drop, decay, release), (99, knee, end, 0))


def held(attack: int, sustain: int = 95, *, decay: int = 45, release: int = 55) -> Envelope:
    """Blown, bowed or electric: up, then level `sustain` while the key is down."""
    return Envelope((attack, decay, 35, release), (99, sustain, sustain, 0))


FLAT_PITCH = Envelope((99, 99, 99, 99), (50, 50, 50, 50))
ON_OFF = Envelope((99, 99, 99, 80), (99, 99, 99, 0))
ALWAYS = Envelope((99, 99, 99, 99), (99, 99, 99, 99))
"""For modulators that make noise; it must not thin out to a tone while the carrier fades."""


def pitch(rates: Four, octaves: tuple[float, float, float, float]) -> Envelope:
    """A pitch envelope in octaves from the note, within ±1 (32 levels an octave); it starts from the fourth.

    At rate 99 the engine moves 12 octaves a second, at 75 about 4.5, at 50 2, at 30 0.8, at 10 0.3.
    """
    first, second, third, fourth = (_UNITY_PITCH + round(32 * octave) for octave in octaves)
    return Envelope(rates, (first, second, third, fourth))


@dataclass(frozen=True)
class Scaling:
    """Keyboard level scaling: depth and curve on both sides of a MIDI note."""

    at: int = 60
    left: int = 0
    right: int = 0
    left_curve: str = "-lin"
    right_curve: str = "-lin"


def tilt(v: Variation, depth: int) -> Scaling:
    """A modulator's keyboard: duller above middle C by up to `depth`, changed by half of it below."""
    return Scaling(
        v.between(54, 66),
        v.between(0, depth // 2),
        v.between(depth // 2, depth),
        v.pick("-lin", "+lin", "+exp", "-exp"),
        v.pick("-lin", "-exp"),
    )


def register(v: Variation, low: int = 60, high: int = 79) -> Scaling:
    """A carrier's keyboard: softer above a break point between two notes, a little changed far below it."""
    return Scaling(
        v.between(low, high),
        v.between(0, 8),
        v.between(4, 30),
        v.pick("-lin", "-exp", "+exp"),
        v.pick("-lin", "-exp"),
    )


@dataclass(frozen=True)
class Op:
    """One operator.

    Attributes:
        ratio: frequency over the note's; negative: fixed, in Hz.
        level: 0 … 99.
        eg: its envelope.
        detune: -7 … 7, about 1.2 cents each at note 60.
        velocity: key velocity sensitivity, 0 … 7.
        rates: rate scaling, 0 … 7 (higher notes run their envelopes faster).
        am: sensitivity to the LFO's amplitude modulation, 0 … 3.
        keys: keyboard level scaling.
    """

    ratio: float
    level: int
    eg: Envelope = ON_OFF
    detune: int = 0
    velocity: int = 0
    rates: int = 0
    am: int = 0
    keys: Scaling = Scaling()

    def parameters(self) -> dict[str, int]:
        """The operator's 21 values under their plug-in names, without the "OPn " in front."""
        fixed = self.ratio < 0
        coarse, fine = fixed_frequency(-self.ratio) if fixed else ratio_frequency(self.ratio)
        return {
            **{f"EG RATE {n}": rate for n, rate in enumerate(self.eg.rates, 1)},
            **{f"EG LEVEL {n}": level for n, level in enumerate(self.eg.levels, 1)},
            "OUTPUT LEVEL": self.level,
            "MODE": int(fixed),
            "F COARSE": coarse,
            "F FINE": fine,
            "OSC DETUNE": _CENTER_DETUNE + self.detune,
            "BREAK POINT": self.keys.at - _BREAK_POINT_OFFSET,
            "L SCALE DEPTH": self.keys.left,
            "R SCALE DEPTH": self.keys.right,
            "L KEY SCALE": KEY_SCALE_CURVES.index(self.keys.left_curve),
            "R KEY SCALE": KEY_SCALE_CURVES.index(self.keys.right_curve),
            "RATE SCALING": self.rates,
            "A MOD SENS.": self.am,
            "KEY VELOCITY": self.velocity,
        }


@cache
def ratio_frequency(ratio: float) -> tuple[int, int]:
    """(coarse, fine) nearest to a frequency ratio; the engine computes coarse · (1 + fine / 100), coarse 0 as
    0.5.
    """
    choices = [(coarse, round(100 * (ratio / (coarse or 0.5) - 1))) for coarse in range(32)]
    return min(
        (c for c in choices if 0 <= c[1] <= 99),
        key=lambda c: (round(abs(math.log2((c[0] or 0.5) * (1 + c[1] / 100) / ratio)), 9), c[1]),
    )


def fixed_frequency(hertz: float) -> tuple[int, int]:
    """(coarse, fine) nearest to a fixed frequency, 1 … 9,772 Hz: 10 ** (coarse + fine / 100)."""
    return divmod(round(100 * math.log10(hertz)), 100)


@dataclass(frozen=True)
class Lfo:
    """The low-frequency oscillator: depths of pitch and amplitude modulation, and how much pitch answers."""

    wave: str = "triangle"
    speed: int = 35
    delay: int = 0
    pitch: int = 0
    amp: int = 0
    sensitivity: int = 3
    sync: bool = True


@dataclass(frozen=True)
class Voice:
    """A whole sound: an algorithm (1 … 32) and its operators; those not named stay silent."""

    algorithm: int
    ops: Mapping[int, Op]
    feedback: int = 0
    lfo: Lfo = field(default_factory=Lfo)
    pitch: Envelope = FLAT_PITCH
    key_sync: bool = True
    octave: int = 0

    def values(self) -> npt.NDArray[np.uint8]:
        """uint8 (145,) in VCED order; raises `ParameterError` for a value out of range."""
        named = {
            "ALGORITHM": self.algorithm - 1,
            "FEEDBACK": self.feedback,
            "OSC KEY SYNC": int(self.key_sync),
            "LFO WAVE": LFO_WAVES.index(self.lfo.wave),
            "LFO SPEED": self.lfo.speed,
            "LFO DELAY": self.lfo.delay,
            "LFO PM DEPTH": self.lfo.pitch,
            "LFO AM DEPTH": self.lfo.amp,
            "LFO KEY SYNC": int(self.lfo.sync),
            "P MODE SENS.": self.lfo.sensitivity,
            "TRANSPOSE": NEUTRAL_TRANSPOSE + 12 * self.octave,
            **{f"PITCH EG RATE {n}": rate for n, rate in enumerate(self.pitch.rates, 1)},
            **{f"PITCH EG LEVEL {n}": level for n, level in enumerate(self.pitch.levels, 1)},
        }
        for number, op in self.ops.items():
            named |= {f"OP{number} {name}": value for name, value in op.parameters().items()}
        values = PresetBank.init().values[0].copy()
        values[column("OP1 OUTPUT LEVEL")] = 0
        for name, value in named.items():
            if not 0 <= value <= parameter(name).maximum:
                raise ParameterError(f"{name} = {value} is outside 0 … {parameter(name).maximum}")
            values[column(name)] = value
        return values


@dataclass(frozen=True)
class Archetype:
    """A sound that was designed, and how many variants of it the bank holds, named `label` and a number."""

    label: str
    family: str
    count: int
    design: Callable[[Variation], Voice]

    def names(self) -> list[str]:
        return [f"{self.label} {n}" for n in range(1, self.count + 1)]

    def voices(self) -> list[Voice]:
        return [self.design(Variation(self.label, i, self.count)) for i in range(self.count)]
