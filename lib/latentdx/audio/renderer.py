"""The synth: `Dexed` renders presets in process, and `PluginRenderer` hosts a real Dexed VST3 plug-in.

`Dexed` wraps dexed-py (the current Dexed engine) and guards against its silent faults: it plays eight times
too loud, clamps or ignores bad values, and renders incorrectly below 16,384 Hz. All audio in this package is
float32 at the level of the plug-in's own output.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import dexed
import numpy as np
import numpy.typing as npt
import pedalboard

from latentdx.errors import LatentDXError, ParameterError
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES, PARAMETERS, maxima, voice_parameters

SAMPLE_RATE = 22_050
"""Sample rate in Hz, as in the paper (section 2)."""

N_SAMPLES = 88_576
"""Samples per render; the authors' host rendered 173 blocks of 512 (4.017 s), which gives 347 frames."""

HOLD = 3.0
"""Seconds from note-on to note-off."""

FADE = 0.1
"""Seconds of linear fade-out at the end of each render, as in the paper (section 2)."""

SINGLE_NOTE: tuple[tuple[int, int], ...] = ((60, 85),)
"""(MIDI note, velocity) pair of the paper's single-note data (section 2)."""

SIX_NOTES: tuple[tuple[int, int], ...] = ((40, 85), (50, 85), (60, 42), (60, 85), (60, 127), (70, 85))
"""(MIDI note, velocity) pairs of the paper's six-note data (section 2)."""

NOTE_SETS = {"single": SINGLE_NOTE, "six": SIX_NOTES}
"""Name of a note set -> its (MIDI note, velocity) pairs."""

_PLUGIN_LEVEL = np.float32(0.125)  # dexed-py's output is 8 times as loud as the plug-in's
_DC_BLOCKER = 126.0  # radians per second, as in the plug-in
_MIN_RATE, _MAX_RATE = 16_384, 96_000  # at lower rates one of the engine's tables overflows silently


SOUND_EQUAL = {"LatentDX engine 1, era current": "dexed-py 0.3.0"}
"""Names of engines -> name of the engine that gives the same samples, bit for bit, which tests prove."""


def sound_identity(engine: str) -> str:
    """Return the name under which results of an engine are kept: one name for all engines of equal sound.

    Caches and stores made with one of them are thus valid for the others; provenance keeps the engine's name.

    Args:
        engine: Name of an engine, as `Renderer.engine` gives it, with what follows it, such as a DC blocker.

    >>> sound_identity("LatentDX engine 1, era current with DC blocker")
    'dexed-py 0.3.0 with DC blocker'
    """
    for name, equal in SOUND_EQUAL.items():
        if engine.startswith(name):
            return equal + engine.removeprefix(name)
    return engine


class RenderError(LatentDXError):
    """The engine cannot render, for example because another sample rate is in use in this process."""


class Renderer(Protocol):
    """Anything that turns a preset and a note into sound."""

    sample_rate: int

    @property
    def engine(self) -> str:
        """Name and version of the engine, as recorded with every artifact."""
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
        """Render one note as float32 (n_samples,); see `Dexed.render` for the arguments."""
        ...


def check_note(note: int, velocity: int) -> None:
    """Check a MIDI note and a velocity.

    Args:
        note: MIDI note; valid if it is an integer in 0 … 127.
        velocity: MIDI velocity; valid if it is an integer in 1 … 127.

    Raises:
        ParameterError: The note or the velocity is not valid.
    """
    for name, value, low in (("note", note, 0), ("velocity", velocity, 1)):
        if not isinstance(value, int | np.integer) or not low <= value <= 127:
            raise ParameterError(f"{name} {value!r} is not an integer in {low} … 127")


def _check_preset(preset: Preset) -> None:
    """Check the shape, dtype and ranges of a preset's values."""
    values = preset.values
    if values.shape != (N_VALUES,) or values.dtype != np.uint8:
        raise ParameterError(f"a preset must be uint8 ({N_VALUES},), not {values.dtype} {values.shape}")
    bad = np.flatnonzero(values > maxima())
    if len(bad):
        p = voice_parameters()[bad[0]]
        raise ParameterError(f"{p.name} = {values[bad[0]]} is outside 0 … {p.maximum}")


def check_request(preset: Preset, note: int, velocity: int, hold: float, n_samples: int) -> None:
    """Check all arguments of a render."""
    check_note(note, velocity)
    _check_preset(preset)
    if not (np.isfinite(hold) and hold > 0):
        raise ParameterError(f"hold must be a finite positive time in seconds, not {hold}")
    if n_samples < 1:
        raise ParameterError(f"n_samples must be positive, not {n_samples}")


