"""The synth: `Dexed` renders presets in process, `PluginRenderer` hosts a real Dexed VST3.

`Dexed` wraps dexed-py (the current Dexed engine) with guards for what it does silently: it plays eight times
too loud, clamps or ignores bad values, and is wrong below 16,384 Hz. All our audio is float32 at the level of
the plug-in's own output.
"""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Protocol

import dexed
import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from latentdx.errors import LatentDXError, ParameterError
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES, maxima, voice_parameters

SAMPLE_RATE = 22_050
"""Hz, as in the paper (its section 2)."""

N_SAMPLES = 88_576
"""Samples of one render: the authors' host rendered 173 blocks of 512 (4.017 s), which gives 347 frames."""

HOLD = 3.0
"""Seconds from note-on to note-off."""

SINGLE_NOTE: tuple[tuple[int, int], ...] = ((60, 85),)
SIX_NOTES: tuple[tuple[int, int], ...] = ((40, 85), (50, 85), (60, 42), (60, 85), (60, 127), (70, 85))
"""(MIDI note, velocity) pairs of the paper's single-note and six-note data (its section 2)."""

NOTE_SETS = {"single": SINGLE_NOTE, "six": SIX_NOTES}

_PLUGIN_LEVEL = np.float32(0.125)  # dexed-py's output is 8 times the plug-in's
_FADE_SECONDS = 0.1
_MIN_RATE, _MAX_RATE = 16_384, 96_000  # below, one of the engine's tables overflows silently


class RenderError(LatentDXError):
    """The engine refused to render (for example: another sample rate is in use in this process)."""


class Renderer(Protocol):
    """Anything that turns a preset and a note into sound."""

    sample_rate: int

    @property
    def engine(self) -> str:
        """Name and version of what makes the sound, as recorded with every artifact."""
        ...

    def render(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """One note, float32 (n_samples,)."""
        ...


def check_note(note: int, velocity: int) -> None:
    """Raise `ParameterError` unless 0 <= note <= 127 and 1 <= velocity <= 127, both integers."""
    for name, value, low in (("note", note, 0), ("velocity", velocity, 1)):
        if not isinstance(value, int | np.integer) or not low <= value <= 127:
            raise ParameterError(f"{name} {value!r} is not an integer in {low} … 127")


def _check_preset(preset: Preset) -> None:
    values = preset.values
    if values.shape != (N_VALUES,) or values.dtype != np.uint8:
        raise ParameterError(f"a preset is uint8 ({N_VALUES},), not {values.dtype} {values.shape}")
    bad = np.flatnonzero(values > maxima())
    if len(bad):
        p = voice_parameters()[bad[0]]
        raise ParameterError(f"{p.name} = {values[bad[0]]} is outside 0 … {p.maximum}")


class Dexed:
    """The default renderer: Dexed's engine in process, about 2 ms a note, deterministic to the bit.

    Each thread owns its synth, so one `Dexed` may be shared by threads. Velocity has 64 levels (the engine
    drops the lowest bit) and note-off acts at the next block of 64 samples, as in the plug-in. LFO phase,
    sample & hold and oscillators start afresh at each render.

    Args:
        sample_rate: Hz, 16,384 … 96,000. The engine has one rate a process at a time.
        dc_blocker: apply the first-order high-pass that the plug-in has behind the engine (pole 0.999).
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, *, dc_blocker: bool = False) -> None:
        if not _MIN_RATE <= sample_rate <= _MAX_RATE or int(sample_rate) != sample_rate:
            raise ParameterError(
                f"sample rate {sample_rate} Hz is not an integer in {_MIN_RATE} … {_MAX_RATE}"
            )
        self.sample_rate = int(sample_rate)
        self.dc_blocker = dc_blocker
        self._local = threading.local()

    @property
    def engine(self) -> str:
        return f"dexed-py {version('dexed-py')}"

    def __getstate__(self) -> dict[str, object]:  # threads' synths stay behind; Dask pickles renderers
        return {"sample_rate": self.sample_rate, "dc_blocker": self.dc_blocker}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _local=threading.local())

    def render(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """One note at plug-in scale, with the paper's linear fade over the last 0.1 s.

        Args:
            preset: what to play.
            note: MIDI note, 0 … 127 (60 = middle C).
            velocity: 1 … 127.
            hold: seconds from note-on to note-off, positive.
            n_samples: length of the result.

        Returns:
            float32 (n_samples,).

        Raises:
            ParameterError: an argument is out of its bounds.
            RenderError: the engine refused.
        """
        check_note(note, velocity)
        _check_preset(preset)
        if not (np.isfinite(hold) and hold > 0):
            raise ParameterError(f"hold {hold} s is not finite and positive")
        if n_samples < 1:
            raise ParameterError(f"n_samples {n_samples} is not positive")
        try:
            synth = getattr(self._local, "synth", None)
            if synth is None:
                synth = self._local.synth = dexed.DexedSynth(self.sample_rate)
            synth.load_patch(dexed.Patch.from_sysex(preset.values.tobytes() + b" " * 10))
            # half a sample more, lest rounding drop one
            sound = synth.render(int(note), int(velocity), float(hold), (n_samples + 0.5) / self.sample_rate)[
                :n_samples
            ]
        except RuntimeError as error:
            raise RenderError(f"the engine refused at {self.sample_rate} Hz: {error}") from error
        sound = sound * _PLUGIN_LEVEL
        if self.dc_blocker:
            sound = lfilter([1.0, -1.0], [1.0, -0.999], sound).astype(np.float32)
        fade = min(round(_FADE_SECONDS * self.sample_rate), n_samples)
        sound[n_samples - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        return sound

    def render_batch(
        self,
        bank: PresetBank,
        notes: Sequence[tuple[int, int]] = SINGLE_NOTE,
        *,
        threads: int | None = None,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """All presets at all notes, over threads (default: one a core): float32 (preset, note, sample)."""
        out = np.empty((len(bank), len(notes), n_samples), np.float32)

        def fill(i: int) -> None:
            for j, (note, velocity) in enumerate(notes):
                out[i, j] = self.render(bank[i], note, velocity, hold=hold, n_samples=n_samples)

        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            for _ in pool.map(fill, range(len(bank))):
                pass
        return out
