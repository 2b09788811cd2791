"""The joint-wise model as plain arrays, for use inside a control loop."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dexndm_gym.dynamics.model import JointwiseModel, StackedLinear

Array: TypeAlias = npt.NDArray[Any]
"""float32: the digits that it lacks do not matter here, the time does."""


_CACHED_ROWS = 64
"""Rows pushed through the layers together: more do not stay in the cache."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a model knows of n windows before it is told the target to apply now."""

    hidden: Array
    """First layer before its activation, (joints, n, hidden)."""

    linear: Array
    """Linear path, (joints, n, 1)."""


class FoldedModel:
    """A frozen copy of a ``JointwiseModel`` that answers "where does the joint go, for each of these targets?" fast.

    Normalisation is folded into the first layer, and everything that does not depend on the target to apply now is
    computed once per window.
    """

    def __init__(self, model: JointwiseModel) -> None:
        """Copy a model."""
        mean, spread = _array(model.mean), _array(model.spread)
        layers = [layer for layer in model.layers if isinstance(layer, StackedLinear)]
        self._weight, self._bias = _fold(_array(layers[0].weight), _array(layers[0].bias), mean, spread)
        self._linear, self._offset = _fold(
            _array(model.linear.weight), _array(model.linear.bias) + _array(model.head.bias), mean, spread
        )
        self._deeper = [(_array(layer.weight), _array(layer.bias)) for layer in layers[1:]]
        self._head = _array(model.head.weight)
        self._step = _array(model.step)[..., None]
        self.window = model.config.window

    def prepare(self, position: Array, target: Array) -> Prepared:
        """Digest windows whose last target is still open.

        Args:
            position: (joints, n, W) rad, oldest first.
            target: (joints, n, W-1) rad, oldest first.
        """
        present = position[..., -1:]
        inputs = np.concatenate(
            (position[..., :-1] - present, present, target - present, np.zeros_like(present)), axis=-1
        )
        return Prepared(hidden=inputs @ self._weight + self._bias, linear=inputs @ self._linear + self._offset)

    def step(self, prepared: Prepared, reach: Array) -> Array:
        """Predict the step for several targets at once.

        Args:
            prepared: what ``prepare`` returned.
            reach: (joints, n, k) targets relative to the present position, rad.

        Returns:
            (joints, n, k) change of position over the next control period, rad.
        """
        joints, count, choices = reach.shape
        together = max(1, _CACHED_ROWS // count)
        parts = []
        for first in range(0, choices, together):
            part = reach[..., first : first + together]
            hidden = prepared.hidden[:, :, None, :] + part[..., None] * self._weight[:, None, -1:, :]
            hidden = np.tanh(hidden, out=hidden).reshape(joints, -1, hidden.shape[-1])
            for weight, bias in self._deeper:
                hidden = hidden @ weight
                hidden += bias
                np.tanh(hidden, out=hidden)
            parts.append((hidden @ self._head).reshape(part.shape))
        nonlinear = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return (nonlinear + prepared.linear + reach * self._linear[:, -1:, :]) * self._step


def _fold(weight: Array, bias: Array, mean: Array, spread: Array) -> tuple[Array, Array]:
    """Let a layer take inputs that are not normalised."""
    weight = weight / spread.transpose(0, 2, 1)
    return weight, bias - mean @ weight


def _array(tensor: torch.Tensor) -> Array:
    return tensor.detach().to(torch.float32).numpy().copy()
