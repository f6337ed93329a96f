"""From a user's sound to what the models hear: found, cut, leveled, its note estimated, and what was done."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from latentdx.audio.io import decoding
from latentdx.audio.io.decoding import Recording
from latentdx.audio.notes import note_name, parse_note
from latentdx.audio.onset import find_onset, without_dc
from latentdx.audio.pitch import Pitch, estimate
from latentdx.audio.renderer import FADE, N_SAMPLES, SAMPLE_RATE, check_note, fade_out
from latentdx.dataset.loudness import leveled
from latentdx.errors import AudioFileError, ParameterError
from latentdx.typing import Audio

SEARCHED = 30.0
"""Seconds from the beginning in which the first note must begin; at most 4.017 s more are ever decoded."""

SHORTEST = 0.02
"""Seconds of sound that it takes: a frame of the models' spectrogram is 46 ms."""

VELOCITY = 85
"""At which most training sounds were rendered (the paper's single note)."""

FALLBACK_NOTE = 60

_MOST_DC = 0.01  # of the peak; more is taken out
_MOST_CLIPPED = 0.05  # of any 0.1 s; a sine has 1 % that just reaches full scale, and 5 % 0.03 dB beyond
_QUIET_DB = 30.0  # of gain: the noise of 16 bits comes to -68 dB
# Measured on 148 renders of real presets at one note, and 60 of triads and of four notes in turn:
# shares of the frames that have a pitch; 90 % of the single notes have more than the first
_CLEAR, _PITCHED = 0.5, 0.2
# share of the power at the lowest two harmonics: less in 1 % of the single notes with a clear pitch, and in
# all triads with one, for the pitch that they share is far below the chord, where nothing sounds
_LEAST_LOW = 0.01
_LEAST_HARMONIC = 0.7  # at all harmonics: less in 2 % of the single notes, and in 85 % of notes in turn
_PITCH_SAMPLES = 8192  # two frames of the finest estimate
_FADE_IF_SHORT = 0.005  # seconds; a file may end amid a wave


@dataclass(frozen=True, eq=False)
class Target:
    """A sound as the models hear it.

    Attributes:
        sound: float32 (88576,), mono, 22,050 Hz, from its onset, leveled as `dataset.leveling` says.
        note: MIDI, as given or estimated.
        velocity: 1 … 127, as given.
        said: what was done, in words.
        warnings: what may be wrong with it.
        gain_db: Gain by which it was leveled, in dB.
        measured_pitch: Its fundamental, where that was estimated already.
    """

    sound: Audio
    note: int
    velocity: int
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]
    gain_db: float = 0.0
    measured_pitch: Pitch | None = None

    @cached_property
    def pitch(self) -> Pitch:
        """Fundamental of the sound."""
        return self.measured_pitch or estimate(self.sound)

    def with_gain(self, gain_db: float) -> "Target":
        """The same, leveled by another gain, such as that of another note of the instrument."""
        change = gain_db - self.gain_db
        if not change:
            return self
        said = (*self.remarks, f"{change:+.1f} dB more, for all notes get one gain")
        return replace(
            self, sound=self.sound * np.float32(10 ** (change / 20)), remarks=said, gain_db=gain_db
        )


def prepare_target(
    source: str | Path | npt.NDArray[np.generic],
    rate: float | None = None,
    *,
    note: int | None = None,
    velocity: int = VELOCITY,
    level_db: float | None = None,
) -> Target:
    """From a sound of any length, rate and level to what the models hear.

    Decoded are the first 34.017 s at most, channels averaged (or, if they cancel, the loudest alone), at
    22,050 Hz. The first onset within 30 s (`audio.onset`) starts the sound; 4.017 s from there are kept and
    faded as renders are, or silence is added. One gain levels it (`dataset.leveling`).

    Args:
        source: a sound file, or samples (samples,) or (samples, channels), floats or integers.
        rate: Hz, of samples; files know theirs.
        note: MIDI note that was played; default estimated by pYIN, which knows 28 … 107 (40 … 4,000 Hz).
        velocity: 1 … 127, of the key that was struck.
        level_db: of the loudest frame; default the median of the training presets.

    Raises:
        AudioFileError: the file cannot be read, or holds no sound within the bounds; the message says which.
        ParameterError: an argument is out of its bounds, or `source` are samples that hold no such sound.
    """
    check_note(FALLBACK_NOTE if note is None else note, velocity)
    seconds = SEARCHED + N_SAMPLES / SAMPLE_RATE
    if isinstance(source, np.ndarray):
        if rate is None:
            raise ParameterError("samples come with their rate, in Hz")
        return _taken(decoding.from_array(source, rate, seconds), note, velocity, level_db)
    if rate is not None:
        raise ParameterError(f"a file knows its sample rate: {rate} Hz cannot be asked for")
    recording = decoding.decode(source, seconds)
    try:
        return _taken(recording, note, velocity, level_db)
    except ParameterError as error:
        raise AudioFileError(f"{source}: {error}") from error


