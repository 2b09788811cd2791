"""The networks of teachers and students."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
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


def require_finite(weights: Mapping[str, torch.Tensor]) -> None:
    """Refuse weights with which a network would answer NaN.

    Raises:
        ValueError: some are not finite; a training that diverged leaves such.
    """
    if not all(torch.isfinite(values).all() for values in weights.values()):
        raise ValueError("it holds weights that are not finite; train again")
