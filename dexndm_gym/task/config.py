"""Every figure of the task as one dataclass."""

from dataclasses import dataclass, field

from dexndm_gym.leap.joints import NUM_JOINTS

CONTROL_PERIOD = 0.05
"""Time between two actions, s (20 Hz, as in the paper)."""

HISTORY = 10
"""Steps of (position, previous base target) in the observation, as in the paper."""

OBSERVATION_SIZE = HISTORY * 2 * NUM_JOINTS + 4 + 3
"""Those steps, wrist quaternion and rotation axis: the paper's generalist input."""


@dataclass(frozen=True, kw_only=True)
class RewardWeights:
    """Weights of the reward terms; defaults are the paper's (appendix A.1) unless marked."""

    rotation: float = 1.0
    """Per rad/s about the wanted axis (the paper gives no value; 1.0 is that of its relatives)."""

    rotation_clip: float = 0.5
    """Speed beyond which faster earns nothing, rad/s."""

    off_axis: float = 0.1
    """Per rad/s, L1 norm, across the wanted axis."""

    linear_velocity: float = 0.3
    """Per (m/s)^2 of the object's centre."""

    pose: float = 0.3
    """Per rad^2 away from the start pose, summed over the joints."""

    work: float = 2.0
    """Per W of mechanical power of the servos."""

    torque: float = 0.1
    """Per (N m)^2, summed over the joints."""

    drop: float = 0.0
    """Once, when the object is lost (ours; the paper lists no such term)."""


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
