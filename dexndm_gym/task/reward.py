"""The reward as pure functions over a batch."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.config import RewardWeights
from dexndm_gym.task.quaternions import cross


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

    @cached_property
    def speed(self) -> FloatArray:
        """Speed about the axis, (n,), rad/s."""
        return _dot(self.angular_velocity, self.axis)

    @cached_property
    def across(self) -> FloatArray:
        """Angular velocity x axis, (n, 3), rad/s."""
        return cross(self.angular_velocity, self.axis)


def reward_terms(motion: Motion, weights: RewardWeights) -> dict[str, FloatArray]:
    """Weighted terms by name, each (n,); the reward is their sum."""
    return {
        "rotation": weights.rotation * _clip(motion.speed, -weights.rotation_clip, weights.rotation_clip),
        "off_axis": -off_axis_weight(motion.resets, weights) * np.abs(motion.across).sum(axis=1),
        "linear_velocity": -weights.linear_velocity * _dot(motion.linear_velocity, motion.linear_velocity),
        "pose": -weights.pose * _dot(motion.pose_change, motion.pose_change),
        "work": -weights.work * np.maximum(_dot(motion.torque, motion.joint_velocity), 0.0),
        "torque": -weights.torque * _dot(motion.torque, motion.torque),
        "goal": weights.goal * goal_guidance(motion.goal_angle, weights),
        "drop": -weights.drop * motion.dropped,
    }


def off_axis_weight(resets: np.ndarray, weights: RewardWeights) -> FloatArray | float:
    """The curriculum: weight of the off-axis penalty in the ``resets``-th episode of each hand, (n,) or for all."""
    first, last = weights.off_axis_resets
    if last == 0:
        return weights.off_axis
    share = (resets - first) / max(last - first, 1)
    return weights.off_axis * _clip(share, 0.0, 1.0)


def goal_guidance(angle: FloatArray, weights: RewardWeights) -> FloatArray:
    """What being this near to the goal earns, (n,), before the factor ``weights.goal``.

    Args:
        angle: between object and goal, (n,), rad.
        weights: constants of the term.
    """
    if weights.goal == 0.0:
        return np.zeros_like(angle)
    near: FloatArray = np.minimum(weights.goal_gain / np.maximum(angle, 1e-6), weights.goal_clip)
    bonus: FloatArray = np.where(angle < weights.goal_reached, weights.goal_bonus, 0.0)
    return near + bonus


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Scalar products of rows, (n,)."""
    return np.einsum("ij,ij->i", a, b)


def _clip(values: FloatArray, low: float, high: float) -> FloatArray:
    """What ``numpy.clip`` gives, in a third of its time for few values."""
    return np.minimum(np.maximum(values, low), high)
