"""How a sound moves: the modulation spectrum of its level, its spectrum and its pitch.

Vibrato, tremolo, a slow swell or a moving filter change a sound several times a second. A listener hears
their rate and depth, but not at which moment they begin. Distances from frame to frame do not know that: an
answer with the same vibrato in another phase is as far from a sound as an answer with none, so a search
loses it. Here phases do not count. The spectra of the modulation in windows of 1.5 s are compared, and a
wrong rate counts less the closer it is.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.typing import Floats, Spectrum

if TYPE_CHECKING:
    from latentdx.metrics.sound_features import SoundFeatures

HOP = 512
"""Samples from one frame to the next, as those of the MFCCs."""

N_MFCC, N_BINS, N_TIMBRE = 13, 513, 6

WINDOW, STEP = 64, 32
"""Length of a window and from one to the next, in frames: 1.5 s and 0.75 s."""

LAST, BANDS = 24, (0, 1, 2, 3, 5, 7, 11, 15)
"""Number of bins, 0.67 Hz each, from 0.67 to 16 Hz, and where bands of about half an octave begin.

A DX7's LFO reaches 49 Hz, but above 16 Hz a modulation is heard as roughness, which the spectra show.
"""

CENTS = 4.0 * 12
"""Factor of the octaves: a quarter of a semitone of vibrato counts like a decibel of tremolo."""

SMALLEST = 0.5
"""Depth in dB below which modulations count less and less; they are compared by their logarithms."""

AROUND, ABOVE = 4, 3.0
"""Number of bins on either side of one that tell what is usual there, and the multiple of it that counts.

A movement that is not regular, such as an attack or a decay, lies in all bins, and falls with the square of
the rate. With these numbers, chosen on starter presets, a vibrato of 25 cents counts 2.6 times as much as the
difference of two presets without one; if all of the spectrum counted, 0.7 times.
"""

FAINT = 1e-3
"""Power, relative to the loudest frame, below which a frame has no say."""

LEAST = 1e-12
"""Least power of a frame that is divided by."""


HEARD = 0.3
"""Depth from which on a sound counts as moving: 0.3 dB of its level, or 7.5 cents of its pitch."""

Moving = Literal["level", "timbre", "pitch"]


class Tracks(NamedTuple):
    """Course of a sound over time.

    Attributes:
        mfcc: MFCCs, float32 (frames, 13).
        power: Power of each frame, float (frames,).
        octave: Mean binary logarithm of the bin number, weighted by power, float (frames,).
    """

    mfcc: Spectrum
    power: npt.NDArray[np.floating]
    octave: npt.NDArray[np.floating]


class Modulation(NamedTuple):
    """Regular movement of a sound.

    Attributes:
        moving: What moves.
        rate: Movements per second.
        depth: Deviation from the middle: dB of the level or of the spectrum's shape, or cents of the pitch.
    """

    moving: Moving
    rate: float
    depth: float


def logarithms_of_bins() -> npt.NDArray[np.float32]:
    """Return the binary logarithm of each STFT bin's number, (513,); 0 for the first two bins."""
    return np.log2(np.maximum(np.arange(N_BINS), 1)).astype(np.float32)


def tracks_of(sound: "SoundFeatures") -> Tracks:
    """Return the tracks of a sound from its features."""
    power = sound.stft[:, ::2].astype(np.float64) ** 2
    total = power.sum(0)
    octave = logarithms_of_bins() @ power / np.maximum(total, LEAST)
    return Tracks(sound.mfcc[:N_MFCC].T, total, octave)


def modulation_spectrum(tracks: Tracks) -> Floats:
    """Return the depth of regular modulation, (8, 8), in logarithms, averaged over the windows.

    The tracks are the level, six MFCCs after the first, and the pitch, for which the center of the spectrum
    stands; the bands of rates are about half an octave wide, from 0.7 to 16 Hz. Trends within a window are
    removed, and so is what attacks and decays leave in all bins: only peaks count that rise above their
    neighbors.
    """
    depth, share = _depths(tracks)
    logarithms = np.log2(1 + np.add.reduceat(_peaks(depth), BANDS, axis=2) / SMALLEST)
    return np.asarray((logarithms * share).sum(0) / np.maximum(share.sum(), 1e-9))


