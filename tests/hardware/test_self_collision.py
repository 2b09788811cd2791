"""What is sent where fingers would meet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexndm_gym.errors import SafetyError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hand.self_collision import SelfCollision
from dexndm_gym.hardware import self_collision
from dexndm_gym.hardware.self_collision import OPEN_HAND, OVERLAP, CollisionGuard

HAND = SelfCollision()


def random_pose(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(LOWER_LIMITS, UPPER_LIMITS)


def towards_middle(angle: float) -> np.ndarray:
    """The flat hand with its index finger swung towards the middle finger, and a bent ring finger."""
    pose = np.zeros(16)
    pose[[0, 9]] = angle, 0.3
    return pose


def test_a_free_target_is_sent_as_it_came() -> None:
    guard = CollisionGuard()
    assert guard.restrain(START_POSE, OPEN_HAND)[0] is START_POSE
    assert guard.count == 0


def test_meeting_fingers_wait_while_others_go_on() -> None:
    guard = CollisionGuard()
    sent, held = guard.restrain(towards_middle(0.4), np.zeros(16))
    assert held == ("index", "middle")
    np.testing.assert_array_equal(sent, towards_middle(0.0))
    assert guard.count == 1


def test_finger_waits_behind_a_waiting_one() -> None:
    previous, target = np.zeros(16), np.zeros(16)
    # All swing; the ring finger would follow the middle one, which waits for the index finger.
    target[[0, 4, 8]] = 0.5, 0.2, -0.2
    sent, held = CollisionGuard().restrain(target, previous)
    assert held == ("index", "middle", "ring")
    np.testing.assert_array_equal(sent, previous)


def test_overlapping_fingers_may_part_only() -> None:
    guard = CollisionGuard()
    np.testing.assert_array_equal(guard.restrain(towards_middle(0.39), towards_middle(0.4))[0], towards_middle(0.39))
    assert guard.restrain(towards_middle(0.41), towards_middle(0.4))[0][0] == 0.4


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_what_is_sent_never_overlaps_more_than_allowed(before: int, after: int) -> None:
    previous, target = random_pose(before), random_pose(after)
    sent, held = CollisionGuard().restrain(target, previous)
    assert (HAND.overlap(sent) <= np.maximum(OVERLAP, HAND.overlap(previous) + 1e-5)).all()
    assert bool(held) == (sent is not target)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32))
def test_way_to_start_pose_is_slow_and_free(seed: int) -> None:
    begin = START_POSE + 0.4 * (random_pose(seed) - START_POSE)
    allowed = np.maximum(OVERLAP, HAND.overlap(begin) + 1e-3)
    before = begin
    for pose in CollisionGuard().way(begin, START_POSE, 0.05):
        assert np.abs(pose - before).max() <= 0.05 + 1e-9
        assert (HAND.overlap(pose) <= allowed).all()
        before = pose
    np.testing.assert_allclose(before, START_POSE, atol=1e-6)


def test_entangled_fingers_are_pulled_apart() -> None:
    index, middle = (-0.74, 2.16, 1.62, 1.61), (-0.04, 0.28, 1.41, 1.86)
    ring, thumb = (-0.49, 1.06, 0.55, 1.88), (-0.25, 1.66, 0.7, -1.25)
    begin = np.array([*index, *middle, *ring, *thumb])  # the thumb is behind the index finger
    poses = [begin, *CollisionGuard().way(begin, START_POSE, 0.05)]
    assert np.abs(np.diff(poses, axis=0)).max() <= 0.05 + 1e-9
    np.testing.assert_allclose(poses[-1], START_POSE, atol=1e-6)
    assert max(HAND.overlap(pose).max() for pose in poses) > OVERLAP


def test_unreachable_way_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_collision, "OPEN_HAND", towards_middle(-0.3))
    poses = CollisionGuard().way(np.zeros(16), towards_middle(0.5), 0.05)
    with pytest.raises(SafetyError, match=r"each other's way: index, middle\. Switch the torque off"):
        for _ in poses:
            pass
