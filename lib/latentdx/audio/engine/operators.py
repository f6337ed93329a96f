"""The operators: sections 11 to 13 of the specification, sample by sample.

Signals are samples of the oscillator's table (8,191 is full level, and 2,048 is a cycle of phase modulation),
and phases are unsigned integers of 32 bits, of which 2^32 is a cycle; both scale the specification's numbers
exactly. For speed,

- a loop that the compiler turns into vectors computes the 64 positions in the table of log-sines, and another
  one makes the two look-ups of each sample;
- the operator with feedback, each of whose samples waits for the last one, works one block ahead: it depends on
  no other operator, so its samples are made between the look-ups of the others, and the processor overlaps them.
"""

import numpy as np

from latentdx.audio.engine.control import CHUNK
from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import BLOCK, CURRENT, Array, Record
from latentdx.audio.engine.memory import address, read_i16, read_i32, read_u16, write_i32
from latentdx.audio.engine.tables import ADDS, DESTINATION, FEEDBACK, MARGIN, SOURCE

_AUDIBLE = 16284  # an operator is computed if its gain is at most this at one end of the block
_QUARTER = BLOCK // 4
_LEVEL = np.float32(1 / 32768)  # of one step of a sample, in the plug-in's output

ROWS = 8
"""Blocks in the workspace: the mix, work buses 1 and 2, and those below."""
_FED, _SINGLE, _SECOND, _POSITIONS = 3, 5, 6, 7  # the fed-back operator has two, one for each block in turn
_ROW = 4 * BLOCK  # bytes


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
        work: Scratch memory, int32 (`ROWS` * 64,).
        sound: Sound at the plug-in's level, float32; filled from `at`.
        outputs: Output of operators 1 … 6, float32 (6, samples), filled from `at`; or (0, samples).
        at: Position of the first sample in `sound` and `outputs`.
    """
    sines, waves, rows = address(log_sine) + 2 * MARGIN, address(samples), address(work)
    loop = v.feedback > 0 and (v.algorithm == 3 or v.algorithm == 5)
    v.shift = 8 - v.feedback + (2 if loop or (v.algorithm == 31 and v.era == CURRENT) else 0)
    v.fed = -1
    if v.feedback > 0 and not loop:
        for op in range(6):
            if SOURCE[v.algorithm, op] == FEEDBACK:
                v.fed = op
    _prepare(v, 0, n, gains, steps, waves, rows)
    for i in range(n):
        _feed_on(v, sines)
        fed_audible = v.fed_audible
        _prepare(v, i + 1, n, gains, steps, waves, rows)
        _clear(work)
        filled, op = 1, 0  # one bit for each bus; the mix is filled
        while op < 6:
            source, target = SOURCE[v.algorithm, op], DESTINATION[v.algorithm, op]
            adds = ADDS[v.algorithm, op] == 1
            if op == v.fed:
                row, audible = _FED + (i & 1), fed_audible
            else:
                phase, step = v.phase[op], steps[op * CHUNK + i]
                first, more, audible = _turn(v, op, gains[op * CHUNK + i], step)
                row = _SINGLE if adds and filled >> target & 1 else target
            if loop and op == 0:
                if audible:
                    op += _chain(v, i, phase, first, more, gains, steps, sines, waves, work, outputs, at)
                    continue
                adds = True
            if not audible:
                if not adds:
                    filled &= ~(1 << target)
                _tap(outputs, op, at + BLOCK * i, work, -1)
                op += 1
                continue
            if op != v.fed:
                modulated = (source == 1 or source == 2) and filled >> source & 1
                _positions(work, source if modulated else -1, phase, step)
                gain, positions, to = waves + 2 * first, rows + _ROW * _POSITIONS, rows + _ROW * row
                if more:
                    _look_up_ramp(sines, gain, 2 * more, positions, to)
                elif v.feed_left:
                    _look_up_and_feed(v, sines, gain, positions, to)
                else:
                    _look_up(sines, gain, positions, to)
            if row != target:
                _mix(work, row, target, adds and filled >> target & 1)
            filled |= 1 << target
            _tap(outputs, op, at + BLOCK * i, work, row)
            op += 1
        _write(work, sound, at + BLOCK * i)


@jit
def _turn(v: Record, op: int, last: int, step: int) -> tuple[int, int, bool]:
    """Move an operator to the end of a block; return its first gain, the change per sample, and "audible"."""
    first = v.gain[op] if v.gain[op] else 16383
    v.gain[op] = last
    v.phase[op] = np.uint32(v.phase[op] + np.uint32(BLOCK) * step)
    return first, (last - first + 32) >> 6, first <= _AUDIBLE or last <= _AUDIBLE


@jit
def _prepare(v: Record, i: int, n: int, gains: Array, steps: Array, waves: int, rows: int) -> None:
    """Set up the work of the fed-back operator in a block (section 12.3)."""
    v.feed_left = 0
    if v.fed < 0 or i == n:
        return
    at = v.fed * CHUNK + i
    v.feed_phase, v.feed_step = v.phase[v.fed], steps[at]
    first, more, v.fed_audible = _turn(v, v.fed, gains[at], steps[at])
    if v.fed_audible:
        v.feed_left, v.feed_to = BLOCK, rows + _ROW * (_FED + (i & 1))
        v.feed_gain, v.feed_more = waves + 2 * first, 2 * more


@jit
def _fed(sines: int, gain: int, phase: int, older: int, newer: int, shift: int) -> int:
    """Return a sample of the fed-back operator.

    The two samples before it move the phase by (older + newer) << (20 - shift). Only `newer` is late, so that
    everything else comes first; the table's margins save a mask.
    """
    early = ((np.int64(phase) >> (20 - shift)) + older) & ((1 << (12 + shift)) - 1)
    return read_i16(gain + 2 * read_u16(sines + 2 * ((early + newer) >> shift)))


@jit
def _feed_on(v: Record, sines: int) -> None:
    """Compute the samples of the fed-back operator that are left in its block."""
    phase, gain, older, newer = v.feed_phase, v.feed_gain, np.int64(v.memory[0]), np.int64(v.memory[1])
    step, more, shift, to = v.feed_step, v.feed_more, v.shift, v.feed_to
    for k in range(v.feed_left):
        gain += more
        older, newer = newer, _fed(sines, gain, phase, older, newer, shift)
        phase = np.uint32(phase + step)
        write_i32(to + 4 * k, newer)
    v.memory[0], v.memory[1] = older, newer
    v.feed_left = 0


@jit
def _look_up_and_feed(v: Record, sines: int, gain: int, positions: int, to: int) -> None:
    """Do the look-ups of an operator, and after every fourth one a sample of the fed-back operator."""
    fed_phase, fed_gain, older, newer = (
        v.feed_phase,
        v.feed_gain,
        np.int64(v.memory[0]),
        np.int64(v.memory[1]),
    )
    step, more, shift, fed_to = v.feed_step, v.feed_more, v.shift, v.feed_to
    for k in range(_QUARTER):
        fed_gain += more
        older, newer = newer, _fed(sines, fed_gain, fed_phase, older, newer, shift)
        fed_phase = np.uint32(fed_phase + step)
        write_i32(fed_to + 4 * k, newer)
        for j in range(4):
            at = 16 * k + 4 * j
            write_i32(to + at, read_i16(gain + 2 * read_u16(sines + 2 * read_i32(positions + at))))
    v.feed_phase, v.feed_gain, v.memory[0], v.memory[1] = fed_phase, fed_gain, older, newer
    v.feed_left -= _QUARTER
    v.feed_to = fed_to + 4 * _QUARTER


@jit
def _look_up(sines: int, gain: int, positions: int, to: int) -> None:
    """Do the two look-ups of each sample of an operator (section 11.2)."""
    for k in range(BLOCK):
        write_i32(to + 4 * k, read_i16(gain + 2 * read_u16(sines + 2 * read_i32(positions + 4 * k))))


@jit
def _look_up_ramp(sines: int, gain: int, more: int, positions: int, to: int) -> None:
    """Do the look-ups of an operator whose gain moves within the block (section 11.3)."""
    for k in range(BLOCK):
        gain += more
        write_i32(to + 4 * k, read_i16(gain + 2 * read_u16(sines + 2 * read_i32(positions + 4 * k))))


@jit
def _positions(work: Array, source: int, phase: int, step: int) -> None:
    """Compute the positions of a block's phases in the table of log-sines, modulated by a bus or by none (-1)."""
    if source < 0:
        for k in range(BLOCK):
            work[_POSITIONS * BLOCK + k] = np.uint32(phase + np.uint32(k) * step) >> np.uint32(20)
        return
    bus = (source & 3) * BLOCK
    for k in range(BLOCK):
        moved = np.uint32(phase + np.uint32(k) * step + (np.uint32(work[bus + k]) << np.uint32(21)))
        work[_POSITIONS * BLOCK + k] = moved >> np.uint32(20)


