"""Types that many modules share: arrays by what they hold, and notes."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.uint8]
"""Presets as DX7 integers, (145,) or (N, 145), in VCED order."""

Audio: TypeAlias = npt.NDArray[np.float32]
"""A mono sound, (samples,), at 22,050 Hz unless stated otherwise."""

Spectrum: TypeAlias = npt.NDArray[np.float32]
"""A spectrogram or another feature of a sound over frames."""

Codes: TypeAlias = npt.NDArray[np.uint8]
"""Mel spectrograms as stored: decibels over [-120, 20] in 8 bits, (257, 347)."""

Floats: TypeAlias = npt.NDArray[np.float64]
"""Distances, measures and other real numbers."""

Rows: TypeAlias = npt.NDArray[np.int64]
"""Indices of presets in a corpus."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""A truth value for each preset, parameter or frame."""

Note: TypeAlias = tuple[int, int]
"""MIDI note and velocity."""

Notes: TypeAlias = Sequence[Note]
