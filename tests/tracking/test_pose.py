import numpy as np
import pytest

from dexndm_gym.arrays import FloatArray
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.tracking.camera import Lens
from dexndm_gym.tracking.pose import Pose, find_pose, matrix_of
from dexndm_gym.tracking.tags import object_tags

LENS = Lens(width=640, height=480, focal=(600.0, 600.0), center=(320.0, 240.0))
CORNERS = object_tags(OBJECTS["cube"]).corners
TOP = range(26, 30)


def pose(turn: tuple[float, float, float]) -> Pose:
    return Pose(rotation=matrix_of(np.array(turn)), position=np.array([0.01, -0.02, 0.4]))


def pictured(where: Pose, tags: range) -> dict[int, FloatArray]:
    points = {tag: CORNERS[tag] @ where.rotation.T + where.position for tag in tags}
    return {tag: 600.0 * seen[:, :2] / seen[:, 2:] + (320.0, 240.0) for tag, seen in points.items()}


@pytest.mark.parametrize("tags", [range(26, 30), range(10, 34), range(26, 27)])
def test_pose_is_found_from_any_number_of_tags(tags: range) -> None:
    truth = pose((2.6, 0.4, 0.3))
    found = find_pose(pictured(truth, tags), CORNERS, LENS)
    assert found is not None
    assert found.tags == len(tags)
    assert np.abs(found.pose.position - truth.position).max() < 1e-5
    assert found.pose.angle_to(truth) < 1e-4


def test_a_wrong_tag_is_left_out() -> None:
    truth = pose((2.6, 0.4, 0.3))
    seen = pictured(truth, range(26, 30))
    seen[27] = seen[27] + 9.0
    found = find_pose(seen, CORNERS, LENS)
    assert found is not None
    assert found.tags == 3
    assert found.pose.angle_to(truth) < 1e-4


def test_two_tags_that_disagree_tell_nothing() -> None:
    seen = pictured(pose((2.6, 0.4, 0.3)), range(26, 28))
    seen[27] = seen[27] + 9.0
    assert find_pose(seen, CORNERS, LENS) is None


def test_an_ambiguous_plane_needs_the_pose_before() -> None:
    truth = pose((np.pi * 0.93, 0.0, 0.0))
    far = Pose(rotation=truth.rotation, position=truth.position * 4.0)
    noise = np.random.default_rng(3).normal(0.0, 0.3, (4, 2))
    seen = {26: pictured(far, range(26, 27))[26] + noise}
    assert find_pose(seen, CORNERS, LENS) is None
    found = find_pose(seen, CORNERS, LENS, before=far)
    assert found is not None
    assert found.pose.angle_to(far) < 0.5


def test_nothing_is_found_where_nothing_is_seen() -> None:
    assert find_pose({}, CORNERS, LENS) is None
    assert find_pose({0: np.zeros((4, 2))}, CORNERS, LENS) is None
    assert find_pose({10: np.zeros((4, 2))}, CORNERS, LENS) is None
