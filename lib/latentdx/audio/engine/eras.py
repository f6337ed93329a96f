"""Which of the differences between Dexed 0.9.3 and today's concern a preset, as far as its settings tell.

A preset without any of them gives the same samples in both eras; with some, it may still do so.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import HOLD, N_SAMPLES
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS

DIFFERENCES: Mapping[str, str] = MappingProxyType(
    {
        "base": "a sounding operator follows the key: the pitch that all keys count from fell by one unit",
        "detune": "such an operator is detuned: the step of the detuning now depends on the key",
        "hold": "an envelope begins at level 0, or meets equal levels 1 and 2: it now waits there",
        "tremolo": "the LFO changes the level of an operator: its wave is now inverted for that",
        "fixed": "LFO or pitch envelope move a fixed operator: they no longer do",
        "speed": "the LFO is heard: its speed now comes from a table in Hz",
        "organ": "algorithm 32 with feedback: the feedback is now a quarter",
    }
)
"""Name of each difference -> what a preset has that it concerns, and what changed (section 14)."""

_DETUNE = 20 + 21 * np.arange(N_OPERATORS)  # in VCED order
_CENTER = 7


def differences(
    preset: Preset, note: int = 60, velocity: int = 85, *, hold: float = HOLD, n_samples: int = N_SAMPLES
) -> tuple[str, ...]:
    """Tell which of `DIFFERENCES` concern a preset at a note; see `Engine.render` for the arguments.

    Raises:
        ParameterError: An argument is out of range.
    """
    engines = [Engine(era=era) for era in ("current", "0.9.3")]
    outputs = [e.render_operators(preset, note, velocity, hold=hold, n_samples=n_samples) for e in engines]
    sounding = np.any(outputs, axis=(0, 2))[::-1]
    v = engines[0]._start(preset, note, velocity, hold, 0)[0]
    follows = sounding & (v["fixed"] == 0)
    targets, waits = v["target"], v["wait"]
    waiting = (v["silent_start"] > 0) & (waits[:, 0] > 0)
    waiting |= (targets[:, 0] == targets[:, 1]) & (targets[:, 1] != targets[:, 2]) & (waits[:, 1] > 0)
    vibrato = v["pitch_depth"] > 0 and v["pitch_sensitivity"] > 0
    tremolo = v["amplitude_depth"] > 0 and bool((sounding & (v["sensitivity"] > 0)).any())
    bends = vibrato or bool((v["pitch_target"] != 0).any())
    concerned = {
        "base": follows.any(),
        "detune": (follows & (preset.values[_DETUNE] != _CENTER)).any(),
        "hold": (sounding & waiting).any(),
        "tremolo": tremolo,
        "fixed": bends and (sounding & (v["fixed"] > 0)).any(),
        "speed": tremolo or (vibrato and follows.any()),
        "organ": v["algorithm"] == 31 and v["feedback"] > 0 and sounding[0],
    }
    return tuple(name for name in DIFFERENCES if concerned[name])
