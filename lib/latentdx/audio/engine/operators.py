"""The operators: sections 11 to 13 of the specification, sample by sample.

Signals are samples of the oscillator's table (8,191 is full level, and 2,048 is a cycle of phase modulation),
and phases are unsigned integers of 32 bits, of which 2^32 is a cycle; both scale the specification's numbers
exactly. For speed,

- operators are computed one after the other for a run of several blocks, so that their part of the tables
  stays near the processor; blocks depend on each other only within an operator;
- the positions of a block in the table of log-sines are computed as a vector, and a loop makes the two
  look-ups of each sample;
- the operator with feedback, each of whose samples waits for the last one, works one run ahead: it depends on
  no other operator, so that its samples are made between the look-ups of the others, and the processor
  overlaps them.
"""

from typing import Any

import numpy as np

from latentdx.audio.engine.control import CHUNK
from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import BLOCK, CURRENT, Array, Record
from latentdx.audio.engine.memory import (
    add_block,
    address,
    clear_block,
    copy_block,
    read_i16,
    read_i32,
    read_u16,
    read_u32,
    write_i32,
    write_modulated_positions,
    write_positions,
    write_sound,
)
from latentdx.audio.engine.tables import ADDS, DESTINATION, FEEDBACK, MARGIN, SOURCE

RUN = 8
"""Blocks in a run."""

WORKSPACE = (6 * RUN + 1) * BLOCK
"""Entries of the workspace: three buses, two runs of the fed-back operator, one of another, positions."""

_RATIO = 5  # look-ups for each sample of the fed-back operator, which at most five others accompany
AUDIBLE = 16284
"""An operator is computed in a block if its gain is at most this at one end of it."""

# parts of the workspace, in blocks: buses 0 (the mix), 1 and 2, each a run; then
_FED, _SINGLE, _POSITIONS = 3 * RUN, 5 * RUN, 6 * RUN
_BYTES = 4 * BLOCK


@jit
def synthesize(
    v: Record,
    n: int,
    gains: Array,
    steps: Array,
    log_sine: Array,
    samples: Array,
    work: Array,
    sound: Array,
    outputs: Array,
    at: int,
) -> None:
    """Compute n blocks of all operators (section 12) and the sound (section 13).

    Args:
        v: Record of the note.
        n: Number of blocks, at most `CHUNK`.
        gains: Gains of `control`.
        steps: Phase steps of `control`.
        log_sine: Table of `tables.oscillator`.
        samples: Table of `tables.oscillator`.
        work: Scratch memory, int32 (`WORKSPACE`,).
        sound: Sound at the plug-in's level, float32; filled from `at`.
        outputs: Output of operators 1 … 6, float32 (6, samples), filled from `at`; or (0, samples).
        at: Position of the first sample in `sound` and `outputs`.
    """
    v.gains, v.steps, v.rows = address(gains), address(steps), address(work)
    v.sines, v.waves = address(log_sine) + 2 * MARGIN, address(samples)  # of the middle cycle, and of gain 0
    v.outputs, v.stride = address(outputs) + 4 * at if len(outputs) else 0, 4 * outputs.shape[1]
    to = address(sound) + 4 * at
    loop = v.feedback > 0 and (v.algorithm == 3 or v.algorithm == 5)
    v.shift = 8 - v.feedback + (2 if loop or (v.algorithm == 31 and v.era == CURRENT) else 0)
    v.fed = -1
    if v.feedback > 0 and not loop:
        for op in range(6):
            if SOURCE[v.algorithm, op] == FEEDBACK:
                v.fed = op
    _plan(v, 0, n)
    for run in range(0, n, RUN):
        end = min(n, run + RUN)
        _feed_on(v)
        fed_audible = v.feed_audible
        _plan(v, end, n)
        filled = _run(v, run, end, loop, fed_audible)
        for b in range(end - run):
            row = v.rows + _BYTES * b
            if not filled >> b & 1:
                clear_block(row)
            write_sound(to + _BYTES * (run + b), row)


