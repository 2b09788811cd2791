"""Everything of the task that is compiled, compiled at once."""

import numpy as np

from dexndm_gym.hand.joints import LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS
from dexndm_gym.task import observation
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.episode_state import new_episode_states
from dexndm_gym.task.goals import set_first_goals, turns_to_goals
from dexndm_gym.task.metrics import score


def compile_task(config: TaskConfig) -> None:
    """Have everything compiled before the first step: a hand on the desk does not wait for a compiler."""
    episodes, joints, pose = new_episode_states(1), np.zeros((1, NUM_JOINTS)), np.zeros((1, 7))
    observation.all_finite(joints)
    observation.mark_unseen(pose, 0.0)
    set_first_goals(episodes, config.record, pose, np.zeros(1, dtype=np.int64))
    turns_to_goals(episodes, pose)
    observation.next_targets(episodes, config.record, joints, LOWER_LIMITS, UPPER_LIMITS)
    observation.push(episodes, joints, joints, joints)
    observation.observe(episodes)
    score(episodes, config.record, pose, pose, joints, joints, joints)
