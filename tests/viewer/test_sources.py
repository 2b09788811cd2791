"""Hands and recordings as pages show and steer them."""

import math
import threading
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.arrays import FloatArray
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import BusTimeoutError, StopRequestedError
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.viewer import live, replay
from dexndm_gym.viewer.controls import ControlEvent
from dexndm_gym.viewer.live import LiveEpisodes
from dexndm_gym.viewer.replay import Replay


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(live, "time", made)
    monkeypatch.setattr(replay, "time", made)
    return made


class Hold:
    """Holds the targets."""

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        return np.zeros(16, dtype=np.float32), None


@pytest.fixture
def env() -> Iterator[gymnasium.Env[Any, Any]]:
    made = gymnasium.make("LeapRotate-Sim-v0", config=TaskConfig(episode_steps=10))
    yield made
    made.close()


def make(env: gymnasium.Env[Any, Any], wiggle: Any, **options: Any) -> LiveEpisodes:
    first = {"object": "cube", "wrist": "palm_up", "axis": "+z"}
    return LiveEpisodes(env, {"wiggle": wiggle, "hold": Hold()}, options=first, **options)


def test_controls_change_the_episode(env: gymnasium.Env[Any, Any], wiggle: Any, clock: Clock) -> None:
    episodes = make(env, wiggle)
    first = episodes.advance()
    assert (first.object, first.episode, first.time) == ("cube", 1, 0.0)
    assert episodes.advance().time == pytest.approx(0.05)
    for name, value in (("object", "cylinder"), ("wrist", "palm_down"), ("axis", "-z"), ("policy", "hold")):
        episodes.handle(ControlEvent(name=name, value=value))
    shown = episodes.advance()
    assert (shown.object, shown.episode, shown.axis.tolist()) == ("cylinder", 5, [0.0, 0.0, -1.0])
    np.testing.assert_allclose(shown.wrist, [0.0, 1.0, 0.0, 0.0])
    before = shown.target
    np.testing.assert_array_equal(episodes.advance().target, before)
    assert np.isfinite(shown.load).all()
    assert np.isnan(shown.temperature).all()


def test_time_stands_still_or_passes_slowly(env: gymnasium.Env[Any, Any], wiggle: Any, clock: Clock) -> None:
    episodes = make(env, wiggle)
    episodes.advance()
    began = clock.now
    for _ in range(4):
        episodes.advance()
    assert clock.now - began == pytest.approx(0.2)
    episodes.handle(ControlEvent(name="speed", value=0.25))
    began = clock.now
    episodes.advance()
    assert clock.now - began == pytest.approx(0.2)
    episodes.handle(ControlEvent(name="pause"))
    held = episodes.advance()
    assert held.paused
    assert held.time == pytest.approx(0.25)
    episodes.handle(ControlEvent(name="pause"))
    episodes.handle(ControlEvent(name="speed", value=math.inf))
    began = clock.now
    assert episodes.advance().time == pytest.approx(0.3)
    assert clock.now == began


def test_the_next_episode_begins_when_the_end_was_seen(env: gymnasium.Env[Any, Any], wiggle: Any, clock: Clock) -> None:
    episodes, by_hand = make(env, wiggle), make(env, wiggle, repeats=False)
    assert max(episodes.advance().episode for _ in range(20)) == 1
    assert max(episodes.advance().episode for _ in range(20)) == 2
    shown = [by_hand.advance() for _ in range(60)][-1]
    assert shown.episode == 1
    assert "Reset" in shown.note
    by_hand.handle(ControlEvent(name="reset"))
    assert by_hand.advance().episode == 2


