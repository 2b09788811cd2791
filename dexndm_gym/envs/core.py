"""The task played on n hands at once: what single, vector and real envs share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dexndm_gym.envs.hand import Hand, SimulatedHand
from dexndm_gym.envs.target_filter import TargetFilter, TargetWindow
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError
from dexndm_gym.leap.joints import LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS, FloatArray, IntArray, clip_to_limits
from dexndm_gym.leap.objects import NO_OBJECT
from dexndm_gym.leap.state import HandState
from dexndm_gym.task import compiled, histories
from dexndm_gym.task.config import CONTROL_PERIOD, TaskConfig
from dexndm_gym.task.episodes import VALUES, no_episodes
from dexndm_gym.task.options import EpisodeOptions

BoolArray = npt.NDArray[np.bool_]


class StepResult(NamedTuple):
    """What one control step gave on n hands."""

    reward: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    values: FloatArray | None
    """In the order of ``VALUES``, (len(VALUES), n); None where the object is not tracked."""
    other: dict[str, Any]
    """What else there is to tell, arrays (n, ...) by name."""

    def info(self) -> dict[str, Any]:
        """All of it by name, arrays (n, ...)."""
        return self.other if self.values is None else self.other | dict(zip(VALUES, self.values, strict=True))

    def info_of(self, i: int) -> dict[str, Any]:
        """All of it by name, of hand ``i``."""
        info = {name: value[i] for name, value in self.other.items()}
        if self.values is not None:
            info.update(zip(VALUES, self.values[:, i].tolist(), strict=True))
        return info


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
        self._episodes = no_episodes(n)
        self._unknown, self._yes = np.zeros((n, NUM_JOINTS)), np.ones(n, dtype=np.bool_)
        self._yes.flags.writeable = False
        self.objects = np.full(n, "", dtype=object)
        _compile(config)

    @property
    def steps(self) -> IntArray:
        """Control steps of the running episodes so far, (n,)."""
        return self._episodes["steps"]

    @property
    def resets(self) -> IntArray:
        """Episodes begun on each hand, (n,); the off-axis curriculum goes by it, and training may set it."""
        return self._episodes["resets"]

    @resets.setter
    def resets(self, counts: IntArray) -> None:
        self._episodes["resets"] = counts

    def add_target_filter(self, target_filter: TargetFilter) -> None:
        """Append a filter; filters see targets in the order in which they were added."""
        self._filters.append(target_filter)

    def reset(self, ids: IntArray, rng: np.random.Generator, options: Mapping[str, Any] | None = None) -> None:
        """Start new episodes on the hands ``ids``."""
        self._rng = rng
        chosen = self._options.updated(options)
        episodes = [chosen.draw(rng) for _ in ids]
        running = self._episodes
        start = self.hand.reset(ids, [episode.scene for episode in episodes], rng)
        self._state = self.hand.state()
        for i, episode in zip(ids, episodes, strict=True):
            running["frame"][i] = *episode.wrist, *episode.axis
            self.objects[i] = episode.scene.object
        running["holds"][ids] = self.objects[ids] != NO_OBJECT
        running["start"][ids] = start
        running["history"][ids, :, 0] = self._measured()[ids, None]
        running["history"][ids, :, 1:] = start[:, None, None]
        running["steps"][ids] = 0
        running["resets"][ids] += 1
        running["turned"][ids] = 0.0
        if self._state.object_pose is not None:
            compiled.set_first_goals(running, self.config.record, self._state.object_pose, ids)
        for target_filter in self._filters:
            target_filter.reset(ids)

    def step(self, action: FloatArray) -> StepResult:
        """Play one control step with actions (n, 16) in [-1, 1]."""
        base, finite = histories.next_targets(self._episodes, self.config.record, action, LOWER_LIMITS, UPPER_LIMITS)
        if not finite:
            raise ConfigurationError("An action is not finite; expected 16 numbers in [-1, 1] per hand")
        sent, info = self._filtered(base) if self._filters else (base, {})
        before = self._state.object_pose
        self.hand.step(sent)
        self._state = self.hand.state()
        if self._state.sent_target is not None:
            sent = self._state.sent_target
        if not histories.push(self._episodes, self._measured(), base, sent):
            raise SimulationDivergedError("Joint positions are not finite; reset the env to go on")
        return self._score(before, info | {"base_target": base, "sent_target": sent, **self._state.info})

    def observation(self) -> npt.NDArray[np.float32]:
        """(n, 327): ten steps of (position, previous base target) oldest first, wrist quaternion, axis; rad."""
        return histories.observe(self._episodes)

    def wrist(self, index: int) -> FloatArray:
        """Wrist orientation of one hand, quaternion w x y z, (4,)."""
        return self._episodes["frame"][index, :4]

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
            known["to_goal"] = compiled.ways_to_goals(self._episodes, pose)
        return known

    def _measured(self) -> FloatArray:
        position = self._state.position
        if self._noise == 0.0:
            return position
        return position + self._rng.uniform(-self._noise, self._noise, position.shape)

    def _filtered(self, base: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
        """What the filters make of targets (n, 16), and values for ``info``."""
        target, info = base, {}
        history = self._episodes["history"]
        window = TargetWindow(
            position=history[:, :, 0].copy(),
            base_target=history[:, 1:, 1].copy(),
            sent_target=history[:, 1:, 2].copy(),
        )
        for target_filter in self._filters:
            target, extra = target_filter(window, target)
            info |= extra
        return clip_to_limits(target), info

    def _score(self, before: FloatArray | None, info: dict[str, Any]) -> StepResult:
        state, unknown = self._state, self._unknown
        info["position"], after = state.position, state.object_pose
        if before is None or after is None:
            turned, no = self._episodes["turned"][:, 0] * CONTROL_PERIOD, ~self._yes
            info |= {"tracked": no, "rotation": turned, "time": self.steps * CONTROL_PERIOD}
            over = self.steps >= self.config.episode_steps
            return StepResult(np.zeros(len(over)), no.copy(), over, None, info)
        info["tracked"], info["object_pose"] = self._yes, after
        velocity = unknown if state.velocity is None else state.velocity
        torque = unknown if state.torque is None else state.torque
        reward, values, lost, over = compiled.score(
            self._episodes, self.config.record, before, after, state.position, velocity, torque
        )
        return StepResult(reward, lost, over, values, info)


def _compile(config: TaskConfig) -> None:
    """Have everything compiled before the first step: a hand on the desk does not wait for a compiler."""
    episodes, joints, pose = no_episodes(1), np.zeros((1, NUM_JOINTS)), np.zeros((1, 7))
    compiled.set_first_goals(episodes, config.record, pose, np.zeros(1, dtype=np.int64))
    compiled.ways_to_goals(episodes, pose)
    histories.next_targets(episodes, config.record, joints, LOWER_LIMITS, UPPER_LIMITS)
    histories.push(episodes, joints, joints, joints)
    histories.observe(episodes)
    compiled.score(episodes, config.record, pose, pose, joints, joints, joints)
