"""Presets of the DX7: the parameter table, banks, SysEx files, and named corpora.

All other packages build on this one.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
