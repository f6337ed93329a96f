"""Sounds as `program` and `match` take them: files, arrays, and several notes of one instrument."""

import reprlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

from latentdx.applications.note_end import check_hold
from latentdx.applications.target import (
    FALLBACK_NOTE,
    VELOCITY,
    Target,
    TargetFile,
    prepare_target,
    prepare_targets,
)
from latentdx.applications.transposition import describe_transposition
from latentdx.audio.notes import note_name
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE, check_note
from latentdx.errors import ParameterError
from latentdx.typing import Note, Notes

Sound: TypeAlias = str | Path | npt.NDArray[np.generic] | Target
"""A sound file, an array with its sample rate, or a sound that is prepared already."""

SoundsByNote: TypeAlias = Mapping[int, Sound] | Mapping[Note, Sound] | Mapping[int | Note, Sound]
"""Sounds of one instrument by MIDI note, or by (MIDI note, velocity)."""

OneInstrument: TypeAlias = Sound | SoundsByNote
"""What one preset is made from."""

Sounds: TypeAlias = OneInstrument | Iterable[OneInstrument]
"""What one preset is made from, or a list of such."""


class SoundOptions(TypedDict, total=False):
    """Arguments about sounds that `program` and `match` share; see `prepare_instruments`."""

    rate: float | None
    note: int | None
    velocity: int
    onset: int | None
    hold: float | None
    name: str | Sequence[str] | None


@dataclass(frozen=True)
class Instrument:
    """Prepared sounds of one instrument, which one preset is made from.

    Attributes:
        name: The given name, or that of the first file; "" for an array without a name.
        targets: Sounds, each at its own note, with their levels relative to each other.
    """

    name: str
    targets: tuple[Target, ...]


def prepare_instruments(
    sounds: Sounds,
    notes: Notes | None = None,
    *,
    rate: float | None = None,
    note: int | None = None,
    velocity: int = VELOCITY,
    onset: int | None = None,
    hold: float | None = None,
    name: str | Sequence[str] | None = None,
) -> tuple[list[Instrument], bool]:
    """Prepare the sounds of one or several instruments, and warn of what may be wrong with them.

    Files and arrays with a rate are prepared by `prepare_target`. A render of `Dexed` needs no rate, and
    stays as it is; any other array without one is refused, because its pitch and length would be guesses.

    Args:
        sounds: One sound, a mapping from notes to sounds of one instrument, or a list of either.
        notes: (MIDI note, velocity) pairs that a model hears; default: any.
        rate: Sample rate of the arrays in Hz.
        note: MIDI note of sounds that no mapping names; default: estimated, and 60 for a render.
        velocity: Velocity of sounds that no mapping names, 1 … 127.
        onset: Number of the onset at which each sound starts, from 1; see `prepare_target`.
        hold: Time in seconds for which each key was held; default: found, and 3 s for a render.
        name: Name, or for a list a name for each; default: the names of files.

    Returns:
        Instruments, with their sounds in the order of `notes`, and whether `sounds` is one and no list.

    Raises:
        AudioFileError: A file cannot be read or holds no usable sound.
        ParameterError: An argument is out of its bounds, an array needs its rate, samples hold no usable
            sound, or the notes are not those that the model hears.
    """
    if not isinstance(rate, float | int | np.number | None):
        raise ParameterError(f"the sample rate is a number of Hz, not {rate!r}")
    if not isinstance(sounds, Iterable | Path | Target):
        raise ParameterError(f"a sound is a file, an array or a `Target`, not {sounds!r}")
    given: list[Any] = [sounds] if _is_one(sounds) else list(sounds)  # type: ignore[arg-type]
    one = _is_one(sounds)
    if not one and notes and rate is None and len(given) == len(notes) and _are_arrays(given):
        remedy = "the array itself" if len(notes) == 1 else "a mapping {(note, velocity): array}"
        warnings.warn(
            "a list of one array for each of the model's notes is deprecated, because a list holds several"
            f" sounds now: give {remedy}",
            DeprecationWarning,
            stacklevel=3,
        )
        given, one = [dict(zip(notes, given, strict=True))], True
    parts = [dict(item) if isinstance(item, Mapping) else {note: item} for item in given]
    if not all(parts):
        raise ParameterError("a mapping from notes to sounds is empty: give at least one sound")
    for i, part in enumerate(parts):
        for sound in part.values():
            if not isinstance(sound, str | Path | np.ndarray | Target):
                what = f"a sound is a file, an array or a `Target`, not {reprlib.repr(sound)}"
                raise ParameterError(what if one else f"sound {i}: {what}")
    if rate is not None and not any(isinstance(s, np.ndarray) for part in parts for s in part.values()):
        raise ParameterError(f"no sound is an array, and files have their own rate: {rate} Hz is of no use")
    instruments = []
    for i, (part, chosen) in enumerate(zip(parts, _names(name, one, len(parts)), strict=True)):
        files = [Path(sound).stem for sound in part.values() if isinstance(sound, str | Path)]
        called = chosen if chosen is not None else (files or [""])[0]
        try:
            targets = level_together(
                [_prepared(s, rate, key, velocity, onset, hold) for key, s in part.items()]
            )
            targets = in_order(targets, notes) if notes else targets
        except ParameterError as error:
            raise error if one else ParameterError(f"sound {i}: {error}") from error
        doubts = [text for target in targets for text in target.warnings]
        if notes and len(notes) == 1:
            doubts += describe_transposition(targets[0].note)[1]
        for text in doubts:
            warnings.warn(f"{called or f'sound {i}'}: {text}", stacklevel=3)
        instruments.append(Instrument(called, tuple(targets)))
    return instruments, one


