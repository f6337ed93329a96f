"""Number of threads that PyTorch uses."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread within the `with` block, and on as many as before afterwards.

    Inference on one sound consists of thousands of small operations in a row. Two threads gain little, and
    have to wait for each other after every operation: with other work on the same cores, that made
    `program_best` nine times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
