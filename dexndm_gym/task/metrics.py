"""The paper's metrics of an episode, RotR, RotP and TTF, over a batch: the only place where they are defined."""

import numpy as np

from dexndm_gym.leap.joints import FloatArray, IntArray
from dexndm_gym.task.config import CONTROL_PERIOD


class RotationMetrics:
    """Adds up the turning of n hands' objects, and says what it comes to."""

    def __init__(self, n: int) -> None:
        """Start with nothing."""
        self._along, self._across = np.zeros(n), np.zeros(n)

    def reset(self, ids: IntArray) -> None:
        """New episodes begin on the hands ``ids``."""
        self._along[ids] = self._across[ids] = 0.0

    def add(self, along: FloatArray, across: FloatArray) -> None:
        """Count one control step of every hand.

        Args:
            along: speed of the object about the wanted axis, (n,), rad/s, mean over the step.
            across: speed across it, the Euclidean norm of angular velocity x axis, (n,), rad/s.
        """
        self._along += along
        self._across += across

    def values(self, steps: IntArray, episode_steps: int) -> dict[str, FloatArray]:
        """The metrics by name, (n,) each, after so many control steps of episodes of at most ``episode_steps``.

        Returns:
            ``RotR``, rad/s: speed about the axis, summed over the steps. ``RotP``, rad/s: mean speed across the axis.
            ``TTF``: time to termination as a share of the longest episode. ``speed``, rad/s: mean speed about the axis.
        """
        return {
            "RotR": self._along.copy(),
            "RotP": self._across / np.maximum(steps, 1),
            "TTF": steps / episode_steps,
            "speed": self._along / np.maximum(steps, 1),
        }

    @property
    def rotation(self) -> FloatArray:
        """Angle turned about the axis, (n,), rad."""
        return self._along * CONTROL_PERIOD
