"""What a joint with a position servo does in one control period, as physics: the start of a joint-wise model.

Six numbers per joint and nothing about the hand around it. The functions take NumPy arrays and torch tensors alike.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dexndm_gym.data.trajectory import CONTROL_HZ
from dexndm_gym.leap.servo import SIM_SERVO

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""

PERIOD = 1 / CONTROL_HZ
"""Duration of one control period, s."""

SUBSTEPS = 5
"""Integration steps per control period."""

INERTIA = SIM_SERVO.armature + 1.5e-4
"""Rotor, gears and a typical link, kg m^2. Motion alone shows only ratios to it, so it is given."""

_STEP = PERIOD / SUBSTEPS


@dataclass(frozen=True, kw_only=True)
class JointPhysics:
    """Parameters of joints, as arrays that broadcast against positions (..., joints, n)."""

    stiffness: Array
    """Torque per distance to the target, N m/rad."""

    damping: Array
    """Torque per speed, N m s/rad."""

    friction: Array
    """Dry friction, N m."""

    bias: Array
    """Torque of gravity and cables at zero, N m."""

    slope: Array
    """Loss of that torque per angle, N m/rad."""

    delay: Array
    """Time from a command until it acts, s; less than a control period."""

    @classmethod
    def from_table(cls, table: Array) -> "JointPhysics":
        """Take parameters from a table (..., joints, 6) with the columns of ``PARAMETERS``."""
        return cls(**{name: table[..., column, None] for column, name in enumerate(PARAMETERS)})


PARAMETERS = tuple(JointPhysics.__dataclass_fields__)
"""Names of the parameters, in the order of the table's columns."""


class Stepper:
    """Simulates joints that nothing touches; all that depends on their parameters alone is computed once."""

    def __init__(self, joints: JointPhysics) -> None:
        """Prepare for some joints."""
        # Speeds count in rad per substep, torques as the speeds that they leave behind after a substep, and only delays
        # that are there are computed: fits take as many steps as there are recordings.
        self._slowing = 1 / (1 + _STEP / INERTIA * joints.damping)
        push = _STEP * _STEP / INERTIA * self._slowing
        self._limit, self._friction = push * SIM_SERVO.torque_limit, push * joints.friction
        self._stiffness, self._bias, self._slope = (push * it for it in (joints.stiffness, joints.bias, joints.slope))
        self._limits = (-self._limit, -self._friction)
        self._shares = [(joints.delay / _STEP - step).clip(0.0, 1.0) for step in range(SUBSTEPS)]
        self._old = [share if (share > 0.0).any() else None for share in self._shares]

    def __call__(self, position: Array, velocity: Array, last_target: Array, target: Array) -> tuple[Array, Array]:
        """Simulate one control period.

        Args:
            position: where the joints are, (..., joints, n), rad.
            velocity: how fast they move, rad/s.
            last_target: target of the period before, which acts until the delay is over, rad.
            target: target of this period, rad.

        Returns:
            Position and velocity at its end.
        """
        clip = torch.clip if isinstance(position, torch.Tensor) else _clip
        below, standing = self._limits
        move = velocity * _STEP
        for old in self._old:
            goal = target if old is None else target + old * (last_target - target)
            pull = clip(self._stiffness * (goal - position), below, self._limit)
            free = self._slowing * move + (self._bias - self._slope * position) + pull
            move = free - clip(free, standing, self._friction)
            position = position + move
        return position, move / _STEP

    def numbers(self) -> npt.NDArray[np.floating]:
        """All that it computes with, (joints, 6 + SUBSTEPS), of NumPy parameters (joints, 1).

        Per joint, in rad per substep: share of the speed that damping leaves, limit of the pull, dry friction, pull per
        distance, pull at zero, its loss per angle; then the shares of the last target in each substep's.
        """
        linear = (self._slowing, self._limit, self._friction, self._stiffness, self._bias, self._slope)
        return np.concatenate((*linear, *self._shares), axis=-1)


def advance(
    joints: JointPhysics, position: Array, velocity: Array, last_target: Array, target: Array
) -> tuple[Array, Array]:
    """Simulate one control period; see ``Stepper``."""
    return Stepper(joints)(position, velocity, last_target, target)


def _clip(values: Array, low: Array, high: Array) -> Array:
    # Two calls without np.clip's checks take a third of its time on small arrays.
    return np.minimum(np.maximum(values, low), high)
