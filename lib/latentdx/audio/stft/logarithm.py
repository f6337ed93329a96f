"""The logarithm of 16 numbers at a time."""

import numpy as np

from latentdx.audio.stft.jit import inline
from latentdx.audio.stft.lanes import exponent_and_mantissa
from latentdx.audio.stft.layout import Lanes

# the polynomial t P(t) of degree 8 with the least largest error, 5e-8, for log2(1 + t) where 1 + t is the
# mantissa; fitted by least squares with weights that follow the errors (Lawson)
_P1, _P2, _P3, _P4 = map(np.float32, (1.4426948, -0.72135717, 0.48093945, -0.36008722))
_P5, _P6, _P7, _P8 = map(np.float32, (0.28670746, -0.25006905, 0.23689036, -0.14574444))
_ONE = np.float32(1)


@inline
def log2(x: Lanes) -> Lanes:
    """Return the logarithms to base 2 of positive normal numbers; the error is at most 1e-7."""
    exponent, mantissa = exponent_and_mantissa(x)
    t = mantissa - _ONE
    p = _P7 + t * _P8
    p = _P6 + t * p
    p = _P5 + t * p
    p = _P4 + t * p
    p = _P3 + t * p
    p = _P2 + t * p
    p = _P1 + t * p
    return exponent + t * p
