"""Prepare a user's sound for the models: find its onset, cut it, level it, estimate its note."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import soxr

from latentdx.applications.note_end import LONGEST, check_hold, ended
from latentdx.audio.chord import chord_notes
from latentdx.audio.envelope import NoteEnvelope
from latentdx.audio.io import decoding
from latentdx.audio.io.decoding import Recording
from latentdx.audio.notes import note_name, parse_note
from latentdx.audio.onset import find_onsets, without_dc
from latentdx.audio.pitch import Pitch, estimate
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE, check_note, fade_out
from latentdx.dataset.loudness import leveled
from latentdx.errors import AudioFileError, ParameterError
from latentdx.metrics.gain import FREE_DB
from latentdx.typing import Audio

SEARCHED = 30.0
"""Seconds from the beginning within which the first note must begin; decoding ends 8 s later."""

SHORTEST = 0.02
"""Least duration of a sound in seconds; a frame of the models' spectrogram is 46 ms."""

VELOCITY = 85
"""Default velocity: that at which most training sounds were rendered (the paper's single note)."""

FALLBACK_NOTE = 60
"""MIDI note assumed where none is given and none can be estimated."""

_MOST_DC = 0.01  # as a share of the peak; a larger offset is removed
_HIGH_PASS = "removed by a high-pass filter at 20 Hz"
_MOST_CLIPPED = 0.05  # share of 0.1 s; in a sine that just reaches full scale it is 1%, 0.03 dB above it 5%
_QUIET_DB = 30.0  # of gain, which raises the noise of 16 bits to -68 dB
# The following bounds were measured on 148 renders of real presets at one note, and on 60 renders of triads
# and of four notes in sequence.
# shares of frames that have a pitch: 90% of the single notes have more than the first
_CLEAR, _PITCHED = 0.5, 0.2
# share of the power at the lowest two harmonics: 1% of the single notes with a clear pitch have less, and so
# have all triads with one, because the pitch that they share is far below the chord, where nothing sounds
_LEAST_LOW = 0.01
_PITCH_SAMPLES = 8192  # two frames of the finest estimate
_MOST_SHOWN = 8  # onsets whose times are named


@dataclass(frozen=True, eq=False)
class Target:
    """Sound to match.

    Attributes:
        sound: Mono, float32 (samples,), at 22,050 Hz, from its onset on, at most 8 s, leveled as in
            `dataset.loudness`. A render of its length, with its hold, can be compared with it.
        note: MIDI note, as given or estimated.
        velocity: Velocity 1 … 127, as given.
        remarks: Phrases on what was done with the sound.
        warnings: Phrases on what may be wrong with it.
        gain_db: Gain in dB by which the sound was leveled.
        measured_pitch: Fundamental, where it has been estimated already.
        hold: Time in seconds for which the key was held, as given or found.
        envelope: Course of its level; `None` if it was not prepared from a recording.
    """

    sound: Audio
    note: int
    velocity: int
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]
    gain_db: float = 0.0
    measured_pitch: Pitch | None = None
    hold: float = HOLD
    envelope: NoteEnvelope | None = None

    @cached_property
    def pitch(self) -> Pitch:
        """Fundamental of the sound, estimated when first needed."""
        return self.measured_pitch or estimate(self.sound)

    @property
    def level_known(self) -> bool:
        """Whether its level is the synth's own: that of a render, not of a recording."""
        return self.envelope is None

    def with_gain(self, gain_db: float) -> "Target":
        """Return the sound leveled by another gain, such as that of another note of the instrument."""
        change = gain_db - self.gain_db
        if not change:
            return self
        remark = f"level changed by another {change:+.1f} dB, so that all notes have the same gain"
        return replace(
            self,
            sound=self.sound * np.float32(10 ** (change / 20)),
            remarks=(*self.remarks, remark),
            gain_db=gain_db,
        )


