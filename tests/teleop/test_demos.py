"""Scripted teleoperations say what came of them."""

from typing import Any

import numpy as np
import pytest

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
