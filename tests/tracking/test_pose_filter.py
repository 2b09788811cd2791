import numpy as np
import pytest

from dexndm_gym.tracking.pose import Pose, matrix_of
from dexndm_gym.tracking.pose_filter import BaseFilter, ObjectFilter


def pose(x: float = 0.0, angle: float = 0.0) -> Pose:
    return Pose(rotation=matrix_of(np.array([0.0, 0.0, angle])), position=np.array([x, 0.0, 0.3]))


def test_even_motion_comes_out_without_delay() -> None:
    tracked = ObjectFilter()
    for k in range(40):
        truth = pose(0.05 * k / 30, 1.2 * k / 30)
        found = tracked.update(truth, k / 30)
    assert found is not None
    assert found.position == pytest.approx(truth.position, abs=1e-6)
    assert found.angle_to(truth) < 1e-5


def test_a_start_is_followed_within_two_pictures() -> None:
    tracked = ObjectFilter()
    for k in range(10):
        tracked.update(pose(), k / 30)
    tracked.update(pose(0.004), 10 / 30)
    found = tracked.update(pose(0.004), 11 / 30)
    assert found is not None
    assert found.position[0] == pytest.approx(0.004, abs=0.002)


def test_a_jump_must_be_seen_twice() -> None:
    tracked = ObjectFilter()
    for k in range(10):
        tracked.update(pose(), k / 30)
    assert tracked.update(pose(0.05), 10 / 30) is None
    assert tracked.update(pose(), 11 / 30) is not None, "one strange picture changes nothing"
    assert tracked.update(pose(0.05), 12 / 30) is None
    found = tracked.update(pose(0.05), 13 / 30)
    assert found is not None
    assert found.position[0] == 0.05


def test_a_lost_object_has_no_pose() -> None:
    tracked = ObjectFilter()
    tracked.update(pose(), 0.0)
    assert tracked.update(None, 1 / 30) is None


def test_a_base_is_averaged_until_it_moves() -> None:
    base, rng = BaseFilter(), np.random.default_rng(0)
    for k in range(60):
        found = base.update(pose(rng.normal(0.0, 0.001)), k / 30)
    assert found is not None
    assert abs(found.position[0]) < 0.0006
    moved = base.update(pose(0.05), 2.0)
    assert moved is not None
    assert moved.position[0] == 0.05


def test_a_hidden_base_is_soon_lost() -> None:
    base = BaseFilter()
    base.update(pose(), 0.0)
    assert base.update(None, 0.1) is not None
    assert base.update(None, 0.4) is None