def _taken(recording: Recording, note: int | None, velocity: int, level_db: float | None) -> Target:
    said, warnings = list(recording.remarks), list(recording.warnings)
    kept = _trimmed(recording, said, warnings)
    sound = np.pad(kept, (0, N_SAMPLES - len(kept)))
    sound, gain = leveled(fade_out(sound, SAMPLE_RATE), level_db)
    like = "as loud as the median training preset's" if level_db is None else f"at {level_db:g} dB (RMS)"
    said.append(f"level changed by {gain:+.1f} dB: its loudest frame is {like}")
    if gain > _QUIET_DB:
        warnings.append(
            f"quiet: raised by {gain:.0f} dB, and its noise with it (the bound is {_QUIET_DB:g} dB)"
        )
    heard = sound[: max(len(kept), _PITCH_SAMPLES)]
    found = estimate(heard)
    note = _note(heard, found, note, said, warnings)
    return Target(sound, note, velocity, tuple(said), tuple(warnings), gain, found)


def _trimmed(recording: Recording, said: list[str], warnings: list[str]) -> Audio:
    """At 22,050 Hz from the onset, at most 88,576 samples."""
    rate = recording.rate
    _check_length(len(recording.samples) / rate, "")
    sound = recording.samples
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, rate, SAMPLE_RATE)
        said.append(f"resampled to {SAMPLE_RATE:,} Hz")
    if rate < SAMPLE_RATE:
        warnings.append(f"nothing sounds above {rate / 2:,.0f} Hz: its sample rate is {rate:,.0f} Hz")
    start = find_onset(sound[: round(SEARCHED * SAMPLE_RATE)])
    if start:
        said.append(f"{start / SAMPLE_RATE:.3f} s before the onset trimmed")
    rest = sound[start:]
    _check_length(len(rest) / SAMPLE_RATE, " from its onset")
    kept = rest[:N_SAMPLES].copy()
    offset = float(kept.mean())
    if abs(offset) > _MOST_DC * np.abs(kept).max():
        kept = without_dc(sound[: start + N_SAMPLES])[start:]
        said.append(f"DC offset of {offset:.3g} taken out by a high-pass at 20 Hz")
    _end(kept, len(rest), said)
    first = round(start / SAMPLE_RATE * rate)
    _warn_of_clipping(
        recording.full_scale[first : first + round(N_SAMPLES / SAMPLE_RATE * rate)], rate, warnings
    )
    return kept


def _check_length(seconds: float, where: str) -> None:
    if seconds < SHORTEST:
        raise ParameterError(
            f"too short: {1000 * seconds:.1f} ms of sound{where}, the bound is {1000 * SHORTEST:.0f} ms"
        )


