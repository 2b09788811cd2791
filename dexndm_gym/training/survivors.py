"""Behavior cloning of survivors: only what was done in episodes that lasted to their end is learned from."""

import torch

from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.task.config import OBSERVATION_SIZE
from dexndm_gym.training.lesson import LessonStep
from dexndm_gym.training.sample_memory import SampleMemory


class Survivors:
    """Holds back a lesson's samples until their episode is over, and passes on those of whole ones."""

    def __init__(self, num_envs: int, episode_steps: int) -> None:
        """Reserve memory for an episode of each hand."""
        self._observations = torch.empty((num_envs, episode_steps, OBSERVATION_SIZE))
        self._actions = torch.empty((num_envs, episode_steps, NUM_JOINTS))
        self._hands, self._length = torch.arange(num_envs), torch.zeros(num_envs, dtype=torch.long)

    def add(self, step: LessonStep, memory: SampleMemory) -> None:
        """Take in a control step; samples of episodes that are whole with it go to the memory."""
        self._observations[self._hands, self._length] = step.observations
        self._actions[self._hands, self._length] = step.actions
        self._length += 1
        for hand in step.whole.nonzero()[0]:
            length = self._length[hand]
            memory.add(self._observations[hand, :length], self._actions[hand, :length])
        self._length[torch.from_numpy(step.whole | step.dropped)] = 0
