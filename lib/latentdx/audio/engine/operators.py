"""The operators: sections 11 and 12 of the specification, sample by sample.

Signals are samples of the oscillator's table (8,191 is full level, and 2,048 is a cycle of phase modulation),
and phases are unsigned integers of 32 bits, of which 2^32 is a cycle; both scale the specification's numbers
exactly.
"""

import numpy as np

from latentdx.audio.engine.control import CHUNK
from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import BLOCK, CURRENT, Array, Record
from latentdx.audio.engine.tables import ADDS, DESTINATION, FEEDBACK, SOURCE

_AUDIBLE = 16284  # an operator is computed if its gain is at most this at one end of the block


@jit
def sample(phase: np.uint32, gain: int, log_sine: Array, samples: Array) -> int:
    """Return one sample of an oscillator (section 11.2)."""
    return int(samples[int(log_sine[np.uint32(phase) >> 20]) + gain])


@jit
def block(
    v: Record,
    i: int,
    gains: Array,
    steps: Array,
    log_sine: Array,
    samples: Array,
    buses: Array,
    outputs: Array,
) -> None:
    """Compute one block of all operators (section 12).

    Args:
        v: Record of the note.
        i: Number of the block in `gains` and `steps`.
        gains: Gains of `control`.
        steps: Phase steps of `control`.
        log_sine: Table of `tables.oscillator`.
        samples: Table of `tables.oscillator`.
        buses: The mix and two work buses, int32 (3, 64); filled.
        outputs: Output of operators 6 ... 1, int32 (6, 64); filled.
    """
    buses[:] = 0
    outputs[:] = 0
    filled = np.array([True, False, False])
    loop = (2 if v.algorithm == 3 else 1) if v.feedback > 0 and v.algorithm in (3, 5) else 0
    skip = 0
    for op in range(6):
        source, destination = SOURCE[v.algorithm, op], DESTINATION[v.algorithm, op]
        adds = ADDS[v.algorithm, op] == 1
        first = v.gain[op] if v.gain[op] else 16383
        last = np.int64(gains[op * CHUNK + i])
        step = steps[op * CHUNK + i]
        phase = v.phase[op]
        v.gain[op] = last
        v.phase[op] = np.uint32(phase + np.uint32(BLOCK) * step)
        if skip:
            skip -= 1
            continue
        if loop and op == 0:
            destination, adds = 0, True
        if first > _AUDIBLE and last > _AUDIBLE:
            if not adds:
                filled[destination] = False
            continue
        increment = (last - first + 32) >> 6
        gain = first
        shift = 8 - v.feedback + (2 if loop or (v.algorithm == 31 and v.era == CURRENT) else 0)
        old, new = np.int64(v.memory[0]), np.int64(v.memory[1])
        for k in range(BLOCK):
            gain += increment
            if source == FEEDBACK and v.feedback > 0:
                moved = (old + new) << 21 >> (shift + 1)
            elif source == 1 or source == 2:
                moved = np.int64(buses[source, k]) << 21 if filled[source] else 0
            else:
                moved = 0
            y = sample(np.uint32(phase + moved), gain, log_sine, samples)
            outputs[op, k] = y
            if source == FEEDBACK and v.feedback > 0:
                for j in range(1, loop + 1):
                    q = v.phase[j] + np.uint32(k) * steps[j * CHUNK + i]
                    y = sample(np.uint32(q + (y << 21)), np.int64(gains[j * CHUNK + i]), log_sine, samples)
                    outputs[j, k] = y
                old, new = new, y
            buses[destination, k] = y + buses[destination, k] if adds and filled[destination] else y
            phase = np.uint32(phase + step)
        v.memory[0], v.memory[1] = old, new
        filled[destination] = True
        if loop and op == 0:
            skip = loop