def prepare_target(
    source: str | Path | npt.NDArray[np.generic],
    rate: float | None = None,
    *,
    note: int | None = None,
    velocity: int = VELOCITY,
    level_db: float | None = None,
    onset: int | None = None,
    hold: float | None = None,
) -> Target:
    """Prepare a sound of any length, sample rate and level.

    At most the first 38 s are decoded. Channels are averaged (if they cancel each other, the loudest one is
    taken) and resampled to 22,050 Hz. The sound starts at the first onset within 30 s (`audio.onset`) and
    ends before the next one. From its start, at most 8 s are kept, faded out as renders are. A sound that has
    died away ends 0.25 s later (`note_end`). One gain levels it (`dataset.loudness`).

    Args:
        source: Sound file, or samples of shape (samples,) or (samples, channels), floats or integers.
        rate: Sample rate in Hz of samples; files contain theirs.
        note: MIDI note that was played; by default estimated, see `audio.pitch.estimate`; that of the lowest
            note of a chord, see `audio.chord`.
        velocity: Velocity of the note, 1 … 127.
        level_db: Level in dB (RMS) of the loudest frame; by default the median of the training presets.
        onset: Number of the onset at which the sound starts, from 1 on; 0 starts at the first and keeps what
            follows. By default the first, with a warning if there are several.
        hold: Time in seconds for which the key was held; by default found, see `audio.envelope`.

    Raises:
        AudioFileError: The file cannot be read or holds no usable sound; the message names the reason.
        ParameterError: An argument is out of its bounds, or samples hold no usable sound.
    """
    check_note(FALLBACK_NOTE if note is None else note, velocity)
    if onset is not None and onset < 0:
        raise ParameterError(f"onset {onset} is negative: give a number from 1 on, or 0 to keep all")
    check_hold(hold)
    seconds = SEARCHED + LONGEST
    if isinstance(source, np.ndarray):
        if rate is None:
            raise ParameterError("samples need a sample rate, in Hz")
        recording = decoding.from_array(source, rate, seconds)
        return _prepared(recording, note, velocity, level_db, onset, hold)
    if rate is not None:
        raise ParameterError(f"a file has its own sample rate: {rate} Hz cannot be given")
    recording = decoding.decode(source, seconds)
    try:
        return _prepared(recording, note, velocity, level_db, onset, hold)
    except ParameterError as error:
        raise AudioFileError(f"{source}: {error}") from error


def _prepared(
    recording: Recording,
    note: int | None,
    velocity: int,
    level_db: float | None,
    onset: int | None,
    hold: float | None,
) -> Target:
    """Prepare a recording, as `prepare_target` describes."""
    remarks, warnings = list(recording.remarks), list(recording.warnings)
    kept, lost, several = _trimmed(recording, onset, remarks, warnings)
    sound, hold, envelope = ended(kept, lost, hold, several, remarks, warnings)
    sound, gain = leveled(fade_out(sound, SAMPLE_RATE), level_db)
    like = "as loud as the median training preset's" if level_db is None else f"at {level_db:g} dB (RMS)"
    remarks.append(f"level changed by {gain:+.1f} dB, so that its loudest frame is {like}")
    if gain > _QUIET_DB:
        warnings.append(
            f"quiet: raised by {gain:.0f} dB together with its noise (the bound is {_QUIET_DB:g} dB)"
            f"{_unsearched(recording)}"
        )
    audible = sound[: min(max(len(kept), _PITCH_SAMPLES), N_SAMPLES)]
    note, found = _pitched(audible, note, remarks, warnings)
    return Target(sound, note, velocity, tuple(remarks), tuple(warnings), gain, found, hold, envelope)


def _trimmed(
    recording: Recording, onset: int | None, remarks: list[str], warnings: list[str]
) -> tuple[Audio, Audio, bool]:
    """Return the sound at 22,050 Hz from one onset to the next, at most 8 s, and what follows.

    The third result tells whether several onsets are kept.
    """
    rate = recording.rate
    _check_length(len(recording.samples) / rate, "")
    sound = recording.samples
    offset = float(sound.mean(dtype=np.float64))
    if abs(offset) > _MOST_DC * np.abs(sound).max():  # before resampling, which would make a click of it
        sound = without_dc(sound, rate, before=offset)
        remarks.append(f"DC offset of {offset:.3g} {_HIGH_PASS}")
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, rate, SAMPLE_RATE)
        remarks.append(f"resampled to {SAMPLE_RATE:,} Hz")
    if rate < SAMPLE_RATE:
        warnings.append(f"it holds nothing above {rate / 2:,.0f} Hz: its sample rate is only {rate:,.0f} Hz")
    try:
        onsets = find_onsets(sound[: round(SEARCHED * SAMPLE_RATE)])
    except ParameterError as error:
        raise ParameterError(f"{error}{_unsearched(recording)}") from error
    start, end = _between(onsets, onset, remarks, warnings)
    if start:
        remarks.append(f"{start / SAMPLE_RATE:.3f} s before the onset removed")
    rest = sound[start:end]
    _check_length(len(rest) / SAMPLE_RATE, " from its onset")
    longest = round(LONGEST * SAMPLE_RATE)
    kept = rest[:longest].copy()
    offset = float(kept.mean())
    if abs(offset) > _MOST_DC * np.abs(kept).max():  # an offset that began with the sound
        kept = without_dc(sound[: start + len(kept)])[start:]
        remarks.append(f"DC offset of {offset:.3g} {_HIGH_PASS}")
    first = round(start / SAMPLE_RATE * rate)
    _warn_of_clipping(
        recording.full_scale[first : first + round(len(kept) / SAMPLE_RATE * rate)], rate, warnings
    )
    return kept, rest[longest:], onset == 0 and len(onsets) > 1


