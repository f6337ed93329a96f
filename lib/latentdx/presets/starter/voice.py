"""Building blocks of the starter sounds: operators, envelopes, voices, and measured variation.

Levels and rates are the DX7's own 0 … 99. A sound designer needs to know the following about them (measured
at note 60 with the engine that renders):

- A modulator at level 99 shifts the phase of its carrier by 12.6 radians, and each reduction by 8 levels
  halves the shift (91: 6.3, 75: 1.6, 60: 0.4).
- A carrier loses 6 dB every 8 levels.
- An envelope falls by about 200, 65, 20, 7, 4 and 2 dB per second at rates 60, 50, 40, 30, 25 and 20, and
  rises to its peak in about 20, 50, 170 and 550 ms at rates 70, 60, 50 and 40.
- Rate scaling 4 adds about 9 to all rates of an operator at this note.
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
"""Random seed, the year of the DX7; it and the names of the sounds determine all choices in the bank."""

Four = tuple[int, int, int, int]
T = TypeVar("T")

_CENTER_DETUNE = 7
_BREAK_POINT_OFFSET = 17  # break point 0 is MIDI note 17 (in the engine: offset = note - break point - 17)
_UNITY_PITCH = 50


class Variation:
    """Choices of one variant of an archetype, from a Latin hypercube.

    The k-th choices of all variants are spread evenly over their range, in a separate random order for each
    k, so that the variants differ in every respect. Only `random.Random.random` is used, because Python
    guarantees its sequence for a seed.

    Args:
        archetype: Name of the archetype, which seeds the choices.
        index: Number of the variant, 0 … count - 1.
        count: Number of variants of the archetype.
    """

    def __init__(self, archetype: str, index: int, count: int) -> None:
        self.archetype, self.index, self.count = archetype, index, count
        self._choices = 0

    def _place(self) -> float:
        """Draw this variant's place in [0, 1) for the next choice."""
        self._choices += 1
        stream = random.Random(f"{SEED}/{self.archetype}/{self._choices}")
        keys = [(stream.random(), stream.random()) for _ in range(self.count)]
        order = sorted(range(self.count), key=keys.__getitem__)
        return (order[self.index] + keys[self.index][1]) / self.count

    def between(self, low: int, high: int) -> int:
        """Choose an integer from `low` to `high`, both included."""
        return low + int(self._place() * (high - low + 1))

    def pick(self, *options: T) -> T:
        """Choose one of the options, each about equally often."""
        return options[int(self._place() * len(options))]


@dataclass(frozen=True)
class Envelope:
    """Four rates and four levels; the sound ends at the fourth level, and the pitch EG also starts there."""

    rates: Four
    levels: Four


def struck(
    drop: int, knee: int, decay: int, *, attack: int = 99, end: int = 0, release: int = 50
) -> Envelope:
    """Make the envelope of a struck or plucked sound, which falls in two stages.

    Args:
        drop: Rate of the first fall.
        knee: Level at which the first fall ends.
        decay: Rate of the second fall.
        attack: Rate of the attack.
        end: Level at which the second fall ends while the key is down.
        release: Rate after the key is released.
    """
    return Envelope((attack, drop, decay, release), (99, knee, end, 0))


def held(attack: int, sustain: int = 95, *, decay: int = 45, release: int = 55) -> Envelope:
    """Make the envelope of a blown, bowed or electric sound, which lasts while the key is down.

    Args:
        attack: Rate of the attack.
        sustain: Level while the key is down.
        decay: Rate from the peak to the sustain level.
        release: Rate after the key is released.
    """
    return Envelope((attack, decay, 35, release), (99, sustain, sustain, 0))


FLAT_PITCH = Envelope((99, 99, 99, 99), (50, 50, 50, 50))
ON_OFF = Envelope((99, 99, 99, 80), (99, 99, 99, 0))
ALWAYS = Envelope((99, 99, 99, 99), (99, 99, 99, 99))
"""Envelope of modulators that make noise, which must not thin out to a tone while the carrier fades."""


def pitch(rates: Four, octaves: tuple[float, float, float, float]) -> Envelope:
    """Make a pitch envelope, which starts from its fourth pitch.

    Args:
        rates: Four rates; per second, the engine moves 12 octaves at rate 99, about 4.5 at 75, 2 at 50, 0.8
            at 30 and 0.3 at 10.
        octaves: Four pitches in octaves from the note, within ±1 (32 levels per octave).
    """
    first, second, third, fourth = (_UNITY_PITCH + round(32 * octave) for octave in octaves)
    return Envelope(rates, (first, second, third, fourth))


