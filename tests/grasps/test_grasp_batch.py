import numpy as np

from dexndm_gym.constants import GRAVITY, PHYSICS_TIMESTEP
from dexndm_gym.grasps.contacts import penetration
from dexndm_gym.grasps.grasp_batch import GraspBatch
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.catalog import OBJECTS

LYING, AWAY = (-0.02, 0.01, 0.075, 1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0)


def test_sensor_sees_the_deepest_contact():
    batch = GraspBatch(OBJECTS["cube"], np.ones(2))
    batch.gravity[:, 2] = -GRAVITY
    batch.begin(np.tile(START_POSE, (2, 1)), np.array([LYING, AWAY]), np.tile(START_POSE, (2, 1)))
    batch.run(0.2)
    seen = []
    for _ in range(5):
        expected = penetration(batch._batch)
        batch.run(PHYSICS_TIMESTEP)
        np.testing.assert_array_equal(batch.penetration, expected)
        seen.append(expected)
    assert (np.array(seen)[:, 0] > 1e-5).any()
    np.testing.assert_array_equal(np.array(seen)[:, 1], 0.0)
