import numpy as np
import pytest

from dexndm_gym.leap.grasp_search import SIX_WAYS, GraspSearch, find_cups, find_grasps, find_starts, find_tip_grasps
from dexndm_gym.leap.grasps import CUP_CENTRE, PALM_HEIGHT, SETTLE_TIME, START_POSE
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.rotatable import primitive
from dexndm_gym.leap.scene import GRAVITY
from dexndm_gym.leap.starts import PALM_UP
from dexndm_gym.leap.trials import TIMESTEP, Trials


def test_finding_is_repeatable():
    first, again = (find_starts(OBJECTS["cube"], 12, 3) for _ in range(2))
    assert set(first.rows) == {None, PALM_UP}
    for key, rows in first.rows.items():
        np.testing.assert_array_equal(rows, again.rows[key])
    kept = {"grasped": (len(first.rows[None]), 12), "in the open hand": (len(first.rows[PALM_UP]), 12)}
    assert first.held == kept
    assert all(found > 6 for found, _ in kept.values())


def test_small_objects_are_held_by_fingertips_away_from_the_palm():
    rows = find_tip_grasps(OBJECTS["box_30x30x30"], 96, np.random.default_rng(0))
    assert len(rows) >= 3
    assert (rows[:, 34] > PALM_HEIGHT + 0.03).all()


def test_too_few_fingertip_grasps_are_topped_up():
    found = find_starts(OBJECTS["ball_40"], 12, 0)
    (by_tips, tries), (grasped, _) = found.held["by fingertips"], found.held["grasped"]
    assert (by_tips < 8, tries) == (True, 96)
    assert len(found.rows[None]) == by_tips + grasped > 0


def test_grasps_press_and_cups_do_not():
    rng = np.random.default_rng(0)
    grasps, cups = find_grasps(OBJECTS["duck"], 8, rng), find_cups(OBJECTS["cube"], 8, rng)
    behind = grasps[:, 16:32] - grasps[:, :16]
    assert (behind.max(axis=1) > 0.04).all()
    assert (np.linalg.norm(grasps[:, 32:35] - CUP_CENTRE, axis=1) < GraspSearch().reach).all()
    np.testing.assert_allclose(cups[:, 16:32], np.tile(START_POSE, (len(cups), 1)), rtol=1e-12)


@pytest.mark.parametrize("diameter", [0.003, 0.3])
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


@pytest.mark.parametrize(("name", "tries"), [("cube", 24), ("plane", 24), ("mug", 48)])
def test_nothing_is_held_with_fingers_inside_it_at_any_time(name: str, tries: int):
    rows = find_grasps(OBJECTS[name], tries, np.random.default_rng(0))
    assert len(rows) > 0
    trials = Trials(OBJECTS[name], rows[:, 39])
    for way in SIX_WAYS:
        trials.gravity[:] = GRAVITY * way
        trials.begin(rows[:, :16], rows[:, 32:39], rows[:, 16:32])
        trials.run(SETTLE_TIME)
        for _ in range(round((GraspSearch().hold_time - SETTLE_TIME) / TIMESTEP)):
            trials.run(TIMESTEP)
            assert (trials.penetration < 0.001).all()
