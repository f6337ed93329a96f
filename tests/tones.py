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
