"""The record of one note: its settings and its state, shared by all parts of the engine."""

from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 64
"""Samples in a block; envelopes, LFO and pitch move once per block (section 1)."""

OCTAVE = 1 << 24
"""One octave of a log frequency, and a factor of two of a log level (section 1)."""

CURRENT, PAPER = 0, 1
"""The two eras: today's Dexed as in dexed-py 0.3.0, and Dexed 0.9.3, which made the paper's sounds."""

ENVELOPE, PITCH, DELAY, LFO = 0, 1, 2, 3
"""Entries of `tables.clocks`."""

VOICE = np.dtype(
    [
        ("era", "i8"),
        ("tune", "i8"),  # log frequency that is added to all operators
        ("muted", "i8"),  # bit k - 1 is set if operator k is
        ("algorithm", "i8"),
        ("feedback", "i8"),
        ("key_off", "i8"),  # number of the block that begins with the release of the key
        ("block", "i8"),  # number of blocks that have been computed
        # operators in the order 6 … 1: settings
        ("pitch", "i8", 6),
        ("fixed", "i8", 6),
        ("sensitivity", "i8", 6),  # to amplitude modulation
        ("target", "i8", (6, 4)),
        ("step", "i8", (6, 4)),
        ("wait", "i8", (6, 4)),
        ("silent_start", "i8", 6),  # EG LEVEL 1 is 0
        # operators: state
        ("stage", "i8", 6),
        ("level", "i8", 6),
        ("hold", "i8", 6),
        ("gain", "i8", 6),
        ("phase", "u4", 6),  # 2^32 is a cycle
        ("older", "u4"),  # the last two samples of the fed-back operator
        ("newer", "u4"),
        # the fed-back operator, which works one run ahead of the others (see `operators`)
        ("shift", "i8"),
        ("fed", "i8"),  # its number, or -1
        ("feed_run", "i8"),  # first block of the run,
        ("feed_end", "i8"),  # the block after it, and
        ("feed_block", "i8"),  # the next block to begin
        ("feed_audible", "i8"),  # mask of the run's blocks that are computed
        ("feed_phase", "u4"),
        ("feed_step", "u4"),
        ("feed_gain", "i8"),  # an address, and
        ("feed_more", "i8"),  # what moves it on with each sample
        ("feed_left", "i8"),  # samples of the block that are not computed yet, and
        ("feed_to", "i8"),  # the address of the next one
        # addresses of what the operators read and write (see `operators.synthesize`)
        ("gains", "i8"),
        ("steps", "i8"),
        ("sines", "i8"),
        ("waves", "i8"),
        ("rows", "i8"),
        ("outputs", "i8"),  # 0 if they are not wanted
        ("stride", "i8"),  # bytes from one output to the next
        # pitch envelope
        ("pitch_target", "i8", 4),
        ("pitch_step", "i8", 4),
        ("pitch_stage", "i8"),
        ("pitch_level", "i8"),
        # LFO
        ("wave", "i8"),
        ("lfo_step", "i8"),
        ("delay_step", "i8", 2),
        ("pitch_depth", "i8"),
        ("pitch_sensitivity", "i8"),
        ("amplitude_depth", "i8"),
        ("lfo_phase", "i8"),
        ("random", "i8"),
        ("delay", "i8"),
    ],
    align=True,
)
"""Record of a note; each part of the engine fills and moves its own fields."""

Array = npt.NDArray[Any]
Record = Any
"""One record of dtype `VOICE`, as compiled functions see it."""
