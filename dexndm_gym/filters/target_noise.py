"""Noise on targets, for recordings that cover more than the policy does."""

from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ


class TargetNoise:
    """A target filter that shakes targets: fresh noise in every step, and offsets that stay for about a second."""

    def __init__(self) -> None:
        """Add nothing yet."""
        self.set(0.0, 0)

    def set(self, noise: float | FloatArray, seed: int, offset: float = 0.0) -> None:
        """Choose standard deviations, rad: ``noise`` one number, or one for each hand, (n,); zero adds nothing."""
        self._noise = np.reshape(np.asarray(noise, dtype=np.float64), (-1, 1))
        self._offset = offset
        self._held: FloatArray | None = None
        self._rng = np.random.default_rng(seed)

    def __call__(self, window: Any, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the shaken targets (n, 16), rad."""
        if self._offset > 0.0:
            fresh = self._offset * self._rng.standard_normal(target.shape)
            changes = self._rng.random(target.shape) < 1.0 / CONTROL_HZ
            self._held = np.where(changes, fresh, 0.0 if self._held is None else self._held)
            target = target + self._held
        if self._noise.any():
            target = target + self._noise * self._rng.standard_normal(target.shape)
        return target, {}
