"""Many hands as one Gymnasium vector env."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode

from dexndm_gym.arrays import BoolArray, FloatArray, IntArray
from dexndm_gym.backends.backend import Backend
from dexndm_gym.envs.hands_vector_env import HandsVectorEnv
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_filter import TargetFilter
from dexndm_gym.rendering.camera import Camera
from dexndm_gym.task.checks import checked_action
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.extra_rewards import Rewards
from dexndm_gym.task.options import EpisodeOptions, by_name

Observation = npt.NDArray[np.float32]


class LeapRotateVectorEnv(HandsVectorEnv[Observation, npt.NDArray[np.float32], npt.NDArray[Any]]):
    """Turn objects in n hands at once.

    What happens to hands whose episode has ended is Gymnasium's ``autoreset_mode``. SAME_STEP: the next one begins in
    the same step, and the observation returned is its first. NEXT_STEP: the next step begins it; the action is ignored,
    the reward 0. DISABLED: ``reset(options={"reset_mask": ...})`` begins it. In all modes ``info`` of the step that
    ends an episode holds its last observation and its last ``info``, ``final_obs`` and ``final_info``, in the rows that
    ``_final_obs`` and ``_final_info`` mark. ``info`` has the names of ``LeapRotateEnv``, its arrays a row per hand.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        options: EpisodeOptions | None = None,
        config: TaskConfig | None = None,
        joint_pos_noise: float = 0.0,
        extra_rewards: Rewards | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        camera: str | Camera = "front",
    ) -> None:
        """Play the task on a hand with ``num_hands`` >= 1.

        Args:
            backend: what moves the fingers.
            options: what episodes are drawn from.
            config: parameters of the task.
            joint_pos_noise: half width of the uniform noise on observed joint positions, rad.
            extra_rewards: terms of your own that are added to the reward: ``RewardFunction`` by name.
            autoreset_mode: one of Gymnasium's, or its name.
            render_mode: None, or ``"rgb_array"`` (a picture, see ``HandPictures``).
            camera: name of a camera (``rendering.camera.CAMERAS``), or one of your own.

        Raises:
            ConfigurationError: there is no such mode or camera.
        """
        self.task = RotationTask(
            backend,
            options or EpisodeOptions(),
            config or TaskConfig(),
            joint_pos_noise=joint_pos_noise,
            extra_rewards=extra_rewards,
        )
        super().__init__(backend.num_hands, autoreset_mode, render_mode, camera)
        self.backend = backend
        self._done = np.zeros(self.num_envs, dtype=np.bool_)

    @contextmanager
    def filtering(self, target_filter: TargetFilter) -> Iterator[None]:
        """Within this, targets pass a filter on their way to the hands; see ``TargetFilterVectorWrapper``."""
        with self.task.filtering(target_filter):
            yield

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: makes all that follows repeatable. Given one per hand, each begins as a single env with its seed does.
            options: as of ``LeapRotateEnv.reset``, and ``reset_mask``, (n,) bool: on which hands; all without it.

        Raises:
            ConfigurationError: an option is unknown, or there is another number of seeds or of hands in the mask.
        """
        options = by_name(options)
        ids = np.flatnonzero(self._mask(options.pop("reset_mask", None)))
        if seed is None or isinstance(seed, int | np.integer):
            super().reset(seed=None if seed is None else int(seed))
            self.task.reset(ids, self.np_random, options)
        else:
            self._reset_each(ids, self._seeds(seed), options)
        self._done[ids] = False
        return self.task.observation(), self.task.first().info()

    def step(
        self, actions: npt.NDArray[np.float32]
    ) -> tuple[Observation, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Play one control step with actions (n, 16).

        Raises:
            ConfigurationError: actions of another shape or not finite, no episode to go on with.
        """
        due = self._done
        self._require_running(due)
        if due.any():
            actions = np.where(due[:, None], 0.0, checked_action(actions, self.num_envs))
        result = self.task.step(actions)
        observation, info = self.task.observation(), result.info()
        reward, terminated, truncated = result.reward, result.terminated & ~due, result.truncated & ~due
        self._done = done = terminated | truncated
        final = {}
        if done.any():
            final = {"final_obs": observation, "_final_obs": done, "final_info": info, "_final_info": done.copy()}
        if self._mode == AutoresetMode.SAME_STEP and done.any():
            self.task.reset(np.flatnonzero(done), self.np_random)
            self._done, observation = np.zeros_like(done), self.task.observation()
        elif due.any():
            self.task.reset(np.flatnonzero(due), self.np_random)
            reward[due] = 0.0
            observation, info = self.task.observation(), info | self.task.first().info()
        return observation, reward, terminated, truncated, info | final

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """A picture of every hand, (480, 640, 3) each; see ``LeapRotateEnv.render``."""
        if self.render_mode is None:
            return None
        return tuple(self._pictures.draw(*self.task.seen(i), self.task.up(i)) for i in range(self.num_envs))

    def close_extras(self, **_: Any) -> None:
        """Release the hand."""
        self.backend.close()
        self._pictures.close()

    def _mask(self, mask: Any) -> BoolArray:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        array = np.asarray(mask)
        if array.dtype != np.bool_ or array.shape != (self.num_envs,) or not array.any():
            raise self._expected_mask(mask)
        return array

    def _seeds(self, seed: Sequence[int | None]) -> list[int | None]:
        try:
            seeds = [None if one is None else index(one) for one in seed]
        except TypeError:
            seeds = []
        if len(seeds) != self.num_envs or any(one is not None and one < 0 for one in seeds):
            raise ConfigurationError(
                f"Expected one seed, or {self.num_envs} of them, whole numbers of at least 0; got {seed!r:.80}"
            )
        return seeds

    def _reset_each(self, ids: IntArray, seeds: list[int | None], options: Mapping[str, Any]) -> None:
        known = [seed for seed in seeds if seed is not None]
        if len(known) == len(seeds):  # of all that is drawn later for all hands together
            self._np_random = np.random.default_rng(known)
        for i in ids:
            rng = self.np_random if seeds[i] is None else seeding.np_random(seeds[i])[0]
            self.task.reset(np.array([i]), rng, options)
