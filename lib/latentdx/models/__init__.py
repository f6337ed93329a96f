"""Models: presets as tensors, the paper's networks, and a joint posterior over presets.

This package builds on `presets` and `audio`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
