"""The reward: its terms, and what of a control step they are computed from."""

from typing import Any, NamedTuple

from dexndm_gym.arrays import Vector
from dexndm_gym.compiling import compiled
from dexndm_gym.task.quaternions import clip, dot


class RewardTerms(NamedTuple):
    """Weighted terms, whose sum is the reward; ``RewardWeights`` says what each is."""

    rotation: float
    off_axis: float
    linear_velocity: float
    pose: float
    work: float
    torque: float
    goal: float
    drop: float


REWARD_TERMS = RewardTerms._fields
"""Names of the terms."""


class StepSignals(NamedTuple):
    """What one hand and its object did in a control step, as the reward sees it."""

    speed: float
    """Of the object about the wanted axis, rad/s, from orientations one step apart (a simulator's own rewards
    shaking)."""

    across: Vector
    """Its angular velocity x axis, rad/s, world frame."""

    linear_velocity: Vector
    """Of its center, m/s, any frame: the hand does not move."""

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


@compiled
def off_axis_weight(resets: float, weights: Any) -> float:
    """The curriculum: weight of the off-axis penalty in the ``resets``-th episode of a hand."""
    first, last = weights.off_axis_resets[0], weights.off_axis_resets[1]
    if last == 0.0:
        return weights.off_axis
    return weights.off_axis * clip((resets - first) / max(last - first, 1.0), 0.0, 1.0)


@compiled
def goal_guidance(angle: float, weights: Any) -> float:
    """What being this near to the goal, rad, earns before the factor ``weights.goal``."""
    if weights.goal == 0.0:
        return 0.0
    near = min(weights.goal_gain / max(angle, 1e-6), weights.goal_clip)
    return near + weights.goal_bonus if angle < weights.goal_reached else near


@compiled
def reward_terms(signals: StepSignals, weights: Any) -> RewardTerms:
    """What a control step is worth, term by term.

    Args:
        signals: what moved during the step.
        weights: the reward of ``TaskConfig.record``.
    """
    x, y, z = signals.across
    return RewardTerms(
        rotation=weights.rotation * clip(signals.speed, -weights.rotation_clip, weights.rotation_clip),
        off_axis=-off_axis_weight(signals.resets, weights) * (abs(x) + abs(y) + abs(z)),
        linear_velocity=-weights.linear_velocity * dot(signals.linear_velocity, signals.linear_velocity),
        pose=-weights.pose * signals.pose_change,
        work=-weights.work * max(signals.power, 0.0),
        torque=-weights.torque * signals.torque,
        goal=weights.goal * goal_guidance(signals.goal_angle, weights),
        drop=-weights.drop if signals.dropped else 0.0,
    )
