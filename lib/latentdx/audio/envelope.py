"""The course of a note's level: where its key was let go, and whether it was sustained, faded or cut off."""

from enum import StrEnum
from typing import NamedTuple, overload

import librosa
import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.typing import Audio, Floats


class Ending(StrEnum):
    """How a recorded note ends."""

    RELEASED = "released"
    """The key was let go while the note sounded."""
    FADED = "faded"
    """The note died away by itself, as far as its level tells."""
    CUT = "cut"
    """The recording ends while the note sounds."""


class NoteEnvelope(NamedTuple):
    """Course of a note's level.

    Attributes:
        attack: Seconds from the beginning to the first moment within 3 dB of the loudest one.
        note_off: Seconds from the beginning to the moment at which the key was let go; `None` if that cannot
            be heard.
        end: Seconds from the beginning to the moment at which the note has become inaudible, or the recording
            ends.
        decay: Rate at which the level falls before the note-off, in dB per second, at least 0.
        release: Rate at which it falls afterwards; `nan` without a note-off.
        ending: How the note ends.
    """

    attack: float
    note_off: float | None
    end: float
    decay: float
    release: float
    ending: Ending


_FRAME, _HOP = 512, 128  # samples: frames of 23 ms, one every 5.8 ms
_AUDIBLE_DB = 50.0  # below the loudest frame, a note has ended
_ABOVE_NOISE_DB = 6.0
_NOISE_PERCENTILE, _NOISY_DB = 5, 20.0  # steady noise is at least this far below the note
_STEADY_DB = 3.0  # and changes by less
_CUT_DB = 35.0  # a recording that ends above this level, relative to the loudest frame, was cut
_MOST_LINES, _LEAST_FRAMES, _MOST_KNOTS = 5, 4, 160
_LINE_GAIN = 0.03  # share of the squared error that one more line must save
_LINE_COST = 0.05  # dB^2 per frame, which keeps the lines few where the level is almost straight
# A release falls faster than this, than the decay before it by this factor and this rate, and by this much
# from a level within 30 dB of the loudest. On 890 renders of learnfm voices, let go at random or held, the
# note-off was found in 79% of the notes in which it can be heard, 89% of these within 50 ms; of the held
# notes, 6% got one, because a decay that begins late looks the same.
_LEAST_RELEASE, _STEEPER, _FASTER = 30.0, 2.5, 8.0
_LEAST_FALL, _FAINT_DB = 6.0, 30.0


def note_envelope(sound: Audio) -> NoteEnvelope:
    """Follow the level of a single note.

    From the loudest moment on, the level in dB is approximated by up to five straight lines, because the
    envelopes of a DX7, like those of most instruments, fall exponentially. The key was let go where the
    level starts to fall much faster than before.

    Args:
        sound: Float32 (samples,), mono, at 22,050 Hz, from the onset on, without a fade-out. A sound of less
            than 23 ms is padded.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 22_050).astype(np.float32)
    >>> tone[22_050:] *= np.exp(-np.arange(22_050) / 1500, dtype=np.float32)
    >>> found = note_envelope(tone)
    >>> round(found.note_off, 1), found.ending.value
    (1.0, 'released')
    """
    levels = levels_db(sound)
    loudest = float(levels.max())
    floor = loudest - _AUDIBLE_DB
    noise = float(np.percentile(levels, _NOISE_PERCENTILE))
    if floor < noise < loudest - _NOISY_DB and _is_steady(levels, noise + _ABOVE_NOISE_DB):
        floor = noise + _ABOVE_NOISE_DB
    first, last = int(np.argmax(levels >= loudest - 3)), int(np.flatnonzero(levels >= floor)[-1])
    peak = int(np.argmax(levels >= loudest - 0.5))
    knots, slopes = _lines(levels[peak : last + 1])
    falls = -slopes * SAMPLE_RATE / _HOP
    found = 0
    for i in range(1, len(falls)):
        start = levels[peak + knots[i]]
        if (
            falls[i] > max(_LEAST_RELEASE, _STEEPER * max(falls[i - 1], 0.0) + _FASTER)
            and start - levels[last] > _LEAST_FALL
            and start > loudest - _FAINT_DB
            and (falls[i:] > 0).all()
            and (not found or falls[i] > _STEEPER * falls[found])
        ):
            found = i
    decay, end = max(float(falls[max(found - 1, 0)]), 0.0), seconds_of(last)
    if found:
        off = seconds_of(peak + int(knots[found]))
        return NoteEnvelope(seconds_of(first), off, end, decay, float(falls[found]), Ending.RELEASED)
    cut = last >= len(levels) - _LEAST_FRAMES and levels[-1] > loudest - _CUT_DB
    return NoteEnvelope(seconds_of(first), None, end, decay, np.nan, Ending.CUT if cut else Ending.FADED)


