"""stable-baselines3's view of the simulated vector env, for a teacher that sees privileged state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from dexndm_gym.envs.core import RotationTask
from dexndm_gym.envs.hand import SimulatedHand
from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.envs.hands.randomisation import Randomisation
from dexndm_gym.envs.spaces import action_space
from dexndm_gym.leap.found_starts import starts_of
from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray
from dexndm_gym.task.config import HISTORY
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.virtual_hand.in_process import VirtualHand

REWARD_SCALE = 0.1
"""Keeps returns, and with them the value loss, of order one."""

PRIVILEGED_SCALE = {
    "object_velocity": np.array([5.0, 5.0, 5.0, 0.5, 0.5, 0.5]),
    "fingertips": 10.0,
    "joint_velocity": 0.5,
    "size": 20.0,
    "shape": 1.0,
    "mass": 20.0,
    "friction": 1.0,
    "stiffness": 1.0,
    "frictionloss": 50.0,
    "to_goal": 1.0,
}
"""Factors that bring privileged state to order one, in the order in which a teacher sees it."""


@dataclass(frozen=True, kw_only=True)
class PracticeConfig:
    """What teachers and students practise on: options that both have."""

    num_envs: int = 256
    """Simulated hands stepped together."""

    object: tuple[str, ...] = ("basic",)
    """Objects and named sets of objects to draw from."""

    wrist: tuple[str, ...] = ("palm_up",)
    """Wrist orientations, named sets of them or random, to draw from."""

    axis: tuple[str, ...] = ("+z",)
    """Axes, named sets of them or random, to draw from."""

    randomise: bool = True
    """Vary the physics from episode to episode."""

    hand_seed: int | None = None
    """Learn on this virtual hand's own physics instead of the simulator's: the ceiling for what a correction can reach.
    These do not vary, whatever ``randomise`` says. It starts from a teacher, or student, of the simulator (``resume``).
    """

    @property
    def options(self) -> EpisodeOptions:
        """What episodes are drawn from."""
        wanted = {"object": list(self.object), "wrist": list(self.wrist), "axis": list(self.axis)}
        return EpisodeOptions().updated(wanted)

    def make_hand(self) -> SimulatedHand:
        """The hands: the simulator's, or many times the same virtual hand."""
        if self.hand_seed is not None:
            return VirtualHand([self.hand_seed] * self.num_envs)
        objects, randomisation = self.options.objects, Randomisation() if self.randomise else None
        return MujocoHand(self.num_envs, randomisation=randomisation, starts=starts_of(objects), objects=objects)


def teacher_observation(task: RotationTask) -> npt.NDArray[np.float32]:
    """What the teacher sees: the last two steps, the object's pose, the axis, and the simulator's privileged state.

    Returns:
        (n, 2 x 32 + 9 + 3 + privileged), scaled to be of order one.
    """
    n = task.hand.num_hands
    observation = task.observation().astype(np.float64)
    history = observation[:, : HISTORY * 2 * NUM_JOINTS].reshape(n, HISTORY, 2, NUM_JOINTS)
    position, target = history[:, -2:, 0], history[:, -2:, 1]
    known = task.privileged()
    pose = known["object_pose"]
    return np.concatenate(
        [
            (position - START_POSE).reshape(n, -1),
            (target - position).reshape(n, -1) * 5.0,
            (pose[:, :3] - CUP_CENTRE) * 30.0,
            _two_columns(pose[:, 3:]),
            observation[:, -3:],
            *(known[name] * scale for name, scale in PRIVILEGED_SCALE.items() if name in known),
        ],
        axis=1,
    ).astype(np.float32)


def _two_columns(q: FloatArray) -> FloatArray:
    """First two columns of the rotation matrices of unit quaternions (n, 4), (n, 6)."""
    w, x, y, z = q.T
    first = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
    second = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
    return np.stack(first + second, axis=1)


class TeacherVecEnv(VecEnv):
    """The task on n simulated hands as stable-baselines3 wants it: hands whose episode ended start anew at once."""

    def __init__(self, task: RotationTask) -> None:
        """Play a task on simulated hands."""
        self.task = task
        self._rng = np.random.default_rng(0)
        self._actions = np.zeros((task.hand.num_hands, NUM_JOINTS), dtype=np.float32)
        size = self.reset().shape[1]
        super().__init__(task.hand.num_hands, Box(-np.inf, np.inf, (size,), np.float32), action_space())

    def reset(self) -> npt.NDArray[np.float32]:
        """Start all episodes anew."""
        self.task.reset(np.arange(self.task.hand.num_hands), self._rng)
        return teacher_observation(self.task)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed all that follows."""
        self._rng = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def step_async(self, actions: npt.NDArray[np.float32]) -> None:
        """Keep the actions for step_wait."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Play one control step."""
        result = self.task.step(self._actions.astype(np.float64))
        observation = teacher_observation(self.task)
        done, info = result.terminated | result.truncated, result.info()
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i] = {
                "TimeLimit.truncated": bool(result.truncated[i]),
                "terminal_observation": observation[i],
                "rotation": float(info["rotation"][i]),
                "time": float(info["time"][i]),
                "dropped": bool(result.terminated[i]),
            }
        if done.any():
            self.task.reset(np.flatnonzero(done), self._rng)
            observation = teacher_observation(self.task)
        return observation, (REWARD_SCALE * result.reward).astype(np.float32), done, infos

    def close(self) -> None:
        """Release the simulations."""
        self.task.hand.close()

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
