"""A person steers, a policy moves the fingers: one control step after the other."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.errors import HardwareError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.pacing import NoPacer, Pacing
from dexndm_gym.task.orientations import Numbers, in_world
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.loss import LossConfig, LossWatch
from dexndm_gym.teleop.recorder import TeleopRecorder
from dexndm_gym.teleop.sources import CommandSource
from dexndm_gym.teleop.steering import GOAL_TOLERANCE, Steering
from dexndm_gym.viewer.hearing import drop_before_stop, hearing, switch_off
from dexndm_gym.viewer.live import episode_snapshot
from dexndm_gym.viewer.snapshot import Snapshot

OPEN_POSE = np.zeros(NUM_JOINTS)
"""Joint angles of the open hand, (16,), rad."""

_LOG = logging.getLogger(__name__)
_REACHED = 0.01
"""Targets this near to a pose have reached it, rad."""


class TeleopSession:
    """Plays an env for as long as it is asked to ``advance``.

    Sources are asked before each action is decided on, and once more right before it is sent: what is asked for
    meanwhile has it decided on anew. So no command leaves that knows less than it could.

    Attributes:
        steering: what is asked for now.
        note: what else there is to say, for people.
        info: what the latest reset or step said.
        steps: control steps since the episode began.
        lost: whether the object was lost in it.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        policy: Policy,
        sources: Sequence[CommandSource],
        *,
        options: Mapping[str, Any] | None = None,
        seed: int | None = None,
        loss: LossConfig | None = None,
        recorder: TeleopRecorder | None = None,
        pacer: Pacing | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with the first call of ``advance``; the hand holds until somebody asks for more.

        Args:
            env: one hand, of either id; its episodes should be as long as somebody may want to steer.
            policy: moves the fingers.
            sources: who steers.
            options: of resets.
            seed: of the first episode.
            loss: what happens when whoever steers is gone.
            recorder: writes it down.
            pacer: ends control steps of a simulated hand; None for hands that keep their own time, and for as fast as
                possible.
            clock: seconds, by which losses are noticed.
            sleep: lets seconds pass while the hand is stopped.
        """
        self._env, self._policy, self._sources = env, policy, sources
        self._options, self._seed = dict(options or {}), seed
        self._task, self._backend = env.unwrapped.task, env.unwrapped.backend  # type: ignore[attr-defined]
        self._scale = float(self._task.config.action_scale)
        self._recorder, self._pacer, self._sleep = recorder, pacer or NoPacer(), sleep
        self._watch = LossWatch(loss or LossConfig(), clock)
        self._pending: list[tuple[CommandSource, Command]] = []
        self.steering, self.note = Steering(), ""
        self.info: Mapping[str, Any] = {}
        self._observation: Any = None
        self._steered: tuple[Numbers | None, Numbers | None] = (None, None)
        self._closing = self._letting_go = self.lost = False
        self.steps = self._episode = 0

    @property
    def stopped(self) -> bool:
        """Whether nothing moves until a reset."""
        return self.steering.mode == "stop"

    def advance(self) -> Snapshot:
        """Play one control step, or wait as long where nothing moves; what there is to see then."""
        if self._observation is None:
            self._reset()
        self._listen()
        self._look_for_losses()
        action = None if self.stopped else self._decide()
        if action is None:
            self._sleep(CONTROL_PERIOD)
        else:
            self._step(action)
        return self._snapshot()

    def _decide(self) -> FloatArray | None:
        """The next action; None where somebody stops the hand while it is decided on."""
        action, asked, episode = self._action(self._steer()), replace(self.steering), self._episode
        self._listen()
        if self.stopped:
            return None
        if (self.steering, self._episode) != (asked, episode):
            action = self._action(self._steer())
        return action

    def _listen(self) -> None:
        """Take what has been asked for, and what is asked for meanwhile; nothing before a stop counts."""
        self._hear()
        while self._pending:
            drop_before_stop(self._pending, _is_stop)
            self._take(*self._pending.pop(0))

    def _hear(self) -> list[tuple[CommandSource, Command]]:
        """What is new since the last look; a stop comes last, as nobody knows who of several was first."""
        new = sorted(((source, command) for source in self._sources for command in source.poll()), key=_is_stop)
        self._pending += new
        return new

    def _take(self, source: CommandSource, command: Command) -> None:
        if command.name != "wrist":  # which arms report at every step, whoever steers
            self._watch.took(source)
            self._letting_go, self.note = False, ""
        if command.name == "stop":
            self._stop(f"{source.name}: emergency stop")
        elif command.name == "reset":
            self._reset()
        elif self.stopped:
            if command.name != "wrist":
                self.note = "stopped; a reset begins anew"
        else:
            if command.name == "go" and self.steering.mode == "open":
                self._closing = True
            self.steering.take(command)

    def _look_for_losses(self) -> None:
        state, config = self._watch.look(), self._watch.config
        if state == "ok" or self.stopped:
            return
        self.steering.mode = "hold"
        if state == "hold":
            after = {"open": "opens and switches its torque off", "relax": "switches its torque off", "hold": "goes on"}
            self._warn(f"{self._watch.name} is gone: the hand holds, and {after[config.let_go]} after "
                       f"{config.let_go_after:g} s")  # fmt: skip
        elif config.let_go == "relax":
            self._stop(f"{self._watch.name} is gone")
        elif config.let_go == "open":
            self._warn(f"{self._watch.name} is gone: the hand opens")
            self.steering.mode, self._letting_go = "open", True

    def _warn(self, text: str) -> None:
        self.note = text
        _LOG.warning("%s", text)

    def _reset(self) -> None:
        """Begin an episode; a stop is heard while it begins, which takes a hand with servos seconds.

        It releases the stop that the session knows of. One that came between two steps, and that nobody has seen, ends
        it instead.
        """
        if self.stopped and hasattr(self._backend, "release_stop"):
            self._backend.release_stop()
        self.steering.mode, self.steering.wrist, self.note = "hold", None, ""
        self._closing = self._letting_go = self.lost = False
        if self._recorder is not None:
            self._recorder.end()
        first = self._observation is None
        try:
            with hearing(self._stop_if_asked, self._backend):
                self._observation, self.info = self._env.reset(
                    seed=self._seed if first else None, options=self._options
                )
        except HardwareError as error:
            if first:
                raise  # there is nothing to show yet
            self._stop(str(error))
            return
        self._steered, self.steps, self._episode = (None, None), 0, self._episode + 1
        if self._recorder is not None:
            self._recorder.begin(self._position(), self.info, self._current())
        self._pacer.start()

    def _stop_if_asked(self) -> None:
        """Hear an emergency stop; what else is asked for waits."""
        for source, command in self._hear():
            if command.name == "stop":
                switch_off(self._backend, f"{source.name}: emergency stop")

    def _stop(self, reason: str) -> None:
        """Torque off, now; nothing moves until a reset."""
        switch_off(self._backend, reason)
        if self._recorder is not None:
            self._recorder.end()
        self.steering.mode = "stop"
        self._warn(f"{reason}; torque off until a reset")

    def _step(self, action: FloatArray) -> None:
        frame = self._task.frames[0].copy()
        self._observation, _, terminated, truncated, info = self._env.step(action)
        self.steps += 1
        if "fault" in info:
            self._stop(f"{info['fault']}: {info['fault_message']}")
            return
        self.info = info
        if self._recorder is not None:
            self._recorder.step(self.steering, frame, self._position(), info, self._current())
        self._pacer.wait()
        if terminated or truncated:
            self.lost = terminated
        if self._letting_go:  # to its end, whether or not the object falls out meanwhile
            if self._at(OPEN_POSE):
                self._stop(f"{self._watch.name} is gone, the hand is open")
        elif terminated or truncated:
            self.note = "lost the object; a reset begins anew" if terminated else "the episode is over"
            if self.steering.mode == "go":
                self.steering.mode = "hold"

    def _steer(self) -> Any:
        """Let axis and wrist hold; the observation with them, which the policy decides on."""
        steering, frame = self.steering, self._task.frames[0]
        axis, left = steering.axis, steering.left(frame[:4], self.info["object_pose"])
        if left is not None:
            angle = float(np.linalg.norm(left))
            if angle < GOAL_TOLERANCE and steering.mode == "go":
                steering.mode, self.note = "hold", "the goal is reached"
            if angle > GOAL_TOLERANCE:  # nearer there is no axis to speak of
                axis = tuple((left / angle).tolist())
        turned = steering.wrist if steering.wrist != self._steered[1] else None
        wanted = None if axis is None else in_world(axis, frame[:4] if turned is None else np.array(turned))
        if (wanted, steering.wrist) != self._steered:
            self._steered = (wanted, steering.wrist)
            self._observation = self._env.unwrapped.steer(axis=wanted, wrist=turned)  # type: ignore[attr-defined]
        return self._observation

    def _action(self, observation: Any) -> FloatArray:
        mode = self.steering.mode
        if self._closing and mode == "go":
            self._closing = not self._at(START_POSE)
        if mode == "open":
            return self._towards(OPEN_POSE)
        if mode == "close" or (mode == "go" and self._closing):
            return self._towards(START_POSE)
        unseen = self.steering.goal is not None and bool(np.isnan(self.info["object_pose"]).any())
        if mode == "hold" or unseen:
            self.note = "the object is not seen: no way to the goal" if unseen and mode == "go" else self.note
            return np.zeros(NUM_JOINTS)
        action, _ = self._policy.predict(observation, deterministic=True)
        return np.asarray(action) * self.steering.speed

    def _towards(self, pose: FloatArray) -> FloatArray:
        return np.clip((pose - self.info["target"]) / self._scale, -1.0, 1.0)

    def _at(self, pose: FloatArray) -> bool:
        """Whether the targets have reached a pose."""
        return bool(np.abs(self.info["target"] - pose).max() < _REACHED)

    def _position(self) -> FloatArray:
        return self._task.state().position[0]

    def _current(self) -> FloatArray | None:
        current = self._task.state().current
        return None if current is None else current[0].copy()

    def _snapshot(self) -> Snapshot:
        steering = self.steering
        doing = f"{steering.task(str(self.info['object']))}, speed {steering.speed:.0%}"
        return episode_snapshot(
            self._task,
            self.info,
            time=self.steps * CONTROL_PERIOD,
            episode=self._episode,
            paused=self.stopped,
            task=doing,
            note=self.note,
        )


def _is_stop(heard: tuple[CommandSource, Command]) -> bool:
    return heard[1].name == "stop"
