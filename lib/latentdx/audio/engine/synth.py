"""`Engine`: renders presets with the project's own DX7 engine."""

import math
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from latentdx.audio.engine import compilation
from latentdx.audio.engine.layout import BLOCK, CURRENT, OCTAVE, PAPER, VOICE
from latentdx.audio.engine.tables import clocks, oscillator, phase_steps
from latentdx.audio.engine.trace import Trace, trace
from latentdx.audio.renderer import (
    HOLD,
    N_SAMPLES,
    SAMPLE_RATE,
    Dexed,
    InProcessRenderer,
    RenderError,
    check_request,
    sound_identity,
)
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS

Era = Literal["current", "0.9.3"]
Sound = npt.NDArray[np.float32]

REVISION = 1
"""Number of the engine's sound, raised by every change that moves a sample; see `SOUND_EQUAL`."""

MAX_TUNE, MAX_BEND = 100.0, 1200.0
"""Largest master tune (the plug-in's) and pitch bend (a DX7's), in cents, up and down."""

_ERAS = {"current": CURRENT, "0.9.3": PAPER}
_STRAIGHT = np.zeros(1, np.int64)  # no pitch bend
_ENDLESS = 1 << 62  # a block that is never reached


class Engine(InProcessRenderer):
    """The fast renderer: the DX7's engine in compiled code, in one of two eras of Dexed.

    In the current era its samples equal those of `Dexed`, bit for bit. Threads may share an `Engine`, and
    engines of several sample rates may run at the same time.

    The first use on a machine compiles the engine beside the program, which takes about ten seconds, and
    keeps the result in the user's cache (see `compilation`). Until then, `Dexed` renders what it can render.

    Args:
        sample_rate: Sample rate in Hz, an integer in 16,384 … 96,000.
        era: "current" (as in dexed-py 0.3.0) or "0.9.3" (Dexed of March 2017, which made the paper's sounds).
        tune: Master tune in cents, -100 … 100.
        dc_blocker: If true, apply the plug-in's DC blocker; see `Dexed`.

    Raises:
        ParameterError: An argument is out of range.

    >>> from latentdx import PresetBank
    >>> Engine().render(PresetBank.init()[0], note=60, hold=0.1, n_samples=4410).shape
    (4410,)
    """

    def __init__(
        self,
        sample_rate: int = SAMPLE_RATE,
        *,
        era: Era = "current",
        tune: float = 0.0,
        dc_blocker: bool = False,
    ) -> None:
        super().__init__(sample_rate, dc_blocker=dc_blocker)
        if era not in _ERAS:
            raise ParameterError(f"era {era!r} is not one of {', '.join(map(repr, _ERAS))}")
        if not -MAX_TUNE <= tune <= MAX_TUNE:
            raise ParameterError(f"tune must be in {-MAX_TUNE:g} … {MAX_TUNE:g} cents, not {tune}")
        self.era: Era = era
        self.tune = float(tune)

    @property
    def engine(self) -> str:
        """Name and version of the engine, as recorded with every artifact."""
        return f"LatentDX engine {REVISION}, era {self.era}{self._variant}"

    @property
    def _variant(self) -> str:
        tuned = f" tuned by {self.tune:+g} cents" if self.tune else ""
        return tuned + (" with DC blocker" if self.dc_blocker else "")

    def render(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
        bend: npt.ArrayLike = 0.0,
        muted: Collection[int] = (),
    ) -> Sound:
        """Render one note at the plug-in's level, with the paper's linear fade-out over the last 0.1 s.

        Args:
            preset: Preset to play.
            note: MIDI note, 0 … 127 (60 is middle C).
            velocity: MIDI velocity, 1 … 127.
            hold: Positive time in seconds from note-on to note-off.
            n_samples: Length of the result in samples, at least one.
            bend: Pitch bend in cents, -1200 … 1200: a number, or one for each block of 64 samples, of which
                the last holds on.
            muted: Operators 1 … 6 that are silent; what they modulate sounds unmodulated by them.

        Returns:
            Float32 (n_samples,).

        Raises:
            ParameterError: An argument is out of range.
        """
        check_request(preset, note, velocity, hold, n_samples)
        bends, bits = _bends(bend), _bits(muted)
        if not (compilation.ready() or bits or bends.any()) and self._stand_in:
            with suppress(RenderError):  # dexed-py has one sample rate at a time
                return self._stand_in.render(preset, note, velocity, hold=hold, n_samples=n_samples)
        voice = self._start(preset, note, velocity, hold, bits)
        sound = self._advance(voice, n_samples, bends, 0)[0]
        return self._finish(sound)

    def sound_key(self, preset: Preset, note: int, velocity: int, *, hold: float) -> bytes:
        """Return bytes that are equal for two presets only if they sound the same, sample by sample.

        Presets that sound the same may have different ones, see `unheard`. See `render` for the arguments.

        Raises:
            ParameterError: An argument is out of range.
        """
        check_request(preset, note, velocity, hold, 1)
        if not compilation.ready():
            return preset.values.tobytes()
        voice = self._start(preset, note, velocity, hold, 0)
        compilation.kernels().clear_unheard(voice)
        return voice.tobytes()

    def render_operators(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
        bend: npt.ArrayLike = 0.0,
        muted: Collection[int] = (),
    ) -> Sound:
        """Render the output of each operator alone, modulated as in the preset.

        See `render` for the arguments. The sum of the carriers is the sound without its
        fade-out. The DC blocker is not applied.

        Returns:
            Float32 (6, n_samples) for operators 1 … 6.

        Raises:
            ParameterError: An argument is out of range.
        """
        check_request(preset, note, velocity, hold, n_samples)
        voice = self._start(preset, note, velocity, hold, _bits(muted))
        return self._advance(voice, n_samples, _bends(bend), N_OPERATORS)[1]

    def trace(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
        bend: npt.ArrayLike = 0.0,
        muted: Collection[int] = (),
    ) -> Trace:
        """Record what the engine computes once per block: levels, frequencies, the LFO.

        See `render` for the arguments. The first use on a machine compiles for some seconds.

        Raises:
            ParameterError: An argument is out of range.
        """
        check_request(preset, note, velocity, hold, n_samples)
        voice = self._start(preset, note, velocity, hold, _bits(muted))
        return trace(voice, -(-n_samples // BLOCK), _bends(bend), self.sample_rate)

    def blocks(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float | None = None,
        size: int = 1024,
        bend: npt.ArrayLike = 0.0,
        muted: Collection[int] = (),
    ) -> Iterator[Sound]:
        """Render a note piece by piece, without a fade-out and without end; see `render` for the arguments.

        Args:
            preset: Preset to play.
            note: MIDI note, 0 … 127.
            velocity: MIDI velocity, 1 … 127.
            hold: Positive time in seconds from note-on to note-off; default `None`: the key stays down.
            size: Samples in a piece, a positive multiple of 64.
            bend: Pitch bend in cents.
            muted: Operators 1 … 6 that are silent.

        Returns:
            Iterator of float32 (size,).

        Raises:
            ParameterError: An argument is out of range.
        """
        if size < 1 or size % BLOCK:
            raise ParameterError(f"size must be a positive multiple of {BLOCK} samples, not {size}")
        check_request(preset, note, velocity, HOLD if hold is None else hold, size)
        bends = _bends(bend)
        return self._pieces(self._start(preset, note, velocity, hold, _bits(muted)), size, bends)

    def _pieces(
        self, voice: npt.NDArray[np.void], size: int, bends: npt.NDArray[np.int64]
    ) -> Iterator[Sound]:
        state = np.zeros(1)
        while True:
            sound = self._advance(voice, size, bends, 0)[0]
            if self.dc_blocker:
                sound, state = self._block_dc(sound, state)
            yield sound

    @cached_property
    def _stand_in(self) -> Dexed | None:
        """Renderer of the same sound for the time until the engine is compiled, if there is one."""
        stand_in = Dexed(self.sample_rate, dc_blocker=self.dc_blocker)
        return stand_in if sound_identity(self.engine) == stand_in.engine else None

    def _start(
        self, preset: Preset, note: int, velocity: int, hold: float | None, muted: int
    ) -> npt.NDArray[np.void]:
        """Return the record of a note that is about to sound."""
        voice = np.zeros(VOICE.itemsize, np.uint8).view(VOICE)  # faster than zeros of a record
        key_off = _ENDLESS
        if hold is not None:
            key_off = -(-math.floor(float(np.float32(hold)) * self.sample_rate + 0.5) // BLOCK)
        compilation.kernels().start(
            voice,
            preset.values.astype(np.int64),
            int(note),
            int(velocity),
            key_off,
            _ERAS[self.era],
            _log_frequency(self.tune),
            muted,
            clocks(self.sample_rate),
        )
        return voice

    def _advance(
        self, voice: npt.NDArray[np.void], n_samples: int, bends: npt.NDArray[np.int64], operators: int
    ) -> tuple[Sound, Sound]:
        """Return the voice's next samples, and those of its operators if they are wanted."""
        whole = -(-n_samples // BLOCK) * BLOCK
        sound, outputs = np.empty(whole, np.float32), np.empty((operators, whole), np.float32)
        steps = phase_steps(self.sample_rate)
        compilation.kernels().render(voice, sound, outputs, bends, steps, *oscillator())
        return sound[:n_samples], outputs[:, :n_samples]


def _log_frequency(cents: float) -> int:
    return round(cents * OCTAVE / 1200)


def _bends(bend: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return pitch bends as log frequencies, (at least 1,)."""
    if isinstance(bend, float) and bend == 0:
        return _STRAIGHT
    cents = np.atleast_1d(np.asarray(bend, np.float64))
    if cents.ndim != 1 or not len(cents):
        raise ParameterError(f"bend must be a number or a list of numbers, not an array {cents.shape}")
    bad = cents[~(np.abs(cents) <= MAX_BEND)]
    if len(bad):
        raise ParameterError(f"bend must be in {-MAX_BEND:g} … {MAX_BEND:g} cents, not {bad[0]}")
    return np.rint(cents * (OCTAVE / 1200)).astype(np.int64)


def _bits(muted: Collection[int]) -> int:
    """Return muted operators as bits: bit k - 1 for operator k."""
    for operator in muted:
        if not isinstance(operator, int | np.integer) or not 1 <= operator <= N_OPERATORS:
            raise ParameterError(f"muted operator {operator!r} is not an integer in 1 … {N_OPERATORS}")
    return sum(1 << (int(operator) - 1) for operator in set(muted))
