"""What "rotate the object" means, as pure functions over a batch."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.task.config import TaskConfig
    from dexndm_gym.task.extra_rewards import RewardFunction, StepBatch
    from dexndm_gym.task.metrics import STEP_METRICS
    from dexndm_gym.task.options import EpisodeOptions
    from dexndm_gym.task.orientations import AXES, AXIS_SETS, WRIST_SETS, WRISTS
    from dexndm_gym.task.reward import REWARD_TERMS
    from dexndm_gym.task.reward_weights import PAPER_REWARD, RewardWeights

__all__ = [
    "AXES",
    "AXIS_SETS",
    "PAPER_REWARD",
    "REWARD_TERMS",
    "STEP_METRICS",
    "WRISTS",
    "WRIST_SETS",
    "EpisodeOptions",
    "RewardFunction",
    "RewardWeights",
    "StepBatch",
    "TaskConfig",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AXES": "dexndm_gym.task.orientations",
        "AXIS_SETS": "dexndm_gym.task.orientations",
        "EpisodeOptions": "dexndm_gym.task.options",
        "PAPER_REWARD": "dexndm_gym.task.reward_weights",
        "REWARD_TERMS": "dexndm_gym.task.reward",
        "RewardFunction": "dexndm_gym.task.extra_rewards",
        "RewardWeights": "dexndm_gym.task.reward_weights",
        "STEP_METRICS": "dexndm_gym.task.metrics",
        "StepBatch": "dexndm_gym.task.extra_rewards",
        "TaskConfig": "dexndm_gym.task.config",
        "WRISTS": "dexndm_gym.task.orientations",
        "WRIST_SETS": "dexndm_gym.task.orientations",
    },
)
