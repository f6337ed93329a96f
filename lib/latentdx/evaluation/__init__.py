"""Evaluation of models, baselines and searches on whole test sets, and summaries of the results.

It builds on `applications`, whose inference it measures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
