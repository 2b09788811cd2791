"""stable-baselines3's view of the simulated vector env, for a teacher that sees privileged state."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray
from dexndm_gym.task.config import HISTORY


def teacher_observation(env: LeapRotateVectorEnv, hand: MujocoHand) -> npt.NDArray[np.float32]:
    """What the teacher sees: the last two steps, the object's pose, the axis, and the simulator's privileged state.

    Returns:
        (n, 2 x 32 + 9 + 3 + privileged), scaled to be of order one.
    """
    n = env.num_envs
    observation = env.task.observation().astype(np.float64)
    history = observation[:, : HISTORY * 2 * NUM_JOINTS].reshape(n, HISTORY, 2, NUM_JOINTS)
    position, target = history[:, -2:, 0], history[:, -2:, 1]
    pose = env.task.state().object_pose
    if pose is None:
        raise RuntimeError("a teacher needs the object's pose; this hand tracks none")
    return np.concatenate(
        [
            (position - START_POSE).reshape(n, -1),
            (target - position).reshape(n, -1) * 5.0,
            (pose[:, :3] - CUP_CENTRE) * 30.0,
            _two_columns(pose[:, 3:]),
            observation[:, -3:],
            hand.privileged() * PRIVILEGED_SCALE,
        ],
        axis=1,
    ).astype(np.float32)


REWARD_SCALE = 0.1
"""Keeps returns, and with them the value loss, of order one."""

PRIVILEGED_SCALE = np.concatenate(
    [
        *(np.full(3, 5.0), np.full(3, 0.5)),  # object velocity
        np.full(12, 10.0),  # fingertips
        np.full(16, 0.5),  # joint velocity
        *(np.full(3, 20.0), np.ones(3)),  # size and shape
        *([20.0], [1.0], [1.0], [50.0]),  # mass, friction, stiffness, dry friction
    ]
)


def _two_columns(q: FloatArray) -> FloatArray:
    """First two columns of the rotation matrices of unit quaternions (n, 4), (n, 6)."""
    w, x, y, z = q.T
    first = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
    second = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
    return np.stack(first + second, axis=1)


class TeacherVecEnv(VecEnv):
    """A thin VecEnv over the vector env; resets at once and keeps the last observation as SB3 wants it."""

    def __init__(self, env: LeapRotateVectorEnv, hand: MujocoHand) -> None:
        """Wrap a vector env that plays on simulated hands."""
        self.env, self._hand = env, hand
        env.reset(seed=0)
        size = teacher_observation(env, hand).shape[1]
        super().__init__(env.num_envs, Box(-np.inf, np.inf, (size,), np.float32), env.single_action_space)
        self._actions = np.zeros((env.num_envs, NUM_JOINTS), dtype=np.float32)
        self._seed: int | None = None

    def reset(self) -> npt.NDArray[np.float32]:
        """Start all episodes anew."""
        self.env.reset(seed=self._seed)
        self._seed = None
        return teacher_observation(self.env, self._hand)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next reset."""
        self._seed = seed
        return [seed] * self.num_envs

    def step_async(self, actions: npt.NDArray[np.float32]) -> None:
        """Keep the actions for step_wait."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Play one control step."""
        before = teacher_observation(self.env, self._hand) if self._ending() else None
        _, reward, terminated, truncated, info = self.env.step(self._actions)
        done = terminated | truncated
        observation = teacher_observation(self.env, self._hand)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i] = {
                "TimeLimit.truncated": bool(truncated[i]),
                "terminal_observation": observation[i] if before is None else before[i],
                "rotation": float(info["rotation"][i]),
                "time": float(info["time"][i]),
                "dropped": bool(terminated[i]),
            }
        return observation, (REWARD_SCALE * reward).astype(np.float32), done, infos

    def _ending(self) -> bool:
        # A truncated episode's value is bootstrapped from its last but one observation: one step of 400 apart.
        return bool((self.env.task.steps + 1 >= self.env.task.config.episode_steps).any())

    def close(self) -> None:
        """Release the simulations."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Attribute of the vector env, once per hand."""
        return [getattr(self.env, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector env."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of the vector env."""
        return [getattr(self.env, method_name)(*args, **kwargs)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No single env is wrapped."""
        return [False] * self.num_envs
