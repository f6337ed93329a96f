"""What a preset does after its key is let go, while it is held longer than the target was, and at other keys.

A target says little about these: the search leaves there whatever fits the rest. So a preset may ring for
minutes after its key, die away while a sustained sound would go on, or sound partials that do not follow the
key. All of that follows from a few values, for which there is mostly a choice that changes nothing of what
the target says.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from latentdx.applications.target import Target
from latentdx.audio.envelope import Ending, note_envelope
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.presets.algorithms import algorithm
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS, NEUTRAL_TRANSPOSE, column
from latentdx.typing import Audio, Floats, Values

Play = Callable[[Preset, Target, int, float], Audio]
"""Function that renders a preset at a target's note, for a number of samples and with a hold in seconds."""

AFTER = 5.0
"""Seconds after the key at which a sound should have ended."""

HELD = 6.0
"""Seconds for which a sustained sound is held."""

FALL_DB = 40.0
"""Fall below the loudest moment from which a sound counts as ended."""

RELEASE_RATE = 45
"""EG RATE 4 where no other preset tells a plausible one."""

_WINDOW = round(0.1 * SAMPLE_RATE)
_LEAST_HEARD = 3  # tenths of a second after the key that tell something
_SUSTAINED = 6.0  # dB per second; a level that falls less is that of a sustained sound
_RATES = (0, 10, 20, 35, 54)  # added to the plausible release rate, until it is fast enough
_WAYS = (0.25, 0.5, 0.75, 0.9, 1.0)  # shares of the way from EG LEVEL 3 to EG LEVEL 2
_COST, _LEAST_COST = 1.05, 0.005  # largest increase of the distance: a factor, and what is added to it


class KeyBehavior(NamedTuple):
    """Levels of a preset in dB relative to its loudest 0.1 s.

    Attributes:
        release_db: 5 s after its key was held as long as the target's.
        held_db: After 6 s, or the target's hold if that is longer, with the key down.
    """

    release_db: float
    held_db: float


def measured(play: Play, preset: Preset, target: Target) -> KeyBehavior:
    """Measure what a preset does after its key, and while it is held.

    Args:
        play: Function that renders.
        preset: Preset to measure.
        target: Sound whose note, velocity and hold are played.
    """
    after = play(preset, target, round((target.hold + AFTER) * SAMPLE_RATE) + _WINDOW, target.hold)
    seconds = max(HELD, target.hold)
    held = play(preset, target, round(seconds * SAMPLE_RATE) + _WINDOW, seconds + 1.0)
    return KeyBehavior(_last_db(after), _last_db(held))


def _last_db(sound: Audio) -> float:
    """Return the level just before the last 0.1 s, which are faded out, relative to the loudest."""
    powers = _powers(sound)
    return float(10 * np.log10(max(powers[-2], 1e-14) / max(powers.max(), 1e-14)))


def may_ring(target: Target) -> bool:
    """Return whether a target itself is heard to fall too slowly after its key to have ended 5 s later."""
    levels = 10 * np.log10(np.maximum(_powers(target.sound), 1e-14))
    off = round(target.hold * SAMPLE_RATE) // _WINDOW
    # the last 0.1 s are faded out, and silence may follow
    end = int(np.flatnonzero(levels[:-1] > levels.max() - FALL_DB)[-1]) - 1
    if end - off < _LEAST_HEARD:
        return False
    fall = (levels[off] - levels[end]) / (end - off)
    return bool(levels[off] - fall * AFTER * SAMPLE_RATE / _WINDOW > levels.max() - FALL_DB)


def is_sustained(target: Target) -> bool:
    """Return whether a target holds its level until its key is let go, or until it is cut off."""
    found = target.envelope or note_envelope(target.sound)
    return found.ending is not Ending.FADED and found.decay < _SUSTAINED


