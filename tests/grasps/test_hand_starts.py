import numpy as np
import pytest

from dexndm_gym.constants import GRAVITY
from dexndm_gym.grasps.hand_starts import HandStarts, hand_starts, is_free
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, START_POSE
from dexndm_gym.grasps.start_states import load_starts
from dexndm_gym.objects.scene import Scene

PALM_DOWN = (0.0, 0.0, GRAVITY)


def draw(starts: HandStarts, **scene) -> np.ndarray | None:
    return starts.draw(Scene(**scene), np.random.default_rng(0))


def test_palm_up_objects_lie_in_the_open_hand() -> None:
    assert draw(HandStarts(), object="cube") is None
    assert draw(HandStarts(), object="unknown.obj") is None
    np.testing.assert_array_equal(HandStarts().empty_pose, START_POSE)


def test_in_other_wrists_commands_are_those_of_simulation() -> None:
    grasp = draw(HandStarts(), object="cube", gravity=PALM_DOWN)
    rows = next(rows for direction, rows in load_starts().of_object("cube") if direction is None)
    assert grasp is not None
    assert (np.abs(rows[:, 16:32] - grasp).max(axis=1) == 0.0).any()


def test_grasps_are_for_palm_up_too() -> None:
    starts = hand_starts("grasps")
    assert draw(starts, object="cube") is not None
    np.testing.assert_array_equal(starts.empty_pose, CANONICAL_POSE)


@pytest.mark.parametrize("starts", [HandStarts(), hand_starts("grasps")])
def test_unknown_objects_are_grasped_in_the_canonical_pose(starts: HandStarts) -> None:
    np.testing.assert_array_equal(draw(starts, object="unknown.obj", gravity=PALM_DOWN), CANONICAL_POSE)


def test_fingers_of_drawn_grasps_keep_clear_of_each_other() -> None:
    rows = next(rows for direction, rows in load_starts().of_object("cylinder_25x24") if direction is None)
    assert not all(is_free(grasp) for grasp in rows[:, 16:32])
    scene, rng = Scene(object="cylinder_25x24", gravity=PALM_DOWN), np.random.default_rng(0)
    drawn = [HandStarts().draw(scene, rng) for _ in range(50)]
    assert all(grasp is not None and is_free(grasp) for grasp in drawn)
