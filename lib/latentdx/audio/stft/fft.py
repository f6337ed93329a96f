"""The FFT of 16 real frames at a time.

A frame of 2N real samples is transformed as N complex numbers, made of its even and its odd samples, by
decimation in frequency with the radices 8 and 4, in place. After the first pass, each part is transformed to
the end before the next one, so that it stays in the processor's nearest cache. The results lie in
digit-reversed order. In memory, a complex number takes two vectors: the real parts of the 16 frames, and
their imaginary parts.
"""

import numpy as np

from latentdx.audio.engine.memory import address, read_i32
from latentdx.audio.stft.jit import inline, jit
from latentdx.audio.stft.lanes import load, read, store
from latentdx.audio.stft.layout import LANE_BYTES, Complex, Transform

_COMPLEX = 2 * LANE_BYTES
_FACTOR = 8  # bytes of a twiddle factor
_HALF_ROOT = np.float32(np.sqrt(0.5))


@inline
def _add(a: Complex, b: Complex) -> Complex:
    return a[0] + b[0], a[1] + b[1]


@inline
def _subtract(a: Complex, b: Complex) -> Complex:
    return a[0] - b[0], a[1] - b[1]


@inline
def _add_turned(a: Complex, b: Complex) -> Complex:
    """Return a - i b."""
    return a[0] + b[1], a[1] - b[0]


@inline
def _subtract_turned(a: Complex, b: Complex) -> Complex:
    """Return a + i b."""
    return a[0] - b[1], a[1] + b[0]


@inline
def _dft4(a: Complex, b: Complex, c: Complex, d: Complex) -> tuple[Complex, ...]:
    """Return the DFT of four complex numbers."""
    p, q, r, s = _add(a, c), _subtract(a, c), _add(b, d), _subtract(b, d)
    return _add(p, r), _add_turned(q, s), _subtract(p, r), _subtract_turned(q, s)


@inline
def _dft8(
    a: Complex, b: Complex, c: Complex, d: Complex, e: Complex, f: Complex, g: Complex, h: Complex
) -> tuple[Complex, ...]:
    """Return the DFT of eight complex numbers."""
    p, q, r, s = _dft4(a, c, e, g)
    t, u, v, w = _dft4(b, d, f, h)
    u = (u[0] + u[1]) * _HALF_ROOT, (u[1] - u[0]) * _HALF_ROOT  # times the eighth root of unity
    w = (w[0] - w[1]) * _HALF_ROOT, (w[0] + w[1]) * _HALF_ROOT  # times its third power, negated
    return (
        *(_add(p, t), _add(q, u), _add_turned(r, v), _subtract(s, w)),
        *(_subtract(p, t), _subtract(q, u), _subtract_turned(r, v), _add(s, w)),
    )


@inline
def _read(at: int) -> Complex:
    return load(at), load(at + LANE_BYTES)


@inline
def _write(to: int, z: Complex) -> None:
    store(to, z[0])
    store(to + LANE_BYTES, z[1])


@inline
def _write_turned(to: int, z: Complex, factor: int) -> None:
    """Write a complex number times the twiddle factor at an address."""
    c, s = read(factor), read(factor + 4)
    store(to, z[0] * c - z[1] * s)
    store(to + LANE_BYTES, z[0] * s + z[1] * c)


@inline
def _write_8(to: int, step: int, z: tuple[Complex, ...], factors: int) -> None:
    """Write eight results of a butterfly, all but the first times a twiddle factor."""
    _write(to, z[0])
    _write_turned(to + step, z[1], factors)
    _write_turned(to + 2 * step, z[2], factors + _FACTOR)
    _write_turned(to + 3 * step, z[3], factors + 2 * _FACTOR)
    _write_turned(to + 4 * step, z[4], factors + 3 * _FACTOR)
    _write_turned(to + 5 * step, z[5], factors + 4 * _FACTOR)
    _write_turned(to + 6 * step, z[6], factors + 5 * _FACTOR)
    _write_turned(to + 7 * step, z[7], factors + 6 * _FACTOR)


@inline
def _windowed(samples: int, row: int, window: int) -> Complex:
    """Return two successive samples of the frames times the window, as a complex number."""
    return load(samples) * read(window), load(samples + row) * read(window + 4)


@inline
def _offset(sample: int, row: int, hop: int) -> int:
    """Return where a sample of a frame lies in blocks of a hop, relative to the frame's first one."""
    return sample % hop * row + sample // hop * 4


@inline
def _first_pass(frames: int, row: int, hop: int, n: int, window: int, factors: int, to: int) -> None:
    """Do the pass of radix 8 that reads real frames and multiplies them by the window."""
    m = n // 8
    part, step = 2 * m * 4, m * _COMPLEX  # bytes of an eighth of the window, and of the result
    b, c, d = _offset(2 * m, row, hop), _offset(4 * m, row, hop), _offset(6 * m, row, hop)
    e, f, g = _offset(8 * m, row, hop), _offset(10 * m, row, hop), _offset(12 * m, row, hop)
    h = _offset(14 * m, row, hop)
    for p in range(m):
        at, w = frames + 2 * p * row, window + 2 * p * 4
        z = _dft8(
            _windowed(at, row, w),
            _windowed(at + b, row, w + part),
            _windowed(at + c, row, w + 2 * part),
            _windowed(at + d, row, w + 3 * part),
            _windowed(at + e, row, w + 4 * part),
            _windowed(at + f, row, w + 5 * part),
            _windowed(at + g, row, w + 6 * part),
            _windowed(at + h, row, w + 7 * part),
        )
        _write_8(to + p * _COMPLEX, step, z, factors + 7 * p * _FACTOR)


