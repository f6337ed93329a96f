"""Where a target's key was let go, and how much of its sound is matched.

A render holds its key as long as the target's was held. It is as long as the target, and where that ends, a
little longer: an answer must fall silent too.
"""

import math

import numpy as np

from latentdx.audio.envelope import Ending, NoteEnvelope, note_envelope
from latentdx.audio.renderer import FADE, SAMPLE_RATE
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.errors import ParameterError
from latentdx.typing import Audio

LONGEST = 8.0
"""Most seconds of a sound that are matched."""

LEAST_HOLD = 0.01
"""Least time in seconds that a key can be held; the engine counts it in blocks of 3 ms."""

_SILENCE = 0.25  # seconds of silence after the end that an answer must keep
_SHORTEST = 8192  # samples of the shortest render, two frames of the finest spectrum
_EDGE = FADE + 0.05  # seconds: a fall at the very end of a recording is a fade-out, not a release
# the note-off of a released sound is found within 50 ms; people, and programs, hold notes for round times
_ROUND, _NEAR = 0.5, 0.05
_FADE_IF_SHORT = 0.005  # seconds, because a file may end in the middle of a wave
_FAINT_DB = 20.0  # below the part that is kept: a softer rest is a tail that nobody misses


def check_hold(hold: float | None) -> None:
    """Check a time for which a key is held, in seconds, if it is given.

    Raises:
        ParameterError: It is shorter than `LEAST_HOLD`, or not finite.
    """
    if hold is not None and not LEAST_HOLD <= hold < math.inf:
        raise ParameterError(f"hold must be at least {LEAST_HOLD:g} s and finite, not {hold}")


def ended(
    kept: Audio, lost: Audio, hold: float | None, whole: bool, remarks: list[str], warnings: list[str]
) -> tuple[Audio, float, NoteEnvelope]:
    """Find a sound's note-off, end the sound where a render of it ends, and describe both.

    Args:
        kept: The first `LONGEST` seconds of the sound, float32 (samples,), without a fade-out.
        lost: What follows.
        hold: Time in seconds for which the key was held; found if omitted.
        whole: Whether the sound is all that was recorded, and may hold several notes.
        remarks, warnings: Phrases, to which more are added.

    Returns:
        The sound to match, the time in seconds for which its key is held, and its envelope.
    """
    found, seconds = note_envelope(kept), len(kept) / SAMPLE_RATE
    off = found.note_off
    sounding = found.ending is Ending.CUT or (off is not None and off > seconds - _EDGE)
    if sounding and off is not None:
        found, off = found._replace(note_off=None, release=math.nan, ending=Ending.CUT), None
    end = len(kept)
    if not (sounding or whole):
        end = max(round((max(found.end, hold or 0.0) + _SILENCE) * SAMPLE_RATE), _SHORTEST)
    end = min(max(end, _SHORTEST), round(LONGEST * SAMPLE_RATE))
    _describe_end(kept, lost, end, sounding, remarks, warnings)
    sound = np.pad(kept[:end], (0, max(end - len(kept), 0)))
    if hold is None:
        if off is not None and not whole:
            nearest = _ROUND * max(round(off / _ROUND), 1)
            hold = nearest if abs(off - nearest) <= _NEAR else off
        else:
            hold = seconds if sounding or whole else min(found.end, seconds)
    hold = round(hold, 3)
    remarks.append(
        f"all of it is matched, with the key held for {hold:.2f} s" if whole else _described(found, hold)
    )
    return sound, hold, found


def _describe_end(
    kept: Audio, lost: Audio, end: int, sounding: bool, remarks: list[str], warnings: list[str]
) -> None:
    """Fade out the end of a short sound in place, and describe what was cut or added."""
    seconds, length = len(kept) / SAMPLE_RATE, f"{end / SAMPLE_RATE:.2f} s"
    if lost.any() and end == len(kept):
        cut = f"cut from {seconds + len(lost) / SAMPLE_RATE:.2f} s to {length}, its last {FADE} s faded out"
        softer = peak_rms_db(kept) - peak_rms_db(lost)
        if softer < _FAINT_DB:
            level = "as loud" if softer < 0.5 else f"only {softer:.0f} dB softer"
            warnings.append(f"{cut}; what follows is {level}")
        else:
            remarks.append(cut)
    elif end < len(kept):
        remarks.append(f"matched up to {length}: what follows is {-_level_after(kept, end):.0f} dB softer")
    elif end > len(kept):
        fade = round(_FADE_IF_SHORT * SAMPLE_RATE)
        kept[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        remarks.append(f"silence added after {seconds:.3f} s, up to {length}")
    elif sounding:
        remarks.append(f"it is cut off at {length} while it sounds; its last {FADE} s are faded out")


def _level_after(kept: Audio, end: int) -> float:
    return peak_rms_db(kept[end:]) - peak_rms_db(kept)


def _described(found: NoteEnvelope, hold: float) -> str:
    """Describe a note's attack, its sustain, and its end."""
    course = f"attack {found.attack:.2f} s, then "
    course += "sustained" if found.decay < 1 else f"falling by {found.decay:.0f} dB per second"
    match found.ending:
        case Ending.RELEASED:
            end = f"; key held for {hold:.2f} s, then falling by {found.release:.0f} dB per second"
        case Ending.FADED:
            end = f"; it has died away by {found.end:.2f} s; key held for {hold:.2f} s"
        case _:
            end = f"; it sounds to the end of the recording; key held for {hold:.2f} s"
    return course + end
