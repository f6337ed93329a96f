"""Datasets: curation of a corpus, rendering into a spectrogram store, loading, and the target sounds.

This package builds on `presets` and `audio`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