class TorqueOff:
    """A backend with torque, that notes when it is switched off."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.relaxed = inner, 0

    def relax(self) -> None:
        self.relaxed += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_stop_switches_the_torque_off_until_reset(env: gymnasium.Env[Any, Any], wiggle: Any, clock: Clock) -> None:
    episodes = make(env, wiggle)
    backend = episodes._backend = TorqueOff(episodes._backend)
    episodes.advance()
    episodes.handle(ControlEvent(name="stop"))
    shown = [episodes.advance() for _ in range(40)][-1]
    assert (backend.relaxed, shown.episode, shown.time) == (1, 1, 0.0)
    assert "torque off" in shown.note
    episodes.handle(ControlEvent(name="reset"))
    assert episodes.advance().note == ""


def test_a_hand_that_fails_to_say_how_warm_it_is_halts(env: gymnasium.Env[Any, Any], wiggle: Any, clock: Clock) -> None:
    episodes = make(env, wiggle)
    backend = episodes._backend = TorqueOff(episodes._backend)
    backend.warm = lambda: np.full(16, 30.0)
    backend.temperature = lambda: backend.warm()
    assert episodes.advance().temperature[0] == 30.0

    def silent() -> Any:
        raise BusTimeoutError("servo 3 does not answer")

    backend.warm = silent
    episodes.handle(ControlEvent(name="reset"))
    shown = [episodes.advance() for _ in range(40)][-1]
    assert ("servo 3" in shown.note, shown.time) == (True, 0.0), "nothing moves"
    backend.warm = lambda: np.full(16, 31.0)
    episodes.handle(ControlEvent(name="reset"))
    assert episodes.advance().note == ""


class SlowToBegin(TorqueOff):
    """A backend that can be stopped, for which its second reset waits."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.resets, self.reason, self.torque = 0, "", False
        self.stopped = threading.Event()

    def stop(self, reason: str) -> None:
        self.reason, self.torque = reason, False
        self.stopped.set()

    def release_stop(self) -> None:
        self.reason = ""
        self.stopped.clear()

    def reset(self, *arguments: Any) -> Any:
        self.resets, self.torque = self.resets + 1, True
        if self.resets == 2:
            assert self.stopped.wait(30.0), "the stop is heard while the episode begins"
            raise StopRequestedError(self.reason)
        return self.inner.reset(*arguments)


def test_a_stop_is_heard_while_an_episode_begins(env: gymnasium.Env[Any, Any], wiggle: Any, clock: Clock) -> None:
    said = [[ControlEvent(name="reset"), ControlEvent(name="stop")]]
    episodes = make(env, wiggle, events=lambda: said.pop() if said and backend.resets > 1 else ())
    backend = SlowToBegin(env.unwrapped.backend)  # type: ignore[attr-defined]
    episodes._backend = episodes._task.backend = backend
    episodes.advance()
    episodes.handle(ControlEvent(name="reset"))
    shown = [episodes.advance() for _ in range(40)][-1]
    assert (backend.resets, backend.torque, shown.episode) == (2, False, 1), "the older reset does not release it"
    assert "torque off" in shown.note


def test_recordings_play_and_are_scrubbed_through(clock: Clock) -> None:
    def ramp(length: int, **more: Any) -> Trajectory:
        position: FloatArray = np.repeat(0.01 * np.arange(length + 1.0)[:, None], 16, axis=1)
        return Trajectory(position, position[1:] + 0.005, {"mode": "policy", "object": "cube"}, **more)

    poses = np.tile([0.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0], (5, 1))
    player = Replay([ramp(20), ramp(4, object_pose=poses, current=np.full((5, 16), 0.2))])
    began = clock.now
    assert [round(player.advance().time, 3) for _ in range(3)] == [0.0, 0.05, 0.1]
    assert clock.now - began == pytest.approx(0.15)
    player.handle(ControlEvent(name="pause"))
    player.handle(ControlEvent(name="seek", value=0.73))
    shown = player.advance()
    assert (shown.time, shown.position[0]) == (pytest.approx(0.75), pytest.approx(0.15))
    assert np.isnan(shown.object_pose).all()
    player.handle(ControlEvent(name="seek", value=1e6))
    assert player.advance().time == pytest.approx(1.0)
    player.handle(ControlEvent(name="trajectory", value=7))
    shown = player.advance()
    assert (shown.episode, shown.object, shown.current[0]) == (1, "cube", 0.2)
    np.testing.assert_array_equal(shown.object_pose, poses[0])
    player.handle(ControlEvent(name="pause"))
    assert {player.advance().episode for _ in range(8)} == {0, 1}, "after the last comes the first"