def fade_out(sound: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float32]:
    """Apply the paper's linear fade-out to the last 0.1 s of a sound.

    Args:
        sound: Float32 (samples,); it is changed in place.
        sample_rate: Sample rate in Hz.

    Returns:
        The array passed in.
    """
    fade = min(round(FADE * sample_rate), len(sound))
    sound[len(sound) - fade :] *= _ramp(fade)
    return sound


@lru_cache(maxsize=8)
def _ramp(n: int) -> npt.NDArray[np.float32]:
    return np.linspace(1.0, 0.0, n, dtype=np.float32)


class InProcessRenderer(ABC):
    """What `Dexed` and `Engine` share: checks, level, DC blocker, and rendering of many presets.

    Args:
        sample_rate: Sample rate in Hz, an integer in 16,384 … 96,000.
        dc_blocker: If true, apply the plug-in's DC blocker: a first-order high-pass filter at 20 Hz, whose
            pole is at 1 - 126 / sample rate (126 is 2 pi 20).

    Raises:
        ParameterError: The sample rate is out of range.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, *, dc_blocker: bool = False) -> None:
        if not _MIN_RATE <= sample_rate <= _MAX_RATE or int(sample_rate) != sample_rate:
            raise ParameterError(
                f"sample rate {sample_rate} Hz is not an integer in {_MIN_RATE:,} … {_MAX_RATE:,}"
            )
        self.sample_rate = int(sample_rate)
        self.dc_blocker = dc_blocker

    @abstractmethod
    def render(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """Render one note as float32 (n_samples,); see `Dexed.render` for the arguments."""

    def _finish(self, sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Apply the DC blocker, if there is one, and the fade-out."""
        if self.dc_blocker:
            sound, _ = self._block_dc(sound, np.zeros(1))
        return fade_out(sound, self.sample_rate)

    def _block_dc(
        self, sound: npt.NDArray[np.float32], state: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Apply the DC blocker to the next piece of a sound; return it, and the filter's state after it."""
        from scipy.signal import lfilter  # takes more than a second to import

        pole = 1 - _DC_BLOCKER / self.sample_rate
        filtered, state = lfilter([1.0, -1.0], [1.0, -pole], sound, zi=state)
        return filtered.astype(np.float32), state

    def render_batch(
        self,
        bank: PresetBank,
        notes: Sequence[tuple[int, int]] = SINGLE_NOTE,
        *,
        threads: int | None = None,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """Render all presets of a bank at all notes, in parallel threads.

        Args:
            bank: Presets to play.
            notes: (MIDI note, velocity) pairs.
            threads: Number of threads; default one per core.
            hold: Positive time in seconds from note-on to note-off.
            n_samples: Length of each sound in samples, at least one.

        Returns:
            Float32 (preset, note, sample).

        Raises:
            ParameterError: An argument is out of range.
            RenderError: The engine cannot render.
        """
        out = np.empty((len(bank), len(notes), n_samples), np.float32)

        def fill(i: int) -> None:
            for j, (note, velocity) in enumerate(notes):
                out[i, j] = self.render(bank[i], note, velocity, hold=hold, n_samples=n_samples)

        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            for _ in pool.map(fill, range(len(bank))):
                pass
        return out


class Dexed(InProcessRenderer):
    """The reference renderer: Dexed's engine in process, about 2 ms per note, with bit-identical repeats.

    Each thread has its own synth, so threads may share one `Dexed`. Velocity has 64 levels (the engine drops
    the lowest bit), and note-off takes effect at the next block of 64 samples, as in the plug-in. The LFO
    phase, sample & hold and the oscillators are reset for each render.

    Args:
        sample_rate: Sample rate in Hz, an integer in 16,384 … 96,000. The engine supports only one rate at a
            time in a process.
        dc_blocker: If true, apply the plug-in's DC blocker: a first-order high-pass filter at 20 Hz, whose
            pole is at 1 - 126 / sample rate (126 is 2 pi 20).

    Raises:
        ParameterError: The sample rate is out of range.

    >>> from latentdx import PresetBank
    >>> Dexed().render(PresetBank.init()[0], note=60).shape
    (88576,)
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, *, dc_blocker: bool = False) -> None:
        super().__init__(sample_rate, dc_blocker=dc_blocker)
        self._local = threading.local()

    @property
    def engine(self) -> str:
        """Name and version of the engine, as recorded with every artifact."""
        return f"dexed-py {version('dexed-py')}" + (" with DC blocker" if self.dc_blocker else "")

    def __getstate__(self) -> dict[str, object]:
        """Leave out the threads' synths, so that Dask can pickle the renderer."""
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
        """Render one note at the plug-in's level, with the paper's linear fade-out over the last 0.1 s.

        Args:
            preset: Preset to play.
            note: MIDI note, 0 … 127 (60 is middle C).
            velocity: MIDI velocity, 1 … 127.
            hold: Positive time in seconds from note-on to note-off.
            n_samples: Length of the result in samples, at least one.

        Returns:
            Float32 (n_samples,).

        Raises:
            ParameterError: An argument is out of range.
            RenderError: The engine cannot render, for example because another sample rate is in use.
        """
        check_request(preset, note, velocity, hold, n_samples)
        try:
            synth = getattr(self._local, "synth", None)
            if synth is None:
                synth = self._local.synth = dexed.DexedSynth(self.sample_rate)
            synth.load_patch(dexed.Patch.from_sysex(preset.values.tobytes() + b" " * 10))
            # half a sample more, so that rounding does not drop the last one
            sound = synth.render(int(note), int(velocity), float(hold), (n_samples + 0.5) / self.sample_rate)[
                :n_samples
            ]
        except RuntimeError as error:
            raise RenderError(f"the engine cannot render at {self.sample_rate:,} Hz: {error}") from error
        return self._finish(sound * _PLUGIN_LEVEL)


class PluginRenderer:
    """Renderer that hosts a real Dexed VST3 plug-in with pedalboard.

    A new instance renders each preset, because otherwise the state of the LFO would leak from one render to
    the next. Parameters are found by name, never by index, because Dexed 0.9.8 and later insert "MonoMode" at
    index 3. The sound includes the plug-in's own DC blocker; level and fade-out are those of `Dexed`.

    Args:
        path: The .vst3 file or folder.
        sample_rate: Sample rate in Hz.
        load: Function that makes an instance from the path; replaced in tests.

    Raises:
        ParameterError: The plug-in lacks a parameter of the table, or is not an instrument.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int = SAMPLE_RATE,
        *,
        load: Callable[[str], Any] = pedalboard.load_plugin,
    ) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self._load = load
        plugin = self._instance()
        self._keys = _match_parameters(plugin.parameters)
        self._engine = f"{plugin.name} {plugin.version}"

    @property
    def engine(self) -> str:
        """Name and version of the plug-in, as recorded with every artifact."""
        return self._engine

    def _instance(self) -> Any:
        """Load a new instance of the plug-in."""
        plugin = self._load(str(self.path))
        if not plugin.is_instrument:
            raise ParameterError(f"{self.path} is not an instrument plug-in")
        return plugin

    def render(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """Render one note from the first channel of the plug-in's output; see `Dexed.render`.

        Returns:
            Float32 (n_samples,).
        """
        check_request(preset, note, velocity, hold, n_samples)
        plugin = self._instance()
        for key, value in zip(self._keys, preset.bank.plugin()[0], strict=True):
            plugin.parameters[key].raw_value = float(value)
        messages = [((0x90, note, velocity), 0.0), ((0x80, note, 0), float(hold))]
        sound = plugin(
            [(bytes(data), time) for data, time in messages],
            duration=(n_samples + 0.5) / self.sample_rate,
            sample_rate=self.sample_rate,
            num_channels=1,
            buffer_size=512,  # as in the authors' host
        )
        sound = np.ascontiguousarray(np.atleast_2d(sound)[0, :n_samples], np.float32)
        return fade_out(sound, self.sample_rate)


def _match_parameters(parameters: Mapping[str, Any]) -> list[str]:
    """Return the host's key of each parameter of the table; names are compared by letters and digits."""
    keys = {_letters(key): key for key in parameters}
    missing = [p.name for p in PARAMETERS if _letters(p.name) not in keys]
    if missing:
        raise ParameterError(
            f"the plug-in lacks {len(missing)} of 155 parameters: {', '.join(missing[:5])} …"
        )
    return [keys[_letters(p.name)] for p in PARAMETERS]


def _letters(name: str) -> str:
    """Return the letters and digits of a name in lower case."""
    return "".join(c for c in name.casefold() if c.isalnum())
