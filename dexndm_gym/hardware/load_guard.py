"""Eases off joints that push hard for so long that their servos would give up, as fingers at a stuck object do."""

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hand.joints import NUM_JOINTS

MEMORY = 6.5
"""Time constant with which the mean square of the current follows it, s: that with which a servo of this family is
known to bear 41 % of its stall current for 5 s (DynamixelSDK issue 285)."""

_EASE, _TIGHTEN = 0.9, 1.05
"""Factors by which a joint's share of its command falls while it pushes too hard, and grows again, per control step."""
_TIRED, _RESTED = 0.9, 0.8
"""Shares of the load that may last: above the one a joint is eased off, below the other it gets its command back."""


class LoadGuard:
    """Keeps the mean square of every servo's current below what it bears for good.

    A servo pushes the harder the farther its goal is away, by a law that depends on its mode and firmware. So nothing
    is assumed of it: while a joint's load is too high, its command comes nearer and nearer to where the joint is.

    Attributes:
        share: how much of the way from measured position to command each joint is sent, (16,); 1 for all that is asked.
    """

    def __init__(self, lasting_current: float) -> None:
        """Start with servos that have rested.

        Args:
            lasting_current: root mean square of a servo's current, as it measures it, that may last for good, A.
        """
        self._limit = lasting_current**2
        self._load = np.zeros(NUM_JOINTS)
        self.share = np.ones(NUM_JOINTS)

    def observe(self, current: FloatArray) -> None:
        """Take in what the servos draw at the end of a control step, (16,), A."""
        power = np.square(current)
        self._load += (power - self._load) * -np.expm1(-CONTROL_PERIOD / MEMORY)
        tired = (self._load > _TIRED * self._limit) & (power > self._limit)
        rested = self._load < _RESTED * self._limit
        factor = np.where(tired, _EASE, np.where(rested, _TIGHTEN, 1.0))
        self.share = np.minimum(1.0, self.share * factor)

    def ease(self, command: FloatArray, position: FloatArray) -> FloatArray:
        """The command that may be sent to joints at these positions, (16,) rad each."""
        return np.where(self.share < 1.0, position + self.share * (command - position), command)
