"""The joint-wise inverse as a target filter."""

from typing import Any

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.correction import JointwiseInverse
from dexndm_gym.filters.target_filter import TargetWindow

FALLBACK = "correction_fallback"
"""What ``info`` says of hands whose target could not be corrected."""


class InverseFilter:
    """The joint-wise inverse as a target filter of the env. It keeps no state of its own: the window tells it all."""

    def __init__(self, inverse: JointwiseInverse) -> None:
        """Correct with an inverse."""
        self._inverse = inverse

    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
        """Correct the targets (n, 16), rad; ``info`` gets ``correction_fallback`` (n,) bool."""
        correction = self._inverse(window.position, window.target, window.command, target)
        return correction.command, {FALLBACK: correction.fallback}
