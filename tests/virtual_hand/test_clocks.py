"""When time passes."""

import pytest

from dexndm_gym.virtual_hand.clocks import LockStepClock, RealTimeClock
from dexndm_gym.virtual_hand.servo_chain import ServoChain


class Wall:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_lock_step_moves_only_with_goals(physics, chain: ServoChain) -> None:
    clock = LockStepClock(chain)
    clock.catch_up()
    clock.occupy_line(1.0)
    assert chain.time == 0
    clock.goals_written()
    clock.goals_written()
    assert physics.advanced == [0.05, 0.05]


def test_real_time_follows_the_wall(physics, chain: ServoChain) -> None:
    wall = Wall()
    clock = RealTimeClock(chain, wall, wall.sleep)
    clock.goals_written()
    assert physics.advanced == []
    for _ in range(10):
        clock.occupy_line(0.0071)
        clock.catch_up()
        assert 0 <= wall.time - 100 - chain.time < 0.005
    assert physics.advanced == pytest.approx([0.005] * len(physics.advanced))


def test_answer_takes_its_time_on_the_line(physics, chain: ServoChain) -> None:
    wall = Wall()
    clock = RealTimeClock(chain, wall, wall.sleep)
    clock.catch_up()
    wall.sleep(0.001)  # what the reply takes to compute
    clock.occupy_line(0.0015)
    assert wall.time == pytest.approx(100.0015)
    clock.occupy_line(0.0005)  # a second request came while the first was on the line
    assert wall.time == pytest.approx(100.0020)
    wall.sleep(1.0)
    clock.catch_up()
    clock.occupy_line(0.0005)
    assert wall.time == pytest.approx(101.0025), "a line that was idle saves no time"


def test_a_slow_physics_loses_motion_but_not_time(physics, chain: ServoChain, caplog) -> None:
    wall = Wall()
    clock = RealTimeClock(chain, wall, wall.sleep)
    wall.sleep(2.0)
    clock.catch_up()
    assert sum(physics.advanced) == pytest.approx(0.1, abs=0.006)
    assert chain.time == pytest.approx(2.0, abs=0.006)
    wall.sleep(2.0)
    clock.catch_up()
    assert caplog.text.count("falls behind real time") == 1, "it is said once"


def test_watchdog_runs_in_real_time(physics, chain: ServoChain) -> None:
    wall = Wall()
    clock = RealTimeClock(chain, wall, wall.sleep)
    for device in chain.devices:
        device["torque_enable"], device["bus_watchdog"] = 1, 5
    for _ in range(19):
        wall.sleep(0.005)
        clock.catch_up()
    assert chain.devices[0]["bus_watchdog"] == 5
    wall.sleep(0.02)
    clock.catch_up()
    assert chain.devices[0]["bus_watchdog"] == -1
