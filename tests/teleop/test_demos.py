"""Scripted teleoperations say what came of them."""

from typing import Any

import numpy as np
import pytest

from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import StopRequestedError
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.teleop.demos import DemoConfig, reach_goals, turn_bulb

SHORT = DemoConfig(part_seconds=1.0, pause_seconds=0.2, goal_seconds=4.0)


def test_goals_count_when_they_are_reached(env: Any, nudge: Any) -> None:
    # The object turns about z by 0.6 rad/s, whatever the hand does.
    near, far = reach_goals(env, nudge, goals=[("+z", 0.5 * np.pi), ("-z", 0.5 * np.pi)], config=SHORT)
    assert (near.success, near.seconds) == (True, pytest.approx((np.pi / 2 - 0.1 * np.pi) / 0.6, abs=0.15))
    assert (far.success, far.seconds, far.lost) == (False, 4.0, False)
    assert far.angle_left == pytest.approx(np.pi / 2)


def test_the_bulb_is_turned_about_three_axes(env: Any, nudge: Any) -> None:
    parts = turn_bulb(env, nudge, config=SHORT)
    np.testing.assert_allclose([part.rotation for part in parts], [0.72, 0.0, -0.72], atol=0.04)
    assert [part.success for part in parts] == [True, False, False]
    assert sorted({tuple(axis) for axis in nudge.axes}) == [(0, -1, 0), (0, 0, -1), (0, 0, 1)]


class Stoppable(WeakServos):
    """Servos that stay where they are once they are stopped, as those of a hand."""

    def __init__(self) -> None:
        super().__init__()
        self.reason, self.released = "", 0

    def stop(self, reason: str) -> None:
        self.torque, self.reason = False, reason

    def release_stop(self) -> None:
        self.reason, self.released = "", self.released + 1

    def reset(self, *arguments: Any) -> Any:
        self._refuse()
        return super().reset(*arguments)

    def step(self, command: Any) -> None:
        self._refuse()
        super().step(command)

    def _refuse(self) -> None:
        if self.reason:
            raise StopRequestedError(self.reason)


@pytest.mark.parametrize("between", [False, True])
def test_no_goal_is_begun_after_an_emergency_stop(nudge: Any, between: bool) -> None:
    hand = Stoppable()
    env, parts = LeapRotateEnv(hand, config=TaskConfig(episode_steps=100_000)), []

    class Stopping:
        def predict(self, observation: Any, *, deterministic: bool = True) -> Any:
            if len(hand.commands) == 5 and not between:
                hand.stop("a key was pressed")
            return nudge.predict(observation)

    for part in reach_goals(env, Stopping(), goals=[("+z", 0.5 * np.pi), ("-z", 0.5 * np.pi)] * 2, config=SHORT):
        parts.append(part)
        if between:
            hand.stop("a key was pressed")
    assert len(parts) == (2 if between else 1)
    assert (parts[-1].success, parts[-1].lost) == (False, False), "stopped is not lost"
    assert (hand.torque, hand.released) == (False, 0)


def test_a_lost_object_ends_the_bulb(env: Any, nudge: Any, hand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = hand.state

    def thrown() -> Any:
        state = inner()
        if len(hand.commands) > 30:
            state.object_pose[:, 2] += 1.0
        return state

    monkeypatch.setattr(hand, "state", thrown)
    parts = turn_bulb(env, nudge, config=SHORT)
    assert [part.lost for part in parts] == [False, True]
