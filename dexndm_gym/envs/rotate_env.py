"""One hand as a Gymnasium env: the same class whatever moves the fingers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import EnvSpec

from dexndm_gym.backends.backend import Backend
from dexndm_gym.constants import CONTROL_HZ, CONTROL_PERIOD
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.envs.spaces import action_space, observation_space
from dexndm_gym.envs.specs import plain_spec
from dexndm_gym.envs.steering import steer
from dexndm_gym.errors import ConfigurationError, HardwareError
from dexndm_gym.filters.target_filter import TargetFilter
from dexndm_gym.rendering.camera import Camera, find_camera
from dexndm_gym.rendering.window import HandPictures, HandWindow
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.extra_rewards import Rewards
from dexndm_gym.task.options import EpisodeOptions

Observation = npt.NDArray[np.float32]


class LeapRotateEnv(gymnasium.Env[Observation, npt.NDArray[np.float32]]):
    """Turn an object in one hand about an axis.

    Action: 16 numbers in [-1, 1] in motor order; the target of each joint moves by ``action_scale`` times that, in rad.
    Observation: ten steps of (position, previous target) in rad, wrist quaternion, rotation axis: 327 numbers.
    ``info`` holds ``target`` (what the policy asked for), ``command`` (what the hand was sent), ``rotation``
    (rad about the axis since reset), ``time`` (s), ``object`` (its name), ``tracked``, ``object_pose`` (NaN where the
    object is not tracked), reward terms and metrics; ``reset`` gives the same names as ``step``.
    A fault of the hand ends the episode: ``truncated`` is True, ``info["fault"]`` names the error, ``fault_message``
    says what happened, ``torque_off`` whether the servos confirmed that they are off; the observation, and what else
    ``info`` holds, are of the last step before it.
    A hand with servos also says there how it keeps its clock: see ``DynamixelHand``.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": round(CONTROL_HZ)}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self,
        backend: Backend,
        *,
        options: EpisodeOptions | None = None,
        config: TaskConfig | None = None,
        joint_pos_noise: float = 0.0,
        extra_rewards: Rewards | None = None,
        render_mode: str | None = None,
        camera: str | Camera = "front",
    ) -> None:
        """Play the task on a hand with ``num_hands`` = 1.

        Args:
            backend: what moves the fingers.
            options: what episodes are drawn from.
            config: parameters of the task.
            joint_pos_noise: half width of the uniform noise on observed joint positions, rad.
            extra_rewards: terms of your own that are added to the reward: ``RewardFunction`` by name.
            render_mode: None, ``"rgb_array"`` (see ``HandPictures``) or ``"human"`` (a window; needs a display).
            camera: name of a camera (``rendering.camera.CAMERAS``), or one of your own.

        Raises:
            ConfigurationError: there is no such render mode or camera, or no display.
        """
        if backend.num_hands != 1:
            raise ConfigurationError(
                f"LeapRotateEnv plays on one hand, got {backend.num_hands}; use LeapRotateVectorEnv"
            )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigurationError(f"Unknown render_mode {render_mode!r}; expected None, 'human' or 'rgb_array'")
        self.action_space, self.observation_space = action_space(), observation_space()
        self.render_mode = render_mode
        self.backend = backend
        self.task = RotationTask(
            backend,
            options or EpisodeOptions(),
            config or TaskConfig(),
            joint_pos_noise=joint_pos_noise,
            extra_rewards=extra_rewards,
        )
        self._pictures = HandPictures(find_camera(camera))
        self._window = HandWindow(camera=find_camera(camera), period=CONTROL_PERIOD) if render_mode == "human" else None
        self._running = False
        self._info: dict[str, Any] = {}
        self._spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """How this env was made, in what JSON can hold; ``max_episode_steps`` is that of the task."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = None if spec is None else plain_spec(spec, max_episode_steps=self.task.config.episode_steps)

    @contextmanager
    def filtering(self, target_filter: TargetFilter) -> Iterator[None]:
        """Within this, targets pass a filter on their way to the hand; see ``TargetFilterWrapper``."""
        with self.task.filtering(target_filter):
            yield

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: makes the episode repeatable.
            options: ``object``, ``wrist``, ``axis``: each a value, a list to draw from, or the name of a set.

        Raises:
            ConfigurationError: an option is unknown.
            HardwareError: the hand cannot be brought to the start pose.
        """
        super().reset(seed=seed)
        self._running = False
        self.task.reset(np.array([0]), self.np_random, options)
        self._running = True
        self._show()
        self._info = self.task.first().info_of(0)
        return self.task.observation()[0], dict(self._info)

    def step(self, action: npt.NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one control step of 50 ms.

        Raises:
            ConfigurationError: the action has another shape or is not finite, or there is no episode to go on with.
                Torque is off then, and ``reset`` comes next.
        """
        if not self._running:
            raise ConfigurationError("The episode has ended or was never started; call reset() before step()")
        self._running = False  # whatever fails from here on
        try:
            result = self.task.step([action])
        except HardwareError as error:
            info = self._info | {name: value[0] for name, value in self.task.state().info.items()}
            info |= {"fault": type(error).__name__, "fault_message": str(error), "torque_off": error.torque_off}
            return self.task.observation()[0], 0.0, False, True, info
        self._running = True
        self._show()
        self._info = result.info_of(0)
        return (
            self.task.observation()[0],
            float(result.reward[0]),
            bool(result.terminated[0]),
            bool(result.truncated[0]),
            dict(self._info),
        )

    def steer(self, *, axis: Any = None, wrist: Any = None) -> Observation:
        """Ask for another axis, or say that the wrist is held differently, within the episode.

        Scores go by what holds from then on; what was turned so far stays in ``rotation``. Gravity follows the wrist
        of a simulated or virtual hand; a real one has to be turned by whoever holds it.

        Args:
            axis: name, or vector in the world frame; None for the one that holds.
            wrist: name, or quaternion w x y z from hand frame to world frame; None for the one that holds.

        Returns:
            The observation of this moment with both as they hold now, for whoever decides on the next action.

        Raises:
            ConfigurationError: a value is unknown, or there is no episode to go on with.
        """
        if not self._running:
            raise ConfigurationError("The episode has ended or was never started; call reset() before steer()")
        steer(self.task, 0, self.np_random, axis=axis, wrist=wrist)
        return self.task.observation()[0]

    def render(self) -> npt.NDArray[np.uint8] | None:
        """A picture of the hand, (480, 640, 3), drawn from its measured state; gravity pulls downwards in it."""
        if self.render_mode != "rgb_array":
            return None
        return self._pictures.draw(*self.task.seen(0), self.task.up(0))

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(*self.task.seen(0))

    def close(self) -> None:
        """Release the hand (torque off) and the window. Safe to call twice."""
        self.backend.close()
        self._pictures.close()
        if self._window is not None:
            self._window.close()