def _is_steady(levels: Floats, ceiling: float) -> bool:
    """Return whether levels stay as they are after they fell below a ceiling; a slow decay falls on."""
    peak = int(levels.argmax())
    tail = levels[peak + int(np.argmax(levels[peak:] < ceiling)) :]
    return len(tail) > 1 and abs(np.polyfit(np.linspace(0, 1, len(tail)), tail, 1)[0]) < _STEADY_DB


@overload
def seconds_of(frame: int) -> float: ...
@overload
def seconds_of(frame: npt.NDArray[np.int64]) -> Floats: ...
def seconds_of(frame: int | npt.NDArray[np.int64]) -> float | Floats:
    """Return the time in seconds of the middle of a frame of `levels_db`, or of several."""
    return (frame * _HOP + _FRAME / 2) / SAMPLE_RATE


def levels_db(sound: Audio) -> Floats:
    """Return the level of each frame in dB of full scale, (frames,)."""
    padded = np.pad(sound, (0, max(_FRAME - len(sound), 0)))
    rms = librosa.feature.rms(y=padded, frame_length=_FRAME, hop_length=_HOP, center=False)[0]
    return np.asarray(20 * np.log10(np.maximum(rms, 1e-7)), np.float64)


def _lines(levels: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Approximate levels (n,) by straight lines: the first frame and the slope per frame of each.

    The lines with the least squared error are found by dynamic programming over where they begin.
    """
    n = len(levels)
    step = max(_LEAST_FRAMES, n // _MOST_KNOTS)
    edges = np.r_[np.arange(0, max(n - step, 1), step), n]  # a line goes from one to another
    begins, ends = np.meshgrid(edges[:-1], edges[1:], indexing="ij")
    x = np.arange(n, dtype=np.float64)
    sums = [np.r_[0.0, np.cumsum(v)] for v in (np.ones(n), x, x * x, levels, x * levels, levels * levels)]

    def fitted(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return slopes and squared errors of the lines from `a` to `b`."""
        count, sx, sxx, sy, sxy, syy = (s[b] - s[a] for s in sums)
        together = sxy - sx * sy / count
        slope = together / np.maximum(sxx - sx * sx / count, 1e-9)
        return slope, np.maximum(syy - sy * sy / count - slope * together, 0.0)

    forward = begins < ends
    errors = np.where(forward, fitted(begins, np.where(forward, ends, begins + 1))[1], np.inf)
    best, before = [errors[0]], []
    for _ in range(min(_MOST_LINES, len(edges) - 1) - 1):
        through = best[-1][:-1, None] + errors[1:]  # the last line begins where the others end
        before.append(through.argmin(0))
        best.append(through.min(0))
    chosen = 0
    for k in range(1, len(best)):
        if best[k][-1] + _LINE_COST * n < (1 - _LINE_GAIN) * best[chosen][-1]:
            chosen = k
    places = [len(edges) - 2]
    for k in range(chosen, 0, -1):
        places.append(int(before[k - 1][places[-1]]))
    knots = np.r_[0, edges[1:][places[1:][::-1]]].astype(np.int64)
    return knots, fitted(knots, np.r_[knots[1:], n])[0]
