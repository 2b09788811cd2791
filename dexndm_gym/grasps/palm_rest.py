"""Where an episode starts: fingertips around the object, or the cupped hand with the object lying in it."""

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.objects.object_model import RotatableObject

START_POSE = np.array(
    [
        *(-0.31, 0.73, 1.32, 1.36),  # index
        *(-0.02, 0.26, 1.24, 0.87),  # middle
        *(0.37, 0.67, 1.01, 0.53),  # ring
        *(1.85, 0.72, -0.04, 1.22),  # thumb
    ]
)
"""Joint angles of the cupped hand, (16,), rad: found by random search for a pose that surrounds
the basic objects and keeps them, palm up, while its targets wander at random."""
START_POSE.flags.writeable = False

PALM_REST_CENTER = np.array([-0.012, 0.047, 0.065])
"""Where the object's center lies in the cupped hand, (3,), m, hand frame."""
PALM_REST_CENTER.flags.writeable = False

CANONICAL_POSE = np.array(
    [
        *(0.082, 1.244, 0.265, 0.298),  # index
        *(0.005, 1.096, 0.080, 0.150),  # middle
        *(0.029, 1.337, 0.285, 0.317),  # ring
        *(1.163, 1.104, 0.953, -0.138),  # thumb
    ]
)
"""Joint angles about which fingertip grasps are drawn, (16,), rad: the paper's canonical pose, from Isaac Gym's joint
order into ours."""
CANONICAL_POSE.flags.writeable = False

FINGERTIP_CENTER = np.array([-0.019, 0.035, 0.145])
"""Midpoint between the thumb's tip and the mean of the other tips in that pose, (3,), m, hand frame."""
FINGERTIP_CENTER.flags.writeable = False

HOLDING_LINE = np.stack([PALM_REST_CENTER, FINGERTIP_CENTER])
"""Where the hand holds objects: ends of the line from the cupped hand to between the fingertips, (2, 3), m."""
HOLDING_LINE.flags.writeable = False

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
    x, y = PALM_REST_CENTER[:2] + rng.uniform(-PLACING_SPREAD, PLACING_SPREAD, 2)
    z = PALM_HEIGHT + -item.corners[0, 2] * scale + 0.003
    quat = np.empty(4)
    mujoco.mju_mulQuat(quat, np.array([np.cos(heading), 0.0, 0.0, np.sin(heading)]), np.array(item.upright))
    return np.array([x, y, z, *quat])
