"""The state of running episodes, as compiled functions take it."""

import numpy as np
import numpy.typing as npt

from dexndm_gym.constants import HISTORY
from dexndm_gym.hand.joints import NUM_JOINTS

EPISODE_STATE = np.dtype(
    [
        # Wrist orientation, a quaternion w x y z from hand frame to world frame, and axis in the world frame.
        ("wrist_and_axis", "f8", 7),
        # Positions, targets and commands of ten steps, oldest first, rad. A step has the targets applied
        # *before* its position was read: the pairing of the observation.
        ("history", "f8", (HISTORY, 3, NUM_JOINTS)),
        # Joint targets that the episode started with, rad.
        ("start", "f8", NUM_JOINTS),
        # Orientation that goal guidance leads the object to, world frame.
        ("goal", "f8", 4),
        # Speeds of the object about and across the axis, summed over the steps, rad/s.
        ("speed_sums", "f8", 2),
        # Which episode of the hand this is, the first being 1, and its control steps so far.
        ("resets", "i8"),
        ("steps", "i8"),
        # Whether there is an object at all.
        ("has_object", "?"),
    ],
    align=True,
)
"""The running episode of one hand; one structured array is cheaper to pass to Numba than ten."""

StructArray = npt.NDArray[np.void]


def new_episode_states(n: int) -> StructArray:
    """Room for the episodes of n hands, (n,) of EPISODE_STATE."""
    episodes = np.zeros(n, EPISODE_STATE)
    episodes["wrist_and_axis"][:, 0] = episodes["goal"][:, 0] = 1.0
    return episodes
