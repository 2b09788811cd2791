"""stable-baselines3's view of n simulated hands, for a teacher that sees privileged state."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from dexndm_gym.arrays import BoolArray, FloatArray, IntArray
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.envs.spaces import action_space
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.task.gravity_curriculum import GravityCurriculum
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.train_config import REWARD_SCALE, TrainConfig


class Played(NamedTuple):
    """What a control step of n hands led to."""

    observation: npt.NDArray[np.float32]
    """What teachers see now, in episodes that have ended what they see of the next, (n, m)."""

    last: npt.NDArray[np.float32]
    """What they saw before episodes began anew, (n, m)."""

    reward: npt.NDArray[np.float32]
    """(n,)."""

    terminated: BoolArray
    """Episodes that ended with a lost object, (n,)."""

    truncated: BoolArray
    """Episodes that lasted as long as they may, (n,)."""

    rotation: FloatArray
    """About the axis since episodes began, (n,), rad."""

    time: FloatArray
    """Since then, (n,), s."""


class TeacherVecEnv(VecEnv):
    """The task on n simulated hands as stable-baselines3 wants it: hands whose episode ended start anew at once.

    Attributes:
        task: the task.
        curriculum: gravity of the cells that episodes belong to.
    """

    def __init__(
        self, task: RotationTask, options: EpisodeOptions, curriculum: GravityCurriculum, seed: int = 0
    ) -> None:
        """Play a task on simulated hands, with episodes drawn from the options."""
        self.task, self.curriculum = task, curriculum
        self._drawn_from = options
        self._rng = np.random.default_rng(seed)
        n = task.backend.num_hands
        self._actions = np.zeros((n, NUM_JOINTS), dtype=np.float32)
        self._cell, self._version = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        size = self.reset().shape[1]
        super().__init__(n, Box(-np.inf, np.inf, (size,), np.float32), action_space())

    def reset(self) -> npt.NDArray[np.float32]:
        """Start all episodes anew."""
        self._begin(np.arange(self.task.backend.num_hands))
        return self.observation()

    def observation(self) -> npt.NDArray[np.float32]:
        """What the teacher sees now, (n, m)."""
        return teacher_observation(self.task)

    def _begin(self, ids: IntArray) -> None:
        """Start episodes on the hands ``ids``, under the gravity of their cells."""
        drawn = [self._drawn_from.draw(self._rng) for _ in ids]
        cells = [self.curriculum.cell(episode) for episode in drawn]
        self._cell[ids], self._version[ids] = cells, [self.curriculum.version(cell) for cell in cells]
        self.task.begin(ids, [self.curriculum.lightened(episode) for episode in drawn], self._rng)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed all that follows."""
        self._rng = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def step_async(self, actions: npt.NDArray[np.float32]) -> None:
        """Keep the actions for step_wait."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Play one control step."""
        played = self.play(self._actions)
        done = played.terminated | played.truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i] = {
                "rotation": float(played.rotation[i]),
                "time": float(played.time[i]),
                "dropped": bool(played.terminated[i]),
                "TimeLimit.truncated": bool(played.truncated[i]),
                "terminal_observation": played.last[i],
            }
        return played.observation, REWARD_SCALE * played.reward, done, infos

    def play(self, actions: npt.NDArray[np.float32]) -> Played:
        """Play one control step with actions (n, 16); episodes that end begin anew, as the curriculum hears."""
        result = self.task.step(actions.astype(np.float64))
        info, last = result.info(), teacher_observation(self.task)
        rotation, time, dropped = info["rotation"].copy(), info["time"].copy(), result.terminated.copy()
        ended = np.flatnonzero(result.terminated | result.truncated)
        for i in ended:
            cell, version = int(self._cell[i]), int(self._version[i])
            episode = {"rotation": float(rotation[i]), "time": float(time[i]), "dropped": bool(dropped[i])}
            self.curriculum.record(cell, version, **episode)
        reward, truncated, observation = result.reward.astype(np.float32), result.truncated.copy(), last
        if len(ended):
            self._begin(ended)
            observation = teacher_observation(self.task)
        return Played(observation, last, reward, dropped, truncated, rotation, time)

    def close(self) -> None:
        """Release the simulations."""
        self.task.backend.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Attribute of the task, once per hand; None where it has none."""
        return [getattr(self.task, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the task."""
        setattr(self.task, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of the task, once for all hands."""
        return [getattr(self.task, method_name)(*args, **kwargs)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No single env is wrapped."""
        return [False] * self.num_envs


def make_teacher_env(config: TrainConfig) -> TeacherVecEnv:
    """Simulated hands to learn on, seeded."""
    task = RotationTask(
        config.make_hand(),
        config.options,
        config.task,
        joint_pos_noise=config.joint_pos_noise(config.task),
        extra_rewards=config.extra_rewards,
    )
    return TeacherVecEnv(task, config.options, GravityCurriculum(config.gravity, config.object_sets), config.seed)