@inline
def _read_dft8(at: int, step: int) -> tuple[Complex, ...]:
    return _dft8(
        _read(at),
        _read(at + step),
        _read(at + 2 * step),
        _read(at + 3 * step),
        _read(at + 4 * step),
        _read(at + 5 * step),
        _read(at + 6 * step),
        _read(at + 7 * step),
    )


@inline
def _pass8(x: int, n: int, factors: int) -> None:
    """Do a pass of radix 8 over n complex numbers."""
    m = n // 8
    step = m * _COMPLEX
    for p in range(m):
        at = x + p * _COMPLEX
        _write_8(at, step, _read_dft8(at, step), factors + 7 * p * _FACTOR)


@inline
def _pass4(x: int, n: int, factors: int) -> None:
    """Do a pass of radix 4 over n complex numbers."""
    m = n // 4
    step = m * _COMPLEX
    for p in range(m):
        at, factor = x + p * _COMPLEX, factors + 3 * p * _FACTOR
        z = _dft4(_read(at), _read(at + step), _read(at + 2 * step), _read(at + 3 * step))
        _write(at, z[0])
        _write_turned(at + step, z[1], factor)
        _write_turned(at + 2 * step, z[2], factor + _FACTOR)
        _write_turned(at + 3 * step, z[3], factor + 2 * _FACTOR)


@inline
def _last8(x: int) -> None:
    """Transform eight complex numbers; the last pass has no twiddle factors."""
    z = _read_dft8(x, _COMPLEX)
    _write(x, z[0])
    _write(x + _COMPLEX, z[1])
    _write(x + 2 * _COMPLEX, z[2])
    _write(x + 3 * _COMPLEX, z[3])
    _write(x + 4 * _COMPLEX, z[4])
    _write(x + 5 * _COMPLEX, z[5])
    _write(x + 6 * _COMPLEX, z[6])
    _write(x + 7 * _COMPLEX, z[7])


@inline
def _last4(x: int) -> None:
    """Transform four complex numbers, as `_last8`."""
    z = _dft4(_read(x), _read(x + _COMPLEX), _read(x + 2 * _COMPLEX), _read(x + 3 * _COMPLEX))
    _write(x, z[0])
    _write(x + _COMPLEX, z[1])
    _write(x + 2 * _COMPLEX, z[2])
    _write(x + 3 * _COMPLEX, z[3])


@inline
def _powers(z: int, n: int, places: int, factors: int, to: int) -> None:
    """Separate the transform of the real frames from that of the complex numbers, and write its powers."""
    re, im = _read(z)
    lowest, highest = re + im + re + im, re - im + re - im
    store(to, lowest * lowest)
    store(to + n * LANE_BYTES, highest * highest)
    for k in range(1, n // 2 + 1):
        a = _read(z + read_i32(places + 4 * k))
        b = _read(z + read_i32(places + 4 * (n - k)))
        c, s = read(factors + k * _FACTOR), read(factors + k * _FACTOR + 4)
        even = a[0] + b[0], a[1] - b[1]
        odd = a[0] - b[0], a[1] + b[1]
        turned = odd[0] * s + odd[1] * c, odd[1] * s - odd[0] * c
        low, high = _add(even, turned), _subtract(even, turned)
        store(to + k * LANE_BYTES, low[0] * low[0] + low[1] * low[1])
        store(to + (n - k) * LANE_BYTES, high[0] * high[0] + high[1] * high[1])


@jit
def powers_of_1024(frames: int, row: int, hop: int, transform: Transform, work: int, to: int) -> None:
    """Write the powers of the bins of 16 frames of 1,024 samples.

    Args:
        frames: Address of the frames' first samples, in blocks from `frames.cut`.
        row: Bytes from a sample of the blocks to the next one.
        hop: Samples in a block, a multiple of an eighth of the frame.
        transform: Tables of the window.
        work: Address of memory for 1,024 vectors.
        to: Address of 513 vectors, written.
    """
    window = address(transform.factors)
    factors = window + 1024 * 4
    _first_pass(frames, row, hop, 512, window, factors, work)
    factors += 64 * 7 * _FACTOR
    for i in range(8):
        x = work + i * 64 * _COMPLEX
        _pass8(x, 64, factors)
        for j in range(8):
            _last8(x + j * 8 * _COMPLEX)
    _powers(work, 512, address(transform.places), factors + 8 * 7 * _FACTOR, to)


@jit
def powers_of_2048(frames: int, row: int, hop: int, transform: Transform, work: int, to: int) -> None:
    """Write the powers of the bins of 16 frames of 2,048 samples.

    See `powers_of_1024`; here `work` has 2,048 vectors, and `to` 1,025.
    """
    window = address(transform.factors)
    factors = window + 2048 * 4
    _first_pass(frames, row, hop, 1024, window, factors, work)
    factors += 128 * 7 * _FACTOR
    last = factors + 16 * 7 * _FACTOR
    for i in range(8):
        x = work + i * 128 * _COMPLEX
        _pass8(x, 128, factors)
        for j in range(8):
            y = x + j * 16 * _COMPLEX
            _pass4(y, 16, last)
            for h in range(4):
                _last4(y + h * 4 * _COMPLEX)
    _powers(work, 1024, address(transform.places), last + 4 * 3 * _FACTOR, to)