def strongest_modulation(sound: "SoundFeatures") -> Modulation | None:
    """Return what moves most regularly in a sound; `None` where nothing is above `HEARD`."""
    depth, share = _depths(tracks_of(sound))
    mean, peaks = ((parts * share).sum(0) / np.maximum(share.sum(), 1e-9) for parts in (depth, _peaks(depth)))
    track, k = np.unravel_index(int(peaks.argmax()), peaks.shape)
    if peaks[track, k] < HEARD:
        return None
    around = slice(max(int(k) - 1, 0), int(k) + 2)
    center = float(np.average(np.arange(1, LAST + 1)[around], weights=mean[track, around]))
    rate = center * SAMPLE_RATE / HOP / WINDOW
    kind: Moving = "level" if track == 0 else "pitch" if track == len(mean) - 1 else "timbre"
    return Modulation(kind, rate, float(mean[track, k]) * (1200 / CENTS if kind == "pitch" else 1.0))


def _depths(tracks: Tracks) -> tuple[Floats, Floats]:
    """Return the depth of modulation in each window, (windows, 8, 24), and the windows' shares."""
    loudest = max(float(tracks.power.max()), LEAST)
    level = 10 * np.log10(np.maximum(tracks.power, FAINT**2 * loudest))
    timbre, pitch = tracks.mfcc[:, 1 : 1 + N_TIMBRE] / np.sqrt(128.0), tracks.octave * CENTS
    values = np.concatenate([level[:, None], timbre, pitch[:, None]], 1)
    loudness = tracks.power / (tracks.power + FAINT * loudest)
    if len(values) < WINDOW:
        missing = WINDOW - len(values)
        values, loudness = np.pad(values, ((0, missing), (0, 0)), mode="edge"), np.pad(loudness, (0, missing))
    heard = np.lib.stride_tricks.sliding_window_view(loudness, WINDOW)[::STEP, None]
    parts = np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis=0)[::STEP]
    mean = (parts * heard).sum(2, keepdims=True) / np.maximum(heard.sum(2, keepdims=True), 1e-9)
    waves = (heard * (parts - mean)) @ _TRANSFORM
    depth = np.sqrt(waves[..., :LAST] ** 2 + waves[..., LAST:] ** 2)
    return depth, heard.sum(2, keepdims=True)


def _peaks(depth: Floats) -> Floats:
    """Return by how much bins (..., 24) exceed the usual, which falls with the square of the rate."""
    number = np.arange(1, LAST + 1) ** 2
    usual = np.empty_like(depth)
    for k in range(LAST):
        around = np.sort((depth * number)[..., max(k - AROUND, 0) : k + AROUND + 1])
        usual[..., k] = around[..., (around.shape[-1] - 1) // 2] / number[k]
    return np.maximum(depth - ABOVE * usual, 0.0)


def modulation_distance(target: Floats, found: Floats) -> float:
    """Return the distance of two modulation spectra, (8, 8); 0 for equal ones.

    Like the earth mover's distance, it sums how much modulation must be moved, and how far: cumulative sums
    over the bands, from below and from above, are compared. Level, timbre and pitch count alike.
    """
    difference = target - found
    below, above = np.abs(difference.cumsum(1)), np.abs(difference[:, ::-1].cumsum(1))
    moved = (below + above).mean(1) / 2
    return float(moved[0] + moved[1:-1].mean() + moved[-1]) / 3


def n_windows(n_frames: int) -> int:
    """Return the number of windows of a sound of so many frames, at least one."""
    return 1 + max(n_frames - WINDOW, 0) // STEP


def modulation_mismatch(target: "SoundFeatures", found: "SoundFeatures") -> float:
    """Return the distance between the modulations of two sounds of one length."""
    return modulation_distance(target.modulation, found.modulation)


def transform() -> Floats:
    """Return the Fourier transform of a window without its trend, (64, 48): cosines, then sines."""
    time = np.arange(WINDOW)
    lines = np.stack([np.ones(WINDOW), time - time.mean()])
    without_trend = np.eye(WINDOW) - lines.T @ np.linalg.inv(lines @ lines.T) @ lines
    window = np.hanning(WINDOW + 1)[:-1]
    angles = 2 * np.pi * np.arange(1, LAST + 1)[:, None] * time / WINDOW
    waves = np.concatenate([np.cos(angles), np.sin(angles)]) * window * 2 / window.sum()
    return np.asarray((waves @ without_trend).T)


_TRANSFORM = transform()
