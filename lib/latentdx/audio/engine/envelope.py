"""Levels of the operators over a note: sections 6 and 7 of the specification.

A log level counts 2^24 for a factor of two; 0 is silence.
"""

from latentdx.audio.engine.jit import jit
from latentdx.audio.engine.layout import BLOCK, CURRENT, ENVELOPE, Array, Record
from latentdx.audio.engine.tables import EXPONENTIAL, HOLD, OUTPUT_LEVEL, VELOCITY

_QUIET = 1716 << 16  # an attack jumps to this level
_LOUD = 17 << 24  # an attack is the steeper, the farther it is from this level


@jit
def keyboard_scaling(
    key: int, breakpoint: int, depth_left: int, depth_right: int, left: int, right: int
) -> int:
    """Return what the keyboard level scaling adds to the output level (section 6).

    Args:
        key: MIDI note after transposition, 0 … 127.
        breakpoint: BREAK POINT.
        depth_left: L SCALE DEPTH.
        depth_right: R SCALE DEPTH.
        left: L KEY SCALE.
        right: R KEY SCALE.
    """
    offset = key - breakpoint - 17
    if offset >= 0:
        group, depth, curve = (offset + 1) // 3, depth_right, right
    else:
        group, depth, curve = (1 - offset) // 3, depth_left, left
    if curve == 0 or curve == 3:  # linear
        change = (group * depth * 329) >> 12
    else:
        change = (EXPONENTIAL[min(group, 32)] * depth * 329) >> 15
    return -change if curve < 2 else change


@jit
def velocity_scaling(velocity: int, sensitivity: int) -> int:
    """Return what a velocity adds to the level of an operator with a KEY VELOCITY (section 6)."""
    return ((sensitivity * (VELOCITY[velocity >> 1] - 239) + 7) >> 3) * 16


@jit
def operator_level(values: Array, op: int, key: int, velocity: int) -> int:
    """Return the level of an operator for a key and a velocity (section 6).

    Args:
        values: Preset in VCED order, int64 (145,).
        op: Operator, 0 … 5 for operators 6 … 1.
        key: MIDI note after transposition, 0 … 127.
        velocity: MIDI velocity, 0 … 127.
    """
    first = 21 * op
    scaling = keyboard_scaling(
        key, values[first + 8], values[first + 9], values[first + 10], values[first + 11], values[first + 12]
    )
    level = OUTPUT_LEVEL[values[first + 16]] + scaling
    return max(0, 32 * min(127, level) + velocity_scaling(velocity, values[first + 15]))


@jit
def rate_scaling(key: int, scaling: int) -> int:
    """Return what a key adds to the rates of an operator with a RATE SCALING (section 6)."""
    return (scaling * min(31, max(0, key // 3 - 7))) >> 3


@jit
def set_envelope(v: Record, op: int, values: Array, key: int, velocity: int, clocks: Array) -> None:
    """Set the envelope of an operator to its start (sections 7.1 and 7.4).

    Args:
        v: Record of the note.
        op: Operator, 0 … 5 for operators 6 … 1.
        values: Preset in VCED order, int64 (145,).
        key: MIDI note after transposition, 0 … 127.
        velocity: MIDI velocity, 0 … 127.
        clocks: Constants of the sample rate, `tables.clocks`.
    """
    loudness = operator_level(values, op, key, velocity)
    faster = rate_scaling(key, values[21 * op + 13])
    v.silent_start[op] = values[21 * op + 4] == 0
    for k in range(4):
        rate, level = values[21 * op + k], values[21 * op + 4 + k]
        v.target[op, k] = max(16, 64 * (OUTPUT_LEVEL[level] >> 1) + loudness - 4256) << 16
        speed = min(63, ((41 * rate) >> 6) + faster)
        v.step[op, k] = (((4 + (speed & 3)) << (8 + (speed >> 2))) * clocks[ENVELOPE]) >> 24
        wait = min(99, rate + faster)
        samples = HOLD[wait] if wait < 77 else 20 * (99 - wait)
        if wait < 77 and k == 0 and v.silent_start[op]:
            samples //= 20
        v.wait[op, k] = (samples * clocks[ENVELOPE]) >> 24 if v.era == CURRENT else 0
    v.level[op] = 0
    _enter(v, op, 0)


@jit
def _enter(v: Record, op: int, stage: int) -> None:
    """Enter a stage of an envelope (sections 7.1 and 7.4)."""
    v.stage[op] = stage
    if stage < 4:
        waits = v.target[op, stage] == v.level[op] or (stage == 0 and v.silent_start[op])
        v.hold[op] = v.wait[op, stage] if waits else 0


@jit
def envelope(v: Record, op: int, n: int, out: Array) -> None:
    """Move the envelope of an operator by n blocks (section 7.2).

    Args:
        v: Record of the note.
        op: Operator, 0 … 5 for operators 6 … 1.
        n: Number of blocks.
        out: Log level of each block, int32; filled.
    """
    i = 0
    while i < n:
        block = v.block + i
        if block == v.key_off:
            _enter(v, op, 3)
        room = n - i if block >= v.key_off else min(n - i, v.key_off - block)  # blocks with the key as it is
        if v.hold[op] > 0:
            still = min(room, (v.hold[op] - 1) // BLOCK)
            if still:
                out[i : i + still] = v.level[op]
                v.hold[op] -= BLOCK * still
                i += still
                continue
            v.hold[op] = 0
            _enter(v, op, v.stage[op] + 1)
        stage = v.stage[op]
        if v.hold[op] > 0:
            still = 1  # the wait that has just begun counts from the next block
        elif stage == 4 or (stage == 3 and block < v.key_off):
            still = room
        else:
            i += _move(v, op, out[i : i + room])
            continue
        out[i : i + still] = v.level[op]
        i += still


@jit
def _move(v: Record, op: int, out: Array) -> int:
    """Move an envelope toward its target while blocks are left; return how many were needed."""
    stage, level = v.stage[op], v.level[op]
    target, step, n = v.target[op, stage], v.step[op, stage], len(out)
    if target > level:
        i = 0
        while i < n and level != target:
            level = max(level, _QUIET)
            level = min(level + ((_LOUD - level) >> 24) * step, target)
            out[i] = level
            i += 1
    else:
        i = min(n, max(1, -((target - level) // step)))  # the last one may be shorter
        for k in range(i):
            out[k] = level - (k + 1) * step
        level = max(level - i * step, target)
        out[i - 1] = level
    v.level[op] = level
    if level == target:
        _enter(v, op, stage + 1)
    return i
