"""Types that many modules share: arrays named by their contents, and notes."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.uint8]
"""Presets as DX7 integers, uint8 (145,) or (N, 145), in VCED order."""

Audio: TypeAlias = npt.NDArray[np.float32]
"""A mono sound, float32 (samples,), at 22,050 Hz unless stated otherwise."""

Spectrum: TypeAlias = npt.NDArray[np.float32]
"""A spectrogram, or another feature of a sound over its frames, float32."""

Codes: TypeAlias = npt.NDArray[np.uint8]
"""A mel spectrogram as stored: the range of -120 to 20 dB in 8 bits, uint8 (257, 347)."""

Floats: TypeAlias = npt.NDArray[np.float64]
"""Distances, measures and other real numbers."""

Rows: TypeAlias = npt.NDArray[np.int64]
"""Indices of presets in a corpus, int64 (N,)."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""A truth value for each preset, parameter or frame."""

Note: TypeAlias = tuple[int, int]
"""MIDI note and velocity."""

Notes: TypeAlias = Sequence[Note]
