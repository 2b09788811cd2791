import numpy as np
import pytest

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.closing import (
    CLOSING_SPEED,
    HOLDING_SPREAD,
    HOLDING_TILT,
    OPENING,
    PRESS,
    Closing,
    draw_held_pose,
    has_slipped,
    open_for,
)
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE
from dexndm_gym.objects.catalog import OBJECTS

WEIGHT = 0.1
"""How far every joint hangs behind its command in the air, rad."""


def close(way_of_object: list[float]) -> tuple[Closing, list[FloatArray]]:
    """Close fingers that an object blocks at these shares of the way to the grasp; all commands."""
    closing, commands = Closing(CANONICAL_POSE[None]), []
    blocked = CANONICAL_POSE + (np.repeat(way_of_object, 4) - 1.0) * OPENING
    while not closing.done:
        beyond = np.sign(OPENING) * (closing.command[0] - blocked) > 0.0
        closing.advance(np.where(beyond, blocked, closing.command[0])[None] - WEIGHT)
        commands.append(closing.command[0])
        assert len(commands) < 200
    return closing, commands


def test_fingers_end_in_the_grasp_where_they_press() -> None:
    closing, commands = close([0.8, 0.8, 0.8, 0.8])
    np.testing.assert_allclose(commands[-1], CANONICAL_POSE, atol=1e-12)
    assert closing.holds.all()


def test_commands_move_no_faster_than_said() -> None:
    _, commands = close([0.8, 0.8, 0.8, 0.8])
    steps = np.abs(np.diff([open_for(CANONICAL_POSE), *commands], axis=0))
    assert steps.max() <= CLOSING_SPEED * CONTROL_PERIOD + 1e-12


def test_a_finger_that_meets_the_object_early_stops() -> None:
    _, commands = close([0.1, 0.8, 0.8, 0.8])
    early = commands[-1][:4]
    assert (
        np.abs(early - (CANONICAL_POSE[:4] + (0.1 - 1.0) * OPENING[:4])).max() < PRESS + CLOSING_SPEED * CONTROL_PERIOD
    )
    np.testing.assert_allclose(commands[-1][4:], CANONICAL_POSE[4:], atol=1e-12)


def test_fingers_close_further_on_a_small_object() -> None:
    closing, commands = close([1.5, 1.5, 1.5, 1.5])
    assert closing.holds.all()
    assert (np.sign(OPENING) * (commands[-1] - CANONICAL_POSE))[OPENING != 0.0].min() > 0.0


def test_fingers_give_up_where_there_is_nothing() -> None:
    closing, commands = close([9.0, 9.0, 9.0, 9.0])
    assert not closing.holds.any()
    assert np.abs(commands[-1] - CANONICAL_POSE).max() <= np.abs(OPENING).max() + 1e-12


def test_hands_close_independently() -> None:
    closing = Closing(np.tile(CANONICAL_POSE, (2, 1)))
    blocked = closing.command[0].copy()
    for _ in range(60):
        closing.advance(np.stack([blocked, closing.command[1]]))
    assert np.abs(closing.command[0] - blocked).max() < 2 * PRESS
    assert np.abs(closing.command[1] - blocked).max() > 2 * PRESS


def test_people_hold_objects_nearly_upright_between_the_fingertips() -> None:
    rng, tips = np.random.default_rng(0), np.array([(0.04, 0.0, 0.1)] * 3 + [(-0.04, 0.02, 0.12)])
    poses = np.array([draw_held_pose(OBJECTS["ellipsoid"], tips, rng) for _ in range(300)])
    away = np.abs(poses[:, :3] - [0.0, 0.01, 0.11])
    assert HOLDING_SPREAD * 0.8 < away.max() <= HOLDING_SPREAD
    tilt = np.arccos(1.0 - 2.0 * np.square(poses[:, 4:6]).sum(axis=1))
    assert HOLDING_TILT * 0.8 < tilt.max() <= HOLDING_TILT + 1e-9


@pytest.mark.parametrize(("moved", "slipped"), [(0.01, False), (0.05, True)])
def test_what_moved_away_has_slipped(moved: float, slipped: bool) -> None:
    held = np.array([[0.0, 0.0, 0.15, 1.0, 0.0, 0.0, 0.0]])
    now = held.copy()
    now[0, 1] += moved
    assert has_slipped(held, now).tolist() == [slipped]
