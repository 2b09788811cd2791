"""Episodes on a hand, steered from the page."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import gymnasium
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rollout import EpisodeFaultError, Policy, Step, roll_out
from dexndm_gym.errors import HardwareError
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.viewer.controls import ControlEvent
from dexndm_gym.viewer.hearing import drop_before_stop, hearing, switch_off
from dexndm_gym.viewer.snapshot import Snapshot

_IDLE = 0.05
"""Time between two looks at the controls while nothing moves, s."""
_LOOK_AT_THE_END = 1.0
"""How long the end of an episode is shown before the next one begins, s."""
_TEMPERATURE_PERIOD = 100
"""Control steps between two readings of temperatures."""
_STOPPED = "Stop was pressed on the page"


class Source(Protocol):
    """What is shown: a hand that moves, or a recording of one."""

    def handle(self, *events: ControlEvent) -> None:
        """Do what somebody asks for with controls, the oldest first."""
        ...

    def advance(self) -> Snapshot:
        """Let the next moment come, which takes its time; that moment."""
        ...


class LiveEpisodes:
    """Plays episodes with a policy; what is asked for on the page holds from the next reset on, which comes at once."""

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        policies: Mapping[str, Policy],
        *,
        options: Mapping[str, Any],
        seed: int = 0,
        repeats: bool = True,
        real_time: bool = False,
        events: Callable[[], Iterable[ControlEvent]] = tuple,
    ) -> None:
        """Begin with the first call of ``advance``.

        Args:
            env: one hand, of either id.
            policies: to choose from by name; the first acts until another is chosen.
            options: of the first reset.
            seed: of the first episode.
            repeats: begin anew by itself when an episode is over; otherwise somebody has to ask for it.
            real_time: the env keeps a clock of its own, and its hand has to be told what to do all the time.
            events: what is asked for while an episode begins, which takes a hand with servos seconds: a stop is heard.
        """
        self._env, self._policies, self._options, self._seed = env, policies, dict(options), seed
        self._policy = next(iter(policies.values()))
        self._task, self._backend = env.unwrapped.task, env.unwrapped.backend  # type: ignore[attr-defined]
        self._repeats, self._real_time, self._events = repeats, real_time, events
        self._asked: list[ControlEvent] = []
        self._playing: Iterator[Step] | None = None
        self._info: Mapping[str, Any] = {}
        self._temperature = np.full(16, np.nan)
        self._episode = self._steps = 0
        self._speed, self._paused, self._over, self._halted = 1.0, False, True, False
        self._note, self._due, self._ended_at = "", time.monotonic(), -math.inf

    def handle(self, *events: ControlEvent) -> None:
        """Do what somebody asks for with controls, the oldest first; nothing before a stop counts."""
        self._asked += events
        while self._asked:
            drop_before_stop(self._asked, _is_stop)
            self._handle(self._asked.pop(0))

    def _handle(self, event: ControlEvent) -> None:
        if event.name in ("object", "wrist", "axis"):
            self._options[event.name] = event.value
        elif event.name == "policy":
            self._policy = self._policies[event.value]
        if event.name in ("object", "wrist", "axis", "policy", "reset"):
            self._over, self._ended_at, self._paused = True, -math.inf, False
            self._reset()
        elif event.name == "pause":
            self._paused = not self._paused
        elif event.name == "speed":
            self._speed = float(event.value)
        elif event.name == "stop":
            self._stop()

    def advance(self) -> Snapshot:
        """Play one control step, or wait a moment where nothing moves; what there is to see then."""
        self.handle()  # what was asked for while an episode began
        if self._playing is None:
            self._reset()
        elif self._over:
            self._wait_for_the_next()
        elif self._paused and not self._real_time:
            time.sleep(_IDLE)
        else:
            self._step(self._playing)
            self._keep_time()
        return self._snapshot()

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, Any]:
        """What the chosen policy does; a hand that cannot be halted holds its targets while it is paused."""
        if self._paused:
            return np.zeros(self._env.action_space.shape or (), dtype=np.float32), None
        return self._policy.predict(observation, deterministic=deterministic)

    def _reset(self) -> None:
        """Begin an episode; a stop is heard while it begins."""
        if self._halted and hasattr(self._backend, "release_stop"):  # a stop that nobody has seen yet stays
            self._backend.release_stop()
        first = self._playing is None
        playing = roll_out(self, self._env, seed=self._seed if first else None, options=self._options)
        try:
            with hearing(self._stop_if_asked, self._backend):
                self._info = next(playing).info
        except HardwareError as error:
            if first:
                raise  # there is nothing to show yet
            self._halt(str(error))
            return
        self._playing, self._halted = playing, False
        self._episode, self._steps, self._over, self._note = self._episode + 1, 0, False, ""
        self._read_temperature()
        self._due = time.monotonic()

    def _stop_if_asked(self) -> None:
        """Hear the stop of the page; what else is asked for waits."""
        events = list(self._events())
        self._asked += events
        if any(map(_is_stop, events)):
            switch_off(self._backend, _STOPPED)

    def _step(self, playing: Iterator[Step]) -> None:
        """One control step."""
        self._steps += 1
        try:
            step = next(playing)
        except EpisodeFaultError as error:
            self._halt(str(error))
        else:
            self._info, self._over = step.info, not step.goes_on
            self._note = "lost the object" if step.terminated else ""
            if self._steps % _TEMPERATURE_PERIOD == 0:
                self._read_temperature()
        self._ended_at = time.monotonic() if self._over else self._ended_at

    def _wait_for_the_next(self) -> None:
        if self._repeats and not self._halted and time.monotonic() - self._ended_at > _LOOK_AT_THE_END:
            self._reset()
            return
        if not self._repeats and not self._note:
            self._note = "the episode is over; Reset begins the next"
        time.sleep(_IDLE)

    def _stop(self) -> None:
        """Switch the torque off; nothing moves until somebody asks for a reset."""
        switch_off(self._backend, _STOPPED)
        self._halt("stopped, torque off; Reset begins anew")

    def _halt(self, note: str) -> None:
        """Let nothing move until somebody asks for a reset."""
        self._over, self._halted, self._note = True, True, note

    def _keep_time(self) -> None:
        if self._real_time:
            return
        self._due = max(self._due + CONTROL_PERIOD / self._speed, time.monotonic() - CONTROL_PERIOD)
        time.sleep(max(self._due - time.monotonic(), 0.0))

    def _read_temperature(self) -> None:
        if hasattr(self._backend, "temperature"):
            try:
                self._temperature = np.asarray(self._backend.temperature(), dtype=np.float64)
            except HardwareError as error:
                self._halt(str(error))

    def _snapshot(self) -> Snapshot:
        return episode_snapshot(
            self._task,
            self._info,
            time=self._steps * CONTROL_PERIOD,
            temperature=self._temperature,
            episode=self._episode,
            paused=self._paused,
            note=self._note,
        )


def _is_stop(event: ControlEvent) -> bool:
    return event.name == "stop"


def episode_snapshot(task: Any, info: Mapping[str, Any], /, **more: Any) -> Snapshot:
    """A moment of an episode.

    Args:
        task: the ``RotationTask`` that is played.
        info: what the latest reset or step said.
        **more: what neither knows: fields of ``Snapshot``.
    """
    state = task.state()
    return Snapshot(
        position=state.position[0],
        target=info["target"],
        command=info["command"],
        object=str(info["object"]),
        object_pose=info["object_pose"],
        wrist=task.frames[0, :4],
        axis=task.frames[0, 4:],
        rotation=float(info["rotation"]),
        current=_first(state.current),
        load=_first(state.torque) / SIM_SERVO.torque_limit,
        **more,
    )


def _first(values: FloatArray | None) -> FloatArray:
    return np.full(16, np.nan) if values is None else values[0]