def _is_one(sounds: object) -> bool:
    return isinstance(sounds, str | Path | np.ndarray | Target | Mapping)


def _are_arrays(sounds: Iterable[object]) -> bool:
    return all(isinstance(sound, np.ndarray) for sound in sounds)


def _names(name: str | Sequence[str] | None, one: bool, n: int) -> Sequence[str | None]:
    """Return the chosen name of each of `n` sounds; `None` where none is chosen."""
    if name is None:
        return [None] * n
    if isinstance(name, str) != one or (not isinstance(name, str) and len(name) != n):
        raise ParameterError(f"one sound has one name, and a list of {n} has {n} names, not {name!r}")
    return [name] if isinstance(name, str) else name


def _prepared(
    sound: Sound,
    rate: float | None,
    key: int | Note | None,
    velocity: int,
    onset: int | None,
    hold: float | None,
) -> Target:
    """Prepare one sound; `key` is its note if that is known, with or without a velocity."""
    note, velocity = key if isinstance(key, tuple) else (key, velocity)
    check_hold(hold)
    if onset is not None and (isinstance(sound, Target) or (isinstance(sound, np.ndarray) and rate is None)):
        raise ParameterError(
            f"onset {onset} is of a file or of an array with its rate, not of {type(sound).__name__}"
        )
    if isinstance(sound, Target):
        if note not in (None, sound.note):
            raise ParameterError(f"note {note} is given for a sound that was prepared as note {sound.note}")
        if isinstance(key, tuple) and velocity != sound.velocity:
            raise ParameterError(
                f"velocity {velocity} is given for a sound that was prepared with velocity {sound.velocity}"
            )
        return sound if hold is None else replace(sound, hold=hold)
    if isinstance(sound, str | Path):
        return prepare_target(sound, note=note, velocity=velocity, onset=onset, hold=hold)
    if rate is not None:
        return prepare_target(sound, rate, note=note, velocity=velocity, onset=onset, hold=hold)
    if sound.shape != (N_SAMPLES,) or sound.dtype.kind != "f":
        raise ParameterError(
            f"the sample rate of this array is not known ({sound.dtype}, shape {sound.shape}): give rate=… in"
            f" Hz. Only a render, of {N_SAMPLES:,} floats at {SAMPLE_RATE:,} Hz, needs none"
        )
    note = FALLBACK_NOTE if note is None else note
    check_note(note, velocity)
    return Target(sound.astype(np.float32), note, velocity, (), (), hold=HOLD if hold is None else hold)