def _between(
    onsets: list[int], onset: int | None, remarks: list[str], warnings: list[str]
) -> tuple[int, int | None]:
    """Return the samples from which and up to which a sound is kept, and describe its onsets."""
    if len(onsets) == 1 and onset in (None, 0, 1):
        return onsets[0], None
    shown = [f"{start / SAMPLE_RATE:.2f}" for start in onsets[:_MOST_SHOWN]]
    times = f"{', '.join(shown)}{' …' if len(onsets) > len(shown) else ''} s"
    count = f"{len(onsets)} onset{'s' * (len(onsets) > 1)}, at {times}"
    if onset == 0:
        remarks.append(f"{count}: all are kept")
        return onsets[0], None
    if onset is None:
        warnings.append(
            f"{count}: the first is matched; --onset 2 (in Python onset=2) takes another, and 0 keeps all"
        )
    elif onset > len(onsets):
        raise ParameterError(f"onset {onset} is none of the {count}")
    else:
        remarks.append(f"{count}: number {onset} is matched")
    start, *later = onsets[(onset or 1) - 1 :]
    return start, later[0] if later else None


def _unsearched(recording: Recording) -> str:
    """Say how much of a recording was not searched for a sound, or nothing."""
    if recording.length <= SEARCHED:
        return ""
    whole = f" of its {recording.length:,.1f} s" if np.isfinite(recording.length) else ""
    return f"; only the first {SEARCHED:g} s{whole} are searched"


def _check_length(seconds: float, where: str) -> None:
    if seconds < SHORTEST:
        raise ParameterError(
            f"too short: {1000 * seconds:.1f} ms of sound{where}; it must last at least"
            f" {1000 * SHORTEST:.0f} ms"
        )


