"""The course of a note's level: where its key was let go, and whether it was sustained, faded or cut off."""

from enum import StrEnum
from typing import NamedTuple

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
_CUT_DB = 35.0  # a recording that ends above this level was cut
_MOST_LINES = 5
_LEAST_FRAMES = 4  # of a line
_LINE_COST = 0.03  # share of the error with one line less that another line must save
_STEEPER, _STEEPEST_DECAY = 2.5, 8.0  # a release falls faster than the decay by this factor, and these dB/s
_LEAST_FALL = 6.0  # dB in a release
_LEAST_RELEASE = 30.0  # dB per second; whatever falls more slowly may be a decay


def note_envelope(sound: Audio) -> NoteEnvelope:
    """Follow the level of a single note, which starts at the beginning of a sound."""
    levels = _levels(sound)
    loudest = float(levels.max())
    noise = float(np.percentile(levels, 5))
    floor = loudest - _AUDIBLE_DB
    if noise > floor and noise < loudest - 20:
        floor = noise + _ABOVE_NOISE_DB
    last = int(np.flatnonzero(levels >= floor)[-1])
    first = int(np.argmax(levels >= loudest - 3))
    cut = last >= len(levels) - 4 and levels[-8:].max() > loudest - _CUT_DB
    peak = int(np.argmax(levels >= loudest - 0.5))
    knots, slopes, values = _lines(levels[peak : last + 1])
    per_second = SAMPLE_RATE / _HOP
    falls = -slopes * per_second
    found = None
    for i in range(1, len(falls)):
        before = max(float(falls[i - 1]), 0.0)
        drop = levels[peak + knots[i]] - levels[last]
        # every line after a release falls too; a slower one is a second stage
        loud = levels[peak + knots[i]] > loudest - 30
        if loud and falls[i] > _LEAST_RELEASE and falls[i] > _STEEPER * before + _STEEPEST_DECAY and drop > _LEAST_FALL and (falls[i:] > 0).all():
            if found is None or falls[i] > _STEEPER * falls[found]:
                found = i
    if found is None:
        ending = Ending.CUT if cut else Ending.FADED
        return NoteEnvelope(_seconds(first), None, _seconds(last), max(float(falls[0]), 0.0), np.nan, ending)
    off = peak + int(knots[found])
    return NoteEnvelope(
        _seconds(first), _seconds(off), _seconds(last), max(float(falls[found - 1]), 0.0), float(falls[found]),
        Ending.RELEASED,
    )  # fmt: skip


def _seconds(frame: int) -> float:
    return (frame * _HOP + _FRAME / 2) / SAMPLE_RATE


def _levels(sound: Audio) -> Floats:
    rms = librosa.feature.rms(y=sound, frame_length=_FRAME, hop_length=_HOP, center=False)[0]
    return np.asarray(20 * np.log10(np.maximum(rms, 1e-7)), np.float64)


def _lines(levels: Floats) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Fit straight lines to levels (n,): first frame, slope per frame and error of each."""
    n, step = len(levels), max(1, len(levels) // 160)
    edges = np.r_[np.arange(0, n - step, step), n]
    m = len(edges) - 1
    x = np.arange(n, dtype=np.float64)
    sums = [np.r_[0, np.cumsum(v)] for v in (np.ones(n), x, x * x, levels, x * levels, levels * levels)]

    def fit(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        s1, sx, sxx, sy, sxy, syy = (s[b] - s[a] for s in sums)
        vx = np.maximum(sxx - sx * sx / s1, 1e-9)
        cov = sxy - sx * sy / s1
        slope = np.where(s1 > 1, cov / vx, 0.0)
        return slope, np.maximum(syy - sy * sy / s1 - slope * cov, 0.0)

    a, b = np.meshgrid(edges[:-1], edges[1:], indexing="ij")
    least = max(_LEAST_FRAMES, 1)
    ok = b - a >= least
    _, cost = fit(a, np.maximum(b, a + 1))
    cost = np.where(ok, cost, np.inf)  # (start, end)
    best = [cost[0]]
    back: list[npt.NDArray[np.int64]] = []
    for _ in range(1, _MOST_LINES):
        through = best[-1][:-1, None] + cost[1:, :][:, :]  # knot j = edges[j + 1]
        through = np.where(np.arange(1, m)[:, None] <= np.arange(m)[None, :], through, np.inf)
        back.append(through.argmin(0))
        best.append(through.min(0))
    errors = np.array([e[-1] for e in best])
    chosen = 0
    for k in range(1, _MOST_LINES):
        if np.isfinite(errors[k]) and errors[k] + 0.05 * n < (1 - _LINE_COST) * errors[chosen]:
            chosen = k
    ends = [m - 1]
    for k in range(chosen, 0, -1):
        ends.append(int(back[k - 1][ends[-1]]))
    knots = np.r_[0, edges[1:][ends[1:][::-1]]].astype(np.int64)
    stops = np.r_[knots[1:], n]
    slopes, errs = fit(knots, stops)
    return knots, slopes, errs
