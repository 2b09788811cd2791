"""Where an episode starts: the cupped hand, and the object lying in it."""

import numpy as np

from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.objects import RotatableObject

START_POSE = np.array(
    [
        *(-0.02, -0.05, 1.67, 0.67),  # index
        *(0.08, 0.28, 1.62, 0.48),  # middle
        *(-0.10, 0.14, 1.45, 0.49),  # ring
        *(1.12, 0.87, 1.17, 0.75),  # thumb
    ]
)
"""Joint angles of the cupped hand, (16,), rad: found by random search for a pose that holds every object, palm up."""
START_POSE.flags.writeable = False

CUP_CENTRE = np.array([-0.005, 0.025, 0.065])
"""Where the object's centre lies in the cupped hand, (3,), m, hand frame."""
CUP_CENTRE.flags.writeable = False

PALM_HEIGHT = 0.0345
"""Height of the palm's surface in the hand frame, m."""

PLACING_SPREAD = 0.004
"""How far an operator's placing of the object scatters along x and y, m."""

SETTLE_TIME = 0.5
"""How long the hand holds still after the object has been placed, s."""


def draw_object_pose(item: RotatableObject, rng: np.random.Generator, scale: float = 1.0) -> FloatArray:
    """Pose in which the object is put into the cupped hand: upright, any heading, just above the palm.

    Args:
        item: the object.
        rng: source of heading and scatter.
        scale: factor on the object's size.

    Returns:
        (7,): position in m and quaternion w x y z, hand frame.
    """
    heading = rng.uniform(-np.pi, np.pi) / 2
    x, y = CUP_CENTRE[:2] + rng.uniform(-PLACING_SPREAD, PLACING_SPREAD, 2)
    z = PALM_HEIGHT + item.half_extents[2] * scale + 0.003
    return np.array([x, y, z, np.cos(heading), 0.0, 0.0, np.sin(heading)])
