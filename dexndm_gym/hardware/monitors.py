"""What only a series of readings can show: servos that restarted, readings that are old, joints that are stuck."""

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.errors import BusProtocolError, SafetyError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.registers import TICK_WRAP
from dexndm_gym.hardware.transport import name_servos

_LONGEST_STEP = 1000
"""Longest time between two readings that is believed, ms of the servos' clocks."""
_CLOCK_TOLERANCE = 30
"""How far servos may disagree about the time between two readings, ms."""
_STILL = 0.01
"""How far a stuck joint may still move, rad."""
_FREE_ERROR, _FREE_STEPS = 0.2, 3
"""A joint that moves neither way when its goal is this far away, rad, on one side and on the other, for so many control
steps each, is not held by an object."""


class ClockMonitor:
    """Compares the servos' own clocks from reading to reading.

    They prove that a reading is new, and a servo that restarted, which loses torque and gains without an alert, gives
    itself away by a clock that begins again.
    """

    def __init__(self) -> None:
        """Nothing read yet."""
        self._last: IntArray | None = None

    def forget(self) -> None:
        """Begin anew, after a pause or a restart that was meant."""
        self._last = None

    def check(self, clock: IntArray) -> None:
        """Compare a reading, (16,) ms, with the one before.

        Raises:
            BusProtocolError: servos sent an old reading again.
            SafetyError: servos have restarted.
        """
        last, self._last = self._last, clock
        if last is None:
            return
        passed = (clock - last) % TICK_WRAP
        usual = int(np.median(passed))
        odd = passed > _LONGEST_STEP if usual > _LONGEST_STEP else np.abs(passed - usual) > _CLOCK_TOLERANCE
        if odd.any():
            raise SafetyError(
                f"These servos have restarted by themselves: {name_servos(np.flatnonzero(odd).tolist())}. "
                "Did the supply drop out? Their torque is off and their settings are lost; reset sets them up again"
            )
        if usual == 0:
            raise BusProtocolError("The servos sent the same reading twice; no time has passed on their clocks")


class StallMonitor:
    """Notices joints that push for long without moving, and at once those that can be moved neither way.

    An object may well hold a joint back, but only from one side.
    """

    def __init__(self, error: float, steps: int) -> None:
        """Set what counts as stuck.

        Args:
            error: distance from the goal beyond which a joint pushes as hard as it may, rad.
            steps: control steps that it may do so without moving.
        """
        self._error, self._steps = error, steps
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._anchor = np.full(NUM_JOINTS, np.nan)
        self._pushing, self._above, self._below = np.zeros((3, NUM_JOINTS), dtype=np.int64)

    def check(self, position: FloatArray, goal: FloatArray) -> None:
        """Take in a reading and the goal that led to it, (16,) rad each.

        Raises:
            SafetyError: joints are stuck; the message names them.
        """
        error = goal - position
        still = np.abs(position - self._anchor) < _STILL
        self._anchor = np.where(still, self._anchor, position)
        self._pushing = np.where(still & (np.abs(error) > self._error), self._pushing + 1, 0)
        self._above = np.where(still, self._above + (error > _FREE_ERROR), 0)
        self._below = np.where(still, self._below + (error < -_FREE_ERROR), 0)
        free = np.minimum(self._above, self._below) >= _FREE_STEPS
        stuck = np.flatnonzero(free | (self._pushing >= self._steps)).tolist()
        if stuck:
            raise SafetyError(
                f"These joints push without moving: {name_servos(stuck)}. Is something in their way, do fingers press "
                "against each other, or is a gear broken?"
            )
