"""What a joint with a position servo does in one control period, as physics: the start of a joint-wise model.

Six numbers per joint and nothing about the hand around it. The functions take NumPy arrays and torch tensors alike.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

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


def advance(
    joints: JointPhysics, position: Array, velocity: Array, last_target: Array, target: Array
) -> tuple[Array, Array]:
    """Simulate one control period of joints that nothing touches.

    Args:
        joints: their parameters.
        position: where they are, (..., joints, n), rad.
        velocity: how fast they move, rad/s.
        last_target: target of the period before, which acts until the delay is over, rad.
        target: target of this period, rad.

    Returns:
        Position and velocity at its end.
    """
    slowing = 1 / (1 + _STEP / INERTIA * joints.damping)
    stoppable = _STEP / INERTIA * joints.friction * slowing
    for step in range(SUBSTEPS):
        old = (joints.delay / _STEP - step).clip(0.0, 1.0)
        pull = joints.stiffness * (target + old * (last_target - target) - position)
        torque = pull.clip(-SIM_SERVO.torque_limit, SIM_SERVO.torque_limit) + joints.bias - joints.slope * position
        free = (velocity + _STEP / INERTIA * torque) * slowing
        velocity = free - free.clip(-stoppable, stoppable)
        position = position + _STEP * velocity
    return position, velocity
