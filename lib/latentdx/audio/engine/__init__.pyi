from .synth import Engine as Engine

__all__ = ["Engine"]
