"""Sound files: robust decoding of any file, and deterministic encoding as MP3 and FLAC."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
