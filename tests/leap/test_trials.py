import numpy as np

from dexndm_gym.leap.contacts import penetration
from dexndm_gym.leap.grasps import START_POSE
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.scene import GRAVITY
from dexndm_gym.leap.trials import TIMESTEP, Trials

LYING, AWAY = (-0.02, 0.01, 0.075, 1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0)


def test_the_sensor_sees_the_deepest_of_the_contacts_with_which_a_step_began():
    trials = Trials(OBJECTS["cube"], np.ones(2))
    trials.gravity[:, 2] = -GRAVITY
    trials.begin(np.tile(START_POSE, (2, 1)), np.array([LYING, AWAY]), np.tile(START_POSE, (2, 1)))
    trials.run(0.2)
    seen = []
    for _ in range(5):
        expected = penetration(trials._batch)
        trials.run(TIMESTEP)
        np.testing.assert_array_equal(trials.penetration, expected)
        seen.append(expected)
    assert (np.array(seen)[:, 0] > 1e-5).any()
    np.testing.assert_array_equal(np.array(seen)[:, 1], 0.0)
