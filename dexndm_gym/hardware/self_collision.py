"""Keeps commanded fingers from pressing against each other or the palm, which overloads servos most often."""

from collections.abc import Iterator

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import SafetyError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.self_collision import DIGIT_OF_JOINT, DIGITS, OVERLAP, SelfCollision

OPEN_HAND = np.zeros(NUM_JOINTS)
"""The flat hand with its fingers spread, (16,), rad: each joint can swing by 0.4 rad without meeting another finger."""
OPEN_HAND[[0, 8]] = -0.35, 0.35
OPEN_HAND.flags.writeable = False

_ARRIVED = 1e-9
"""Angles that differ by less are the same, rad."""
_STUCK = 0.02
"""A hand that moves by less than this share of a step is not getting anywhere."""
_ROUNDING = 1e-6
"""Overlaps of a pose that differ by less are the same, m."""


class CollisionGuard:
    """Holds the fingers whose commands would meet; the others go on, and a command that is free is not touched."""

    def __init__(self, tolerance: float = OVERLAP) -> None:
        """Set how far parts of the model may overlap in a commanded pose, m."""
        self._tolerance = tolerance
        self._hand = SelfCollision()
        self.count = 0
        """Targets that were not sent as they came."""

    def restrain(self, command: FloatArray, previous: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
        """The command that may be sent.

        Args:
            command: what is asked for, (16,), rad.
            previous: what was sent last, (16,), rad. Where fingers overlap in it already, they may stay and part.

        Returns:
            The command, in which fingers that would meet keep their previous angles, and the names of these fingers.
        """
        overlap = self._hand.overlap(command)
        if overlap.max() <= self._tolerance:
            return command, ()
        self.count += 1
        allowed = np.maximum(self._tolerance, self._hand.overlap(previous) + _ROUNDING)
        held, goal = np.zeros(len(DIGITS), dtype=np.bool_), command
        # Where a finger is held, another one may run into it that would have followed it.
        while (meeting := (overlap > allowed).any(axis=0) & ~held).any():
            held |= meeting
            goal = np.where(held[DIGIT_OF_JOINT], previous, command)
            overlap = self._hand.overlap(goal)
        return goal, tuple(DIGITS[digit] for digit in np.flatnonzero(held[1:]) + 1)

    def way(self, begin: FloatArray, goal: FloatArray, step: float) -> Iterator[FloatArray]:
        """Poses from one pose to another, (16,) rad each, the fastest joint by ``step`` rad at a time.

        The way is straight, but fingers wait for others to pass; where they wait for each other, the hand opens first.
        If they are too entangled for that, they are pulled open against each other: slowly, and whoever follows the way
        has to watch for joints that stall.

        Raises:
            SafetyError: it does not get there like that.
        """
        pose, held = begin, ()
        for aim, gently in ((goal, True), (OPEN_HAND, True), (goal, True), (OPEN_HAND, False), (goal, True)):
            while (left := np.abs(aim - pose).max()) > _ARRIVED:
                before = pose
                pose = pose + (aim - pose) * min(1.0, step / left)
                if gently:
                    pose, held = self.restrain(pose, before)
                if left > step and np.abs(pose - before).max() < _STUCK * step:
                    pose = before
                    break
                yield pose
            else:
                if aim is goal:
                    return
        raise SafetyError(
            f"These fingers are in each other's way: {', '.join(held)}. Switch the torque off (dexndm hand relax), "
            "open the hand by hand, and try again"
        )
