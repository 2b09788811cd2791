import numpy as np
import pytest

from dexndm_gym.constants import GRAVITY, PHYSICS_TIMESTEP
from dexndm_gym.grasps.grasp_batch import GraspBatch
from dexndm_gym.grasps.grasp_search import (
    GRAVITY_DIRECTIONS,
    GraspSearch,
    find_fingertip_grasps,
    find_palm_rests,
    find_power_grasps,
    find_starts,
    grasp_kinds,
)
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, FINGERTIP_CENTER, PALM_REST_CENTER, SETTLE_TIME, START_POSE
from dexndm_gym.grasps.start_states import PALM_UP
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.objects.object_model import primitive


def test_finding_is_repeatable():
    first, again = (find_starts(OBJECTS["cube"], 12, 3) for _ in range(2))
    assert set(first.rows) == {None, PALM_UP}
    for key, rows in first.rows.items():
        np.testing.assert_array_equal(rows, again.rows[key])
    by_fingertips, tries = first.held["by fingertips"]
    assert (by_fingertips, first.held["in the open hand"]) == (len(first.rows[None]), (len(first.rows[PALM_UP]), 12))
    assert by_fingertips >= 16
    assert by_fingertips > 0.3 * tries
    assert "in the fist" not in first.held


@pytest.mark.parametrize("name", ["cube", "box_30x30x30", "box_30x30x160"])
def test_fingertip_grasps_hold_between_thumb_and_fingers(name: str):
    rows = find_fingertip_grasps(OBJECTS[name], 96, np.random.default_rng(0), close=True)
    assert len(rows) >= 3
    np.testing.assert_allclose(rows[:, 32:35], np.tile(FINGERTIP_CENTER, (len(rows), 1)), atol=0.05)
    assert np.abs(rows[:, :16] - CANONICAL_POSE).mean() < 0.35
    kinds = grasp_kinds(OBJECTS[name], rows)
    assert sum(kinds.values()) == len(rows)
    assert kinds["fingertips"] >= 0.5 * len(rows)
    assert kinds["fist"] == 0


def test_wide_objects_press_fingers_apart_without_closing():
    rows = find_fingertip_grasps(OBJECTS["cube"], 96, np.random.default_rng(0))
    assert len(rows) >= 3
    assert np.abs(rows[:, 16:32] - CANONICAL_POSE).max() < 0.21, "the targets stay the noisy canonical pose"
    assert grasp_kinds(OBJECTS["cube"], rows)["fist"] <= 0.2 * len(rows)


def test_power_grasps_top_up_fingertip_grasps():
    found = find_starts(OBJECTS["box_20x20x30"], 4, 0)
    (by_tips, tries), (fists, _) = found.held["by fingertips"], found.held["in the fist"]
    assert (by_tips < 16, tries) == (True, 48)
    assert len(found.rows[None]) == by_tips + fists > 0


def test_grasps_press_and_cups_do_not():
    rng = np.random.default_rng(0)
    grasps, palm_rests = find_power_grasps(OBJECTS["duck"], 8, rng), find_palm_rests(OBJECTS["cube"], 8, rng)
    behind = grasps[:, 16:32] - grasps[:, :16]
    assert (behind.max(axis=1) > 0.04).all()
    assert (np.linalg.norm(grasps[:, 32:35] - PALM_REST_CENTER, axis=1) < GraspSearch().reach).all()
    np.testing.assert_allclose(palm_rests[:, 16:32], np.tile(START_POSE, (len(palm_rests), 1)), rtol=1e-12)


@pytest.mark.parametrize(("diameter", "mass"), [(0.003, 0.5), (0.3, 0.05), (0.06, 5.0)])
def test_what_no_hand_can_hold_is_not_held(diameter: float, mass: float):
    item = primitive("x", "sphere", (diameter, diameter, diameter), mass)
    assert len(find_power_grasps(item, 8, np.random.default_rng(0))) == 0


def test_fewer_ways_are_easier():
    item, search = OBJECTS["box_20x20x30"], GraspSearch(friction=0.3)
    found = [
        len(find_power_grasps(item, 16, np.random.default_rng(0), directions=directions, search=search))
        for directions in (GRAVITY_DIRECTIONS, GRAVITY_DIRECTIONS[5:])
    ]
    assert found[0] < found[1]


@pytest.mark.parametrize(("name", "tries"), [("cube", 24), ("plane", 24), ("mug", 48)])
def test_grasps_with_penetration_are_refused(name: str, tries: int):
    rows = find_power_grasps(OBJECTS[name], tries, np.random.default_rng(0))
    assert len(rows) > 0
    batch = GraspBatch(OBJECTS[name], rows[:, 39])
    for direction in GRAVITY_DIRECTIONS:
        batch.gravity[:] = GRAVITY * direction
        batch.begin(rows[:, :16], rows[:, 32:39], rows[:, 16:32])
        batch.run(SETTLE_TIME)
        for _ in range(round((GraspSearch().hold_time - SETTLE_TIME) / PHYSICS_TIMESTEP)):
            batch.run(PHYSICS_TIMESTEP)
            assert (batch.penetration < 0.001).all()
