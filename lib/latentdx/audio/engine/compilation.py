"""The compiled functions of the engine."""

from functools import cache
from typing import Any, NamedTuple


class Kernels(NamedTuple):
    """Compiled functions of `voice`."""

    start: Any
    render: Any


def ready() -> bool:
    """Tell whether `kernels` returns at once."""
    return True


@cache
def kernels() -> Kernels:
    """Return the compiled functions."""
    from latentdx.audio.engine import voice

    return Kernels(voice.start, voice.render)