def reference(targets: Sequence[Target]) -> Target:
    """Return the sound that decides for all: the one closest to note 60, then to velocity 85."""
    return min(targets, key=lambda t: (abs(t.note - FALLBACK_NOTE), abs(t.velocity - VELOCITY)))


def level_together(targets: Sequence[Target]) -> list[Target]:
    """Level all sounds by the gain of their `reference`, so that they keep their levels among each other."""
    return [target.with_gain(reference(targets).gain_db) for target in targets]


def in_order(
    targets: Sequence[Target], notes: Notes, how: str = "give them as {(note, velocity): sound}"
) -> list[Target]:
    """Return the sounds in the order in which a model hears them.

    Args:
        targets: Sounds of one instrument. A model of one note takes one sound, at any note.
        notes: (MIDI note, velocity) pairs that the model hears, `Programmer.notes`.
        how: Advice on how to give sounds at several notes, for the message of an error.

    Raises:
        ParameterError: The notes are not those that the model hears.
    """
    _check_number(len(targets), notes, how)
    if len(notes) == 1:
        return list(targets)
    found = {(target.note, target.velocity): target for target in targets}
    if set(found) != set(notes):
        given = _named((target.note, target.velocity) for target in targets)
        raise ParameterError(f"this model hears {_named(notes)}, not {given}: {how}")
    return [found[played] for played in notes]


def _check_number(n: int, notes: Notes, how: str) -> None:
    """Check the number of sounds for a model."""
    if n == len(notes):
        return
    if len(notes) == 1:
        raise ParameterError(f"this model hears 1 sound at once, not {n}")
    raise ParameterError(f"this model hears {len(notes)} sounds at once ({_named(notes)}), not {n}: {how}")


def _named(notes: Iterable[Note]) -> str:
    return ", ".join(f"{note_name(n)}@{v}" for n, v in notes)


def prepare_inputs(
    files: Sequence[TargetFile],
    notes: Notes,
    note: int | None,
    velocity: int = VELOCITY,
    onset: int | None = None,
    hold: float | None = None,
) -> list[Target]:
    """Prepare the sound files that a model hears, in the order of its notes.

    Args:
        files: Sound files, with notes and velocities where they are known.
        notes: (MIDI note, velocity) pairs that the model hears, `Programmer.notes`.
        note: MIDI note of files that do not name theirs; estimated if omitted.
        velocity: Velocity of files that do not name theirs, 1 … 127.
        onset: Number of the onset at which each sound starts, from 1; see `prepare_target`.
        hold: Time in seconds for which each key was held; found if omitted.

    Raises:
        ParameterError: The notes are not those that the model hears.
        AudioFileError: A file cannot be read or holds no usable sound; see `prepare_target`.
    """
    how = "give each as NOTE@VELOCITY=FILE"
    _check_number(len(files), notes, how)
    return in_order(level_together(prepare_targets(files, note, velocity, onset, hold)), notes, how)


def prepare_sounds(
    takes: Sequence[TargetFile],
    note: int | None = None,
    velocity: int = VELOCITY,
    onset: int | None = None,
    hold: float | None = None,
) -> list[Target]:
    """Prepare sound files of one instrument for a match; they keep their levels relative to each other.

    Args:
        takes: Sound files, with notes and velocities where they are known.
        note: MIDI note of files that do not name theirs; estimated if omitted.
        velocity: Velocity of files that do not name theirs, 1 … 127.
        onset: Number of the onset at which each sound starts, from 1; see `prepare_target`.
        hold: Time in seconds for which each key was held; found if omitted.

    Returns:
        Targets in the order of the files, all leveled by the gain of their `reference`.

    Raises:
        AudioFileError: A file cannot be read or holds no usable sound; see `target.prepare_target`.
        ParameterError: A note or velocity is out of its bounds.
    """
    return level_together(prepare_targets(takes, note, velocity, onset, hold))
