from .tables import hann as hann

__all__ = ["hann"]
