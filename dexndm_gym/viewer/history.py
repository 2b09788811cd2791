"""The last seconds of what is shown, for plots."""

from collections import deque

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.viewer.snapshot import Snapshot

SECONDS = 20.0
"""How much of the past plots show, s."""

_MOST = 1200
_SPEED_TIME = 0.5
"""Time that speed is the mean over, s."""


class History:
    """Rotation, speed and joints over time; an episode begins with nothing."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._rows: deque[Snapshot] = deque(maxlen=_MOST)
        self._episode = -1

    def add(self, snapshot: Snapshot) -> None:
        """Take in a snapshot; one from an earlier time takes the later ones away."""
        if snapshot.episode != self._episode:
            self._rows.clear()
            self._episode = snapshot.episode
        while self._rows and self._rows[-1].time >= snapshot.time:
            self._rows.pop()
        self._rows.append(snapshot)
        while snapshot.time - self._rows[0].time > SECONDS:
            self._rows.popleft()

    def rotation(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Time, s, rotation, rad, and speed, rad/s; (k,) each."""
        time, rotation = np.array([(row.time, row.rotation) for row in self._rows]).reshape(-1, 2).T
        before = np.interp(time - _SPEED_TIME, time, rotation)
        passed = np.minimum(time - time[0], _SPEED_TIME)
        return time, rotation, np.where(passed > 0.0, (rotation - before) / np.where(passed > 0.0, passed, 1.0), 0.0)

    def joint(self, index: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Time, s, measured angle and target of one joint, rad; (k,) each."""
        rows = [(row.time, row.position[index], row.target[index]) for row in self._rows]
        time, position, target = np.array(rows).reshape(-1, 3).T
        return time, position, target

    def speed(self) -> float:
        """The latest speed, rad/s."""
        return float(self.rotation()[2][-1]) if self._rows else float("nan")
