"""Names of notes: C4 is MIDI note 60, as in most software. Yamaha, and so the DX7's manual, calls it C3."""

import re

import librosa

from latentdx.errors import ParameterError

_NAME = re.compile(r"([A-Ga-g])(##?|bb?|♯|♭)?(-?[0-9]{1,2})")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHIFTS = {"": 0, "#": 1, "##": 2, "♯": 1, "b": -1, "bb": -2, "♭": -1}


def parse_note(text: str) -> int:
    """A MIDI note from its name ("C4", "f#2", "Bb-1") or its number ("60").

    Raises:
        ParameterError: it is neither, or outside 0 … 127 (C-1 … G9).
    """
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        note = int(text)
    elif match := _NAME.fullmatch(text):
        letter, shift, octave = match.groups(default="")
        note = _STEPS[letter.upper()] + _SHIFTS[shift] + 12 * (int(octave) + 1)
    else:
        raise ParameterError(
            f"{text!r} is no note: a name from C-1 to G9, or a number in 0 … 127 (C4 is 60; Yamaha's C3)"
        )
    if not 0 <= note <= 127:
        raise ParameterError(f"note {text!r} is {note}, outside 0 … 127 (C-1 … G9; C4 is 60, Yamaha's C3)")
    return note


def note_name(note: int) -> str:
    """60 -> "C4"; sharps, no flats."""
    return str(librosa.midi_to_note(note, unicode=False))
