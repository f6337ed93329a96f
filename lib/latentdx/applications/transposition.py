"""Transposition between the note of a sound and note 60, the only one that models of one note know.

A sound is resampled to the nearest C, and the preset that a model programs for it is transposed by octaves.
"""

import numpy as np
import soxr

from latentdx.audio.notes import note_name
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE
from latentdx.presets.parameters import NEUTRAL_TRANSPOSE, column, parameter
from latentdx.typing import Audio, Values

_TRANSPOSE = column("TRANSPOSE")
_REACHED = SINGLE_NOTE[0][0] - NEUTRAL_TRANSPOSE, SINGLE_NOTE[0][0] + NEUTRAL_TRANSPOSE
_MOST_MOVED = 6  # semitones to the nearest C


def played_at(values: Values, note: int) -> Values:
    """Transpose presets (..., 145) so that they sound at a note as they did at note 60, the models' note.

    TRANSPOSE changes by 60 - note. The engine adds it to the key before everything else, including scaling by
    key, so the sound stays the same. TRANSPOSE reaches two octaves up and down and stops at its bounds.
    """
    out = values.copy()
    moved = values[..., _TRANSPOSE].astype(np.int64) + SINGLE_NOTE[0][0] - note
    out[..., _TRANSPOSE] = np.clip(moved, 0, parameter("TRANSPOSE").maximum)
    return out


def nearest_c(note: int) -> int:
    """Return the C, 36 … 84, to which a sound at a note is resampled for a model of one note.

    TRANSPOSE reaches no other C. Of 364 presets of learnfm with a pitch, drawn at random, 91% sound a C at
    note 60, and the model does not answer in tune at pitches that it never heard. For 264 renders of starter
    presets at eleven notes, one forward pass of `latentdx` had a median distance of 1.42 when it heard the
    sound as it was (its preset `played_at` that note), and of 1.24 when it heard it `resampled` to this C.
    """
    return int(np.clip(12 * round(note / 12), *_REACHED))


def resampled(sound: Audio, semitones: float) -> Audio:
    """Transpose a sound (samples,) at 22,050 Hz as a sampler does, so that it also gets shorter or longer."""
    if not semitones:
        return sound
    return soxr.resample(sound, SAMPLE_RATE * 2 ** (semitones / 12), SAMPLE_RATE).astype(np.float32)


def describe_transposition(note: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Describe how a sound at a note was moved to the nearest C, and its preset back to the note.

    Returns:
        Remarks, and warnings of what may be wrong with that.
    """
    heard_at = nearest_c(note)
    moved, transposed = heard_at - note, SINGLE_NOTE[0][0] - heard_at
    remarks = []
    if moved:
        remarks.append(f"sound resampled by {moved:+d} semitones to {note_name(heard_at)} for the model")
    if transposed:
        remarks.append(f"transposed by {transposed:+d} semitones; play it at note {note} ({note_name(note)})")
    if abs(moved) <= _MOST_MOVED:
        return tuple(remarks), ()
    return tuple(remarks), (
        f"note {note} is {abs(moved)} semitones beyond the range of TRANSPOSE, so the model hears the sound"
        f" {2 ** (moved / 12):.2g} times as fast",
    )
