"""Every figure of the task as one dataclass."""

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.leap.grasps import CUP_CENTRE
from dexndm_gym.leap.joints import NUM_JOINTS

HISTORY = 10
"""Steps of (position, previous base target) in the observation, as in the paper."""

OBSERVATION_SIZE = HISTORY * 2 * NUM_JOINTS + 4 + 3
"""Those steps, wrist quaternion and rotation axis: the paper's generalist input."""


@dataclass(frozen=True, kw_only=True)
class RewardWeights:
    """Weights of the reward terms, and the constants in them.

    Defaults are the paper's (appendix A.1) unless marked. Its off-axis curriculum and its goal guidance are off;
    ``PAPER_REWARD`` has both on.
    """

    rotation: float = 1.0
    """Per rad/s about the wanted axis (the paper gives no value; 1.0 is HORA's and RotateIt's)."""

    rotation_clip: float = 0.5
    """Speed beyond which faster earns nothing, rad/s."""

    off_axis: float = 0.1
    """Per rad/s across the wanted axis, L1 norm of angular velocity x axis."""

    off_axis_resets: tuple[int, int] = (0, 0)
    """Resets of a hand between which the weight of ``off_axis`` grows from 0 to its value (paper: 10 and 100); (0, 0)
    has it in full from the start. On from the start it can teach to hold the object still (RotateIt)."""

    linear_velocity: float = 0.3
    """Per (m/s)^2 of the object's centre."""

    pose: float = 0.3
    """Per rad^2 away from the targets that the episode started with, summed over the joints."""

    work: float = 2.0
    """Per W of mechanical power that the servos give; what they take in braking counts as none."""

    torque: float = 0.1
    """Per (N m)^2, summed over the joints."""

    goal: float = 0.0
    """Factor on goal guidance (paper: 1.0). The object is led from one intermediate orientation to the next, each
    ``goal_step`` further about the axis; rotation alone does not teach to turn long objects."""

    goal_step: float = float(np.pi / 2)
    """Angle about the axis from one goal to the next, and from the start to the first, rad."""

    goal_reached: float = float(np.pi / 12)
    """Angle between object and goal below which the bonus is earned and the next goal is set, rad (paper: 15 degrees
    for the next goal; no value for the bonus)."""

    goal_gain: float = 0.05
    """Guidance earns this divided by the angle to the goal, rad (ours; the paper gives no value). Waiting beside a goal
    must not pay: with this and the bonus below, turning at 0.25 rad/s earns more."""

    goal_clip: float = 0.5
    """Most that guidance earns in a step apart from the bonus (ours; the paper gives no value)."""

    goal_bonus: float = 20.0
    """Once per goal (ours; the paper gives no value, AnyRotate 10 per 30 degrees)."""

    drop: float = 0.0
    """Once, when the object is lost (ours; the paper lists no such term)."""


PAPER_REWARD = RewardWeights(off_axis_resets=(10, 100), goal=1.0)
"""All of the paper's terms switched on."""


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What "rotate the object" means."""

    action_scale: float = 1.0 / 24.0
    """How far an action of 1 moves a joint's target in one step, rad (paper)."""

    episode_steps: int = 400
    """Steps after which an episode is truncated (paper: 20 s)."""

    drop_distance: float = 0.08
    """The object is lost when its centre is farther than this from the centre of the cupped hand, m."""

    position_noise: float = 0.005
    """Half width of the uniform noise on observed joint positions, rad (paper); only where the hand randomises."""

    reward: RewardWeights = field(default_factory=RewardWeights)

    @cached_property
    def record(self) -> npt.NDArray[np.void]:
        """All of it, and the constants beside it, as one record, (1,): what compiled functions take."""
        reward = tuple(getattr(self.reward, item.name) for item in fields(RewardWeights))
        here = (self.action_scale, self.episode_steps, self.drop_distance, CONTROL_PERIOD, tuple(CUP_CENTRE))
        return np.array([(*here, reward)], dtype=_RECORD)


_RECORD = np.dtype(
    [
        ("action_scale", "f8"),
        ("episode_steps", "i8"),
        ("drop_distance", "f8"),
        ("period", "f8"),
        ("cup", "f8", 3),
        ("reward", [(item.name, "f8", 2 if item.name == "off_axis_resets" else ()) for item in fields(RewardWeights)]),
    ],
    align=True,
)
