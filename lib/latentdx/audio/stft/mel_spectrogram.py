"""The spectrogram of `audio.spectrogram`, compiled."""

import numpy as np

from latentdx.audio.engine.memory import address
from latentdx.audio.stft.fft import powers_of_1024
from latentdx.audio.stft.frames import cut
from latentdx.audio.stft.jit import jit
from latentdx.audio.stft.lanes import larger, load, repeat, sqrt, store
from latentdx.audio.stft.layout import LANE_BYTES, LANES, Array, MelFilters, Transform
from latentdx.audio.stft.logarithm import log2
from latentdx.audio.stft.mel import band

HOP = 256
N_BINS = 513

_DECIBELS = np.float32(20 * np.log10(2))
_FLOOR_DB = np.float32(-120)
_LEAST = np.float32(1e-7)  # below the floor, and has a logarithm


@jit
def mel_spectrogram(
    sound: Array, transform: Transform, filters: MelFilters, blocks: Array, work: Array, out: Array
) -> None:
    """Compute the mel spectrogram of a sound, in dB.

    Args:
        sound: Float32 (samples,).
        transform: Tables of the window, divided by the sum of the window.
        filters: Mel filters for amplitudes.
        blocks: Memory for blocks of 256 samples, `layout.new_blocks`.
        work: Memory for vectors, float32 (1538, 16).
        out: Float32 (mel bands, frames), filled.
    """
    n_bands, n_frames = out.shape
    row, spectrum = 4 * blocks.shape[1], address(work) + 2 * (N_BINS - 1) * LANE_BYTES
    rest = np.empty(LANES, np.float32)
    for first in range(0, n_frames, LANES):
        cut(sound, first // LANES, blocks)
        powers_of_1024(address(blocks), row, HOP, transform, address(work), spectrum)
        for k in range(N_BINS):
            at = spectrum + k * LANE_BYTES
            store(at, sqrt(load(at)))
        whole = first + LANES <= n_frames
        for number in range(n_bands):
            amplitude = larger(band(spectrum, filters, number), repeat(_LEAST))
            decibels = larger(log2(amplitude) * _DECIBELS, repeat(_FLOOR_DB))
            if whole:
                store(address(out) + 4 * (number * n_frames + first), decibels)
            else:
                store(address(rest), decibels)
                for i in range(n_frames - first):
                    out[number, first + i] = rest[i]
