"""The synth: `Dexed` renders presets in process, `PluginRenderer` hosts a real Dexed VST3.

`Dexed` wraps dexed-py (the current Dexed engine) with guards for what it does silently: it plays eight times
too loud, clamps or ignores bad values, and is wrong below 16,384 Hz. All our audio is float32 at the level of
the plug-in's own output.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
"""Hz, as in the paper (its section 2)."""

N_SAMPLES = 88_576
"""Samples of one render; the authors' host rendered 173 blocks of 512 (4.017 s), which gives 347 frames."""

HOLD = 3.0
"""Seconds from note-on to note-off."""

FADE = 0.1
"""Seconds of linear fade-out at the end of each render, as in the paper (its section 2)."""

SINGLE_NOTE: tuple[tuple[int, int], ...] = ((60, 85),)
SIX_NOTES: tuple[tuple[int, int], ...] = ((40, 85), (50, 85), (60, 42), (60, 85), (60, 127), (70, 85))
"""(MIDI note, velocity) pairs of the paper's single-note and six-note data (its section 2)."""

NOTE_SETS = {"single": SINGLE_NOTE, "six": SIX_NOTES}

_PLUGIN_LEVEL = np.float32(0.125)  # dexed-py's output is 8 times the plug-in's
_DC_BLOCKER = 126.0  # radians per second, in the plug-in
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


def _check_request(preset: Preset, note: int, velocity: int, hold: float, n_samples: int) -> None:
    check_note(note, velocity)
    _check_preset(preset)
    if not (np.isfinite(hold) and hold > 0):
        raise ParameterError(f"hold {hold} s is not finite and positive")
    if n_samples < 1:
        raise ParameterError(f"n_samples {n_samples} is not positive")


def fade_out(sound: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float32]:
    """The paper's linear fade over the last 0.1 s, in place."""
    fade = min(round(FADE * sample_rate), len(sound))
    sound[len(sound) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return sound


class Dexed:
    """The default renderer: Dexed's engine in process, about 2 ms a note, deterministic to the bit.

    Each thread owns its synth, so one `Dexed` may be shared by threads. Velocity has 64 levels (the engine
    drops the lowest bit) and note-off acts at the next block of 64 samples, as in the plug-in. LFO phase,
    sample & hold and oscillators start afresh at each render.

    Args:
        sample_rate: Hz, 16,384 … 96,000. The engine has one rate a process at a time.
        dc_blocker: apply the first-order high-pass that the plug-in has behind the engine, 20 Hz (pole
            1 - 126 / sample rate; 126 is 2 pi 20).
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
        return f"dexed-py {version('dexed-py')}" + (" with DC blocker" if self.dc_blocker else "")

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
        _check_request(preset, note, velocity, hold, n_samples)
        try:
            synth = getattr(self._local, "synth", None)
            if synth is None:
                synth = self._local.synth = dexed.DexedSynth(self.sample_rate)
            synth.load_patch(dexed.Patch.from_sysex(preset.values.tobytes() + b" " * 10))
            # half a sample more, so that rounding drops none
            sound = synth.render(int(note), int(velocity), float(hold), (n_samples + 0.5) / self.sample_rate)[
                :n_samples
            ]
        except RuntimeError as error:
            raise RenderError(f"the engine refused at {self.sample_rate} Hz: {error}") from error
        sound = sound * _PLUGIN_LEVEL
        if self.dc_blocker:
            from scipy.signal import lfilter  # takes more than a second to import

            pole = 1 - _DC_BLOCKER / self.sample_rate
            sound = lfilter([1.0, -1.0], [1.0, -pole], sound).astype(np.float32)
        return fade_out(sound, self.sample_rate)

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


class PluginRenderer:
    """Renders with a real Dexed VST3, hosted by pedalboard.

    Each preset is rendered by a fresh instance, for plug-in hosts leak the LFO's state from one render to the
    next. Parameters are found by name, never by index: Dexed 0.9.8 and later insert "MonoMode" at index 3.
    The plug-in's output keeps its own DC blocker; level and fade are those of `Dexed`.

    Args:
        path: the .vst3 file or folder.
        sample_rate: Hz.
        load: makes an instance from the path; for tests.

    Raises:
        ParameterError: the plug-in lacks a parameter of the table, or is no instrument.
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
        return self._engine

    def _instance(self) -> Any:
        plugin = self._load(str(self.path))
        if not plugin.is_instrument:
            raise ParameterError(f"{self.path} is no instrument plug-in")
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
        """One note, float32 (n_samples,), as `Dexed.render`; the first channel of the plug-in's output."""
        _check_request(preset, note, velocity, hold, n_samples)
        plugin = self._instance()
        for key, value in zip(self._keys, preset.bank.plugin()[0], strict=True):
            plugin.parameters[key].raw_value = float(value)
        messages = [((0x90, note, velocity), 0.0), ((0x80, note, 0), float(hold))]
        sound = plugin(
            [(bytes(data), time) for data, time in messages],
            duration=(n_samples + 0.5) / self.sample_rate,
            sample_rate=self.sample_rate,
            num_channels=1,
            buffer_size=512,  # the authors' host
        )
        sound = np.ascontiguousarray(np.atleast_2d(sound)[0, :n_samples], np.float32)
        return fade_out(sound, self.sample_rate)


def _match_parameters(parameters: Mapping[str, Any]) -> list[str]:
    """The host's key of each parameter of our table, in its order; names compared by letters and digits."""
    keys = {_letters(key): key for key in parameters}
    missing = [p.name for p in PARAMETERS if _letters(p.name) not in keys]
    if missing:
        raise ParameterError(
            f"the plug-in lacks {len(missing)} of 155 parameters: {', '.join(missing[:5])} …"
        )
    return [keys[_letters(p.name)] for p in PARAMETERS]


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
