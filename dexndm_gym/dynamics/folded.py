"""The joint-wise model as plain arrays, for use inside a control loop."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dexndm_gym.dynamics.joint_physics import PARAMETERS, PERIOD, JointPhysics, Stepper
from dexndm_gym.dynamics.model import JointwiseModel, StackedLinear
from dexndm_gym.errors import ModelMismatchError

Array: TypeAlias = npt.NDArray[Any]
"""float32: the digits that it lacks do not matter here, the time does."""


_CACHED_ROWS = 64
"""Rows pushed through the layers together: more do not stay in the cache."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a model knows of n windows before it is told the target to apply now; arrays (joints, n, ...)."""

    position: Array
    """Present position, (joints, 1, n), rad."""

    velocity: Array
    """Velocity over the last control period, (joints, 1, n), rad/s."""

    last_target: Array
    """Target of the last control period, (joints, 1, n), rad."""

    network: tuple[Array, Array] | None
    """What the network makes of the window: first layer before its activation (joints, n, hidden), and the linear path
    (joints, n, 1)."""


class FoldedModel:
    """A frozen copy of a ``JointwiseModel`` that answers "where does the joint go, for each of these targets?" fast."""

    def __init__(self, model: JointwiseModel, *, network: bool = True) -> None:
        """Copy a model.

        Args:
            model: what to copy.
            network: copy the network too; else the copy knows physics alone.

        Raises:
            ModelMismatchError: nothing is left, because the model has no physics; or a network is for several joints.
        """
        if network and model.config.joints_per_network > 1:
            raise ModelMismatchError(
                f"one joint after the other cannot be asked of a network for {model.config.joints_per_network} joints; "
                "expected one network per joint"
            )
        if not (network or model.config.physics):
            raise ModelMismatchError(
                "the dynamics model has no physics, only a network; fit one with physics, or ask for the network"
            )
        self._network = _FoldedNetwork(model) if network else None
        self._table = _array(model.physics)[:, None]
        self._physics = Stepper(JointPhysics.from_table(self._table)) if model.config.physics else None
        self._written_out: dict[int, Stepper] = {}

    def prepare(self, position: Array, target: Array) -> Prepared:
        """Digest windows whose last target is still open.

        Args:
            position: (n, W, joints) rad, oldest first.
            target: (n, W-1, joints) rad, oldest first.
        """
        before, present = joints_first(position[:, -2:-1]), joints_first(position[:, -1:])
        return Prepared(
            position=present,
            velocity=(present - before) / np.float32(PERIOD),
            last_target=joints_first(target[:, -1:]),
            network=None if self._network is None else self._network.prepare(position, target),
        )

    def step(self, prepared: Prepared, target: Array) -> Array:
        """Predict the step for several targets at once.

        Args:
            prepared: what ``prepare`` returned.
            target: (joints, k, n) rad. Joints come first because each has its own physics: the longer the stretches of
                numbers that go with the same parameters, the less they cost.

        Returns:
            (joints, k, n) change of position over the next control period, rad.
        """
        step = np.zeros_like(target)
        if self._physics is not None:
            # A single hand's arrays are so small that broadcasting in every operation would take most of the time.
            advance = self._expanded(target.shape[1]) if target.shape[2] == 1 else self._physics
            after, _ = advance(prepared.position, prepared.velocity, prepared.last_target, target)
            step += after - prepared.position
        if self._network is not None and prepared.network is not None:
            reach = (target - prepared.position).swapaxes(1, 2)
            step += self._network.step(*prepared.network, reach).swapaxes(1, 2)
        return step

    def _expanded(self, choices: int) -> Stepper:
        """The physics of a single hand with every parameter written out for so many targets."""
        if choices not in self._written_out:
            columns = np.broadcast_to(self._table[:, :, None], (len(self._table), choices, 1, len(PARAMETERS)))
            joints = {name: columns[..., column].copy() for column, name in enumerate(PARAMETERS)}
            self._written_out[choices] = Stepper(JointPhysics(**joints))
        return self._written_out[choices]


class _FoldedNetwork:
    """The network of a model. Normalisation is folded into the first layer."""

    def __init__(self, model: JointwiseModel) -> None:
        mean, spread = _array(model.mean), _array(model.spread)
        layers = [layer for layer in model.layers if isinstance(layer, StackedLinear)]
        self._weight, self._bias = _fold(_array(layers[0].weight), _array(layers[0].bias), mean, spread)
        self._linear, self._offset = _fold(
            _array(model.linear.weight), _array(model.linear.bias) + _array(model.head.bias), mean, spread
        )
        self._deeper = [(_array(layer.weight), _array(layer.bias)) for layer in layers[1:]]
        self._head = _array(model.head.weight)
        self._step = _array(model.step)[..., None]

    def prepare(self, position: Array, target: Array) -> tuple[Array, Array]:
        """First layer before its activation and linear path, as far as they do not depend on the target to apply.

        Takes what ``FoldedModel.prepare`` takes.
        """
        position, target = (joints_first(values).swapaxes(1, 2) for values in (position, target))
        present = position[..., -1:]
        inputs = np.concatenate(
            (position[..., :-1] - present, present, target - present, np.zeros_like(present)), axis=-1
        )
        return inputs @ self._weight + self._bias, inputs @ self._linear + self._offset

    def step(self, prepared: Array, linear: Array, reach: Array) -> Array:
        """What the network adds for targets (joints, n, k) relative to the present position; the same shape."""
        joints, count, choices = reach.shape
        together = max(1, _CACHED_ROWS // count)
        parts = []
        for first in range(0, choices, together):
            part = reach[..., first : first + together]
            hidden = prepared[:, :, None, :] + part[..., None] * self._weight[:, None, -1:, :]
            hidden = np.tanh(hidden, out=hidden).reshape(joints, -1, hidden.shape[-1])
            for weight, bias in self._deeper:
                hidden = hidden @ weight
                hidden += bias
                np.tanh(hidden, out=hidden)
            parts.append((hidden @ self._head).reshape(part.shape))
        nonlinear = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return (nonlinear + linear + reach * self._linear[:, -1:, :]) * self._step


def joints_first(values: npt.NDArray[Any]) -> Array:
    """Arrays (n, W, joints) as (joints, W, n)."""
    return np.ascontiguousarray(values.T, dtype=np.float32)


def _fold(weight: Array, bias: Array, mean: Array, spread: Array) -> tuple[Array, Array]:
    """Let a layer take inputs that are not normalised."""
    weight = weight / spread.transpose(0, 2, 1)
    return weight, bias - mean @ weight


def _array(tensor: torch.Tensor) -> Array:
    return tensor.detach().to(torch.float32).numpy().copy()
