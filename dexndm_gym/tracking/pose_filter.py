"""Filters of poses: of a base that as a rule stands still, and of an object that as a rule turns evenly."""

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.tracking.pose import Pose, matrix_of, turn_of

_BASE_TIME, _BASE_HOLD = 0.5, 0.2
_BASE_MOVED = (0.004, 0.02)

_GAIN, _SPEED_GAIN = 0.85, 0.6
_JUMP = (0.015, 0.35)
_FORGET = 0.15


class BaseFilter:
    """Mean pose of what stands still, over half a second; where it has moved, its newest pose.

    Hidden for up to 0.2 s it counts as where it was; after that it is lost.
    """

    def __init__(self) -> None:
        """Nothing has been seen yet."""
        self._pose: Pose | None = None
        self._time = -np.inf

    def update(self, seen: Pose | None, time: float) -> Pose | None:
        """The pose now, from what a picture of that time, s, shows."""
        if seen is None:
            return self._pose if time - self._time <= _BASE_HOLD else None
        if self._pose is None or _apart(self._pose, seen, _BASE_MOVED):
            self._pose = seen
        else:
            share = min((time - self._time) / _BASE_TIME, 1.0)
            turn = turn_of(seen.rotation @ self._pose.rotation.T)
            self._pose = Pose(
                rotation=matrix_of(share * turn) @ self._pose.rotation,
                position=self._pose.position + share * (seen.position - self._pose.position),
            )
        self._time = time
        return self._pose


class ObjectFilter:
    """A filter of constant velocity: what moves evenly comes out without delay, a sudden start one picture late.

    A pose that is far from where the object can be is left out; seen there again in the next picture, it is right.
    What has not been seen in a picture has no pose.
    """

    def __init__(self) -> None:
        """Nothing has been seen yet."""
        self._pose: Pose | None = None
        self._velocity, self._spin = np.zeros(3), np.zeros(3)
        self._time = -np.inf
        self._strange: Pose | None = None

    @property
    def newest(self) -> Pose | None:
        """The last pose."""
        return self._pose

    def update(self, seen: Pose | None, time: float) -> Pose | None:
        """The pose now, from what a picture of that time, s, shows; None where it shows none."""
        if seen is None:
            return None
        past = time - self._time
        if self._pose is None or past > _FORGET or past <= 0.0:
            return self._begin(seen, time)
        expected = Pose(
            rotation=matrix_of(self._spin * past) @ self._pose.rotation,
            position=self._pose.position + self._velocity * past,
        )
        if _apart(expected, seen, _JUMP):
            if self._strange is not None and not _apart(self._strange, seen, _JUMP):
                return self._begin(seen, time)
            self._strange = seen
            return None
        shift: FloatArray = seen.position - expected.position
        turn: FloatArray = turn_of(seen.rotation @ expected.rotation.T)
        self._pose = Pose(
            rotation=matrix_of(_GAIN * turn) @ expected.rotation, position=expected.position + _GAIN * shift
        )
        self._velocity = self._velocity + _SPEED_GAIN / past * shift
        self._spin = self._spin + _SPEED_GAIN / past * turn
        self._time, self._strange = time, None
        return self._pose

    def _begin(self, seen: Pose, time: float) -> Pose:
        self._pose, self._time, self._strange = seen, time, None
        self._velocity, self._spin = np.zeros(3), np.zeros(3)
        return seen


def _apart(one: Pose, other: Pose, limits: tuple[float, float]) -> bool:
    """Whether two poses are farther apart than m and rad."""
    return bool(np.linalg.norm(one.position - other.position) > limits[0]) or one.angle_to(other) > limits[1]
