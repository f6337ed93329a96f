"""Applications: one sound or preset in, presets out; programming, matching, tuning, interpolation.

Stands on `models`, `retrieval` and `metrics`, and reads the checkpoints of `training`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
