"""The task played on n hands at once: what single, vector and real envs share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.backends.backend import Backend, SimulatedBackend, TorqueHand
from dexndm_gym.envs.step_result import StepResult
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_filter import TargetFilter, TargetWindow
from dexndm_gym.hand.joints import LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS, clip_to_limits
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.task import observation
from dexndm_gym.task.checks import POSE_SIZE, checked_action, checked_state, checked_target
from dexndm_gym.task.compile_task import compile_task
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.episode_state import new_episode_states
from dexndm_gym.task.extra_rewards import ExtraRewards, Rewards, StepBatch
from dexndm_gym.task.goals import set_first_goals, turns_to_goals
from dexndm_gym.task.metrics import STEP_METRICS, score
from dexndm_gym.task.options import EpisodeOptions, EpisodeSetup
from dexndm_gym.task.orientations import up_in_hand

_FUNCTIONS = (FunctionType, MethodType, partial)
"""Classes that say nothing of what a filter does."""


class RotationTask:
    """Integrates actions into targets, keeps histories, scores and ends episodes."""

    def __init__(
        self,
        backend: Backend,
        options: EpisodeOptions,
        config: TaskConfig,
        *,
        joint_pos_noise: float = 0.0,
        extra_rewards: Rewards | None = None,
    ) -> None:
        """Play on a hand.

        Args:
            backend: what moves the fingers.
            options: what episodes are drawn from.
            config: parameters of the task.
            joint_pos_noise: half width of the uniform noise on observed joint positions, rad.
            extra_rewards: terms that are added to the reward, by name.

        Raises:
            ConfigurationError: no hands, a noise that is negative or not finite, or unusable terms.
        """
        n = backend.num_hands
        if not (isinstance(n, int | np.integer) and n >= 1):
            raise ConfigurationError(f"Expected a hand with num_hands of at least 1, got {n!r}")
        if not 0.0 <= joint_pos_noise < np.inf:
            raise ConfigurationError(f"Expected a noise of at least 0 rad, got {joint_pos_noise}")
        self.backend, self.config = backend, config
        self._options = options
        self._noise = joint_pos_noise
        self._filters: list[TargetFilter] = []
        self._extra = ExtraRewards(extra_rewards or {}, n)
        self._rng = np.random.default_rng(0)
        self._state = HandState(position=np.zeros((n, NUM_JOINTS)), object_pose=None)
        self._episodes = new_episode_states(n)
        self._begun = np.zeros(n, dtype=np.bool_)
        self._unknown, self._unseen = np.zeros((n, NUM_JOINTS)), np.full((n, POSE_SIZE), np.nan)
        self._last = StepResult(
            np.zeros(n), no := np.zeros(n, dtype=np.bool_), no, np.zeros((len(STEP_METRICS), n)), {}
        )
        self.objects = np.full(n, "", dtype=object)
        self._items = self.objects.copy()
        compile_task(config)

    @property
    def steps(self) -> IntArray:
        """Control steps of the running episodes so far, (n,)."""
        return self._episodes["steps"]

    @property
    def frames(self) -> FloatArray:
        """Wrist quaternion (hand frame to world frame) and rotation axis (world frame) of every hand, (n, 7)."""
        return self._episodes["wrist_and_axis"]

    @property
    def resets(self) -> IntArray:
        """Episodes begun on each hand, (n,); the off-axis curriculum goes by it, and training may set it."""
        return self._episodes["resets"]

    @resets.setter
    def resets(self, counts: IntArray) -> None:
        self._episodes["resets"] = counts

    @contextmanager
    def filtering(self, target_filter: TargetFilter) -> Iterator[None]:
        """Within this, targets pass a filter on their way to the hand.

        Filters see targets in the order in which they are entered. Of several of one class the first that is entered
        acts, which is that of the outermost wrapper: nothing is corrected twice. Functions all act.
        """
        is_function = isinstance(target_filter, _FUNCTIONS)
        if not is_function and any(type(other) is type(target_filter) for other in self._filters):
            yield
            return
        self._filters.append(target_filter)
        try:
            yield
        finally:
            self._filters.pop()

    def reset(self, ids: IntArray, rng: np.random.Generator, options: Mapping[str, Any] | None = None) -> None:
        """Start new episodes on the hands ``ids``, drawn from the options."""
        chosen = self._options.updated(options)
        self.begin(ids, [chosen.draw(rng) for _ in ids], rng)

    def begin(self, ids: IntArray, episodes: Sequence[EpisodeSetup], rng: np.random.Generator) -> None:
        """Start these episodes, one for each of the hands ``ids``."""
        self._rng = rng
        with self._torque_off_on_errors():
            start = self.backend.reset(ids, [episode.scene for episode in episodes], rng)
            start = checked_target(start, len(ids), f"{type(self.backend).__name__}.reset()")
            self._state = checked_state(self.backend.state(), self.backend.num_hands)
        running = self._episodes
        for i, episode in zip(ids, episodes, strict=True):
            running["wrist_and_axis"][i] = *episode.wrist, *episode.axis
            self.objects[i] = episode.scene.object
            self._items[i] = episode.scene.item or episode.scene.object
        running["has_object"][ids] = self.objects[ids] != NO_OBJECT
        running["start"][ids] = start
        observation.begin(running, ids, self._measured(ids), start)
        running["steps"][ids] = 0
        running["resets"][ids] += 1
        running["speed_sums"][ids] = 0.0
        self._begun[ids] = True
        self._extra.begin(ids)
        set_first_goals(running, self.config.record, self._pose(), ids)
        values = self._last.values.copy()
        values[:, ids] = 0.0
        command = running["history"][:, -1, 2] if self._state.command is None else self._state.command
        other = self._info(running["history"][:, -1, 1].copy(), command.copy())
        self._last = self._last._replace(values=values, other=other)

    def first(self) -> StepResult:
        """What there is to tell after a reset: of hands that have begun anew, zeros; of others, their last step."""
        return self._last

    def step(self, action: npt.ArrayLike) -> StepResult:
        """Play one control step with actions (n, 16) in [-1, 1].

        Raises:
            ConfigurationError: an action of another shape or not finite, or a hand or filter that gives such; the
                hand's torque is off.
        """
        with self._torque_off_on_errors():
            if not self._begun.all():
                raise ConfigurationError("No episode has been started; call reset() before step()")
            wanted = checked_action(action, self.backend.num_hands)
            target, _ = observation.next_targets(self._episodes, self.config.record, wanted, LOWER_LIMITS, UPPER_LIMITS)
            command, extra = self._filtered(target) if self._filters else (target, {})
            before = self._pose()
            self.backend.step(command)
            self._state = checked_state(self.backend.state(), self.backend.num_hands)
        if self._state.command is not None:
            command = self._state.command
        observation.push(self._episodes, self._measured(), target, command)
        result = self._score(before)
        if self._extra:
            with self._torque_off_on_errors():
                result.reward[...] += self._extra.score(self._step_batch(wanted, target, command, before, result))
        self._last = result._replace(other=extra | self._info(target, command))
        return self._last

    def observation(self) -> npt.NDArray[np.float32]:
        """(n, 327): ten steps of (position, previous target) oldest first, wrist quaternion, axis; rad."""
        return observation.observe(self._episodes)

    def wrist(self, index: int) -> FloatArray:
        """Wrist orientation of one hand, quaternion w x y z, (4,)."""
        return self._episodes["wrist_and_axis"][index, :4]

    def seen(self, i: int) -> tuple[FloatArray, FloatArray | None, Choice]:
        """Joint positions, the object's pose and the object, as they are measured now on hand ``i``; for pictures."""
        position, pose = self._state.position[i], self._pose()[i]
        if self.objects[i] in ("", NO_OBJECT) or np.isnan(pose[0]):
            return position, None, "cylinder"
        return position, pose, self._items[i]

    def up(self, i: int) -> tuple[float, float, float]:
        """Direction against gravity in the frame of hand ``i``."""
        return up_in_hand(self.wrist(i))

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
        if not isinstance(self.backend, SimulatedBackend) or pose is None:
            raise ConfigurationError(
                f"{type(self.backend).__name__} knows no privileged state; train on LeapRotate-Sim-v0, then distill"
            )
        known = {"object_pose": pose} | self.backend.privileged()
        if self.config.reward.goal != 0.0:
            known["to_goal"] = turns_to_goals(self._episodes, pose)
        return known

    def _measured(self, ids: IntArray | slice = slice(None)) -> FloatArray:
        position = self._state.position[ids]
        if self._noise == 0.0:
            return position
        return position + self._rng.uniform(-self._noise, self._noise, position.shape)

    def _pose(self) -> FloatArray:
        """Poses of the objects, (n, 7), NaN where they are not seen."""
        pose = self._state.object_pose
        return self._unseen if pose is None else pose

    @contextmanager
    def _torque_off_on_errors(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if isinstance(self.backend, TorqueHand):
                self.backend.relax()
            raise

    def _filtered(self, target: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
        """What the filters make of targets (n, 16), and values for ``info``."""
        command, info = target, {}
        history = self._episodes["history"]
        window = TargetWindow(
            position=history[:, :, 0].copy(),
            target=history[:, 1:, 1].copy(),
            command=history[:, 1:, 2].copy(),
        )
        for target_filter in self._filters:
            command, extra = target_filter(window, command)
            command = checked_target(command, len(target), f"the filter {type(target_filter).__name__}")
            info |= extra
        return clip_to_limits(command), info

    def _info(self, target: FloatArray, command: FloatArray) -> dict[str, Any]:
        """What there is to tell apart from scores; the same names after resets and steps."""
        pose = self._pose().copy()
        return {
            "target": target,
            "command": command,
            **self._state.info,
            "position": self._state.position,
            "object_pose": pose,
            "tracked": ~np.isnan(pose[:, 0]),
            "object": self.objects.copy(),
            **self._extra.info(),
        }

    def _score(self, before: FloatArray) -> StepResult:
        state, unknown = self._state, self._unknown
        velocity = unknown if state.velocity is None else state.velocity
        torque = unknown if state.torque is None else state.torque
        reward, values, lost, over = score(
            self._episodes, self.config.record, before, self._pose(), state.position, velocity, torque
        )
        return StepResult(reward, lost, over, values, {})

    def _step_batch(
        self, action: FloatArray, target: FloatArray, command: FloatArray, before: FloatArray, result: StepResult
    ) -> StepBatch:
        return StepBatch(
            action=action,
            target=target,
            command=command,
            position=self._state.position,
            velocity=self._state.velocity,
            torque=self._state.torque,
            before=before,
            object_pose=self._pose(),
            wrist=self.frames[:, :4],
            axis=self.frames[:, 4:],
            dropped=result.terminated,
            metrics=dict(zip(STEP_METRICS, result.values, strict=True)),
        )
