"""Note names: C4 is MIDI note 60, as in most software. Yamaha, and so the DX7's manual, calls it C3."""

import re

import librosa

from latentdx.errors import ParameterError

_NAME = re.compile(r"([A-Ga-g])(##?|bb?|♯|♭)?(-?[0-9]{1,2})")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHIFTS = {"": 0, "#": 1, "##": 2, "♯": 1, "b": -1, "bb": -2, "♭": -1}


def parse_note(text: str) -> int:
    """Parse a note's name or number into a MIDI note.

    Args:
        text: Name with an optional accidental (#, ##, b, bb, ♯, ♭) and an octave, such as "C4", "f#2" or
            "Bb-1"; or a number, such as "60".

    Returns:
        MIDI note, 0 … 127.

    Raises:
        ParameterError: The text is neither, or the note is outside 0 … 127 (C-1 … G9).

    >>> parse_note("C4"), parse_note("f#2"), parse_note("60")
    (60, 42, 60)
    """
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        note = int(text)
    elif match := _NAME.fullmatch(text):
        letter, shift, octave = match.groups(default="")
        note = _STEPS[letter.upper()] + _SHIFTS[shift] + 12 * (int(octave) + 1)
    else:
        raise ParameterError(
            f"{text!r} is not a note: give a name from C-1 to G9 or a number in 0 … 127"
            " (C4 is 60; Yamaha calls it C3)"
        )
    if not 0 <= note <= 127:
        raise ParameterError(
            f"note {text!r} is {note}, outside 0 … 127 (C-1 … G9; C4 is 60; Yamaha calls it C3)"
        )
    return note


def note_name(note: int) -> str:
    """Return the name of a MIDI note, with sharps and never flats.

    >>> note_name(60), note_name(61)
    ('C4', 'C#4')
    """
    return str(librosa.midi_to_note(note, unicode=False))
