"""How many threads PyTorch uses."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread, and afterwards on as many as before.

    Inference on one sound is thousands of small operations in a row. Two threads gain little there, and must
    meet after each one: beside other work on the same cores that made `program_best` nine times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
