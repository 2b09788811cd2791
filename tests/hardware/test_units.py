import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexndm_gym.hardware.units import (
    RAD_PER_TICK,
    ampere_from_units,
    rad_from_ticks,
    rad_per_second_from_units,
    ticks_from_rad,
)


def test_flat_hand_is_the_middle_of_the_encoder() -> None:
    assert rad_from_ticks(2048) == 0.0
    assert ticks_from_rad(0.0) == 2048


def test_quarter_turn_is_1024_ticks_upwards() -> None:
    assert rad_from_ticks([1024, 3072]) == pytest.approx([-np.pi / 2, np.pi / 2])


@given(st.integers(-1_048_575, 1_048_575))
def test_ticks_survive_the_way_to_angles_and_back(tick: int) -> None:
    assert ticks_from_rad(rad_from_ticks(tick)) == tick


@given(st.floats(-10.0, 10.0))
def test_goals_are_rounded_to_the_nearest_tick(angle: float) -> None:
    assert abs(rad_from_ticks(ticks_from_rad(angle)) - angle) <= RAD_PER_TICK / 2 + 1e-12


def test_velocity_and_current_units() -> None:
    assert rad_per_second_from_units(-100) == pytest.approx(-22.9 * 2 * np.pi / 60)
    assert ampere_from_units([500, -1]) == pytest.approx([0.5, -0.001])
