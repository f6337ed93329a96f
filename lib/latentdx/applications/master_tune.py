"""Master tune: what the paper's authors turned by hand, for players that have it; a preset has none.

It moves all operators by the same interval, those with a fixed frequency too, and changes no parameter. But
it is a control of the player, with the range of a semitone up and down, and not stored with a preset.
`latentdx.applications.tune` finds parameters that come close without it.
"""

from dataclasses import dataclass

import numpy as np

from latentdx.applications.tune import IN_TUNE, Estimator, Tuning
from latentdx.audio import pitch
from latentdx.audio.engine.synth import MAX_TUNE, Engine
from latentdx.metrics.objective import score
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import NEUTRAL_TRANSPOSE, parameter
from latentdx.typing import Audio

_ESTIMATE = 1.0  # cents within which two estimates of a pitch agree


@dataclass(frozen=True)
class MasterTuning:
    """Setting of a player that brings a preset as it is in tune.

    Attributes:
        transpose: Semitones by which the player transposes; 0 where master tune is enough.
        cents: Master tune in cents, -100 … 100, to a tenth.
        after_cents: Sounding pitch minus wanted pitch in cents, estimated on a render with this setting.
        distance_after: `objective.distance` of that render from the target; `nan` without a target sound.
    """

    transpose: int
    cents: float
    after_cents: float
    distance_after: float = float("nan")


def master_tune(
    preset: Preset,
    found: Tuning,
    note: int = 60,
    velocity: int = 85,
    *,
    target: Audio | None = None,
    estimator: Estimator = pitch.estimate,
) -> MasterTuning | None:
    """Find the master tune for a preset, and listen to it.

    Args:
        preset: Preset as it was before tuning.
        found: What `tune` or `tune_to` made of it, at the same note.
        note: MIDI note that is played, 0 … 127.
        velocity: Velocity of that note, 1 … 127.
        target: Sound that it was tuned to, if it was a sound; the setting must not move further away from it.
        estimator: Pitch estimator.

    Returns:
        The setting; zeros if the preset is in tune. `None` if the preset or the target has no pitch, or no
        setting is an improvement.
    """
    if np.isnan(found.before_cents):
        return None
    if found.verdict == "in tune":
        return MasterTuning(0, 0.0, found.before_cents, found.distance_before)
    octaves = round(found.after_cents / 1200) if found.tuned else 0  # where the sound decided for another
    wanted, shift = found.wanted + 12 * octaves, 1200 * octaves - found.before_cents
    semitones = 0 if abs(shift) <= MAX_TUNE + IN_TUNE else round(shift / 100)
    cents = round(float(np.clip(shift - 100 * semitones, -MAX_TUNE, MAX_TUNE)), 1)
    if semitones and abs(cents) < _ESTIMATE:
        cents = 0.0
    transposed = _transposed(preset, semitones, note)
    if transposed is None:
        return None
    synth = Engine(tune=cents)
    heard = estimator(synth.render(transposed, note, velocity))
    after = 100 * (heard.midi - wanted)
    if not abs(after) <= max(IN_TUNE, abs(shift)):  # also where no pitch is heard
        return None
    if target is None:
        return MasterTuning(semitones, cents, after)
    distance = float(score(transposed.values[None], [target], [(note, velocity)], renderer=synth)[0])
    return MasterTuning(semitones, cents, after, distance) if distance <= found.distance_before else None


def _transposed(preset: Preset, semitones: int, note: int) -> Preset | None:
    """Return a preset transposed as a player would; `None` if a key or the parameter would end its range."""
    transpose = preset["TRANSPOSE"] + semitones
    key = note + transpose - NEUTRAL_TRANSPOSE
    if semitones == 0:
        return preset
    if not (0 <= transpose <= parameter("TRANSPOSE").maximum and 0 <= key <= 127):
        return None
    return preset.with_values(TRANSPOSE=transpose)
