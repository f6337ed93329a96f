"""From a user's sound files to a preset by a model: heard, programmed, and moved to the key of the sound."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from latentdx.applications.intake import VELOCITY, Intake, Take, take_all
from latentdx.applications.program import Programmer, nearest_c, played_at, resampled, score
from latentdx.audio.dexed import SINGLE_NOTE, Dexed, Renderer
from latentdx.audio.notes import note_name
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.presets.sysex import display_name

_MOST_MOVED = 6  # semitones, to the nearest C

Values = npt.NDArray[np.uint8]
Notes = Sequence[tuple[int, int]]

NAMELESS = "LATENTDX"
"""Of presets for files without a letter that a DX7 shows."""


@dataclass(frozen=True)
class Answer:
    """A preset for a sound.

    Attributes:
        preset: to be played at the sound's own notes.
        distance: `program.distance` of its renders there; mean over the notes.
        said, warnings: how sound and preset were moved, in words.
    """

    preset: Preset
    distance: float
    said: tuple[str, ...]
    warnings: tuple[str, ...]


def hear(takes: Sequence[Take], notes: Notes, note: int | None, velocity: int = VELOCITY) -> list[Intake]:
    """Take in what a model is to hear, in the order of its notes.

    A model of one note takes a sound of any note (see `answer`). Sounds of several notes keep their levels
    among each other: all get the gain of C4 at velocity 85.

    Args:
        takes: sound files, with notes and velocities where they are known.
        notes: (MIDI note, velocity) that the model wants, `Programmer.notes`.
        note, velocity: of takes that do not say theirs; without a note it is estimated.

    Raises:
        ParameterError: not the notes that the model wants.
        AudioFileError: a file holds no sound within the bounds; see `intake.take_in`.
    """
    wanted = ", ".join(f"{note_name(n)}@{v}" for n, v in notes)
    if len(takes) != len(notes):
        raise ParameterError(
            f"this model hears {len(notes)} sound{'s' * (len(notes) > 1)} at once"
            f"{f' ({wanted})' if len(notes) > 1 else ''}, not {len(takes)}"
        )
    heard = take_all(takes, note, velocity)
    if len(notes) == 1:
        return heard
    found = {(intake.note, intake.velocity): intake for intake in heard}
    if set(found) != set(notes):
        given = ", ".join(f"{note_name(i.note)}@{i.velocity}" for i in heard)
        raise ParameterError(f"this model hears {wanted}, not {given}: give each as NOTE@VELOCITY=FILE")
    gain = found.get(SINGLE_NOTE[0], heard[0]).gain_db
    return [found[played].with_gain(gain) for played in notes]


def answer(
    model: Programmer,
    heard: Sequence[Intake],
    name: str = "",
    *,
    n: int = 1,
    seed: int = 0,
    renderer: Renderer | None = None,
    progress: bool = False,
) -> Answer:
    """Program a preset that sounds, at the notes of the sounds heard, like them.

    A model of one note hears the sound at the nearest C (`program.nearest_c`), and what it gives sounds so
    at C4: TRANSPOSE moves it by octaves to where it was heard (`program.played_at`).

    Args:
        model: whose notes these are.
        heard: by `hear`.
        name: any text; the preset's is what a DX7 can show of it.
        n: presets tried; 1 is one forward pass as in the paper, see `Programmer.explore`.
        seed: of the draws.
        renderer: default `Dexed`.
        progress: show it on a terminal.
    """
    synth = renderer or Dexed()
    sounds, played = [i.sound for i in heard], [(i.note, i.velocity) for i in heard]
    note, c = heard[0].note, nearest_c(heard[0].note)
    single = len(model.notes) == 1
    decibels = model.spectrograms([resampled(sounds[0], c - note)] if single else sounds)

    def moved(values: Values) -> Values:
        return played_at(values, c) if single else values

    with tqdm(total=n, unit="preset", leave=False, disable=None if progress else True) as bar:

        def rank(values: Values) -> npt.NDArray[np.float64]:
            distances = score(moved(values), sounds, played, renderer=synth)
            bar.update(len(values))
            return distances

        found = model.explore(decibels, n, rank, seed=seed)
    best = int(found.distances.argmin())
    preset = Preset(moved(found.values[best]), display_name(name) or NAMELESS)
    said, warnings = _said(note, c) if single else ((), ())
    return Answer(preset, float(found.distances[best]), said, warnings)


def _said(note: int, heard_at: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How a sound was moved to a C, and the preset back to its note; and what is amiss."""
    moved, transposed = heard_at - note, SINGLE_NOTE[0][0] - heard_at
    said = []
    if moved:
        said.append(f"the model hears it moved by {moved:+d} semitones, to {note_name(heard_at)}")
    if transposed:
        said.append(f"transposed by {transposed:+d} semitones, to be played at {note} ({note_name(note)})")
    if abs(moved) <= _MOST_MOVED:
        return tuple(said), ()
    return tuple(said), (
        f"note {note} is {abs(moved)} semitones beyond what TRANSPOSE reaches: the model hears it"
        f" {2 ** (moved / 12):.2g} times as fast",
    )
