"""A sound in memory such that 16 successive frames lie beside each other.

The sound is cut into blocks of one hop, which become the columns of an array (hop, blocks). Successive frames
start in successive columns, so that one vector holds a sample of each of 16 frames.
"""

import numpy as np

from latentdx.audio.engine.memory import address
from latentdx.audio.stft.jit import inline, jit
from latentdx.audio.stft.lanes import high_lanes, load, low_lanes, store
from latentdx.audio.stft.layout import LANES, Array, Lanes


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


@inline
def _cut_16(sound: int, first: int, hop: int, row: int, to: int) -> None:
    """Cut 16 blocks, the first of which has a number, from the sound at an address."""
    for m in range(0, hop, LANES):
        _transpose(sound + 4 * (first * hop + m), 4 * hop, to + m * row + 4 * first, row)


@jit
def cut(sound: Array, blocks: Array, before: int) -> None:
    """Cut a sound into blocks, with zeros before and after it.

    Args:
        sound: Float32 (samples,).
        blocks: Float32 (hop, columns), filled; hop a multiple of 16.
        before: Number of columns before the sound.
    """
    hop, columns = blocks.shape
    n, row = len(sound), 4 * columns
    whole = n // hop
    to = address(blocks) + 4 * before
    for i in range(0, whole - LANES + 1, LANES):
        _cut_16(address(sound), i, hop, row, to)
    if whole >= LANES:
        _cut_16(address(sound), whole - LANES, hop, row, to)
    for column in range(before):
        blocks[:, column] = 0
    for i in range(0 if whole < LANES else whole, columns - before):
        for m in range(hop):
            at = i * hop + m
            blocks[m, before + i] = sound[at] if at < n else np.float32(0)


@jit
def reflect(sound: Array, blocks: Array, before: int, n_reflected: int) -> None:
    """Replace the zeros at both ends of a sound by the sound's own samples in reverse.

    Args:
        sound: Float32 (samples,).
        blocks: Its blocks, from `cut`; changed.
        before: Number of columns before the sound.
        n_reflected: Number of samples to reflect at each end, fewer than the sound has.
    """
    hop, n = len(blocks), len(sound)
    for i in range(1, n_reflected + 1):
        at = before * hop - i
        blocks[at % hop, at // hop] = sound[i]
        at = before * hop + n - 1 + i
        blocks[at % hop, at // hop] = sound[n - 1 - i]
