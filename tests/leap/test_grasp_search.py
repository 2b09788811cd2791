import numpy as np
import pytest

from dexndm_gym.leap.grasp_search import SIX_WAYS, GraspSearch, find_cups, find_grasps, find_starts
from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.rotatable import primitive
from dexndm_gym.leap.starts import PALM_UP


def test_finding_is_repeatable():
    first, again = (find_starts(OBJECTS["cube"], 12, 3) for _ in range(2))
    assert set(first.rows) == {None, PALM_UP}
    for key, rows in first.rows.items():
        np.testing.assert_array_equal(rows, again.rows[key])
        assert first.held[key] == len(rows) / 12 > 0.5


def test_grasps_press_and_cups_do_not():
    rng = np.random.default_rng(0)
    grasps, cups = find_grasps(OBJECTS["duck"], 8, rng), find_cups(OBJECTS["cube"], 8, rng)
    behind = grasps[:, 16:32] - grasps[:, :16]
    assert (behind.max(axis=1) > 0.08).all()
    assert (np.linalg.norm(grasps[:, 32:35] - CUP_CENTRE, axis=1) < GraspSearch().reach).all()
    np.testing.assert_array_equal(cups[:, 16:32], np.tile(START_POSE, (len(cups), 1)))


@pytest.mark.parametrize("diameter", [0.006, 0.3])
def test_what_no_hand_can_hold_is_not_held(diameter: float):
    item = primitive("x", "sphere", (diameter, diameter, diameter), 0.05)
    assert len(find_grasps(item, 8, np.random.default_rng(0))) == 0


def test_fewer_ways_are_easier():
    item, search = OBJECTS["box_20x20x30"], GraspSearch(friction=0.3)
    found = [
        len(find_grasps(item, 16, np.random.default_rng(0), ways=ways, search=search))
        for ways in (SIX_WAYS, SIX_WAYS[5:])
    ]
    assert found[0] < found[1]
