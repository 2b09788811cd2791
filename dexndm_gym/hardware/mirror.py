"""One joint at a time: does the joint that is asked for move, and no other, and the right way?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.self_collision import OPEN_HAND
from dexndm_gym.hardware.session import HandSession

SWING = 0.4
"""How far each joint is moved, rad."""

_SETTLE = 0.4
"""How long it gets to arrive, s."""
_TOLERANCE = 0.2
"""How far from the goal it may end, and how far others may move, rad: gains are soft."""

_FINGER = (
    "swings sideways",
    "bends at its base, towards the palm",
    "bends in its middle joint",
    "bends in its last joint",
)
_THUMB = (
    "turns at its base, towards the palm",
    "swings out of the plane of the palm",
    "bends in its middle joint",
    "bends in its last joint",
)
MOTIONS = tuple(
    f"the {name} {motion}"
    for name, motions in (
        ("index finger", _FINGER),
        ("middle finger", _FINGER),
        ("ring finger", _FINGER),
        ("thumb", _THUMB),
    )
    for motion in motions
)
"""What is seen when the angle of each joint grows."""


@dataclass(frozen=True)
class JointMotion:
    """What happened when one joint was asked to move."""

    joint: int
    pose: FloatArray
    """What was asked for, (16,), rad."""
    moved: float
    """How far the joint moved, rad."""
    others: float
    """How far any other joint moved at most, rad."""

    @property
    def correct(self) -> bool:
        """Whether the right joint moved the right way, as far as the servos' own sensors can tell."""
        return abs(self.moved - SWING) < _TOLERANCE and self.others < _TOLERANCE


def mirror(session: HandSession, joints: Sequence[int] = range(NUM_JOINTS)) -> Iterator[JointMotion]:
    """Move from the open hand, fingers spread, one joint after the other, and back.

    Each motion is yielded while the joint is out, so that a picture of the same pose can be held beside it: the servos
    cannot know that they sit in the wrong place.

    Raises:
        HardwareError: the hand failed; its torque is off.
    """
    for joint in joints:
        session.move_to(OPEN_HAND)
        before = session.hold(_SETTLE)
        pose = OPEN_HAND.copy()
        pose[joint] += SWING
        session.move_to(pose)
        way = session.hold(_SETTLE) - before
        yield JointMotion(joint, pose, float(way[joint]), float(np.abs(np.delete(way, joint)).max()))
    session.move_to(OPEN_HAND)
