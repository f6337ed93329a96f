"""Metrics: features of a sound, the registry of metrics, and the objective that searches minimize.

This package builds on `presets` and `audio`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
