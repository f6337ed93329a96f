"""What the engine computes once per block (levels, frequencies, LFO), recorded by `Engine.trace`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentdx.audio.engine import compilation
from latentdx.audio.engine.control import CHUNK
from latentdx.audio.engine.layout import BLOCK, OCTAVE
from latentdx.audio.engine.tables import phase_steps
from latentdx.presets.parameters import N_OPERATORS

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

STAGES = ("to level 1", "to level 2", "to level 3 and held there", "to level 4", "ended")
"""What an envelope does in each of its stages 0 … 4 (section 7)."""


@dataclass(frozen=True)
class Trace:
    """The engine's control values of one note, a value per block of 64 samples; operators in the order 1 … 6.

    Attributes:
        sample_rate: Sample rate in Hz.
        gains: Attenuation at the end of each block, int64 (6, blocks); 1,024 is a factor of two (section
            11.3).
        steps: Phase step per sample, int64 (6, blocks); 2^32 is a cycle (section 5).
        stages: Stage of the envelope after the block, int64 (6, blocks), see `STAGES`.
        pitch: What pitch envelope and LFO add to the log frequency, int64 (blocks,); 2^24 is an octave.
        lfo: Value of the LFO, 0 … 2^24, int64 (blocks,); 0 if the preset does not use it (section 9.3).
        delay: Value of the LFO's delay, likewise (section 9.2).
        depths: Depth of the amplitude modulation, int64 (blocks,) (section 10.2).
    """

    sample_rate: int
    gains: Integers
    steps: Integers
    stages: Integers
    pitch: Integers
    lfo: Integers
    delay: Integers
    depths: Integers

    @property
    def seconds(self) -> Numbers:
        """Time of the end of each block, (blocks,)."""
        return (1 + np.arange(self.gains.shape[1])) * BLOCK / self.sample_rate

    @property
    def level_db(self) -> Numbers:
        """Level of the operators in dB re the largest, (6, blocks)."""
        return -20 * np.log10(2) * self.gains / 1024

    @property
    def frequencies(self) -> Numbers:
        """Frequency of the operators in Hz before modulation by others, (6, blocks)."""
        return self.steps / 2**32 * self.sample_rate

    @property
    def pitch_cents(self) -> Numbers:
        """What pitch envelope and LFO add to the pitch, in cents, (blocks,)."""
        return 1200 * self.pitch / OCTAVE

    def phases(self) -> Integers:
        """Return the operators' phases at each sample, before modulation, (6, samples); 2^32 is a cycle."""
        steps = np.repeat(self.steps, BLOCK, axis=1)
        return (np.cumsum(steps, axis=1) - steps) & 0xFFFFFFFF


def trace(voice: npt.NDArray[np.void], n_blocks: int, bend: Integers, sample_rate: int) -> Trace:
    """Advance the control values of a note by some blocks, and record them.

    Args:
        voice: Record of a note that has not sounded yet, of dtype `layout.VOICE` (1,); moved on.
        n_blocks: Number of blocks.
        bend: Log frequency that is added in each block, int64; the last entry holds.
        sample_rate: Sample rate in Hz.
    """
    control, chunk = compilation.CONTROL.functions(), CHUNK
    gains, steps = np.empty((6, chunk), np.int32), np.empty((6, chunk), np.uint32)
    numbers = np.zeros((4, chunk), np.int64)
    found: dict[str, Integers] = {
        name: np.empty((N_OPERATORS, n_blocks), np.int64) for name in ("gains", "steps", "stages")
    } | {name: np.empty(n_blocks, np.int64) for name in ("pitch", "lfo", "delay", "depths")}
    for i in range(n_blocks):  # one by one, because an envelope's stage is known at the end only
        control(voice[0], 1, bend, phase_steps(sample_rate), gains, steps, numbers)
        voice["block"] += 1
        for name, values in (("gains", gains[::-1, 0]), ("steps", steps[::-1, 0])):
            found[name][:, i] = values
        found["stages"][:, i] = voice["stage"][0, ::-1]
        found["pitch"][i], found["lfo"][i], found["delay"][i], found["depths"][i] = numbers[:, 0]
    return Trace(sample_rate, **found)
