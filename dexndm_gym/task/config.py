"""Parameters of the task as one dataclass: reward weights, episodes, observation noise."""

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dexndm_gym.checks import Checked, Count, NotNegative, Positive
from dexndm_gym.constants import CONTROL_PERIOD, HISTORY
from dexndm_gym.grasps.palm_rest import HOLDING_LINE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.task.reward_weights import RewardWeights

OBSERVATION_SIZE = HISTORY * 2 * NUM_JOINTS + 4 + 3
"""Ten steps of (position, previous target), wrist quaternion and rotation axis, as in the paper."""


@dataclass(frozen=True, kw_only=True)
class TaskConfig(Checked):
    """What "rotate the object" means."""

    action_scale: Positive = 1.0 / 24.0
    """How far an action of 1 moves a joint's target in one step, rad (paper)."""

    episode_steps: Count = 400
    """Steps after which an episode is truncated (paper: 20 s)."""

    drop_distance: Positive = 0.08
    """The object is lost when its center is farther than this from ``HOLDING_LINE``, which runs from the cupped hand to
    between the fingertips, m."""

    joint_pos_noise: NotNegative = 0.005
    """Half width of the uniform noise on observed joint positions, rad (paper); only where the hand randomizes."""

    reward: RewardWeights = field(default_factory=RewardWeights)

    @cached_property
    def record(self) -> npt.NDArray[np.void]:
        """All of it, and the constants beside it, as one record, (1,): what compiled functions take."""
        reward = tuple(getattr(self.reward, item.name) for item in fields(RewardWeights))
        here = (self.action_scale, self.episode_steps, self.drop_distance, CONTROL_PERIOD, HOLDING_LINE)
        return np.array([(*here, reward)], dtype=_RECORD)


_RECORD = np.dtype(
    [
        ("action_scale", "f8"),
        ("episode_steps", "i8"),
        ("drop_distance", "f8"),
        ("period", "f8"),
        ("holding_line", "f8", (2, 3)),
        ("reward", [(item.name, "f8", 2 if item.name == "off_axis_resets" else ()) for item in fields(RewardWeights)]),
    ],
    align=True,
)
