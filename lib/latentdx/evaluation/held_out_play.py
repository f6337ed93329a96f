"""Held-out play: how well the answer to one note follows the true preset when it is played in other ways.

A match hears one note. What a preset does at other velocities, in other octaves, or when its key is held
longer, it has to guess. Here the answers to presets of a test set are played in those ways, beside the true
presets. Both are brought to equal loudness once, at the note that was heard: whoever plays them turns the
volume once, and then expects a soft note to be soft.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE
from latentdx.caching import code_hash, map_chunks
from latentdx.evaluation import condition_tables
from latentdx.evaluation.condition_tables import METRICS, measured
from latentdx.metrics import gain, registry, sound_features
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Values

STUDY = "held-out-play"
"""Name of this study, see `condition_tables.ConditionTable`."""


class Playing(NamedTuple):
    """A way to play a preset.

    Attributes:
        note: MIDI note.
        velocity: MIDI velocity.
        hold: Seconds from note-on to note-off.
        n_samples: Number of samples that are heard, at 22,050 Hz.
    """

    note: int
    velocity: int
    hold: float = HOLD
    n_samples: int = N_SAMPLES


HEARD = "heard"
"""Name of the way of playing that the match heard."""

PLAYINGS: Mapping[str, Playing] = MappingProxyType(
    {
        HEARD: Playing(60, 85),
        "soft": Playing(60, 40),
        "hard": Playing(60, 120),
        "octave down": Playing(48, 85),
        "octave up": Playing(72, 85),
        "held 6 s": Playing(60, 85, 6.0, 7 * SAMPLE_RATE),
    }
)
"""Ways of playing, by name; the first one is what was heard."""


def compare(true: Preset, found: Preset, engine: Engine) -> Floats:
    """Compare an answer with the true preset in all `PLAYINGS`.

    Args:
        true: The preset whose sound was heard.
        found: The answer.
        engine: Synth that renders, at 22,050 Hz.

    Returns:
        Values of `condition_tables.METRICS`, float64 (playing, metric); `nan` where the true preset is
        silent.
    """

    def played(preset: Preset, way: Playing) -> SoundFeatures:
        return SoundFeatures(engine.render(preset, *way[:2], hold=way.hold, n_samples=way.n_samples))

    pairs = [(played(true, way), played(found, way)) for way in PLAYINGS.values()]
    shared = gain_db([pairs[0][0].audio], [pairs[0][1].audio])
    return np.array([measured(a, SoundFeatures(amplified(b.audio, shared))) for a, b in pairs])


def _compare_all(true: Values, found: Values) -> Floats:
    engine = Engine()
    return np.stack([compare(Preset(a), Preset(b), engine) for a, b in zip(true, found, strict=True)])


def play(true: Values, found: Values, options: RunOptions = RunOptions()) -> Floats:
    """Compare answers with the true presets in all `PLAYINGS`; finished chunks are kept.

    Args:
        true: Presets whose sounds were heard, uint8 (N, 145).
        found: The answers, uint8 (N, 145).
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        float64 (N, playing, metric), see `compare`.
    """
    code = code_hash(condition_tables, gain, registry, sound_features)
    return map_chunks(
        _compare_all,
        [true, found],
        method=f"{code} {Engine().engine} {tuple(PLAYINGS.values())} {METRICS}",
        kind="evaluation",
        size=8,
        description="playing",
        options=options,
    )
