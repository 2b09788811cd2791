"""Hands for tests: weak, slow servos whose motion is known in closed form, so that a test can say what is right."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.scene import Scene

NOMINAL_SHARE = 0.5
"""Share of the way to its command that a joint of stiffness 1 covers in a control period."""


class WeakServos:
    """n hands whose joints are first-order lags: a ``Backend`` for tests of policies, wrappers and target filters.

    In each control period a joint covers ``share`` = 0.5 ``stiffness`` of the way to its command, whatever the object
    does; ``position_after`` is where that leads. The object lies in the cupped hand and turns about the hand's z axis.

    Attributes:
        num_hands: how many.
        share: of the way to the command in a control period, (16,).
        commands: all that the hands were sent since they were made, one (n, 16) per step, rad.
        torque: whether torque is on: from a reset on, until ``relax`` or ``close``.
        tracked: which objects are seen, (n,); to be written by tests.

    Example:
        >>> env = LeapRotateEnv(WeakServos(stiffness=0.5))  # doctest: +SKIP
    """

    def __init__(self, num_hands: int = 1, *, stiffness: npt.ArrayLike = 1.0, spin: float = 0.6) -> None:
        """Make hands.

        Args:
            num_hands: how many.
            stiffness: of the servos, as a factor, at most 2: one number or (16,).
            spin: of the objects, rad/s.
        """
        self.num_hands, self.torque = num_hands, False
        self.share = NOMINAL_SHARE * np.broadcast_to(np.asarray(stiffness, dtype=np.float64), NUM_JOINTS)
        self.commands: list[FloatArray] = []
        self.tracked = np.ones(num_hands, dtype=np.bool_)
        self._position = np.tile(START_POSE, (num_hands, 1))
        self._velocity = np.zeros((num_hands, NUM_JOINTS))
        self._spin, self._angle = spin, np.zeros(num_hands)

    def position_after(self, periods: int, start: FloatArray, command: FloatArray) -> FloatArray:
        """Where joints are that started at ``start`` and got the same command all the time, (..., 16), rad."""
        return command + (start - command) * (1.0 - self.share) ** periods

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Put the hands ``ids`` into START_POSE, at rest; returns it, (len(ids), 16), rad."""
        self._position[ids], self._velocity[ids], self._angle[ids] = START_POSE, 0.0, 0.0
        self.torque = True
        return self._position[ids]

    def step(self, command: FloatArray) -> None:
        """Follow commands, (n, 16) rad, for one control period."""
        self.commands.append(np.array(command))
        after = self.position_after(1, self._position, command)
        self._velocity = (after - self._position) / CONTROL_PERIOD
        self._position = after
        self._angle += self._spin * CONTROL_PERIOD

    def state(self) -> HandState:
        """Positions, velocities and the objects that are seen."""
        pose = np.full((self.num_hands, 7), np.nan)
        seen = self.tracked
        half = self._angle[seen] / 2
        pose[seen, :3], pose[seen, 4:6] = PALM_REST_CENTER, 0.0
        pose[seen, 3], pose[seen, 6] = np.cos(half), np.sin(half)
        return HandState(position=self._position.copy(), object_pose=pose, velocity=self._velocity.copy())

    def relax(self) -> None:
        """Switch the torque off."""
        self.torque = False

    def close(self) -> None:
        """Switch the torque off."""
        self.torque = False
