"""Episodes on a hand, steered from the page."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import gymnasium
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rollout import EpisodeFaultError, Policy, Step, roll_out
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.viewer.controls import ControlEvent
from dexndm_gym.viewer.snapshot import Snapshot

_IDLE = 0.05
"""Time between two looks at the controls while nothing moves, s."""
_LOOK_AT_THE_END = 1.0
"""How long the end of an episode is shown before the next one begins, s."""
_TEMPERATURE_PERIOD = 100
"""Control steps between two readings of temperatures."""


class Source(Protocol):
    """What is shown: a hand that moves, or a recording of one."""

    def handle(self, event: ControlEvent) -> None:
        """Do what somebody asks for with a control."""
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
    ) -> None:
        """Begin with the first call of ``advance``.

        Args:
            env: one hand, of either id.
            policies: to choose from by name; the first acts until another is chosen.
            options: of the first reset.
            seed: of the first episode.
            repeats: begin anew by itself when an episode is over; otherwise somebody has to ask for it.
            real_time: the env keeps a clock of its own, and its hand has to be told what to do all the time.
        """
        self._env, self._policies, self._options, self._seed = env, policies, dict(options), seed
        self._policy = next(iter(policies.values()))
        self._task, self._backend = env.unwrapped.task, env.unwrapped.backend  # type: ignore[attr-defined]
        self._repeats, self._real_time = repeats, real_time
        self._playing: Iterator[Step] | None = None
        self._info: Mapping[str, Any] = {}
        self._temperature = np.full(16, np.nan)
        self._episode = self._steps = 0
        self._speed, self._paused, self._over = 1.0, False, True
        self._note, self._due, self._ended_at = "", time.monotonic(), -math.inf

    def handle(self, event: ControlEvent) -> None:
        """Do what somebody asks for with a control."""
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
        if hasattr(self._backend, "release_stop"):
            self._backend.release_stop()
        seed = self._seed if self._playing is None else None
        self._playing = roll_out(self, self._env, seed=seed, options=self._options)
        self._info = next(self._playing).info
        self._episode, self._steps, self._over, self._note = self._episode + 1, 0, False, ""
        self._read_temperature()
        self._due = time.monotonic()

    def _step(self, playing: Iterator[Step]) -> None:
        """One control step."""
        self._steps += 1
        try:
            step = next(playing)
        except EpisodeFaultError as error:
            self._over, self._repeats, self._note = True, False, str(error)
        else:
            self._info, self._over = step.info, not step.goes_on
            self._note = "lost the object" if step.terminated else ""
            if self._steps % _TEMPERATURE_PERIOD == 0:
                self._read_temperature()
        self._ended_at = time.monotonic() if self._over else self._ended_at

    def _wait_for_the_next(self) -> None:
        if self._repeats and time.monotonic() - self._ended_at > _LOOK_AT_THE_END:
            self._reset()
            return
        if not self._repeats and not self._note:
            self._note = "the episode is over; Reset begins the next"
        time.sleep(_IDLE)

    def _stop(self) -> None:
        """Switch the torque off; nothing moves until somebody asks for a reset."""
        if hasattr(self._backend, "relax"):
            self._backend.relax()
        self._over, self._repeats, self._note = True, False, "stopped, torque off; Reset begins anew"

    def _keep_time(self) -> None:
        if self._real_time:
            return
        self._due = max(self._due + CONTROL_PERIOD / self._speed, time.monotonic() - CONTROL_PERIOD)
        time.sleep(max(self._due - time.monotonic(), 0.0))

    def _read_temperature(self) -> None:
        if hasattr(self._backend, "temperature"):
            self._temperature = np.asarray(self._backend.temperature(), dtype=np.float64)

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