@dataclass(frozen=True)
class Scaling:
    """Keyboard level scaling: depths (0 … 99) and curves on both sides of a MIDI note."""

    at: int = 60
    left: int = 0
    right: int = 0
    left_curve: str = "-lin"
    right_curve: str = "-lin"


def tilt(v: Variation, depth: int) -> Scaling:
    """Choose the scaling of a modulator: up to `depth` above about middle C, and up to half of it below."""
    return Scaling(
        v.between(54, 66),
        v.between(0, depth // 2),
        v.between(depth // 2, depth),
        v.pick("-lin", "+lin", "+exp", "-exp"),
        v.pick("-lin", "-exp"),
    )


def register(v: Variation, low: int = 60, high: int = 79) -> Scaling:
    """Choose the scaling of a carrier: softer above a break point in `low` … `high`, little change below."""
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
        ratio: Ratio of its frequency to the note's; a negative number is a fixed frequency in Hz.
        level: Output level, 0 … 99.
        eg: Envelope.
        detune: Detune, -7 … 7, in steps of about 1.2 cents at note 60.
        velocity: Key velocity sensitivity, 0 … 7.
        rates: Rate scaling, 0 … 7; the envelopes of higher notes run faster.
        am: Sensitivity to the LFO's amplitude modulation, 0 … 3.
        keys: Keyboard level scaling.
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
        """Return the operator's 21 values under their plug-in names, without the prefix "OPn "."""
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
    """Find the (coarse, fine) values closest to a frequency ratio.

    The engine computes coarse · (1 + fine / 100), where coarse 0 counts as 0.5.

    >>> ratio_frequency(3.5)
    (2, 75)
    """
    choices = [(coarse, round(100 * (ratio / (coarse or 0.5) - 1))) for coarse in range(32)]
    return min(
        (c for c in choices if 0 <= c[1] <= 99),
        key=lambda c: (round(abs(math.log2((c[0] or 0.5) * (1 + c[1] / 100) / ratio)), 9), c[1]),
    )


def fixed_frequency(hertz: float) -> tuple[int, int]:
    """Find the (coarse, fine) values closest to a fixed frequency, which is 10 ** (coarse + fine / 100).

    Args:
        hertz: Frequency, 1 … 9,772 Hz.
    """
    return divmod(round(100 * math.log10(hertz)), 100)


@dataclass(frozen=True)
class Lfo:
    """The low-frequency oscillator.

    Attributes:
        wave: Waveform, one of `LFO_WAVES`.
        speed: Speed, 0 … 99.
        delay: Delay after note-on, 0 … 99.
        pitch: Depth of pitch modulation, 0 … 99.
        amp: Depth of amplitude modulation, 0 … 99.
        sensitivity: Sensitivity of the pitch to the modulation, 0 … 7.
        sync: True if each note restarts the LFO.
    """

    wave: str = "triangle"
    speed: int = 35
    delay: int = 0
    pitch: int = 0
    amp: int = 0
    sensitivity: int = 3
    sync: bool = True


@dataclass(frozen=True)
class Voice:
    """A complete sound.

    Attributes:
        algorithm: Number of the algorithm, 1 … 32.
        ops: Operators by number, 1 … 6; operators that are left out stay silent.
        feedback: Feedback level, 0 … 7.
        lfo: Low-frequency oscillator.
        pitch: Pitch envelope.
        key_sync: True if each note restarts the oscillators.
        octave: Transposition in octaves.
    """

    algorithm: int
    ops: Mapping[int, Op]
    feedback: int = 0
    lfo: Lfo = field(default_factory=Lfo)
    pitch: Envelope = FLAT_PITCH
    key_sync: bool = True
    octave: int = 0

    def values(self) -> npt.NDArray[np.uint8]:
        """Return the values in VCED order, uint8 (145,); a value out of range raises `ParameterError`."""
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
    """A designed sound and its variants.

    Attributes:
        label: Name of the sound; each variant is named with it and a number.
        family: Family of the sound, such as "bell".
        count: Number of variants in the bank.
        design: Function that makes a variant from its choices; its docstring appears in the bank's README.
    """

    label: str
    family: str
    count: int
    design: Callable[[Variation], Voice]

    def names(self) -> list[str]:
        """Return the names of all variants."""
        return [f"{self.label} {n}" for n in range(1, self.count + 1)]

    def voices(self) -> list[Voice]:
        """Make all variants."""
        return [self.design(Variation(self.label, i, self.count)) for i in range(self.count)]
