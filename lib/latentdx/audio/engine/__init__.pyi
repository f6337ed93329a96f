from .synth import Engine as Engine
from .trace import Trace as Trace

__all__ = ["Engine", "Trace"]
