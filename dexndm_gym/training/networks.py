"""The networks of teachers and students."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """A fully connected network, ELU between its layers.

    Args:
        sizes: of input, hidden layers and output.
    """
    layers: list[nn.Module] = []
    for size_in, size_out in pairwise(sizes):
        layers += [nn.Linear(size_in, size_out), nn.ELU()]
    return nn.Sequential(*layers[:-1])
