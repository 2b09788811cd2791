"""The reward as pure functions over a batch."""

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

    goal_angle: FloatArray
    """Between object and goal at the end of the step, (n,), rad."""

    dropped: np.ndarray
    """(n,), bool."""

    resets: np.ndarray
    """Which episode of the hand this is, (n,), the first being 1."""


def reward_terms(motion: Motion, weights: RewardWeights) -> dict[str, FloatArray]:
    """Weighted terms by name, each (n,); the reward is their sum."""
    speed = np.sum(motion.angular_velocity * motion.axis, axis=1)
    across = np.cross(motion.angular_velocity, motion.axis)
    power = np.sum(motion.torque * motion.joint_velocity, axis=1)
    return {
        "rotation": weights.rotation * np.clip(speed, -weights.rotation_clip, weights.rotation_clip),
        "off_axis": -off_axis_weight(motion.resets, weights) * np.abs(across).sum(axis=1),
        "linear_velocity": -weights.linear_velocity * np.square(motion.linear_velocity).sum(axis=1),
        "pose": -weights.pose * np.square(motion.pose_change).sum(axis=1),
        "work": -weights.work * np.maximum(power, 0.0),
        "torque": -weights.torque * np.square(motion.torque).sum(axis=1),
        "goal": weights.goal * goal_guidance(motion.goal_angle, weights),
        "drop": -weights.drop * motion.dropped,
    }


def off_axis_weight(resets: np.ndarray, weights: RewardWeights) -> FloatArray:
    """The curriculum: weight of the off-axis penalty in the ``resets``-th episode of each hand, (n,)."""
    first, last = weights.off_axis_resets
    share = (resets - first) / max(last - first, 1)
    return weights.off_axis * np.clip(share, 0.0, 1.0).astype(np.float64)


def goal_guidance(angle: FloatArray, weights: RewardWeights) -> FloatArray:
    """What being this near to the goal earns, (n,), before the factor ``weights.goal``.

    Args:
        angle: between object and goal, (n,), rad.
        weights: constants of the term.
    """
    near: FloatArray = np.clip(weights.goal_gain / np.maximum(angle, 1e-6), 0.0, weights.goal_clip)
    bonus: FloatArray = np.where(angle < weights.goal_reached, weights.goal_bonus, 0.0)
    return near + bonus
