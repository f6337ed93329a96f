"""Notes and pitches as users type them."""

from typing import Annotated

import typer

from latentdx.audio.notes import parse_note
from latentdx.audio.renderer import NOTE_SETS, check_note
from latentdx.cli.common import naming
from latentdx.typing import Note


def parse_notes(text: str) -> tuple[Note, ...]:
    """Read a set of notes: "single", "six", or NOTE:VELOCITY pairs separated by commas."""
    if text in NOTE_SETS:
        return NOTE_SETS[text]
    try:
        pairs = [[int(number) for number in pair.split(":")] for pair in text.split(",")]
        notes = tuple((note, velocity) for note, velocity in pairs)
        for note, velocity in notes:
            check_note(note, velocity)
    except ValueError as error:  # `ParameterError` is one too
        known = ", ".join(NOTE_SETS)
        raise typer.BadParameter(f"--notes {text}: neither {known} nor NOTE:VELOCITY,… ({error})") from error
    return notes


Yamaha = Annotated[bool, typer.Option("--yamaha", help="Count octaves as Yamaha does: C3 is 60, not C4.")]


def optional_note(text: str | None, yamaha: bool = False) -> int | None:
    """Read the option --note, a note's name or MIDI number, if there is one."""
    with naming("--note"):
        return None if text is None else parse_note(text, yamaha=yamaha)


def parse_pitch(text: str, yamaha: bool = False) -> float:
    """Read the option --to, a MIDI note that may lie between keys ("57.5"), or a note's name."""
    try:
        return float(text)
    except ValueError:
        pass
    with naming("--to"):
        return float(parse_note(text, yamaha=yamaha))
