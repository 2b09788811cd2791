"""What hands measure, whatever they are made of."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dexndm_gym.arrays import FloatArray


class HandState(NamedTuple):
    """What n hands measure at the end of a control period; fresh arrays, never views of a simulator's memory."""

    position: FloatArray
    """Joint positions, (n, 16), rad."""

    object_pose: FloatArray | None
    """Object pose in the hand frame, (n, 7): position in m, quaternion w x y z; None where nothing tracks it."""

    velocity: FloatArray | None = None
    """Joint velocities, (n, 16), rad/s; None where they are not measured."""

    current: FloatArray | None = None
    """Currents that the servos report, (n, 16), A; None where they are not measured."""

    torque: FloatArray | None = None
    """Joint torques of the servos, (n, 16), N m; None where they are not measured."""

    command: FloatArray | None = None
    """What the hand made of the target, (n, 16), rad; None where it was sent as it came."""

    info: Mapping[str, Any] = {}  # never written to
    """What else this kind of hand has to say, (n, ...) by name; for the ``info`` of the environment."""