@jit
def _chain(
    v: Record,
    i: int,
    phase: int,
    first: int,
    more: int,
    gains: Array,
    steps: Array,
    sines: int,
    waves: int,
    work: Array,
    outputs: Array,
    at: int,
) -> int:
    """Compute a block of the operators within the loop of algorithms 4 and 6 (section 12.4); return their number."""
    n = 3 if v.algorithm == 3 else 2
    rows = address(work)
    step, step_1, step_2 = steps[i], steps[CHUNK + i], steps[2 * CHUNK + i]
    phase_1, phase_2 = v.phase[1], v.phase[2]
    gain, gain_1, gain_2 = (
        waves + 2 * first,
        waves + 2 * np.int64(gains[CHUNK + i]),
        waves + 2 * np.int64(gains[2 * CHUNK + i]),
    )
    for op in range(1, n):
        _turn(v, op, gains[op * CHUNK + i], steps[op * CHUNK + i])
    older, newer, shift = np.int64(v.memory[0]), np.int64(v.memory[1]), v.shift
    for k in range(BLOCK):
        gain += 2 * more
        y = _fed(sines, gain, phase, older, newer, shift)
        phase = np.uint32(phase + step)
        write_i32(rows + _ROW * _FED + 4 * k, y)
        y = read_i16(gain_1 + 2 * read_u16(sines + 2 * (((phase_1 >> np.uint32(20)) + 2 * y) & 4095)))
        phase_1 = np.uint32(phase_1 + step_1)
        if n == 3:
            write_i32(rows + _ROW * _SECOND + 4 * k, y)
            y = read_i16(gain_2 + 2 * read_u16(sines + 2 * (((phase_2 >> np.uint32(20)) + 2 * y) & 4095)))
            phase_2 = np.uint32(phase_2 + step_2)
        write_i32(rows + 4 * k, y)
        older, newer = newer, y
    v.memory[0], v.memory[1] = older, newer
    _tap(outputs, 0, at + BLOCK * i, work, _FED)
    if n == 3:
        _tap(outputs, 1, at + BLOCK * i, work, _SECOND)
    _tap(outputs, n - 1, at + BLOCK * i, work, 0)
    return n


@jit
def _clear(work: Array) -> None:
    """Clear the mix."""
    for k in range(BLOCK):
        work[k] = 0


@jit
def _mix(work: Array, row: int, target: int, adds: bool) -> None:
    """Add a row of the workspace to a bus, or copy it there."""
    source, bus = (row & 7) * BLOCK, (target & 3) * BLOCK
    if adds:
        for k in range(BLOCK):
            work[bus + k] += work[source + k]
    else:
        for k in range(BLOCK):
            work[bus + k] = work[source + k]


@jit
def _tap(outputs: Array, op: int, at: int, work: Array, row: int) -> None:
    """Copy the output of an operator, silent for row -1, to where it is wanted."""
    if len(outputs):
        for k in range(BLOCK):
            outputs[5 - op, at + k] = (
                np.float32(work[row * BLOCK + k]) * _LEVEL if row >= 0 else np.float32(0)
            )


@jit
def _write(work: Array, sound: Array, at: int) -> None:
    """Write the mix as sound (section 13)."""
    at = max(at, 0)
    for k in range(BLOCK):
        sound[at + k] = np.float32(work[k]) * _LEVEL
