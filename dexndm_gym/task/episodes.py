"""What compiled functions take: running episodes, what moved in a step, and the names of what they return."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dexndm_gym.leap.joints import NUM_JOINTS
from dexndm_gym.task.config import HISTORY

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

TERMS = ("rotation", "off_axis", "linear_velocity", "pose", "work", "torque", "goal", "drop")
"""Terms of the reward."""

VALUES = (
    *("rotation_speed", "off_axis_speed", "RotR", "RotP", "TTF", "speed", "rotation", "time"),
    *(f"reward_{term}" for term in TERMS),
)
"""What a step is scored by; see ``compiled.score``."""


EPISODE = np.dtype(
    [
        # Wrist orientation, a quaternion w x y z from hand frame to world frame, and axis in the world frame.
        ("frame", "f8", 7),
        # Positions, base targets and sent targets of ten steps, oldest first, rad. A step has the targets applied
        # *before* its position was read: the pairing of the observation.
        ("history", "f8", (HISTORY, 3, NUM_JOINTS)),
        # Joint targets that the episode started with, rad.
        ("start", "f8", NUM_JOINTS),
        # Orientation that goal guidance leads the object to, world frame.
        ("goal", "f8", 4),
        # Speeds of the object about and across the axis, summed over the steps, rad/s.
        ("turned", "f8", 2),
        # Which episode of the hand this is, the first being 1, and its control steps so far.
        ("resets", "i8"),
        ("steps", "i8"),
        # Whether there is an object at all.
        ("holds", "?"),
    ],
    align=True,
)
"""The running episode of one hand; compiled functions take arrays of it, as one is sooner handed over than ten."""

Records = npt.NDArray[np.void]


def no_episodes(n: int) -> Records:
    """Room for the episodes of n hands, (n,) of EPISODE."""
    episodes = np.zeros(n, EPISODE)
    episodes["frame"][:, 0] = episodes["goal"][:, 0] = 1.0
    return episodes


class Motion(NamedTuple):
    """What one hand and its object did in a control step, as the reward sees it."""

    speed: float
    """Of the object about the wanted axis, rad/s, from orientations one step apart (a simulator's own rewards
    shaking)."""

    across: Vector
    """Its angular velocity x axis, rad/s, world frame."""

    linear_velocity: Vector
    """Of its centre, m/s, any frame: the hand does not move."""

    pose_change: float
    """Squared distance of the joints from the targets that the episode started with, rad^2."""

    power: float
    """What the servos give, W."""

    torque: float
    """Sum of the squared torques of the joints, (N m)^2."""

    goal_angle: float
    """Between object and goal at the end of the step, rad."""

    dropped: bool
    """Whether the object is lost."""

    resets: float
    """Which episode of the hand this is."""
