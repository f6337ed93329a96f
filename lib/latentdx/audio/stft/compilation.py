"""The compiled mel spectrogram; see `latentdx.compilation` for how and where it is made."""

from typing import Any, NamedTuple

import numpy as np

from latentdx.audio.stft.layout import MelFilters, new_blocks, zeros
from latentdx.audio.stft.tables import transform
from latentdx.compilation import Compiler, Library


class Kernels(NamedTuple):
    """Compiled functions, with the same arguments as those of the modules named like them."""

    mel_spectrogram: Any


def _build(compiler: Compiler) -> Kernels:
    from latentdx.audio.stft import mel_spectrogram

    kernel = compiler(mel_spectrogram.mel_spectrogram)
    one = np.zeros(1, np.int64)
    filters = MelFilters(one, one, one, np.zeros(1, np.float32))
    kernel(
        np.zeros(1, np.float32),
        transform(np.zeros(1024)),
        filters,
        new_blocks(256),
        zeros(1538, 16),
        np.empty((1, 1), np.float32),
    )
    return Kernels(kernel)


LIBRARY = Library("spectrogram", f"{__name__}:LIBRARY", (__package__, "latentdx.audio.engine.memory"), _build)
"""The compiled spectrogram."""
