"""The overlap of fingers in a pose."""

import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.self_collision import DIGITS, SelfCollision


@pytest.fixture(scope="module")
def hand() -> SelfCollision:
    return SelfCollision()


@pytest.mark.parametrize("pose", [np.zeros(16), START_POSE], ids=["flat", "cupped"])
def test_poses_in_which_no_fingers_meet(hand: SelfCollision, pose: np.ndarray) -> None:
    assert not hand.overlap(pose).any()


@pytest.mark.parametrize(
    ("joints", "first", "second"),
    [
        ({0: 0.4}, "index", "middle"),
        ({8: -0.4}, "middle", "ring"),
        ({1: 2.2, 2: 1.6, 12: -0.3, 13: 1.7}, "index", "thumb"),
        ({5: 2.2, 6: 1.4, 7: 1.4}, "palm", "middle"),
    ],
)
def test_fingers_that_meet_are_named(hand: SelfCollision, joints: dict[int, float], first: str, second: str) -> None:
    pose = np.zeros(16)
    pose[list(joints)] = list(joints.values())
    overlap = hand.overlap(pose)
    np.testing.assert_array_equal(overlap, overlap.T)
    met = {(DIGITS[i], DIGITS[j]) for i, j in np.argwhere(np.triu(overlap) > 0.001)}
    assert met == {(first, second)}


def test_links_of_one_finger_may_touch(hand: SelfCollision) -> None:
    pose = np.zeros(16)
    pose[2:4] = 1.7, 1.7
    assert not hand.overlap(pose).any()
