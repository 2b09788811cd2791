"""What a teacher sees: everything in the hand frame, so that one gait serves wherever gravity pulls."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import HISTORY
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, FINGERTIP_CENTER
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.task.orientations import axes_in_hand
from dexndm_gym.task.tensor_quaternions import conjugate, rotate
from dexndm_gym.task.tensor_task import TensorTask

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


class TensorTeacherObservation:
    """``teacher_observation`` of hands that are tensors on a device."""

    def __init__(self, device: torch.device) -> None:
        """Put constants on the device."""

        def constant(values: object) -> Tensor:
            return torch.tensor(np.array(values), dtype=torch.float32, device=device)

        self._canonical_pose, self._center = constant(CANONICAL_POSE), constant(FINGERTIP_CENTER)
        self._scale = {name: constant(scale) for name, scale in PRIVILEGED_SCALE.items()}

    def __call__(self, task: TensorTask, pose: Tensor, known: dict[str, Tensor]) -> Tensor:
        """What the teachers of n hands see, (n, m), float32.

        Args:
            task: the task.
            pose: of the objects, hand frame, (n, 7).
            known: the simulator's privileged state, (n, k) by name.
        """
        if task.config.reward.goal != 0.0:
            known = known | {"to_goal": task.turns_to_goals(pose)}
        position, target = task.position[:, -2:], task.target[:, -2:]
        parts = [
            (position - self._canonical_pose).flatten(1),
            (target - position).flatten(1) * 5.0,
            (pose[:, :3] - self._center) * 30.0,
            torch.stack(_columns(*pose[:, 3:].unbind(1)), dim=1),
            rotate(conjugate(task.wrist), task.axis),
            *(known[name] * scale for name, scale in self._scale.items() if name in known),
        ]
        return torch.cat(parts, dim=1).float()


def _two_columns(q: FloatArray) -> FloatArray:
    """First two columns of the rotation matrices of unit quaternions (n, 4), (n, 6)."""
    return np.stack(_columns(*q.T), axis=1)


def _columns(w: Any, x: Any, y: Any, z: Any) -> list[Any]:
    first = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
    second = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
    return first + second