@jit
def _run(v: Record, run: int, end: int, loop: bool, fed_audible: int) -> int:
    """Compute the blocks from `run` to `end` (section 12.2); return which blocks of the buses are filled.

    Masks have a bit for each block of the run; those of the buses 0, 1 and 2 follow each other in `filled`.
    """
    filled = chained = _chain(v, run, end) if loop else 0
    for op in range(6):
        source, target = SOURCE[v.algorithm, op], DESTINATION[v.algorithm, op]
        adds = ADDS[v.algorithm, op] == 1 or (loop and op == 0)
        in_chain = chained if loop and op <= (2 if v.algorithm == 3 else 1) else 0
        modulates = source == 1 or source == 2
        bus, mixed = v.rows + _BYTES * RUN * target, 0
        for i in range(run, end):
            b = i - run
            bit = 1 << (RUN * target + b)
            into = adds and filled & bit != 0
            if op == v.fed:
                audible = fed_audible >> b & 1 == 1
                row = v.rows + _BYTES * (_FED + (i & (2 * RUN - 1)))
                if audible and not into:
                    copy_block(bus + _BYTES * b, row)
            else:
                phase, step = np.int64(v.phase[op]), read_u32(v.steps + 4 * (op * CHUNK + i))
                first, more, audible = _turn(v, op, i)
                if in_chain >> b & 1:
                    continue
                row = v.rows + _BYTES * (_SINGLE + b) if into else bus + _BYTES * b
                if audible:
                    positions = v.rows + _BYTES * _POSITIONS
                    if modulates and filled >> (RUN * source + b) & 1:
                        write_modulated_positions(
                            positions, phase, step, v.rows + _BYTES * (RUN * source + b)
                        )
                    else:
                        write_positions(positions, phase, step)
                    _look_up(v, v.waves + 2 * first, 2 * more, positions, row)
            if audible:
                filled |= bit
                mixed |= int(into) << b
            elif not adds:
                filled &= ~bit
            _tap(v, op, i, row if audible else 0)
        # only now, because the processor waits where it reads what it has just written
        for b in range(end - run):
            if mixed >> b & 1:
                row = _FED + ((run + b) & (2 * RUN - 1)) if op == v.fed else _SINGLE + b
                add_block(bus + _BYTES * b, v.rows + _BYTES * row)
    return filled


@jit
def _turn(v: Record, op: int, i: int) -> tuple[int, int, bool]:
    """Move an operator over a block; return its first gain, the change per sample, and "audible"."""
    first = v.gain[op] if v.gain[op] else 16383
    last = read_i32(v.gains + 4 * (op * CHUNK + i))
    v.gain[op] = last
    v.phase[op] = np.uint32(np.int64(v.phase[op]) + BLOCK * read_u32(v.steps + 4 * (op * CHUNK + i)))
    return first, (last - first + 32) >> 6, first <= AUDIBLE or last <= AUDIBLE


@jit
def _plan(v: Record, run: int, n: int) -> None:
    """Set the fed-back operator to work at the run that begins with a block (section 12.3)."""
    v.feed_block, v.feed_end, v.feed_run = run, min(n, run + RUN) if v.fed >= 0 else run, run
    v.feed_left, v.feed_audible = 0, 0
    _next_feed(v)


@jit
def _next_feed(v: Record) -> None:
    """Set the fed-back operator to work at its next block that is computed."""
    while v.feed_left == 0 and v.feed_block < v.feed_end:
        i = v.feed_block
        v.feed_phase, v.feed_step = v.phase[v.fed], read_u32(v.steps + 4 * (v.fed * CHUNK + i))
        first, more, audible = _turn(v, v.fed, i)
        if audible:
            v.feed_audible |= 1 << (i - v.feed_run)
            v.feed_left, v.feed_to = BLOCK, v.rows + _BYTES * (_FED + (i & (2 * RUN - 1)))
            v.feed_gain, v.feed_more = v.waves + 2 * first, 2 * more
        v.feed_block = i + 1


@jit
def _fed(
    sines: int, gain: int, phase: np.uint32, older: np.uint32, newer: np.uint32, shift: int
) -> np.uint32:
    """Return a sample of the fed-back operator.

    The two samples before it move the phase by (older + newer) << (20 - shift). Only `newer` is late, so that
    everything else comes first; the table's margins save a mask. Numbers are of 32 bits, except addresses.
    """
    early = np.uint32((phase >> np.uint32(20 - shift)) + older) & np.uint32((1 << (12 + shift)) - 1)
    position = np.uint32(np.uint32(early + np.uint32(MARGIN << shift)) + newer) >> np.uint32(shift)
    return np.uint32(read_i16(gain + 2 * read_u16(sines + 2 * (np.int64(position) - MARGIN))))


@jit
def _feed_on(v: Record) -> None:
    """Compute the samples of the fed-back operator that are left in its run."""
    while v.feed_left > 0:
        phase, gain, older, newer = v.feed_phase, v.feed_gain, v.older, v.newer
        step, more, shift, to = v.feed_step, v.feed_more, v.shift, v.feed_to
        for k in range(v.feed_left):
            gain += more
            older, newer = newer, _fed(v.sines, gain, phase, older, newer, shift)
            phase = np.uint32(phase + step)
            write_i32(to + 4 * k, np.int64(newer))
        v.older, v.newer = older, newer
        v.feed_left = 0
        _next_feed(v)


