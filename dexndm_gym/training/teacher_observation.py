"""What a teacher sees: everything in the hand frame, so that one gait serves wherever gravity pulls."""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import HISTORY
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, FINGERTIP_CENTER
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.task.orientations import axes_in_hand

PRIVILEGED_SCALE = {
    "gravity": 1.0,
    "object_velocity": np.array([5.0, 5.0, 5.0, 0.5, 0.5, 0.5]),
    "fingertips": 10.0,
    "joint_velocity": 0.5,
    "size": 20.0,
    "shape": 1.0,
    "mass": 20.0,
    "friction": 1.0,
    "stiffness": 1.0,
    "frictionloss": 50.0,
    "to_goal": 1.0,
}
"""Factors that bring privileged state to order one, in the order in which a teacher sees it."""


def teacher_observation(task: RotationTask) -> npt.NDArray[np.float32]:
    """The last two steps, the object's pose, the axis and gravity in the hand, and the simulator's privileged state.

    Returns:
        (n, 2 x 32 + 9 + 3 + privileged), scaled to be of order one.
    """
    n = task.backend.num_hands
    observation = task.observation().astype(np.float64)
    history = observation[:, : HISTORY * 2 * NUM_JOINTS].reshape(n, HISTORY, 2, NUM_JOINTS)
    position, target = history[:, -2:, 0], history[:, -2:, 1]
    known = task.privileged()
    pose = known["object_pose"]
    return np.concatenate(
        [
            (position - CANONICAL_POSE).reshape(n, -1),
            (target - position).reshape(n, -1) * 5.0,
            (pose[:, :3] - FINGERTIP_CENTER) * 30.0,
            _two_columns(pose[:, 3:]),
            axes_in_hand(task.frames),
            *(known[name] * scale for name, scale in PRIVILEGED_SCALE.items() if name in known),
        ],
        axis=1,
    ).astype(np.float32)


def _two_columns(q: FloatArray) -> FloatArray:
    """First two columns of the rotation matrices of unit quaternions (n, 4), (n, 6)."""
    w, x, y, z = q.T
    first = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
    second = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
    return np.stack(first + second, axis=1)
