"""Note names."""

import pytest

from latentdx.audio.notes import note_name, parse_note
from latentdx.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("C4", 60),
        ("c3", 48),
        ("F#2", 42),
        ("Bb3", 58),
        ("b3", 59),
        ("bb3", 58),
        ("C-1", 0),
        ("G9", 127),
        ("60", 60),
        ("0", 0),
        ("127", 127),
        (" A4 ", 69),
        ("Cb4", 59),
        ("B#3", 60),
        ("F♯2", 42),
        ("G##4", 69),
    ],
)
def test_names_and_numbers_are_parsed(text, note):
    assert parse_note(text) == note


def test_every_name_is_read_back():
    assert [parse_note(note_name(n)) for n in range(128)] == list(range(128))


@pytest.mark.parametrize("text", ["H2", "", "C", "#4", "C 4", "6O", "C4.5", "60.0", "٦٠", "C4=x", "nan"])
def test_other_text_is_refused(text):
    with pytest.raises(ParameterError, match="C-1 to G9.*0 … 127.*C4 is 60") as error:
        parse_note(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"), [("128", 128), ("-1", -1), ("G#9", 128), ("Cb-1", -1), ("C10", 132)]
)
def test_notes_out_of_range_are_refused(text, value):
    with pytest.raises(ParameterError, match=f"{text!r} is {value}, outside 0 … 127"):
        parse_note(text)
