"""What it costs that nobody knows how loud a recording was at the synth.

Presets of a test set are programmed twice: from their renders, and from the same sounds with a random gain,
leveled like recordings. Note, onset and hold are known in both cases, so that the level alone differs. The
answers are compared with the true presets at equal loudness.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from latentdx.applications.match import BUDGET, match_targets
from latentdx.applications.programmer import N_DRAWN, Programmer, program_targets
from latentdx.applications.target import Target
from latentdx.audio.engine.synth import Engine
from latentdx.audio.envelope import note_envelope
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset.loudness import leveled
from latentdx.evaluation.condition_tables import METRICS, measured
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES
from latentdx.typing import Audio, Floats, Rows, Values

STUDY = "level"
"""Name of this study, see `condition_tables.ConditionTable`."""

MOST_DB = 12.0
"""Largest gain of an unknown level in dB, up or down."""

LEVELS = ("known", "unknown")

Answer = Callable[[Programmer, Target, Values, int], Preset]
"""Function that answers a target, given a model, known presets (N, 145) to start from, and a seed."""


def _one_pass(model: Programmer, target: Target, known: Values, seed: int) -> Preset:
    return program_targets(model, [target]).preset


def _best_of(model: Programmer, target: Target, known: Values, seed: int) -> Preset:
    return program_targets(model, [target], n=N_DRAWN, seed=seed).preset


def _match(model: Programmer, target: Target, known: Values, seed: int) -> Preset:
    found = match_targets([target], model, nearest=known, budget=BUDGET, keep=1, seed=seed, threads=1)
    return found.best.preset


ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {
        "one pass": _one_pass,
        f"best of {N_DRAWN}": _best_of,
        f"match, {BUDGET:,} renders": _match,
    }
)
"""Ways to answer a sound, by name."""

MATCHED = f"match, {BUDGET:,} renders, known level"
"""Name of the condition whose answers are played."""

CONDITIONS = tuple(f"{answer}, {level} level" for answer in ANSWERS for level in LEVELS)
"""Names of the conditions of this study, in the order of `answer_all`."""


def heard_as(sound: Audio, level: str, rng: np.random.Generator) -> Target:
    """Return a render as a target whose level is known, or as one that was recorded with a random gain."""
    if level == "known":
        return Target(sound, *SINGLE_NOTE[0], (), ())
    recorded, gain = leveled(amplified(sound, rng.uniform(-MOST_DB, MOST_DB)))
    return Target(recorded, *SINGLE_NOTE[0], (), (), gain_db=gain, envelope=note_envelope(recorded))


def answer_all(rows: Rows, near: Values, *, model: Programmer, bank: PresetBank) -> Floats:
    """Answer presets in all `CONDITIONS`, and compare the answers with the presets at equal loudness.

    Args:
        rows: Rows of the presets in the bank, (N,); they seed the random numbers, too.
        near: Known presets from which a match starts, uint8 (N, known, 145).
        model: Model that answers.
        bank: The corpus, neutral.

    Returns:
        The 145 values of each answer and the values of `METRICS`, float64 (N, condition, 148).
    """
    engine = Engine()
    out = np.empty((len(rows), len(CONDITIONS), N_VALUES + len(METRICS)))
    for found, row, known in zip(out, rows.tolist(), near, strict=True):
        sound = engine.render(bank[row], *SINGLE_NOTE[0])
        true = SoundFeatures(sound)
        conditions = [(answer, level) for answer in ANSWERS.values() for level in LEVELS]
        for condition, (answer, level) in zip(found, conditions, strict=True):
            target = heard_as(sound, level, np.random.default_rng(row))
            preset = answer(model, target, known, row)
            heard = engine.render(preset, *SINGLE_NOTE[0])
            leveled = SoundFeatures(amplified(heard, gain_db([sound], [heard])))
            condition[:] = *preset.values, *measured(true, leveled)
    return out
