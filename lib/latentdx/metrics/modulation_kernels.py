"""The modulation spectrum of `modulation`, compiled. Importing this module imports Numba."""

import math

from latentdx.audio.stft.jit import jit
from latentdx.audio.stft.layout import LANES, Array
from latentdx.metrics.modulation import BANDS, CENTS, FAINT, LAST, LEAST, N_MFCC, SMALLEST, STEP, WINDOW

_SCALE = 1 / math.sqrt(128.0)
_DECIBELS = 10.0
_N_BANDS = len(BANDS)
_ENDS = (*BANDS[1:], LAST)


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
        tracks: Memory, float64 (at least 64 and `n_frames`, 15).
        waves: Memory, float64 (48,).
        depths: Modulation spectrum, float64 (windows, 14, 8), filled.
    """
    _write_tracks(mfcc, moments, n_frames, tracks)
    for part in range(len(depths)):
        start, weight = part * STEP, 0.0
        for t in range(start, start + WINDOW):
            weight += tracks[t, N_MFCC + 1]
        for track in range(N_MFCC + 1):
            mean = 0.0
            for t in range(start, start + WINDOW):
                mean += tracks[t, track] * tracks[t, N_MFCC + 1]
            mean /= max(weight, 1e-9)
            waves[:] = 0.0
            for t in range(WINDOW):
                value = tracks[start + t, N_MFCC + 1] * (tracks[start + t, track] - mean)
                for i in range(2 * LAST):
                    waves[i] += value * transform[t, i]
            for band in range(_N_BANDS):
                depth = 0.0
                for i in range(BANDS[band], _ENDS[band]):
                    depth += math.sqrt(waves[i] * waves[i] + waves[LAST + i] * waves[LAST + i])
                depths[part, track, band] = math.log2(1 + depth / SMALLEST)


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
        for i in range(1, N_MFCC):
            tracks[t, i] = mfcc[group, i, lane] * _SCALE
        tracks[t, N_MFCC] = moments[group, 1, lane] / max(power, LEAST) * CENTS
        tracks[t, N_MFCC + 1] = power / (power + FAINT * loudest)
    for t in range(n_frames, WINDOW):  # a short sound stays as it ends, but has no say there
        tracks[t] = tracks[n_frames - 1]
        tracks[t, N_MFCC + 1] = 0.0


@jit
def depth_distance(a: Array, b: Array) -> float:
    """Return the distance of two modulation spectra, as `modulation.modulation_distance`."""
    level, timbre, pitch = 0.0, 0.0, 0.0
    for track in range(N_MFCC + 1):
        moved = 0.0
        for part in range(len(a)):
            below, above = 0.0, 0.0
            for band in range(_N_BANDS):
                below += a[part, track, band] - b[part, track, band]
                above += a[part, track, _N_BANDS - 1 - band] - b[part, track, _N_BANDS - 1 - band]
                moved += abs(below) + abs(above)
        if track == 0:
            level = moved
        elif track == N_MFCC:
            pitch = moved
        else:
            timbre += moved / (N_MFCC - 1)
    return (level + timbre + pitch) / (6 * _N_BANDS * len(a))
