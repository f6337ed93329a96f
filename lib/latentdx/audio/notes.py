"""Note names: C4 is MIDI note 60, as in most software. Yamaha, and so the DX7's manual, calls it C3."""

import re

import librosa

from latentdx.errors import ParameterError

_NAME = re.compile(r"([A-Ga-g])(##?|bb?|♯|♭)?(-?[0-9]{1,2})")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHIFTS = {"": 0, "#": 1, "##": 2, "♯": 1, "b": -1, "bb": -2, "♭": -1}


def parse_note(text: str, *, yamaha: bool = False) -> int:
    """Parse a note's name or number into a MIDI note.

    Args:
        text: Name with an optional accidental (#, ##, b, bb, ♯, ♭) and an octave, such as "C4", "f#2" or
            "Bb-1"; or a number, such as "60".
        yamaha: Whether octaves are counted as Yamaha does: C3 is 60.

    Returns:
        MIDI note, 0 … 127.

    Raises:
        ParameterError: The text is neither, or the note is outside 0 … 127 (C-1 … G9; C-2 … G8 for Yamaha).

    >>> parse_note("C4"), parse_note("f#2"), parse_note("60"), parse_note("C3", yamaha=True)
    (60, 42, 60, 60)
    """
    text = text.strip()
    lowest, highest = ("C-2", "G8") if yamaha else ("C-1", "G9")
    which = "C3 is 60, as Yamaha counts" if yamaha else "C4 is 60; Yamaha calls it C3"
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        note = int(text)
    elif match := _NAME.fullmatch(text):
        letter, shift, octave = match.groups(default="")
        note = _STEPS[letter.upper()] + _SHIFTS[shift] + 12 * (int(octave) + 1 + yamaha)
    else:
        raise ParameterError(
            f"{text!r} is not a note: give a name from {lowest} to {highest} or a number in 0 … 127 ({which})"
        )
    if not 0 <= note <= 127:
        raise ParameterError(f"note {text!r} is {note}, outside 0 … 127 ({lowest} … {highest}; {which})")
    return note


def note_name(note: int) -> str:
    """Return the name of a MIDI note, with sharps and never flats.

    >>> note_name(60), note_name(61)
    ('C4', 'C#4')
    """
    return str(librosa.midi_to_note(note, unicode=False))


def both_names(note: int) -> str:
    """Return a MIDI note with its name in most software and its name on a Yamaha.

    >>> both_names(48)
    '48 (C3; Yamaha calls it C2)'
    """
    yamaha = f"{note_name(note)[: -len(str(note // 12 - 1))]}{note // 12 - 2}"
    return f"{note} ({note_name(note)}; Yamaha calls it {yamaha})"
