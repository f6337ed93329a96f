"""Applications that turn a sound or a preset into presets: programming, matching, tuning, interpolation.

They build on `models`, `retrieval` and `metrics`, and read the checkpoints that `training` writes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
