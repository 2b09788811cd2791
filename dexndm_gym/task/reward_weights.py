"""Weights of the reward terms: our defaults and the paper's."""

from dataclasses import dataclass

import numpy as np

from dexndm_gym.checks import Checked, CountOrZero, NotNegative, Positive
from dexndm_gym.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class RewardWeights(Checked):
    """Weights of the reward terms, and the constants in them.

    The terms are the paper's (appendix A.1), and a price for dropping the object. The default weights let a policy that
    turns the object earn far more than one that holds it still; under the paper's, ``PAPER_REWARD``, holding still and
    even moving at random earn more than turning.
    """

    rotation: NotNegative = 1.0
    """Per rad/s about the wanted axis (the paper gives no value; 1.0 is HORA's and RotateIt's)."""

    rotation_clip: Positive = 1.0
    """Speed beyond which faster earns nothing, rad/s (paper: 0.5)."""

    off_axis: NotNegative = 0.02
    """Per rad/s across the wanted axis, L1 norm of angular velocity x axis (paper: 0.1)."""

    off_axis_resets: tuple[CountOrZero, CountOrZero] = (0, 0)
    """Resets of a hand between which the weight of ``off_axis`` grows from 0 to its value (paper: 10 and 100); (0, 0)
    has it in full from the start. On from the start it can teach to hold the object still (RotateIt)."""

    linear_velocity: NotNegative = 1.0
    """Per (m/s)^2 of the object's center (paper: 0.3)."""

    pose: NotNegative = 0.1
    """Per rad^2 away from the targets that the episode started with, summed over the joints (paper: 0.3). It makes
    fingers go back for more instead of staying twisted with the object."""

    work: NotNegative = 0.2
    """Per W of mechanical power that the servos give; negative (regenerative) power counts as zero (paper: 2.0)."""

    torque: NotNegative = 0.1
    """Per (N m)^2, summed over the joints."""

    goal: NotNegative = 0.0
    """Factor on goal guidance (paper: 1.0). The object is led from one intermediate orientation to the next, each
    ``goal_step`` further about the axis; rotation alone does not teach to turn long objects."""

    goal_step: Positive = float(np.pi / 2)
    """Angle about the axis from one goal to the next, and from the start to the first, rad."""

    goal_reached: Positive = float(np.pi / 12)
    """Angle between object and goal below which the bonus is earned and the next goal is set, rad (paper: 15 degrees
    for the next goal; no value for the bonus)."""

    goal_gain: NotNegative = 0.05
    """Guidance earns this divided by the angle to the goal, rad (ours; the paper gives no value). Waiting beside a goal
    must not pay: with this and the bonus below, turning at 0.25 rad/s earns more."""

    goal_clip: NotNegative = 0.5
    """Most that guidance earns in a step apart from the bonus (ours; the paper gives no value)."""

    goal_bonus: NotNegative = 20.0
    """Once per goal (ours; the paper gives no value, AnyRotate 10 per 30 degrees)."""

    drop: NotNegative = 60.0
    """Once, when the object is dropped (ours; the paper lists no such term). A drop must cost more than twisted fingers
    do within the discount's reach; else dropping what cannot be turned further would pay."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range.
        """
        super().__post_init__()
        if self.off_axis_resets[0] > self.off_axis_resets[1]:
            raise ConfigurationError(
                f"off_axis_resets must begin before they end, such as (10, 100); got {self.off_axis_resets!r}"
            )


PAPER_REWARD = RewardWeights(
    rotation_clip=0.5,
    off_axis=0.1,
    off_axis_resets=(10, 100),
    linear_velocity=0.3,
    pose=0.3,
    work=2.0,
    torque=0.1,
    goal=1.0,
    drop=0.0,
)
"""The paper's weights, for comparison."""
