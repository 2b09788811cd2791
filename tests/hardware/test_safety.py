import gc
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dexndm_gym.errors import SafetyError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hardware.driver import DriverConfig
from dexndm_gym.hardware.safety import LIMIT_TOLERANCE, TorqueGuard, check_plausible, limit_command

angles = arrays(np.float64, 16, elements=st.floats(-100.0, 100.0))


class Owner:
    pass


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@given(target=angles, previous=angles, max_step=st.floats(0.001, 1.0))
def test_targets_stay_within_limits_and_rate(target: np.ndarray, previous: np.ndarray, max_step: float) -> None:
    previous = np.clip(previous, LOWER_LIMITS, UPPER_LIMITS)
    sent = limit_command(target, previous, max_step)
    assert (sent >= LOWER_LIMITS).all()
    assert (sent <= UPPER_LIMITS).all()
    assert (np.abs(sent - previous) <= max_step + 1e-12).all()


def test_a_target_that_is_fine_is_left_alone() -> None:
    np.testing.assert_array_equal(limit_command(START_POSE, START_POSE + 0.1, 0.2), START_POSE)


def test_commands_change_by_a_quarter_radian_by_default() -> None:
    middle = (LOWER_LIMITS + UPPER_LIMITS) / 2
    for away in (0.6, -0.6):
        sent = limit_command(middle + away, middle, DriverConfig().max_command_step)
        np.testing.assert_allclose(sent, middle + np.sign(away) * 0.25)


@pytest.mark.parametrize(
    "wrong", [np.full(16, np.nan), np.full(16, np.inf), np.zeros(15), np.zeros(17), np.zeros((1, 16))]
)
def test_targets_that_are_none(wrong: np.ndarray) -> None:
    with pytest.raises(SafetyError, match="16 finite angles"):
        limit_command(wrong, START_POSE, 0.1)


@pytest.mark.parametrize("joint", range(16))
@pytest.mark.parametrize(("limits", "away"), [(LOWER_LIMITS, -LIMIT_TOLERANCE), (UPPER_LIMITS, LIMIT_TOLERANCE)])
def test_every_joint_is_checked_at_both_limits(limits: np.ndarray, away: float, joint: int) -> None:
    position = START_POSE.copy()
    position[joint] = limits[joint] + 0.9 * away
    check_plausible(position)
    position[joint] = limits[joint] + 1.1 * away
    with pytest.raises(SafetyError, match=rf"Joint {joint} .* reads {position[joint]:.2f} rad"):
        check_plausible(position)


def test_all_joints_may_be_a_little_beyond() -> None:
    check_plausible(UPPER_LIMITS + 0.9 * LIMIT_TOLERANCE)


def test_message_names_joint_and_angle() -> None:
    beyond = UPPER_LIMITS.copy()
    beyond[14] += 1.1 * LIMIT_TOLERANCE
    with pytest.raises(SafetyError, match=r"Joint 14 \(th_mcp\) reads 2\.45 rad"):
        check_plausible(beyond)
    beyond[14] = np.nan
    with pytest.raises(SafetyError, match="th_mcp"):
        check_plausible(beyond)


def test_guard_switches_off_exactly_once() -> None:
    owner, calls = Owner(), []
    guard = TorqueGuard(owner, lambda: calls.append(1))
    guard.release()
    guard.release()
    del owner
    gc.collect()
    assert calls == [1]


def test_guard_outlives_its_owner_just_long_enough() -> None:
    owner, calls = Owner(), []
    guard = TorqueGuard(owner, lambda: calls.append(1))
    del owner
    gc.collect()
    assert calls == [1]
    guard.release()
    assert calls == [1]


def test_signals_become_exits_while_torque_is_on() -> None:
    owners = Owner(), Owner()
    guards = [TorqueGuard(owner, lambda: None) for owner in owners]
    with pytest.raises(SystemExit, match="143"):
        signal.raise_signal(signal.SIGTERM)
    guards[0].release()
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    guards[1].release()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_the_programs_own_handlers_are_respected() -> None:
    received = []

    def handler(number: int, _frame: object) -> None:
        received.append(number)

    signal.signal(signal.SIGTERM, handler)
    owner = Owner()
    guard = TorqueGuard(owner, lambda: None)
    signal.raise_signal(signal.SIGTERM)
    guard.release()
    assert signal.getsignal(signal.SIGTERM) is handler
    assert received == [signal.SIGTERM]
