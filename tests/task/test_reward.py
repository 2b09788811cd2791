import numpy as np
import pytest

from dexndm_gym.task.config import RewardWeights
from dexndm_gym.task.reward import Motion, reward_terms


def motion(**changes):
    still = {
        "angular_velocity": np.zeros((1, 3)),
        "linear_velocity": np.zeros((1, 3)),
        "axis": np.array([[0.0, 0.0, 1.0]]),
        "pose_change": np.zeros((1, 16)),
        "joint_velocity": np.zeros((1, 16)),
        "torque": np.zeros((1, 16)),
        "dropped": np.array([False]),
    }
    return Motion(**(still | changes))


@pytest.mark.parametrize(
    ("changes", "term", "expected"),
    [
        ({"angular_velocity": np.array([[0, 0, 0.3]])}, "rotation", 0.3),
        ({"angular_velocity": np.array([[0, 0, 7.0]])}, "rotation", 0.5),
        ({"angular_velocity": np.array([[0, 0, -7.0]])}, "rotation", -0.5),
        ({"angular_velocity": np.array([[1.0, -2.0, 0.0]])}, "off_axis", -0.3),
        ({"linear_velocity": np.array([[0.0, 2.0, 0.0]])}, "linear_velocity", -1.2),
        ({"pose_change": np.full((1, 16), 0.5)}, "pose", -1.2),
        ({"torque": np.full((1, 16), 0.1)}, "torque", -0.016),
        ({"torque": np.full((1, 16), 0.1), "joint_velocity": np.ones((1, 16))}, "work", -3.2),
        ({"dropped": np.array([True])}, "drop", -5.0),
    ],
)
def test_each_term_alone(changes, term, expected):
    terms = reward_terms(motion(**changes), RewardWeights(drop=5.0))
    assert terms[term][0] == pytest.approx(expected)
    others = {name: value[0] for name, value in terms.items() if name not in (term, "torque")}
    assert all(value == 0.0 for value in others.values()), others


def test_driven_backwards_the_servos_do_no_work():
    terms = reward_terms(motion(torque=np.full((1, 16), -0.1), joint_velocity=np.ones((1, 16))), RewardWeights())
    assert terms["work"][0] == 0.0
