"""Isaac Gym itself, where there is one: set DEXNDM_ISAACGYM_PYTHON, and DEXNDM_ISAACGYM_DEVICE for another device.

These say whether what the stand-in takes for granted is so. They have never been run: see docs/isaacgym.md.
"""

import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from dexndm_gym.backends.isaacgym_hand import IsaacGymHand
from dexndm_gym.backends.isaacgym_process import VARIABLE, IsaacGymProcess
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.grasps.start_states import StartStates, load_starts, palm_rest_rows
from dexndm_gym.objects.scene import Scene

pytestmark = [
    pytest.mark.isaacgym,
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs Isaac Gym: {VARIABLE} is not set"),
    pytest.mark.timeout(1200),
]
DEVICE = os.environ.get("DEXNDM_ISAACGYM_DEVICE", "cuda:0")
SIX = np.concatenate([np.eye(3), -np.eye(3)])
N = 24
FAR = np.array([0.4, 0.1, 0.3, 0.6, 0.0, -0.8, 0.0])


@pytest.fixture(scope="module")
def hand() -> Iterator[IsaacGymHand]:
    """Hands with the shipped start states."""
    hand = IsaacGymHand(IsaacGymProcess(N), objects=["cube", "cylinder"], starts=load_starts(), device=DEVICE)
    yield hand
    hand.close()


@pytest.fixture(scope="module")
def released() -> Iterator[IsaacGymHand]:
    """Hands whose cube starts where none of them touches it."""
    starts = StartStates({("cube", None): palm_rest_rows(START_POSE[None], FAR[None], np.ones(1))})
    hand = IsaacGymHand(IsaacGymProcess(N), objects=["cube"], starts=starts, device=DEVICE)
    yield hand
    hand.close()


def begin(hand: IsaacGymHand | MujocoHand, name: str) -> np.ndarray:
    scenes = [Scene(object=name, gravity=tuple(9.81 * SIX[i % 6])) for i in range(N)]
    return hand.reset(np.arange(N), scenes, np.random.default_rng(0))


def test_masses_and_states_come_back(hand: IsaacGymHand) -> None:
    target = begin(hand, "cube")  # other masses of links are refused when hands are made
    state = hand.state()
    assert np.abs(state.position - target).max() < 0.5
    assert np.linalg.norm(state.object_pose[:, :3], axis=1).max() < 0.3


def test_each_command_moves_its_own_joint(hand: IsaacGymHand) -> None:
    begin(hand, "none")
    for _ in range(20):
        hand.step(np.tile(START_POSE, (N, 1)))
    before = hand.state().position
    command = np.tile(START_POSE, (N, 1))
    command[np.arange(16), np.arange(16)] += 0.2  # hand i, joint i
    for _ in range(10):
        hand.step(command)
    moved = np.abs(hand.state().position - before)[:16]
    np.testing.assert_array_equal(moved.argmax(axis=1), np.arange(16))
    assert (moved.max(axis=1) > 0.1).all()


def test_empty_hand_moves_as_in_mujoco(hand: IsaacGymHand) -> None:
    reference, rng = MujocoHand(N), np.random.default_rng(3)
    for one in (hand, reference):
        begin(one, "none")
        for _ in range(15):
            one.step(np.tile(START_POSE, (N, 1)))
    target, apart = np.tile(START_POSE, (N, 1)), []
    for _ in range(30):
        target = target + rng.uniform(-0.15, 0.15, (N, 16))
        hand.step(target)
        reference.step(target)
        apart.append(hand.state().position - reference.state().position)
    assert np.sqrt(np.square(apart).mean()) < 0.02
    assert np.quantile(np.abs(apart), 0.99) < 0.05  # fingers that touch each other may be farther apart


def test_objects_fall_along_gravity_of_each_hand(released: IsaacGymHand) -> None:
    begin(released, "cube")
    np.testing.assert_allclose(released.state().object_pose, np.tile(FAR, (N, 1)), atol=1e-5)
    for _ in range(4):
        released.step(np.tile(START_POSE, (N, 1)))
    fallen = released.state().object_pose[:, :3] - FAR[:3]
    np.testing.assert_allclose(fallen, 9.81 * 0.2**2 / 2 * SIX[np.arange(N) % 6], atol=0.02)


def test_only_hands_that_begin_are_moved(released: IsaacGymHand) -> None:
    begin(released, "cube")
    released.step(np.tile(START_POSE, (N, 1)))
    before = released.state().object_pose
    for i in (3, 5):
        released.reset(np.array([i]), [Scene(object="cube")], np.random.default_rng(0))
    after = released.state().object_pose
    np.testing.assert_allclose(after[[3, 5]], np.tile(FAR, (2, 1)), atol=1e-5)
    others = np.setdiff1d(np.arange(N), [3, 5])
    np.testing.assert_array_equal(after[others], before[others])
    released.step(np.tile(START_POSE, (N, 1)))
    assert np.linalg.norm(released.state().object_pose[[3, 5], :3] - FAR[:3], axis=1).max() < 0.03


@pytest.mark.parametrize("name", ["cube", "cylinder"])
def test_starts_hold_their_objects(hand: IsaacGymHand, name: str) -> None:
    target = begin(hand, name)
    start = hand.state().object_pose
    for _ in range(20):
        hand.step(target)
    moved = np.linalg.norm(hand.state().object_pose[:, :3] - start[:, :3], axis=1)
    assert (moved < 0.02).mean() > 0.9


def test_steps_per_second_are_reported(hand: IsaacGymHand, capsys: pytest.CaptureFixture[str]) -> None:
    target = begin(hand, "cube")
    begun = time.perf_counter()
    for _ in range(20):
        hand.step(target)
    rate = 20 * N / (time.perf_counter() - begun)
    with capsys.disabled():
        print(f"\n{rate:.0f} control steps/s with {N} hands on {DEVICE}, {hand._worker.versions}")
    assert rate > 0.0
