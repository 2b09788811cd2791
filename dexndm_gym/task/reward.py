"""The reward as a pure function over a batch."""

from dataclasses import dataclass

import numpy as np

from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.config import RewardWeights


@dataclass(frozen=True, kw_only=True)
class Motion:
    """What moved during one control step; n hands."""

    angular_velocity: FloatArray
    """Object, (n, 3), rad/s, world frame, from orientations one step apart (a simulator's own rewards shaking)."""

    linear_velocity: FloatArray
    """Object's centre, (n, 3), m/s, any frame: the hand does not move."""

    axis: FloatArray
    """Wanted axis, (n, 3), unit vectors, world frame."""

    pose_change: FloatArray
    """Joint positions minus the targets that the episode started with, (n, 16), rad."""

    joint_velocity: FloatArray
    """(n, 16), rad/s."""

    torque: FloatArray
    """(n, 16), N m."""

    dropped: np.ndarray
    """(n,), bool."""


def reward_terms(motion: Motion, weights: RewardWeights) -> dict[str, FloatArray]:
    """Weighted terms by name, each (n,); the reward is their sum."""
    speed = np.sum(motion.angular_velocity * motion.axis, axis=1)
    across = np.cross(motion.angular_velocity, motion.axis)
    power = np.sum(motion.torque * motion.joint_velocity, axis=1)
    return {
        "rotation": weights.rotation * np.clip(speed, -weights.rotation_clip, weights.rotation_clip),
        "off_axis": -weights.off_axis * np.abs(across).sum(axis=1),
        "linear_velocity": -weights.linear_velocity * np.square(motion.linear_velocity).sum(axis=1),
        "pose": -weights.pose * np.square(motion.pose_change).sum(axis=1),
        "work": -weights.work * np.maximum(power, 0.0),
        "torque": -weights.torque * np.square(motion.torque).sum(axis=1),
        "drop": -weights.drop * motion.dropped,
    }
