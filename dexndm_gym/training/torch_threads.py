"""How many threads PyTorch gets beside simulated hands."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run PyTorch on one thread in a ``with`` block or a decorated function.

    Networks of some hundred units are too small to share: PyTorch's threads wait for each other, and while they do,
    they keep those that step the physics off the processors. ``make bench-train`` compares the two.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