def _look_ups(ramped: bool) -> tuple[Any, Any]:
    """Make the loops over an operator's look-ups, for gains that move within the block or for steady ones.

    Returns:
        The loop over the samples from `done` on, and the one that also feeds the fed-back operator.
    """

    @jit
    def look_up(v: Record, gain: int, more: int, positions: int, to: int, done: int) -> None:
        for k in range(done, BLOCK):
            if ramped:
                gain += more
            write_i32(to + 4 * k, read_i16(gain + 2 * read_u16(v.sines + 2 * read_i32(positions + 4 * k))))

    @jit
    def look_up_and_feed(v: Record, gain: int, more: int, positions: int, to: int, done: int) -> None:
        turns = min(v.feed_left, (BLOCK - done) // _RATIO)
        phase, fed_gain, older, newer = v.feed_phase, v.feed_gain, v.older, v.newer
        sines, step, fed_more, shift, fed_to = v.sines, v.feed_step, v.feed_more, v.shift, v.feed_to
        positions, to = positions + 4 * done, to + 4 * done
        for turn in range(turns):
            if ramped:
                fed_gain += fed_more
            older, newer = newer, _fed(sines, fed_gain, phase, older, newer, shift)
            phase = np.uint32(phase + step)
            write_i32(fed_to + 4 * turn, np.int64(newer))
            for k in range(_RATIO):
                if ramped:
                    gain += more
                write_i32(to + 4 * k, read_i16(gain + 2 * read_u16(sines + 2 * read_i32(positions + 4 * k))))
            positions += 4 * _RATIO
            to += 4 * _RATIO
        v.feed_phase, v.feed_gain, v.older, v.newer = phase, fed_gain, older, newer
        v.feed_left -= turns
        v.feed_to = fed_to + 4 * turns

    return look_up, look_up_and_feed


_look_up_steady, _look_up_and_feed_steady = _look_ups(ramped=False)
_look_up_ramped, _look_up_and_feed_ramped = _look_ups(ramped=True)


@jit
def _look_up(v: Record, gain: int, more: int, positions: int, to: int) -> None:
    """Do the two look-ups of each sample of an operator (section 11.2), and feed the fed-back operator."""
    done = 0
    while v.feed_left > 0 and done + _RATIO <= BLOCK:
        turns = min(v.feed_left, (BLOCK - done) // _RATIO)
        if more == 0 and v.feed_more == 0:
            _look_up_and_feed_steady(v, gain, more, positions, to, done)
        else:
            _look_up_and_feed_ramped(v, gain, more, positions, to, done)
            gain += _RATIO * turns * more
        done += _RATIO * turns
        if v.feed_left == 0:
            _next_feed(v)
    if more == 0:
        _look_up_steady(v, gain, more, positions, to, done)
    else:
        _look_up_ramped(v, gain, more, positions, to, done)


@jit
def _chain(v: Record, run: int, end: int) -> int:
    """Compute the operators in the loop of algorithms 4 and 6 (section 12.4); return a mask of the blocks."""
    n = 3 if v.algorithm == 3 else 2
    chained, first = 0, v.gain[0] if v.gain[0] else 16383
    phase, phase_1, phase_2 = np.int64(v.phase[0]), np.int64(v.phase[1]), np.int64(v.phase[2])
    older, newer, shift = v.older, v.newer, v.shift
    row, row_1 = v.rows + _BYTES * _SINGLE, v.rows + _BYTES * _POSITIONS
    for i in range(run, end):
        at = 4 * i
        step, step_1 = read_u32(v.steps + at), read_u32(v.steps + 4 * CHUNK + at)
        step_2 = read_u32(v.steps + 8 * CHUNK + at)
        last, mix = read_i32(v.gains + at), v.rows + _BYTES * (i - run)
        audible = first <= AUDIBLE or last <= AUDIBLE
        if audible:
            chained |= 1 << (i - run)
            gain, more = v.waves + 2 * first, 2 * ((last - first + 32) >> 6)
            gain_1 = v.waves + 2 * read_i32(v.gains + 4 * CHUNK + at)
            gain_2 = v.waves + 2 * read_i32(v.gains + 8 * CHUNK + at)
            for k in range(BLOCK):
                gain += more
                y = np.int64(np.int32(_fed(v.sines, gain, np.uint32(phase + k * step), older, newer, shift)))
                write_i32(row + 4 * k, y)
                y = _modulated(v.sines, gain_1, phase_1 + k * step_1, y)
                if n == 3:
                    write_i32(row_1 + 4 * k, y)
                    y = _modulated(v.sines, gain_2, phase_2 + k * step_2, y)
                write_i32(mix + 4 * k, y)
                older, newer = newer, np.uint32(y)
        _tap(v, 0, i, row if audible else 0)
        if audible:
            _tap(v, 1, i, row_1)
            _tap(v, n - 1, i, mix)
        first = last
        phase, phase_1, phase_2 = phase + BLOCK * step, phase_1 + BLOCK * step_1, phase_2 + BLOCK * step_2
    v.older, v.newer = older, newer
    return chained


@jit
def _modulated(sines: int, gain: int, phase: int, modulator: int) -> int:
    """Return a sample of an operator that another one modulates."""
    return read_i16(gain + 2 * read_u16(sines + 2 * (((phase >> 20) + 2 * modulator) & 4095)))


@jit
def _tap(v: Record, op: int, i: int, row: int) -> None:
    """Write a block of an operator's output, which is silent for row 0, if it is wanted."""
    if v.outputs:
        if row == 0:
            row = v.rows + _BYTES * _POSITIONS
            clear_block(row)
        write_sound(v.outputs + (5 - op) * v.stride + _BYTES * i, row)
