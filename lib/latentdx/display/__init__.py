"""Display without Jupyter: listening rows, match reports, and tables and figures of results, for a paper too.

It builds on `evaluation`, `applications` and `metrics`.
"""

import warnings

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# librosa loads pooch, which looks for notebook widgets and would print a warning into every chapter
warnings.filterwarnings("ignore", "IProgress not found")
