"""Simulated hands: randomisation reaches the physics, and nothing depends on threads or neighbours."""

from dataclasses import replace

import numpy as np
import pytest

from dexndm_gym.envs.hands.mujoco_hand import MujocoHand, Randomisation
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.grasps import START_POSE
from dexndm_gym.leap.scene import Scene

NOTHING = Randomisation(
    mass=(0.03, 0.03), friction=(1, 1), stiffness=(1, 1), damping=(1, 1), frictionloss=(1, 1), push_scale=0.0
)


def run(randomisation, *, num_threads=1, steps=20, num_hands=2, seed=0):
    hand = MujocoHand(num_hands, randomisation=randomisation, num_threads=num_threads)
    hand.reset(np.arange(num_hands), [Scene(object="cube")] * num_hands, np.random.default_rng(seed))
    rng = np.random.default_rng(1)
    for _ in range(steps):
        hand.step(START_POSE + rng.uniform(-0.1, 0.1, (1, 16)))
    state = hand.state()
    return np.concatenate([state.position, state.object_pose], axis=1)


@pytest.mark.parametrize(
    "change",
    [
        {"mass": (0.05, 0.05)},
        {"friction": (0.3, 0.3)},
        {"stiffness": (0.7, 0.7)},
        {"damping": (2.0, 2.0)},
        {"frictionloss": (3.0, 3.0)},
        {"push_scale": 5.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_switch_changes_the_physics(change):
    assert not np.allclose(run(NOTHING), run(replace(NOTHING, **change)), atol=1e-6)


def test_thread_count_does_not_matter():
    np.testing.assert_array_equal(run(Randomisation(), num_hands=8), run(Randomisation(), num_hands=8, num_threads=2))


def test_state_is_not_a_view_of_the_simulation():
    hand = MujocoHand(1)
    hand.reset(np.array([0]), [Scene()], np.random.default_rng(0))
    before = hand.state()
    kept = before.position.copy(), before.object_pose.copy()
    hand.step(START_POSE[None] + 0.3)
    np.testing.assert_array_equal(before.position, kept[0])
    np.testing.assert_array_equal(before.object_pose, kept[1])


def test_gravity_follows_the_scene():
    hand = MujocoHand(2)
    scenes = [Scene(object="cube"), Scene(object="cube", gravity=(0.0, 0.0, 9.81))]
    hand.reset(np.arange(2), scenes, np.random.default_rng(0))
    for _ in range(10):
        hand.step(np.tile(START_POSE, (2, 1)))
    heights = hand.state().object_pose[:, 2]
    assert heights[1] > heights[0] + 0.001


def test_at_least_one_hand():
    with pytest.raises(ConfigurationError, match="0"):
        MujocoHand(0)
