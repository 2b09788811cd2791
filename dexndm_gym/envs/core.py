"""The task played on n hands at once: what single, vector and real envs share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.envs.hand import Hand, SimulatedHand
from dexndm_gym.envs.target_filter import TargetFilter, TargetWindow
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError
from dexndm_gym.leap.grasps import CUP_CENTRE
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray, IntArray, clip_to_limits
from dexndm_gym.leap.objects import NO_OBJECT
from dexndm_gym.leap.state import HandState
from dexndm_gym.task.config import CONTROL_PERIOD, HISTORY, TaskConfig
from dexndm_gym.task.metrics import RotationMetrics
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.quaternions import (
    angular_velocity,
    conjugate,
    multiply,
    rotate,
    rotation_vector,
    turn,
)
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
        # Positions, base targets and sent targets. Step k has the targets applied *before* its position was read: the
        # pairing of the observation.
        self._history = np.zeros((n, HISTORY, 3, NUM_JOINTS))
        self._start_target = np.zeros((n, NUM_JOINTS))
        self._wrist = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
        self._axis = np.zeros((n, 3))
        self.objects = np.full(n, "", dtype=object)
        self._holds = np.zeros(n, dtype=np.bool_)
        self.steps = np.zeros(n, dtype=np.int64)
        self.resets = np.zeros(n, dtype=np.int64)
        """Episodes begun on each hand, (n,); the off-axis curriculum goes by it, and training may set it."""
        self._metrics = RotationMetrics(n)
        self._goal = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))

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
        self._holds[ids] = self.objects[ids] != NO_OBJECT
        self._history[ids, :, 0] = self._measured()[ids, None]
        self._history[ids, :, 1:] = self._start_target[ids, None, None]
        self.steps[ids] = 0
        self.resets[ids] += 1
        self._metrics.reset(ids)
        if self._state.object_pose is not None:
            self._goal[ids] = self._next_goal(self._orientation(self._state.object_pose))[ids]
        for target_filter in self._filters:
            target_filter.reset(ids)

    def step(self, action: FloatArray) -> StepResult:
        """Play one control step with actions (n, 16) in [-1, 1]."""
        if not np.isfinite(action).all():
            raise ConfigurationError("An action is not finite; expected 16 numbers in [-1, 1] per hand")
        change = self.config.action_scale * np.minimum(np.maximum(action, -1.0), 1.0)
        base = clip_to_limits(self._history[:, -1, 1] + change)
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
        history = self._history[:, :, :2].reshape(n, -1)
        return np.concatenate([history, self._wrist, self._axis], axis=1, dtype=np.float32)

    def wrist(self, index: int) -> FloatArray:
        """Wrist orientation of one hand, quaternion w x y z, (4,)."""
        return self._wrist[index]

    def state(self) -> HandState:
        """The latest measurement."""
        return self._state

    def privileged(self) -> dict[str, FloatArray]:
        """What only a simulator knows, for teachers and critics; never part of the observation.

        Returns:
            Arrays (n, k) by name: ``object_pose`` (7: m and quaternion w x y z, hand frame), ``to_goal`` (3: axis times
            angle of the turn from object to goal, rad, world frame; only under goal guidance), and what the simulation
            adds (``MujocoHand.privileged``).

        Raises:
            ConfigurationError: the hand is no simulation.
        """
        pose = self._state.object_pose
        if not isinstance(self.hand, SimulatedHand) or pose is None:
            raise ConfigurationError(
                f"{type(self.hand).__name__} knows no privileged state; train on LeapRotate-Sim-v0, then distil"
            )
        known = {"object_pose": pose} | self.hand.privileged()
        if self.config.reward.goal != 0.0:
            known["to_goal"] = self._to_goal(pose)
        return known

    def _measured(self) -> FloatArray:
        position = self._state.position
        if self._noise == 0.0:
            return position
        return position + self._rng.uniform(-self._noise, self._noise, position.shape)

    def _filtered(self, base: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
        target, info = base, {}
        if not self._filters:
            return target, info
        window = TargetWindow(
            position=self._history[:, :, 0].copy(),
            base_target=self._history[:, 1:, 1].copy(),
            sent_target=self._history[:, 1:, 2].copy(),
        )
        for target_filter in self._filters:
            target, extra = target_filter(window, target)
            info |= extra
        return clip_to_limits(target), info

    def _push_history(self, base: FloatArray, sent: FloatArray) -> None:
        history = self._history
        history[:, :-1] = history[:, 1:]
        history[:, -1, 0], history[:, -1, 1], history[:, -1, 2] = self._measured(), base, sent

    def _score(self, before: HandState, info: dict[str, Any]) -> StepResult:
        n, state = self.hand.num_hands, self._state
        dropped = np.zeros(n, dtype=np.bool_)
        reward = np.zeros(n)
        if state.object_pose is not None and before.object_pose is not None:
            holds = self._holds
            distance = np.linalg.norm(state.object_pose[:, :3] - CUP_CENTRE, axis=1)
            dropped = (distance > self.config.drop_distance) & holds
            motion = self._motion(before.object_pose, state.object_pose, dropped)
            terms = reward_terms(motion, self.config.reward)
            reward = sum(terms.values(), reward) * holds
            along, across = motion.speed * holds, np.linalg.norm(motion.across, axis=1) * holds
            self._metrics.add(along, across)
            info |= {"rotation_speed": along, "off_axis_speed": across, "object_pose": state.object_pose}
            info |= {f"reward_{name}": value for name, value in terms.items()}
            info |= self._metrics.values(self.steps, self.config.episode_steps)
        truncated = self.steps >= self.config.episode_steps
        info |= {
            "tracked": np.full(n, state.object_pose is not None),
            "rotation": self._metrics.rotation,
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
            goal_angle=self._goal_angle(after),
            dropped=dropped,
            resets=self.resets,
        )

    def _goal_angle(self, object_pose: FloatArray) -> FloatArray:
        """Angle from the object to its goal, (n,), rad; a goal that is reached gives way to the next."""
        if self.config.reward.goal == 0.0:
            return np.full(self.hand.num_hands, np.inf)
        angle = np.linalg.norm(self._to_goal(object_pose), axis=1)
        reached = (angle < self.config.reward.goal_reached)[:, None]
        self._goal = np.where(reached, self._next_goal(self._goal), self._goal)
        return angle

    def _to_goal(self, object_pose: FloatArray) -> FloatArray:
        """The turn from the object to its goal, axis times angle in rad, world frame, (n, 3)."""
        return rotation_vector(multiply(self._goal, conjugate(self._orientation(object_pose))))

    def _next_goal(self, orientation: FloatArray) -> FloatArray:
        """The intermediate goal ahead of orientations (n, 4), world frame, along the axis."""
        return multiply(turn(self._axis, self.config.reward.goal_step), orientation)

    def _orientation(self, object_pose: FloatArray) -> FloatArray:
        """Orientation of the objects in the world frame, (n, 4)."""
        return multiply(self._wrist, object_pose[:, 3:])
