"""A sound in memory such that 16 successive frames lie beside each other.

The sound is cut into blocks of one hop. Those that a group of 16 frames needs are the columns of an array.
Successive frames start in successive columns, so that one vector holds a sample of each frame. A frame has
four blocks, of which its center is the boundary between the second one and the third.
"""

import numpy as np

from latentdx.audio.engine.memory import address
from latentdx.audio.stft.jit import inline, jit
from latentdx.audio.stft.lanes import high_lanes, load, low_lanes, store
from latentdx.audio.stft.layout import LANE_BYTES, LANES, Array, Lanes

_SHARED = 3  # blocks that successive groups share


@inline
def _deal(v: tuple[Lanes, ...]) -> tuple[Lanes, ...]:
    """Interleave the first eight of 16 vectors with the last eight; four times, this transposes them."""
    return (
        *(low_lanes(v[0], v[8]), high_lanes(v[0], v[8]), low_lanes(v[1], v[9]), high_lanes(v[1], v[9])),
        *(low_lanes(v[2], v[10]), high_lanes(v[2], v[10]), low_lanes(v[3], v[11]), high_lanes(v[3], v[11])),
        *(low_lanes(v[4], v[12]), high_lanes(v[4], v[12]), low_lanes(v[5], v[13]), high_lanes(v[5], v[13])),
        *(low_lanes(v[6], v[14]), high_lanes(v[6], v[14]), low_lanes(v[7], v[15]), high_lanes(v[7], v[15])),
    )


@inline
def _row4(at: int, stride: int) -> tuple[Lanes, ...]:
    return load(at), load(at + stride), load(at + 2 * stride), load(at + 3 * stride)


@inline
def _transpose(at: int, stride: int, to: int, row: int) -> None:
    """Transpose 16 x 16 numbers."""
    s = 4 * stride
    v = (*_row4(at, stride), *_row4(at + s, stride), *_row4(at + 2 * s, stride), *_row4(at + 3 * s, stride))
    v = _deal(_deal(_deal(_deal(v))))
    store(to, v[0])
    store(to + row, v[1])
    store(to + 2 * row, v[2])
    store(to + 3 * row, v[3])
    store(to + 4 * row, v[4])
    store(to + 5 * row, v[5])
    store(to + 6 * row, v[6])
    store(to + 7 * row, v[7])
    store(to + 8 * row, v[8])
    store(to + 9 * row, v[9])
    store(to + 10 * row, v[10])
    store(to + 11 * row, v[11])
    store(to + 12 * row, v[12])
    store(to + 13 * row, v[13])
    store(to + 14 * row, v[14])
    store(to + 15 * row, v[15])


@jit
def cut(sound: Array, group: int, blocks: Array) -> None:
    """Cut the blocks of a group of frames from a sound, with zeros before and after it.

    Groups follow each other from 0, because three blocks of each one are the first of the next one.

    Args:
        sound: Float32 (samples,).
        group: Number of the group.
        blocks: Memory of `layout.new_blocks`, float32 (hop, 35), of which 19 columns are filled.
    """
    hop, n = len(blocks), len(sound)
    row, first = 4 * blocks.shape[1], group * LANES + 1  # block of the fourth column
    if group == 0:
        for m in range(hop):
            blocks[m, 0] = blocks[m, 1] = 0
            blocks[m, 2] = sound[m] if m < n else np.float32(0)
    else:
        for at in range(address(blocks), address(blocks) + hop * row, row):
            store(at, load(at + LANE_BYTES))
    if (first + LANES) * hop <= n:
        for m in range(0, hop, LANES):
            to = address(blocks) + m * row + 4 * _SHARED
            _transpose(address(sound) + 4 * (first * hop + m), 4 * hop, to, row)
    else:
        for i in range(LANES):
            at = (first + i) * hop
            inside = min(max(n - at, 0), hop)
            for m in range(inside):
                blocks[m, _SHARED + i] = sound[at + m]
            for m in range(inside, hop):
                blocks[m, _SHARED + i] = 0


@jit
def reflect_start(sound: Array, blocks: Array) -> None:
    """Replace the zeros before a sound by its first block in reverse, in the blocks of the first group."""
    hop = len(blocks)
    for m in range(hop):
        blocks[m, 1] = sound[hop - m]


@jit
def reflect_end(sound: Array, group: int, blocks: Array) -> None:
    """Replace the zeros after a sound by its last samples in reverse, in the blocks of the last group."""
    hop, n = len(blocks), len(sound)
    for i in range(hop):
        block, m = divmod(n + i, hop)
        blocks[m, 2 + block - group * LANES] = sound[n - 2 - i]