def _end(kept: Audio, available: int, said: list[str]) -> None:
    """Fade a short sound's last moment in place; say how the sound ends."""
    length = f"{N_SAMPLES / SAMPLE_RATE:.3f} s"
    if available > N_SAMPLES:
        said.append(f"cut to {length} of {available / SAMPLE_RATE:.2f} s, its last {FADE} s faded out")
    elif available < N_SAMPLES:
        fade = round(_FADE_IF_SHORT * SAMPLE_RATE)
        kept[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        said.append(f"silence added to {available / SAMPLE_RATE:.3f} s, which makes {length}")


def _warn_of_clipping(full_scale: npt.NDArray[np.bool_], rate: float, warnings: list[str]) -> None:
    tenth = min(round(0.1 * rate), len(full_scale))
    whole = full_scale[: len(full_scale) // tenth * tenth].reshape(-1, tenth)
    worst = float(whole.mean(1).max())
    if worst > _MOST_CLIPPED:
        warnings.append(
            f"clipped: in its worst 0.1 s, {100 * worst:.0f} % of the samples are at full scale"
            f" (the bound is {100 * _MOST_CLIPPED:.0f} %)"
        )


def _note(sound: Audio, found: Pitch, given: int | None, said: list[str], warnings: list[str]) -> int:
    """Return the note given, or the one nearest to the pitch found; and say what the pitch tells."""
    share = f"{100 * found.voiced:.0f} % of the sound has a pitch"
    if not np.isfinite(found.f0) or found.voiced < _PITCHED:
        if given is not None:
            return given
        warnings.append(
            f"no pitch: only {share} (the bound is {100 * _PITCHED:.0f} %);"
            f" note {FALLBACK_NOTE} ({note_name(FALLBACK_NOTE)}) assumed, better give the note"
        )
        return FALLBACK_NOTE
    nearest = round(found.midi)  # 28 … 107, as the pitch is 40 … 4,000 Hz
    heard = f"{nearest} ({note_name(nearest)}) {round(found.cents_from(nearest)):+d} cents"
    if given is None:
        said.append(f"note estimated: {heard}")
    elif given != nearest:
        said.append(f"it sounds at {heard}, not at the note given, {given} ({note_name(given)})")
    if found.voiced >= _CLEAR:
        _warn_of_several_notes(sound, found.f0, warnings)
    elif given is None:
        warnings.append(
            f"no clear pitch: only {share} (the bound is {100 * _CLEAR:.0f} %), noise or several notes?"
            " Better give the note"
        )
    return nearest if given is None else given


def _warn_of_several_notes(sound: Audio, f0: float, warnings: list[str]) -> None:
    """By the power at the harmonics of the pitch found, within 3 %."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    number = np.round(frequency / f0)
    harmonic = (number >= 1) & (np.abs(frequency - number * f0) < 0.03 * frequency)
    total = power[frequency > 30].sum()
    low, all_of_them = (power[part].sum() / total for part in (harmonic & (number <= 2), harmonic))
    for share, where, bound, kind in (
        (low, "its lowest two harmonics", _LEAST_LOW, "at once"),
        (all_of_them, "its harmonics", _LEAST_HARMONIC, "one after another"),
    ):
        if share < bound:
            warnings.append(
                f"several notes {kind}? The pitch is {f0:.0f} Hz, and only {100 * share:.1f} % of the power"
                f" is at {where} (the bound is {100 * bound:.0f} %)"
            )


@dataclass(frozen=True)
class TargetFile:
    """A sound file and how it was played, as far as that is known."""

    path: Path
    note: int | None = None
    velocity: int | None = None


def prepare_targets(
    takes: Sequence[TargetFile], note: int | None = None, velocity: int = VELOCITY
) -> list[Target]:
    """`prepare_target` each; `note` and `velocity` are of takes that do not say theirs."""
    return [
        prepare_target(
            take.path,
            note=note if take.note is None else take.note,
            velocity=velocity if take.velocity is None else take.velocity,
        )
        for take in takes
    ]


def parse_target_file(text: str) -> TargetFile:
    """A file as `prepare_target` gets it: "low.wav", "C3=low.wav" or, with the velocity, "C3@100=low.wav".

    What stands before the first "=" is a note, unless it holds a slash: "./take=2.wav" is a file.

    Raises:
        ParameterError: no such note or velocity, or no file.
    """
    match = re.fullmatch(r"([^=/\\]*)=(.*)", text, re.DOTALL)
    played, file = match.groups() if match else (None, text)
    if not file.strip():
        raise ParameterError(f"{text!r} names no file: FILE, NOTE=FILE or NOTE@VELOCITY=FILE")
    if played is None:
        return TargetFile(Path(file))
    name, at, force = played.partition("@")
    note = parse_note(name)
    if not at:
        return TargetFile(Path(file), note)
    if not re.fullmatch(r"[0-9]{1,9}", force) or not 1 <= int(force) <= 127:
        raise ParameterError(f"velocity {force!r} is not an integer in 1 … 127")
    return TargetFile(Path(file), note, int(force))
