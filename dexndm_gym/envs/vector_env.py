"""Many hands as one Gymnasium vector env."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from dexndm_gym.envs.core import BoolArray, RotationTask
from dexndm_gym.envs.hand import Hand
from dexndm_gym.envs.spaces import action_space, observation_space
from dexndm_gym.envs.target_filter import TargetFilter
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions

Observation = npt.NDArray[np.float32]


class LeapRotateVectorEnv(VectorEnv[Observation, npt.NDArray[np.float32], npt.NDArray[Any]]):
    """Turn objects in n hands at once.

    Hands whose episode has ended start the next one in the same step: the observation returned is the new episode's
    first, and ``info["final_obs"]`` holds the old episode's last in the rows that ``info["_final_obs"]`` marks.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self, hand: Hand, *, options: EpisodeOptions | None = None, config: TaskConfig | None = None, noise: float = 0.0
    ) -> None:
        """Play the task on a hand with ``num_hands`` >= 1.

        Args:
            hand: what moves the fingers.
            options: what episodes are drawn from.
            config: figures of the task.
            noise: half width of the uniform noise on observed joint positions, rad.
        """
        self.num_envs = hand.num_hands
        self.single_action_space, self.single_observation_space = action_space(), observation_space()
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.hand = hand
        self.task = RotationTask(hand, options or EpisodeOptions(), config or TaskConfig(), position_noise=noise)

    def add_target_filter(self, target_filter: TargetFilter) -> None:
        """Put a filter between the targets asked for and the targets sent."""
        self.task.add_target_filter(target_filter)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start new episodes on all hands, or on those of ``options["reset_mask"]``, (n,) bool."""
        if isinstance(seed, list):
            raise ConfigurationError("Expected one seed for the whole vector env, got a list; give an int")
        super().reset(seed=seed)
        options = dict(options or {})
        mask = np.asarray(options.pop("reset_mask", np.ones(self.num_envs)), dtype=np.bool_)
        self.task.reset(np.flatnonzero(mask), self.np_random, options)
        return self.task.observation(), {}

    def step(
        self, actions: npt.NDArray[np.float32]
    ) -> tuple[Observation, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Play one control step with actions (n, 16)."""
        if np.shape(actions) != self.action_space.shape:
            raise ConfigurationError(f"Expected actions of shape {self.action_space.shape}, got {np.shape(actions)}")
        result = self.task.step(np.asarray(actions, dtype=np.float64))
        observation, info = self.task.observation(), result.info()
        done = result.terminated | result.truncated
        if done.any():
            info["final_obs"], info["_final_obs"] = observation, done
            self.task.reset(np.flatnonzero(done), self.np_random)
            observation = self.task.observation()
        return observation, result.reward, result.terminated, result.truncated, info

    def close_extras(self, **_: Any) -> None:
        """Release the hand."""
        self.hand.close()
