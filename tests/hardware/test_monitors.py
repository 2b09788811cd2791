"""What a series of readings gives away."""

import numpy as np
import pytest

from dexndm_gym.errors import BusProtocolError, SafetyError
from dexndm_gym.hardware.monitors import ClockMonitor, StallMonitor


def clocks(*times: int) -> np.ndarray:
    return np.resize(np.array(times, dtype=np.int64), 16)


def test_running_clocks_are_fine_when_they_wrap() -> None:
    monitor = ClockMonitor()
    for time in (0, 50, 32_740, 22, 75):
        if time == 32_740:
            monitor.forget()
        monitor.check(clocks(time))


def test_an_old_reading_is_noticed() -> None:
    monitor = ClockMonitor()
    monitor.check(clocks(100, 105))
    with pytest.raises(BusProtocolError, match="same reading"):
        monitor.check(clocks(100, 105))


def test_restarts_are_noticed() -> None:
    monitor = ClockMonitor()
    monitor.check(clocks(20_000))
    one = clocks(20_050)
    one[5] = 30
    with pytest.raises(SafetyError, match=r"5 \(mf_mcp\)\. Did"):
        monitor.check(one)
    monitor.forget()
    monitor.check(clocks(20_000))
    with pytest.raises(SafetyError, match=r"0 \(if_rot\).* 15 "):
        monitor.check(clocks(30))


def test_stuck_joint_is_noticed_and_slow_is_not() -> None:
    monitor, position, goal = StallMonitor(0.5, 10), np.zeros(16), np.zeros(16)
    goal[3], goal[4] = 1.0, 1.0
    for step in range(10):
        position[4] = 0.02 * step
        monitor.check(position, goal)
    with pytest.raises(SafetyError, match=r"without moving: 3 \(if_dip\)\."):
        monitor.check(position, goal)
    monitor.forget()
    goal[3] = 0.4
    for _ in range(30):
        monitor.check(position, np.where(np.arange(16) == 3, goal, position))


def test_immovable_joint_is_noticed_at_once() -> None:
    monitor, position, goal = StallMonitor(0.5, 1000), np.zeros(16), np.zeros(16)
    for _ in range(20):  # something is in its way
        goal[3] = 0.3
        monitor.check(position, goal)
        goal[3] = -0.1
        monitor.check(position, goal)
    goal[3] = -0.3
    for _ in range(2):
        monitor.check(position, goal)
    with pytest.raises(SafetyError, match=r"without moving: 3 \(if_dip\)\."):
        monitor.check(position, goal)


def test_oscillating_joint_is_not_stuck() -> None:
    monitor, position, goal = StallMonitor(0.5, 1000), np.zeros(16), np.zeros(16)
    for step in range(40):
        goal[3] = 0.3 if step // 5 % 2 else -0.3
        position[3] += 0.1 * (goal[3] - position[3])
        monitor.check(position, goal)
