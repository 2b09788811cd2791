"""The one interface between the task and whatever moves the fingers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.scene import Scene

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class HandState:
    """What n hands measure at the end of a control period; fresh arrays, never views of a simulator's memory."""

    position: FloatArray
    """Joint positions, (n, 16), rad."""

    object_pose: FloatArray | None
    """Object pose in the hand frame, (n, 7): position in m, quaternion w x y z; None where nothing tracks it."""

    velocity: FloatArray | None = None
    """Joint velocities, (n, 16), rad/s; None where they are not measured."""

    torque: FloatArray | None = None
    """Joint torques of the servos, (n, 16), N m; None where they are not measured."""


class Hand(Protocol):
    """n hands that are moved together, one control period (50 ms) at a time. The real hand is n = 1."""

    num_hands: int

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        """Bring the hands ``ids`` to START_POSE, each with the object of its scene (one scene per id).

        Afterwards the hand holds the target START_POSE and the object lies in it.
        """
        ...

    def step(self, target: FloatArray) -> None:
        """Move every hand towards its target, (n, 16) rad, for one control period.

        Raises:
            HardwareError: the hand failed; its torque is off or about to be switched off by the servos themselves.
        """
        ...

    def state(self) -> HandState:
        """The latest measurement of every hand."""
        ...

    def close(self) -> None:
        """Release the hand; torque is off afterwards. Safe to call twice."""
        ...
