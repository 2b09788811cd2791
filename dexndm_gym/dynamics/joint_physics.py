"""What a joint with a position servo does in one control period, as physics: the start of a joint-wise model.

Six numbers per joint and nothing about the hand around it. The functions take NumPy arrays and torch tensors alike.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hand.servo import SIM_SERVO

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""


SUBSTEPS = 5
"""Integration steps per control period."""

INERTIA = SIM_SERVO.armature + 1.5e-4
"""Rotor, gears and a typical link, kg m^2. Motion alone shows only ratios to it, so it is given."""

_STEP = CONTROL_PERIOD / SUBSTEPS


@dataclass(frozen=True, kw_only=True)
class JointPhysics:
    """Parameters of joints, as arrays that broadcast against positions (..., joints, n)."""

    stiffness: Array
    """Torque per distance to the command, N m/rad."""

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


def substep_numbers(joints: JointPhysics) -> tuple[list[Array], list[Array]]:
    """What a substep computes with, of the same shapes as the parameters.

    Speeds count in rad per substep, torques as the speeds that they leave behind after a substep.

    Returns:
        Share of the speed that damping leaves, limit of the pull, dry friction, pull per distance, pull at zero, its
        loss per angle; and for each substep the share of the last command in its own.
    """
    slowing = 1 / (1 + _STEP / INERTIA * joints.damping)
    push = _STEP * _STEP / INERTIA * slowing
    torques = (SIM_SERVO.torque_limit, joints.friction, joints.stiffness, joints.bias, joints.slope)
    shares_of_last = [(joints.delay / _STEP - step).clip(0.0, 1.0) for step in range(SUBSTEPS)]
    return [slowing, *(push * torque for torque in torques)], shares_of_last


def advance(
    joints: JointPhysics, position: Array, velocity: Array, last_command: Array, command: Array
) -> tuple[Array, Array]:
    """Simulate one control period of joints that nothing touches.

    Args:
        joints: their parameters.
        position: where they are, (..., joints, n), rad.
        velocity: how fast they move, rad/s.
        last_command: command of the period before, which acts until the delay is over, rad.
        command: command of this period, rad.

    Returns:
        Position and velocity at its end.
    """
    clip = torch.clip if isinstance(position, torch.Tensor) else np.clip
    (slowing, limit, friction, stiffness, bias, slope), shares_of_last = substep_numbers(joints)
    move = velocity * _STEP
    for old in shares_of_last:
        # Delays that are not there are not computed: fits take as many steps as there are recordings.
        goal = command + old * (last_command - command) if (old > 0.0).any() else command
        free = slowing * move + (bias - slope * position) + clip(stiffness * (goal - position), -limit, limit)
        move = free - clip(free, -friction, friction)
        position = position + move
    return position, move / _STEP
