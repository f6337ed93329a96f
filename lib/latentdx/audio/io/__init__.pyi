from .decoding import Recording as Recording
from .decoding import decode as decode
from .decoding import from_array as from_array
from .encoding import encode as encode
from .encoding import true_peak as true_peak

__all__ = ["Recording", "decode", "encode", "from_array", "true_peak"]
