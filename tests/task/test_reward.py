import numpy as np
import pytest

from dexndm_gym.task.config import PAPER_REWARD, RewardWeights
from dexndm_gym.task.reward import Motion, goal_guidance, off_axis_weight, reward_terms


def motion(**changes):
    still = {
        "angular_velocity": np.zeros((1, 3)),
        "linear_velocity": np.zeros((1, 3)),
        "axis": np.array([[0.0, 0.0, 1.0]]),
        "pose_change": np.zeros((1, 16)),
        "joint_velocity": np.zeros((1, 16)),
        "torque": np.zeros((1, 16)),
        "goal_angle": np.array([np.inf]),
        "dropped": np.array([False]),
        "resets": np.array([1]),
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
        ({"goal_angle": np.array([0.5])}, "goal", 0.2),
        ({"dropped": np.array([True])}, "drop", -5.0),
    ],
)
def test_each_term_alone(changes, term, expected):
    terms = reward_terms(motion(**changes), RewardWeights(drop=5.0, goal=2.0))
    assert terms[term][0] == pytest.approx(expected)
    others = {name: value[0] for name, value in terms.items() if name not in (term, "torque")}
    assert all(value == 0.0 for value in others.values()), others


def test_turning_splits_into_about_the_axis_and_across_it():
    turning = motion(
        angular_velocity=np.array([[3.0, 4.0, 2.0], [-1.0, 0.0, 0.0]]),
        axis=np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    )
    np.testing.assert_allclose(turning.speed, [2.0, -1.0])
    np.testing.assert_allclose(turning.across, [[4.0, -3.0, 0.0], [0.0, 0.0, 0.0]], atol=1e-15)


def test_driven_backwards_the_servos_do_no_work():
    terms = reward_terms(motion(torque=np.full((1, 16), -0.1), joint_velocity=np.ones((1, 16))), RewardWeights())
    assert terms["work"][0] == 0.0


def test_the_off_axis_penalty_grows_with_the_resets():
    resets = np.array([1, 10, 55, 100, 10_000])
    np.testing.assert_allclose(off_axis_weight(resets, PAPER_REWARD), [0.0, 0.0, 0.05, 0.1, 0.1])
    np.testing.assert_array_equal(off_axis_weight(resets, RewardWeights()), 0.1)


def test_a_goal_draws_nearer_up_to_its_clip_and_pays_once_reached():
    weights = RewardWeights(goal=1.0, goal_gain=0.05, goal_clip=0.5, goal_bonus=20.0, goal_reached=0.2)
    earned = goal_guidance(np.array([np.pi, 1.0, 0.25, 0.1, 0.01, 0.0]), weights)
    np.testing.assert_allclose(earned, [0.05 / np.pi, 0.05, 0.2, 20.5, 20.5, 20.5])


def test_waiting_beside_a_goal_earns_less_than_turning_slowly():
    speed, period = 0.25, 0.05
    turned = np.arange(0.0, 2.0 * np.pi, speed * period)
    w = PAPER_REWARD
    # from goal_reached before one goal to goal_reached before the next
    angle = w.goal_reached + w.goal_step - np.mod(turned, w.goal_step)
    moving = goal_guidance(angle, w).mean() + w.goal_bonus * 4 / len(turned)
    waiting = goal_guidance(np.array([w.goal_reached + 1e-3]), w)[0]
    assert moving > waiting
