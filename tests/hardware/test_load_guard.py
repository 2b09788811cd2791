"""Joints that push for long are eased off, whatever law their servos follow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hardware.load_guard import MEMORY, LoadGuard

LASTING = 0.4


def push(guard: LoadGuard, command: float, stiffness: float, limit: float, seconds: float) -> np.ndarray:
    """Current of joint 3 over time, A, stuck at 0.2 rad while ``command`` rad is asked for; the others draw none."""
    position, asked, drawn = np.full(16, 0.2), np.full(16, 0.2), []
    asked[3] = command
    for _ in range(round(seconds / CONTROL_PERIOD)):
        sent = guard.ease(asked, position)
        current = np.clip(stiffness * (sent - position), -limit, limit)
        guard.observe(current)
        drawn.append(current[3])
    return np.array(drawn)


@given(
    command=st.floats(-2.0, 2.0),
    stiffness=st.floats(0.5, 5.0),
    limit=st.floats(0.1, 0.8),
)
def test_load_stays_near_what_may_last(command: float, stiffness: float, limit: float) -> None:
    guard = LoadGuard(LASTING)
    drawn = push(guard, command, stiffness, limit, 60.0)
    load = 0.0
    for current in drawn:
        load += (current**2 - load) * CONTROL_PERIOD / MEMORY
        assert load < 1.21 * LASTING**2
    if np.abs(drawn).max() > LASTING:
        assert np.abs(drawn[-200:]).mean() > 0.6 * LASTING, "it is not given up"


def test_moderate_load_is_left_alone() -> None:
    guard = LoadGuard(LASTING)
    drawn = push(guard, 0.5, 1.3, 0.5, 60.0)
    np.testing.assert_allclose(drawn, 0.39)
    assert (guard.share == 1.0).all()


def test_short_peak_is_left_alone() -> None:
    guard = LoadGuard(LASTING)
    push(guard, 1.0, 3.0, 0.5, 3.0)
    assert (guard.share == 1.0).all()


def test_only_the_tired_joint_is_eased() -> None:
    guard = LoadGuard(LASTING)
    push(guard, 1.0, 3.0, 0.5, 12.0)
    assert guard.share[3] < 0.5
    assert (np.delete(guard.share, 3) == 1.0).all()
    command, position = np.linspace(0.0, 1.0, 16), np.zeros(16)
    eased = guard.ease(command, position)
    assert eased[3] == pytest.approx(guard.share[3] * command[3])
    np.testing.assert_array_equal(np.delete(eased, 3), np.delete(command, 3))


def test_rested_joint_gets_its_command_back() -> None:
    guard = LoadGuard(LASTING)
    push(guard, 1.0, 3.0, 0.5, 12.0)
    push(guard, 0.2, 3.0, 0.5, 20.0)
    assert (guard.share == 1.0).all()
