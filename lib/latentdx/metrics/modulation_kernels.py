"""The modulation spectrum of `modulation`, compiled. Importing this module imports Numba."""

import math

from latentdx.audio.stft.jit import jit
from latentdx.audio.stft.layout import LANES, Array
from latentdx.metrics import modulation
from latentdx.metrics.modulation import (
    ABOVE,
    AROUND,
    BANDS,
    CENTS,
    FAINT,
    LAST,
    LEAST,
    N_TIMBRE,
    SMALLEST,
    STEP,
    WINDOW,
)

_SCALE = 1 / math.sqrt(128.0)
_DECIBELS = 10.0
_N_BANDS = len(BANDS)
_PITCH, _LOUDNESS = N_TIMBRE + 1, N_TIMBRE + 2  # columns of the tracks, after the level and the MFCCs
_ENDS = (*BANDS[1:], LAST)


n_windows = jit(modulation.n_windows)


@jit
def write_depths(
    mfcc: Array, moments: Array, n_frames: int, transform: Array, tracks: Array, waves: Array, depths: Array
) -> None:
    """Compute a modulation spectrum, as `modulation.modulation_spectrum`.

    Args:
        mfcc: MFCCs, float32 (groups, 13, 16).
        moments: Power of each frame and the sum of octaves weighted by it, float32 (groups, 2, 16).
        n_frames: Number of frames.
        transform: Fourier transform of a window without its trend, float64 (64, 48).
        tracks: Memory, float64 (at least 64 and `n_frames`, 9).
        waves: Memory, float64 (4, 48).
        depths: Modulation spectrum, float64 (8, 8), filled.
    """
    _write_tracks(mfcc, moments, n_frames, tracks)
    depths[:] = 0.0
    weights = 0.0
    for part in range(n_windows(n_frames)):
        start, weight = part * STEP, 0.0
        for t in range(start, start + WINDOW):
            weight += tracks[t, _LOUDNESS]
        weights += weight
        for track in range(_LOUDNESS):
            mean = 0.0
            for t in range(start, start + WINDOW):
                mean += tracks[t, track] * tracks[t, _LOUDNESS]
            mean /= max(weight, 1e-9)
            waves[:] = 0.0
            for t in range(WINDOW):
                value = tracks[start + t, _LOUDNESS] * (tracks[start + t, track] - mean)
                for i in range(2 * LAST):
                    waves[0, i] += value * transform[t, i]
            _write_peaks(waves)
            for band in range(_N_BANDS):
                depth = 0.0
                for i in range(BANDS[band], _ENDS[band]):
                    depth += waves[3, i]
                depths[track, band] += weight * math.log2(1 + depth / SMALLEST)
    depths /= max(weights, 1e-9)


@jit
def _write_peaks(waves: Array) -> None:
    """Write by how much each bin of the first row exceeds what is usual around it into the last row."""
    for i in range(LAST):
        depth = math.sqrt(waves[0, i] * waves[0, i] + waves[0, LAST + i] * waves[0, LAST + i])
        waves[1, i] = depth * ((i + 1) * (i + 1))
    for i in range(LAST):
        first = max(i - AROUND, 0)
        count = min(i + AROUND + 1, LAST) - first
        for j in range(count):  # sorted by insertion
            value, place = waves[1, first + j], j
            while place > 0 and waves[2, place - 1] > value:
                waves[2, place] = waves[2, place - 1]
                place -= 1
            waves[2, place] = value
        above = waves[1, i] - ABOVE * waves[2, (count - 1) // 2]
        waves[3, i] = max(above, 0.0) / ((i + 1) * (i + 1))


@jit
def _write_tracks(mfcc: Array, moments: Array, n_frames: int, tracks: Array) -> None:
    """Write level, MFCCs and pitch, and at the end the share that each frame has."""
    loudest = 1e-12
    for t in range(n_frames):
        loudest = max(loudest, moments[t // LANES, 0, t % LANES])
    for t in range(n_frames):
        group, lane = t // LANES, t % LANES
        power = float(moments[group, 0, lane])
        tracks[t, 0] = _DECIBELS * math.log10(max(power, FAINT * FAINT * loudest))
        for i in range(1, _PITCH):
            tracks[t, i] = mfcc[group, i, lane] * _SCALE
        tracks[t, _PITCH] = moments[group, 1, lane] / max(power, LEAST) * CENTS
        tracks[t, _LOUDNESS] = power / (power + FAINT * loudest)
    for t in range(n_frames, WINDOW):  # a short sound stays as it ends, but has no say there
        tracks[t] = tracks[n_frames - 1]
        tracks[t, _LOUDNESS] = 0.0


@jit
def depth_distance(a: Array, b: Array) -> float:
    """Return the distance of two modulation spectra, as `modulation.modulation_distance`."""
    level, timbre, pitch = 0.0, 0.0, 0.0
    for track in range(_LOUDNESS):
        moved, below, above = 0.0, 0.0, 0.0
        for band in range(_N_BANDS):
            below += a[track, band] - b[track, band]
            above += a[track, _N_BANDS - 1 - band] - b[track, _N_BANDS - 1 - band]
            moved += abs(below) + abs(above)
        if track == 0:
            level = moved
        elif track == _PITCH:
            pitch = moved
        else:
            timbre += moved / N_TIMBRE
    return (level + timbre + pitch) / (6 * _N_BANDS)
