"""Retrieval: an index of presets by their sound, and the presets whose sound is closest to a given one.

This package builds on `dataset`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
