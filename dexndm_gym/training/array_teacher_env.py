"""``TeacherVecEnv`` for learners that want tensors."""

import pickle

import torch
from torch import Tensor

from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.gravity_curriculum import GravityCurriculum
from dexndm_gym.training.learning_env import TeacherStep
from dexndm_gym.training.teacher_env import TeacherVecEnv


class ArrayTeacherEnv:
    """Hands that the processor simulates, as a ``LearningEnv``."""

    def __init__(self, env: TeacherVecEnv) -> None:
        """Go on with these hands, wherever their episodes are."""
        self._env = env

    @property
    def device(self) -> torch.device:
        """The processor."""
        return torch.device("cpu")

    @property
    def curriculum(self) -> GravityCurriculum:
        """Gravity of the cells that episodes belong to."""
        return self._env.curriculum

    def observation(self) -> Tensor:
        """What teachers see now, (n, m)."""
        return torch.from_numpy(self._env.observation())

    def student_observation(self) -> Tensor:
        """What students see now, (n, 327)."""
        return torch.from_numpy(self._env.task.observation())

    def set_task(self, config: TaskConfig) -> None:
        """Score by other parameters from the next step on."""
        self._env.task.config = config

    def step(self, action: Tensor) -> TeacherStep:
        """Play one control step with actions, (n, 16), which are clipped to [-1, 1]."""
        played = self._env.play(action.numpy())
        values = (played.observation, played.reward, played.terminated | played.truncated, played.truncated)
        return TeacherStep(*(torch.from_numpy(value) for value in values))

    def update_curriculum(self) -> None:
        """Nothing: the curriculum hears of every episode at once."""

    def state(self) -> bytes:
        """The hands as they are, pickled."""
        return pickle.dumps(self._env)

    def troubles(self) -> dict[str, float]:
        """Nothing: MuJoCo says so itself."""
        return {}
