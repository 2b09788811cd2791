"""The joint-wise model as plain arrays, for use inside a control loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dexndm_gym.dynamics.joint_physics import PARAMETERS, PERIOD, JointPhysics, Stepper
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.errors import ModelMismatchError

Array: TypeAlias = npt.NDArray[Any]
"""float32: the digits that it lacks do not matter here, the time does."""


_CACHED_COLUMNS = 64
"""Columns pushed through the layers together: more do not stay in the cache."""


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
    """What the network makes of the window: first layer before its activation (joints, hidden, 1, n), and the linear
    path (joints, 1, n)."""

    def last(self, joints: int) -> "Prepared":
        """The same of the last joints alone."""
        network = None if self.network is None else (self.network[0][-joints:], self.network[1][-joints:])
        return Prepared(
            position=self.position[-joints:],
            velocity=self.velocity[-joints:],
            last_target=self.last_target[-joints:],
            network=network,
        )


class FoldedModel:
    """A frozen copy of a ``JointwiseModel`` that answers "where does the joint go, for each of these targets?" fast.

    Copied together, models of one kind are like one model with the joints of all: a control loop of a few joints pays
    by the call, not by the joint.
    """

    def __init__(self, *models: JointwiseModel) -> None:
        """Copy models of one kind.

        Raises:
            ModelMismatchError: their networks are for several joints each.
        """
        config = models[0].config
        physics = config.physics
        if physics != "alone" and config.joints_together > 1:
            raise ModelMismatchError(
                f"one joint after the other cannot be asked of a network for {config.joints_together} joints; "
                "expected one network per joint, or one that all joints share"
            )
        self._network = None if physics == "alone" else _FoldedNetwork(models)
        self._table = np.concatenate([_array(model.physics) for model in models])[:, None]
        self._physics = None if physics == "none" else Stepper(JointPhysics.from_table(self._table))
        self._mean_of_both = physics == "beside"
        self._written_out: dict[int, Stepper] = {}

    def prepare(self, position: Array, target: Array) -> Prepared:
        """Digest windows whose last target is still open.

        Args:
            position: (joints, W, n) rad, oldest first, float32.
            target: (joints, W-1, n) rad, oldest first, float32.
        """
        present = position[:, -1:]
        return Prepared(
            position=present,
            velocity=(present - position[:, -2:-1]) / np.float32(PERIOD),
            last_target=target[:, -1:],
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
            step += self._network.step(*prepared.network, target - prepared.position)
        if self._mean_of_both:
            step *= np.float32(0.5)
        return step

    def _expanded(self, choices: int) -> Stepper:
        """The physics of a single hand with every parameter written out for so many targets."""
        if choices not in self._written_out:
            columns = np.broadcast_to(self._table[:, :, None], (len(self._table), choices, 1, len(PARAMETERS)))
            joints = {name: columns[..., column].copy() for column, name in enumerate(PARAMETERS)}
            self._written_out[choices] = Stepper(JointPhysics(**joints))
        return self._written_out[choices]


class _FoldedNetwork:
    """The network of a model. Normalisation is folded into the first layer.

    Weights are (joints, outputs, inputs), or (1, outputs, inputs) where all joints share them.
    """

    def __init__(self, models: Sequence[JointwiseModel]) -> None:
        mean, spread = (_joined(models, name) for name in ("mean", "spread"))
        first, *deeper = (f"layers.{index}" for index in range(len(models[0].layers)))
        self._weight, self._bias = _fold(*_layer(models, first), mean, spread)
        self._linear, self._offset = _fold(*_layer(models, "linear"), mean, spread)
        self._deeper = [_layer(models, name) for name in deeper]
        self._head, bias = _layer(models, "head")
        self._offset += bias
        self._step = _joined(models, "step")[..., None]

    def prepare(self, position: Array, target: Array) -> tuple[Array, Array]:
        """First layer before its activation and linear path, as far as they do not depend on the target to apply.

        Takes what ``FoldedModel.prepare`` takes.
        """
        present = position[:, -1:]
        inputs = np.concatenate((position[:, :-1] - present, present, target - present, np.zeros_like(present)), axis=1)
        hidden = self._weight @ inputs + self._bias
        return hidden[:, :, None], self._linear @ inputs + self._offset

    def step(self, prepared: Array, linear: Array, reach: Array) -> Array:
        """What the network says for targets (joints, k, n) relative to the present position; the same shape."""
        together = max(1, _CACHED_COLUMNS // reach.shape[2])
        parts = []
        for first in range(0, reach.shape[1], together):
            part = reach[:, None, first : first + together]
            hidden = part * self._weight[..., -1:, None]
            hidden += prepared
            hidden = np.tanh(hidden, out=hidden).reshape(len(hidden), hidden.shape[1], -1)
            for weight, bias in self._deeper:
                hidden = weight @ hidden
                hidden += bias
                np.tanh(hidden, out=hidden)
            parts.append((self._head @ hidden).reshape(len(part), *part.shape[2:]))
        nonlinear = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return (nonlinear + linear + reach * self._linear[..., -1:]) * self._step


def joints_first(values: npt.NDArray[Any]) -> Array:
    """Arrays (n, W, joints) as (joints, W, n)."""
    return np.ascontiguousarray(values.T, dtype=np.float32)


def _fold(weight: Array, bias: Array, mean: Array, spread: Array) -> tuple[Array, Array]:
    """Let a layer take inputs that are not normalised."""
    weight = weight / spread.swapaxes(1, 2)
    return weight, bias - weight @ mean


def _layer(models: Sequence[JointwiseModel], name: str) -> tuple[Array, Array]:
    """Weight and bias of a layer."""
    return _joined(models, f"{name}.weight"), _joined(models, f"{name}.bias")


def _joined(models: Sequence[JointwiseModel], name: str) -> Array:
    """A tensor of all models, joint after joint, outputs before inputs; what all joints of a single one share, once."""
    arrays = [_array(model.state_dict()[name]) for model in models]
    if len(models) > 1:
        joints = len(models[0].config.joint_names)
        arrays = [np.broadcast_to(array, (joints, *array.shape[1:])) for array in arrays]
    joined = np.concatenate(arrays)
    return np.ascontiguousarray(joined.swapaxes(1, 2)) if joined.ndim == 3 else joined


def _array(tensor: torch.Tensor) -> Array:
    return tensor.detach().to(torch.float32).numpy().copy()
