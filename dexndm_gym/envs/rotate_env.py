"""One hand as a Gymnasium env: the same class whatever moves the fingers."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from dexndm_gym.envs.core import RotationTask
from dexndm_gym.envs.hand import Hand
from dexndm_gym.envs.rendering import HandWindow
from dexndm_gym.envs.spaces import action_space, observation_space
from dexndm_gym.envs.target_filter import TargetFilter
from dexndm_gym.errors import ConfigurationError, HardwareError
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray
from dexndm_gym.leap.object_choice import Choice
from dexndm_gym.leap.objects import NO_OBJECT
from dexndm_gym.leap.picture import Camera, HandPainter, find_camera
from dexndm_gym.task.config import CONTROL_PERIOD, TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import down_in_hand

Observation = npt.NDArray[np.float32]


class LeapRotateEnv(gymnasium.Env[Observation, npt.NDArray[np.float32]]):
    """Turn an object in one hand about an axis.

    Action: 16 numbers in [-1, 1] in motor order; the target of each joint moves by ``action_scale`` times that, in rad.
    Observation: ten steps of (position, previous target) in rad, wrist quaternion, rotation axis: 327 numbers.
    ``info`` holds ``base_target`` (what the policy asked for), ``sent_target`` (what the hand was sent), ``rotation``
    (rad about the axis since reset), ``time`` (s) and, where the object is tracked, ``object_pose`` and reward terms.
    A fault of the hand ends the episode: ``truncated`` is True, ``info["fault"]`` names the error, ``fault_message``
    says what happened, ``torque_off`` whether the servos confirmed that they are off; the observation is the last one.
    A hand with servos also says there how it keeps its clock: see ``DynamixelHand``.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self,
        hand: Hand,
        *,
        options: EpisodeOptions | None = None,
        config: TaskConfig | None = None,
        noise: float = 0.0,
        render_mode: str | None = None,
        camera: str | Camera = "front",
    ) -> None:
        """Play the task on a hand with ``num_hands`` = 1.

        Args:
            hand: what moves the fingers.
            options: what episodes are drawn from.
            config: figures of the task.
            noise: half width of the uniform noise on observed joint positions, rad.
            render_mode: None, ``"rgb_array"`` (drawn on the processor) or ``"human"`` (a window; needs a display).
            camera: name of a camera (``leap.picture.CAMERAS``), or one of your own.

        Raises:
            ConfigurationError: there is no such render mode or camera, or no display.
        """
        if hand.num_hands != 1:
            raise ConfigurationError(f"LeapRotateEnv plays on one hand, got {hand.num_hands}; use LeapRotateVectorEnv")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigurationError(f"Unknown render_mode {render_mode!r}; expected None, 'human' or 'rgb_array'")
        self.action_space, self.observation_space = action_space(), observation_space()
        self.render_mode = render_mode
        self.hand = hand
        self._options = self._drawn_from = options or EpisodeOptions()
        self.task = RotationTask(hand, self._options, config or TaskConfig(), position_noise=noise)
        self._camera = find_camera(camera)
        self._painter: HandPainter | None = None
        self._window = HandWindow(camera=self._camera, period=CONTROL_PERIOD) if render_mode == "human" else None
        self._running = False

    def add_target_filter(self, target_filter: TargetFilter) -> None:
        """Put a filter between the targets asked for and the targets sent."""
        self.task.add_target_filter(target_filter)

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
        self.task.reset(np.array([0]), self.np_random, options)
        self._drawn_from = self._options.updated(options)
        self._running = True
        self._painter = None  # another wrist: up is elsewhere
        self._show()
        return self.task.observation()[0], {"object": str(self.task.objects[0])}

    def step(self, action: npt.NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one control step of 50 ms."""
        if np.shape(action) != (NUM_JOINTS,):
            raise ConfigurationError(f"Expected an action of shape {self.action_space.shape}, got {np.shape(action)}")
        if not self._running:
            raise ConfigurationError("The episode has ended or was never started; call reset() before step()")
        try:
            result = self.task.step(np.array(action, dtype=np.float64, ndmin=2))
        except HardwareError as error:
            self._running = False
            info = {name: value[0] for name, value in self.task.state().info.items()}
            info |= {"fault": type(error).__name__, "fault_message": str(error), "torque_off": error.torque_off}
            return self.task.observation()[0], 0.0, False, True, info
        self._show()
        return (
            self.task.observation()[0],
            float(result.reward[0]),
            bool(result.terminated[0]),
            bool(result.truncated[0]),
            result.info_of(0),
        )

    def render(self) -> npt.NDArray[np.uint8] | None:
        """A picture of the hand, (480, 640, 3), drawn from its measured state; gravity pulls downwards in it."""
        if self.render_mode != "rgb_array":
            return None
        if self._painter is None:
            x, y, z = down_in_hand(self.task.wrist(0))
            self._painter = HandPainter(width=640, height=480, camera=self._camera, up=(-x, -y, -z))
        return self._painter.draw(*self._seen())

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(*self._seen())

    def _seen(self) -> tuple[FloatArray, FloatArray | None, Choice]:
        """Joint positions, the object's pose and the object, as they are measured now."""
        state, item = self.task.state(), str(self.task.objects[0])
        if state.object_pose is None or item in ("", NO_OBJECT):
            return state.position[0], None, "cylinder"
        return state.position[0], state.object_pose[0], self._drawn_from.find(item)

    def close(self) -> None:
        """Release the hand (torque off) and the window. Safe to call twice."""
        self.hand.close()
        if self._window is not None:
            self._window.close()
