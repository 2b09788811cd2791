"""Start states: what is shipped holds, and is where an operator would put the object."""

import numpy as np
import pytest

from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.scene import Scene
from dexndm_gym.leap.starts import find_starts, load_starts
from dexndm_gym.task.config import TaskConfig


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_stay_in_the_still_hand(name):
    hand = MujocoHand(64)
    hand.reset(np.arange(64), [Scene(object=name)] * 64, np.random.default_rng(0))
    for _ in range(40):
        hand.step(np.tile(START_POSE, (64, 1)))
    pose = hand.state().object_pose
    assert (np.linalg.norm(pose[:, :3] - CUP_CENTRE, axis=1) < TaskConfig().drop_distance).mean() >= 0.99


def test_start_states_differ():
    rng = np.random.default_rng(0)
    poses = np.array([load_starts().draw("cube", rng).object_pose for _ in range(50)])
    assert (poses.std(axis=0) > 1e-4).all()


def test_finding_is_repeatable():
    first = find_starts(OBJECTS["cube"], 16, np.random.default_rng(3))
    again = find_starts(OBJECTS["cube"], 16, np.random.default_rng(3))
    np.testing.assert_array_equal(first, again)
    assert first.shape[1] == 24
    assert len(first) > 0
