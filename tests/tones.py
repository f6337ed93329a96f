"""Sounds whose level and pitch are known."""

import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE

Sound = npt.NDArray[np.float32]


def tone(peak: float, frequency: float = 440.0, samples: int = N_SAMPLES) -> Sound:
    """A sine of this peak that fades in and out over 50 ms, so that MP3 does not ring."""
    time = np.arange(samples) / SAMPLE_RATE
    fade = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.05)
    return (peak * fade * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def kick(seconds: float = 0.3) -> Sound:
    """A bass drum: a sine that falls from 110 to 50 Hz and dies away."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    turns = 50 * time + 2 * (1 - np.exp(-30 * time))
    return (0.8 * np.sin(2 * np.pi * turns) * np.exp(-12 * time)).astype(np.float32)


def snare(seconds: float = 0.3) -> Sound:
    """Noise that dies away."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(size=len(time))
    return (0.2 * noise * np.exp(-25 * time)).astype(np.float32)
