"""Sound: the synth, spectrograms, pitch, notes, and sound files.

This package builds on `presets`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
