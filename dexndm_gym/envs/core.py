"""The task played on n hands at once: what single, vector and real envs share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.envs.hand import Hand, IntArray
from dexndm_gym.envs.target_filter import TargetFilter, TargetWindow
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError
from dexndm_gym.leap.grasps import CUP_CENTRE
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray, clip_to_limits
from dexndm_gym.leap.objects import NO_OBJECT
from dexndm_gym.leap.state import HandState
from dexndm_gym.task.config import CONTROL_PERIOD, HISTORY, TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.quaternions import angular_velocity, rotate
from dexndm_gym.task.reward import Motion, reward_terms

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What one control step gave on n hands."""

    reward: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    info: dict[str, Any]
    """Arrays (n, ...) by name."""


class RotationTask:
    """Integrates actions into targets, keeps histories, scores and ends episodes."""

    def __init__(self, hand: Hand, options: EpisodeOptions, config: TaskConfig, *, position_noise: float = 0.0) -> None:
        """Play on a hand.

        Args:
            hand: what moves the fingers.
            options: what episodes are drawn from.
            config: figures of the task.
            position_noise: half width of the uniform noise on observed joint positions, rad.
        """
        self.hand, self.config = hand, config
        self._options = options
        self._noise = position_noise
        self._filters: list[TargetFilter] = []
        n = hand.num_hands
        self._rng = np.random.default_rng(0)
        self._state = HandState(position=np.zeros((n, NUM_JOINTS)), object_pose=None)
        self._positions = np.zeros((n, HISTORY, NUM_JOINTS))
        # Row k holds the target applied *before* position k was read: the pairing of the observation.
        self._base_targets = np.zeros((n, HISTORY, NUM_JOINTS))
        self._sent_targets = np.zeros((n, HISTORY, NUM_JOINTS))
        self._start_target = np.zeros((n, NUM_JOINTS))
        self._wrist = np.zeros((n, 4))
        self._axis = np.zeros((n, 3))
        self.objects = np.full(n, "", dtype=object)
        self.steps = np.zeros(n, dtype=np.int64)
        self.rotation = np.zeros(n)

    def add_target_filter(self, target_filter: TargetFilter) -> None:
        """Append a filter; filters see targets in the order in which they were added."""
        self._filters.append(target_filter)

    def reset(self, ids: IntArray, rng: np.random.Generator, options: Mapping[str, Any] | None = None) -> None:
        """Start new episodes on the hands ``ids``."""
        self._rng = rng
        chosen = self._options.updated(options)
        episodes = [chosen.draw(rng) for _ in ids]
        self._start_target[ids] = self.hand.reset(ids, [episode.scene for episode in episodes], rng)
        self._state = self.hand.state()
        for i, episode in zip(ids, episodes, strict=True):
            self._wrist[i], self._axis[i] = episode.wrist, episode.axis
            self.objects[i] = episode.scene.object
        self._positions[ids] = self._measured()[ids, None]
        self._base_targets[ids] = self._start_target[ids, None]
        self._sent_targets[ids] = self._start_target[ids, None]
        self.steps[ids] = 0
        self.rotation[ids] = 0.0
        for target_filter in self._filters:
            target_filter.reset(ids)

    def step(self, action: FloatArray) -> StepResult:
        """Play one control step with actions (n, 16) in [-1, 1]."""
        if not np.isfinite(action).all():
            raise ConfigurationError("An action is not finite; expected 16 numbers in [-1, 1] per hand")
        base = clip_to_limits(self._base_targets[:, -1] + self.config.action_scale * np.clip(action, -1.0, 1.0))
        sent, info = self._filtered(base)
        before = self._state
        self.hand.step(sent)
        self._state = self.hand.state()
        if not np.isfinite(self._state.position).all():
            raise SimulationDivergedError("Joint positions are not finite; reset the env to go on")
        if self._state.sent_target is not None:
            sent = self._state.sent_target
        self._push_history(base, sent)
        self.steps += 1
        return self._score(before, info | {"base_target": base, "sent_target": sent, **self._state.info})

    def observation(self) -> npt.NDArray[np.float32]:
        """(n, 327): ten steps of (position, previous base target) oldest first, wrist quaternion, axis; rad."""
        n = self.hand.num_hands
        history = np.concatenate([self._positions, self._base_targets], axis=2).reshape(n, -1)
        return np.concatenate([history, self._wrist, self._axis], axis=1).astype(np.float32)

    def state(self) -> HandState:
        """The latest measurement."""
        return self._state

    def _measured(self) -> FloatArray:
        position = self._state.position
        if self._noise == 0.0:
            return position
        return position + self._rng.uniform(-self._noise, self._noise, position.shape)

    def _filtered(self, base: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
        target, info = base, {}
        if self._filters:
            window = TargetWindow(
                position=self._positions.copy(),
                base_target=self._base_targets[:, 1:].copy(),
                sent_target=self._sent_targets[:, 1:].copy(),
            )
            for target_filter in self._filters:
                target, extra = target_filter(window, target)
                info |= extra
        return clip_to_limits(target), info

    def _push_history(self, base: FloatArray, sent: FloatArray) -> None:
        for history, newest in (
            (self._positions, self._measured()),
            (self._base_targets, base),
            (self._sent_targets, sent),
        ):
            history[:, :-1] = history[:, 1:]
            history[:, -1] = newest

    def _score(self, before: HandState, info: dict[str, Any]) -> StepResult:
        n, state = self.hand.num_hands, self._state
        dropped = np.zeros(n, dtype=np.bool_)
        reward = np.zeros(n)
        if state.object_pose is not None and before.object_pose is not None:
            holds = self.objects != NO_OBJECT
            distance = np.linalg.norm(state.object_pose[:, :3] - CUP_CENTRE, axis=1)
            dropped = (distance > self.config.drop_distance) & holds
            motion = self._motion(before.object_pose, state.object_pose, dropped)
            terms = reward_terms(motion, self.config.reward)
            reward = np.sum(list(terms.values()), axis=0) * holds
            speed = np.sum(motion.angular_velocity * motion.axis, axis=1) * holds
            self.rotation += speed * CONTROL_PERIOD
            across = np.linalg.norm(np.cross(motion.angular_velocity, motion.axis), axis=1)
            info |= {"rotation_speed": speed, "off_axis_speed": across, "object_pose": state.object_pose}
            info |= {f"reward_{name}": value for name, value in terms.items()}
        truncated = self.steps >= self.config.episode_steps
        info |= {
            "tracked": np.full(n, state.object_pose is not None),
            "rotation": self.rotation.copy(),
            "time": self.steps * CONTROL_PERIOD,
            "position": state.position,
        }
        return StepResult(reward=reward, terminated=dropped, truncated=truncated & ~dropped, info=info)

    def _motion(self, before: FloatArray, after: FloatArray, dropped: BoolArray) -> Motion:
        zeros = np.zeros((self.hand.num_hands, NUM_JOINTS))
        state = self._state
        return Motion(
            angular_velocity=rotate(self._wrist, angular_velocity(before[:, 3:], after[:, 3:], CONTROL_PERIOD)),
            linear_velocity=(after[:, :3] - before[:, :3]) / CONTROL_PERIOD,
            axis=self._axis,
            pose_change=state.position - self._start_target,
            joint_velocity=zeros if state.velocity is None else state.velocity,
            torque=zeros if state.torque is None else state.torque,
            dropped=dropped,
        )