def _warn_of_clipping(full_scale: npt.NDArray[np.bool_], rate: float, warnings: list[str]) -> None:
    """Warn if too many samples of any 0.1 s are at full scale."""
    tenth = min(round(0.1 * rate), len(full_scale))
    whole = full_scale[: len(full_scale) // tenth * tenth].reshape(-1, tenth)
    worst = float(whole.mean(1).max())
    if worst > _MOST_CLIPPED:
        warnings.append(
            f"clipped: in its worst 0.1 s, {worst:.0%} of the samples are at full scale"
            f" (the bound is {_MOST_CLIPPED:.0%})"
        )


def _pitched(sound: Audio, given: int | None, remarks: list[str], warnings: list[str]) -> tuple[int, Pitch]:
    """Return the given note, or the one closest to the pitch, with the pitch, and describe it."""
    found = estimate(sound)
    better = "" if given is not None else "; please give the note"
    share = f"{found.voiced:.0%} of the sound has a pitch"
    low = _low_share(sound, found.f0) if found.voiced >= _CLEAR else 1.0
    if len(set(found.held)) > 1:
        held = ", ".join(map(note_name, found.held[:_MOST_SHOWN]))
        warnings.append(f"several notes one after another? Its pitch rests at {held}{better}")
    elif chord := chord_notes(sound, sines=low < _LEAST_LOW):
        names = ", ".join(_named(round(float(librosa.hz_to_midi(f0)))) for f0 in chord)
        lowest = ", and the lowest is taken" if given is None else ""
        warnings.append(f"a chord: {names} sound at once{lowest}{better}")
        found = Pitch(chord[0], 1.0)
    elif not np.isfinite(found.f0) or found.voiced < _PITCHED:
        if given is not None:
            return given, found
        warnings.append(
            f"no pitch: only {share} (the bound is {_PITCHED:.0%}), so note {_named(FALLBACK_NOTE)} is"
            f" assumed{better}"
        )
        return FALLBACK_NOTE, found
    elif found.voiced < _CLEAR:
        if given is None:
            warnings.append(f"no clear pitch: only {share} (the bound is {_CLEAR:.0%}){better}")
    elif low < _LEAST_LOW:
        warnings.append(
            f"several notes at once? The pitch is {found.f0:.0f} Hz, and only {low:.1%} of the power is at"
            f" its lowest two harmonics (the bound is {_LEAST_LOW:.0%}){better}"
        )
    nearest = min(round(found.midi), 127)
    played = f"{_named(nearest)} {round(found.cents_from(nearest)):+d} cents"
    if given is None:
        remarks.append(f"note estimated: {played}")
    elif given != nearest:
        remarks.append(f"its pitch is {played}, not that of the given note, {_named(given)}")
    return nearest if given is None else given, found


def _named(note: int) -> str:
    return f"{note} ({note_name(note)})"


def _low_share(sound: Audio, f0: float) -> float:
    """Measure the share of the power within 3% of the lowest two harmonics of a pitch."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    low = [np.abs(frequency - number * f0) < 0.03 * frequency for number in (1, 2)]
    return float(power[low[0] | low[1]].sum() / power[frequency > 30].sum())


def free_db(sounds: Sequence[Target]) -> float:
    """Return the gain in dB that costs nothing when presets are compared with sounds; see `gain.price`."""
    return 0.0 if all(sound.level_known for sound in sounds) else FREE_DB


@dataclass(frozen=True)
class TargetFile:
    """Sound file of a note.

    Attributes:
        path: The file.
        note: MIDI note that was played, if known.
        velocity: Velocity 1 … 127, if known.
    """

    path: Path
    note: int | None = None
    velocity: int | None = None


def prepare_targets(
    takes: Sequence[TargetFile],
    note: int | None = None,
    velocity: int = VELOCITY,
    onset: int | None = None,
    hold: float | None = None,
) -> list[Target]:
    """Prepare several sound files; see `prepare_target`.

    Args:
        takes: Sound files, with notes and velocities where they are known.
        note: MIDI note of files that do not name theirs; estimated if omitted.
        velocity: Velocity of files that do not name theirs, 1 … 127.
        onset: Number of the onset at which each sound starts; see `prepare_target`.
        hold: Time in seconds for which each key was held; found if omitted.
    """
    return [
        prepare_target(
            take.path,
            note=note if take.note is None else take.note,
            velocity=velocity if take.velocity is None else take.velocity,
            onset=onset,
            hold=hold,
        )
        for take in takes
    ]


def parse_target_file(text: str, *, yamaha: bool = False) -> TargetFile:
    """Parse a sound file with an optional note and velocity: FILE, NOTE=FILE or NOTE@VELOCITY=FILE.

    The text before the first "=" is a note, unless it holds a slash: "./take=2.wav" is a file.

    Args:
        text: Such as "low.wav", "C3=low.wav" or "C3@100=low.wav".
        yamaha: Whether note names count octaves as Yamaha does, see `parse_note`.

    Raises:
        ParameterError: The text names no file, or its note or velocity is not valid; the message says how a
            file whose name holds "=" is given.

    >>> file = parse_target_file("C3@100=low.wav")
    >>> file.path.name, file.note, file.velocity
    ('low.wav', 48, 100)
    """
    match = re.fullmatch(r"([^=/\\]*)=(.*)", text, re.DOTALL)
    played, file = match.groups() if match else (None, text)
    if not file.strip():
        raise ParameterError(f"{text!r} names no file: give FILE, NOTE=FILE or NOTE@VELOCITY=FILE")
    if played is None:
        return TargetFile(Path(file))
    name, at, force = played.partition("@")
    try:
        note = parse_note(name, yamaha=yamaha)
        if at and (not re.fullmatch(r"[0-9]{1,9}", force) or not 1 <= int(force) <= 127):
            raise ParameterError(f"velocity {force!r} is not an integer in 1 … 127")
        if Path(text).is_file() and not Path(file).exists():
            raise ParameterError(f"there is no file {file}")
    except ParameterError as error:
        raise ParameterError(f"{error}; if {text} is the name of a file, write ./{text}") from error
    return TargetFile(Path(file), note, int(force) if at else None)
