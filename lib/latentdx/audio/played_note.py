"""A note as a musician hears it: held, let go, and listened to until it has faded."""

from typing import NamedTuple

import numpy as np

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import fade_out
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.typing import Audio

SILENT_DB = -60.0
"""Level relative to the loudest piece below which a note counts as faded."""

RELEASE_SECONDS = 10.0
"""Time after the key is let go for which a note is heard at most."""

_PIECE = 1024  # samples: 23 ms at 44,100 Hz
_FADED_PIECES = 10  # in a row, so that a tremolo is not taken for the end


class PlayedNote(NamedTuple):
    """A note that was played.

    Attributes:
        sound: The note until it has faded, float32 (samples,).
        peak: Largest magnitude; 1 is full scale.
        end_db: Level at the end of `sound`, in dB relative to the loudest moment; `-inf` if it has faded.
    """

    sound: Audio
    peak: float
    end_db: float


def play_note(
    preset: Preset,
    note: int = 60,
    velocity: int = 85,
    *,
    hold: float = 2.0,
    release: float = RELEASE_SECONDS,
    engine: Engine | None = None,
) -> PlayedNote:
    """Render a note until it has faded after its key is let go.

    Args:
        preset: Preset to play.
        note: MIDI note, 0 … 127.
        velocity: MIDI velocity, 1 … 127.
        hold: Positive time in seconds from note-on to note-off.
        release: Time in seconds after note-off for which to wait at most, at least 0.1. A sound that has not
            faded by then is faded out over the last 0.1 s.
        engine: Synth that renders; default `Engine(44_100)`.

    Raises:
        ParameterError: An argument is out of range.
    """
    synth = engine or Engine(44_100)
    if not 0.1 <= release < np.inf:
        raise ParameterError(f"release must be a finite time of at least 0.1 s, not {release}")
    last = int((hold + release) * synth.sample_rate) if np.isfinite(hold) else 0
    pieces: list[Audio] = []
    levels: list[float] = []
    for piece in synth.blocks(preset, note, velocity, hold=hold, size=_PIECE):
        pieces.append(piece)
        levels.append(float(np.sqrt(np.mean(piece.astype(np.float64) ** 2))))
        floor = max(levels) * 10 ** (SILENT_DB / 20)
        released = len(pieces) * _PIECE >= hold * synth.sample_rate + _FADED_PIECES * _PIECE
        if released and max(levels[-_FADED_PIECES:]) <= floor:
            end_db = -np.inf
            break
        if len(pieces) * _PIECE >= last:
            end = max(levels[-_FADED_PIECES:])
            end_db = 20 * np.log10(end / max(levels)) if end else -np.inf
            break
    sound = np.concatenate(pieces)
    return PlayedNote(fade_out(sound, synth.sample_rate), float(np.abs(sound).max()), float(end_db))
