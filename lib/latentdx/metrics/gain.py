"""The gain at which a sound is compared with its target.

Nobody knows how loud a recording was at the synth, and every player has a volume knob. So the objective
compares sounds at equal loudness: the found sound is amplified until it has the target's energy. Several
notes of one instrument share one gain, because the balance between them belongs to the preset.
"""

import math
from collections.abc import Sequence

import numpy as np

from latentdx.typing import Audio

FREE_DB = 12.0
"""Gain in dB, up or down, that costs nothing: what a volume knob is for."""

PRICE_PER_DB = 0.01
"""What each dB beyond adds to the objective: a render far below the target's level is mostly noise of the
DX7's 12 bits, and nobody wants to turn a knob that far."""

_SILENT = 1e-8  # mean square, 80 dB below full scale; no gain makes such a sound comparable


def gain_db(targets: Sequence[Audio], found: Sequence[Audio]) -> float:
    """Return the one gain in dB that makes sounds as loud as their targets.

    It is the mean over the notes of the difference of the levels (RMS over the whole sound). Notes at which
    either sound is silent are left out; without any other, the gain is 0.

    Args:
        targets: Sounds of the target, float32 (samples,) each.
        found: Sounds to compare with them, in the same order and of the same lengths.

    >>> tone = np.sin(np.arange(22_050, dtype=np.float32) / 10)
    >>> round(gain_db([tone], [tone / 2]), 2)
    6.02
    """
    pairs = [(mean_square(a), mean_square(b)) for a, b in zip(targets, found, strict=True)]
    return gain_of_powers(pairs)


def gain_of_powers(powers: Sequence[tuple[float, float]]) -> float:
    """Return the gain in dB, as `gain_db`, from the mean squares of each target and of the sound found."""
    differences = [10 * math.log10(a / b) for a, b in powers if min(a, b) > _SILENT]
    return sum(differences) / len(differences) if differences else 0.0


def price(gain_db: float) -> float:
    """Return what a gain in dB adds to the objective.

    >>> price(-12.0), round(price(15.0), 2)
    (0.0, 0.03)
    """
    return PRICE_PER_DB * max(abs(gain_db) - FREE_DB, 0.0)


def amplified(sound: Audio, gain_db: float) -> Audio:
    """Return a sound amplified by a gain in dB, float32; the sound itself for 0 dB."""
    return sound * np.float32(10 ** (gain_db / 20)) if gain_db else sound


def mean_square(sound: Audio) -> float:
    """Return the mean square of a sound."""
    return float(np.dot(sound, sound)) / len(sound)