def _powers(sound: Audio) -> Floats:
    """Return the mean square of each 0.1 s."""
    parts = sound[: max(len(sound) // _WINDOW, 2) * _WINDOW].reshape(-1, _WINDOW)
    return np.square(parts, dtype=np.float64).mean(1)


def mended(
    preset: Preset,
    target: Target,
    play: Play,
    rank: Callable[[Values], Floats],
    release_rate: int = RELEASE_RATE,
    refined: Preset | None = None,
) -> Preset:
    """Let a preset follow the key, end after it and, if its target is sustained, go on while it is held.

    Operators of a fixed frequency get about the ratio that they have at the target's note. The carriers' EG
    LEVEL 4 becomes 0 and their EG RATE 4 a plausible one; EG LEVEL 3 rises towards EG LEVEL 2. Of the ways
    that do it, that with the least distance is taken, unless it costs more than 5%.

    Searches fix twice as many frequencies as real presets do, because at one note a fixed one can sound the
    same. On 100 validation presets (2,000 renders), ratios in their place brought the MFCC13 distance an
    octave lower from a median of 8.8 to 8.2, and an octave higher from 8.0 to 7.5; at the note heard, it
    went from 5.03 to 5.08.

    Args:
        preset: Preset as it was found.
        target: Sound that it should be like.
        play: Function that renders.
        rank: Function that returns the distances (N,) of presets (N, 145) from all sounds, as far as they
            may be answers; `inf` for others.
        release_rate: Plausible EG RATE 4.
        refined: Preset that was refined; operators whose frequency it fixes keep theirs.

    Returns:
        The preset, changed or not.
    """
    preset = _following(preset, target.note, rank, refined)
    found = measured(play, preset, target)
    if found.release_db > -FALL_DB and not may_ring(target):
        preset = _cheapest(
            preset,
            _released(preset, release_rate),
            rank,
            lambda p: measured(play, p, target).release_db <= -FALL_DB,
        )
    if found.held_db < -FALL_DB and is_sustained(target):
        preset = _cheapest(
            preset,
            _sustained(preset),
            rank,
            lambda p: measured(play, p, target).held_db >= -FALL_DB,
        )
    return preset


def _following(preset: Preset, note: int, rank: Callable[[Values], Floats], refined: Preset | None) -> Preset:
    """Replace fixed frequencies by ratios, operator by operator, as far as that costs little in all."""
    values, most = preset.values, None
    for k in range(1, N_OPERATORS + 1):
        meant = refined is not None and refined[f"OP{k} MODE"]
        if preset[f"OP{k} MODE"] and preset[f"OP{k} OUTPUT LEVEL"] and not meant:
            if most is None:
                most = _COST * rank(values[None])[0] + _LEAST_COST
            ways = _with_ratio(values, k, note)
            distances = rank(ways)
            if distances.min() <= most:
                values = ways[distances.argmin()]
    return Preset(values, preset.name, preset.id)


def _with_ratio(values: Values, operator: int, note: int) -> Values:
    """Return presets whose operator has about the ratio of its fixed frequency to a note, uint8 (4, 145)."""
    mode, coarse, fine = (column(f"OP{operator} {name}") for name in ("MODE", "F COARSE", "F FINE"))
    key = note + int(values[column("TRANSPOSE")]) - NEUTRAL_TRANSPOSE
    ratio = 10 ** (values[coarse] % 4 + values[fine] / 100) / (440 * 2 ** ((key - 69) / 12))
    below = min(int(ratio), 31)
    over = round(100 * (ratio / (below or 0.5) - 1))
    out = np.tile(values, (4, 1))
    out[:, mode] = 0
    out[:, coarse] = (below, below, below, min(round(ratio), 31))
    out[:, fine] = (*np.clip((over, over - 1, over + 1), 0, 99), 0)
    return out


def _cheapest(
    preset: Preset, ways: Iterator[Values], rank: Callable[[Values], Floats], good: Callable[[Preset], bool]
) -> Preset:
    """Return the closest of some changed presets that is good and costs little, or the preset as it is."""
    changed = np.stack([preset.values, *ways])
    distances = rank(changed)
    most = _COST * distances[0] + _LEAST_COST
    for i in np.argsort(distances, kind="stable").tolist():
        if i and distances[i] <= most and good(Preset(changed[i])):
            return Preset(changed[i], preset.name, preset.id)
    return preset


def _carriers(preset: Preset) -> list[int]:
    """Return the operators that can be heard."""
    numbers = algorithm(preset["ALGORITHM"] + 1).carriers
    return [k for k in numbers if preset[f"OP{k} OUTPUT LEVEL"]]


def _columns(operators: list[int], name: str) -> list[int]:
    return [column(f"OP{k} {name}") for k in operators]


def _released(preset: Preset, rate: int) -> Iterator[Values]:
    """Yield presets that are silent after the key; level 4 is also where the attack starts from."""
    carriers = _carriers(preset)
    rates, attacks = _columns(carriers, "EG RATE 4"), _columns(carriers, "EG RATE 1")
    for more in (None, *_RATES):
        values = preset.values.copy()
        values[_columns(carriers, "EG LEVEL 4")] = 0
        if more is not None:
            values[rates] = np.maximum(values[rates], min(rate + more, 99))
        yield values
        quick = values.copy()
        quick[attacks] = 99
        yield quick


def _sustained(preset: Preset) -> Iterator[Values]:
    """Yield presets whose carriers stay louder while the key is held."""
    carriers = _carriers(preset)
    for way in _WAYS:
        values = preset.values.copy()
        for k in carriers:
            third, second = preset[f"OP{k} EG LEVEL 3"], preset[f"OP{k} EG LEVEL 2"]
            if third < second:
                values[column(f"OP{k} EG LEVEL 3")] = round(third + way * (second - third))
        yield values
    slow = preset.values.copy()
    for rate in ("EG RATE 2", "EG RATE 3"):
        columns = _columns(carriers, rate)
        slow[columns] = slow[columns] // 2
        yield slow.copy()


def plausible_release(values: Values) -> int:
    """Return the median release rate of the carriers of presets that fall silent after their key.

    Args:
        values: Presets, uint8 (N, 145), such as those that a model drew for the sound.
    """
    rates = []
    for preset in map(Preset, values):
        rates += [preset[f"OP{k} EG RATE 4"] for k in _carriers(preset) if preset[f"OP{k} EG LEVEL 4"] == 0]
    return int(np.median(rates)) if rates else RELEASE_RATE
