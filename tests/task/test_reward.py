import numpy as np
import pytest

from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.reward import REWARD_TERMS, StepSignals, goal_guidance, off_axis_weight, reward_terms
from dexndm_gym.task.reward_weights import PAPER_REWARD, RewardWeights

STILL = StepSignals(
    speed=0.0,
    across=(0.0, 0.0, 0.0),
    linear_velocity=(0.0, 0.0, 0.0),
    pose_change=0.0,
    power=0.0,
    torque=0.0,
    goal_angle=np.inf,
    dropped=False,
    resets=1.0,
)


def compiled(weights):
    """Weights as compiled functions take them."""
    return TaskConfig(reward=weights).record[0]["reward"]


# Each weight differs from the others, so that a term with another's weight shows.
WEIGHTS = RewardWeights(
    rotation=1.5,
    rotation_clip=0.5,
    off_axis=0.1,
    linear_velocity=0.3,
    pose=0.7,
    work=2.0,
    torque=0.2,
    goal=2.5,
    drop=5.0,
)


@pytest.mark.parametrize(
    ("changes", "term", "expected"),
    [
        ({"speed": 0.3}, "rotation", 0.45),
        ({"speed": 7.0}, "rotation", 0.75),
        ({"speed": -7.0}, "rotation", -0.75),
        ({"across": (1.0, -2.0, 0.0)}, "off_axis", -0.3),
        ({"linear_velocity": (0.0, 2.0, 0.0)}, "linear_velocity", -1.2),
        ({"pose_change": 4.0}, "pose", -2.8),
        ({"torque": 0.16}, "torque", -0.032),
        ({"power": 1.6}, "work", -3.2),
        ({"goal_angle": 0.5}, "goal", 0.25),
        ({"dropped": True}, "drop", -5.0),
    ],
)
def test_each_term_alone(changes, term, expected):
    weights = compiled(WEIGHTS)
    terms = dict(zip(REWARD_TERMS, reward_terms(STILL._replace(**changes), weights), strict=True))
    assert terms.pop(term) == pytest.approx(expected)
    assert all(value == 0.0 for value in terms.values()), terms


@pytest.mark.parametrize("name", REWARD_TERMS)
def test_each_term_goes_by_its_own_weight(name):
    everything = StepSignals(0.4, (1.0, 0.0, 0.0), (1.0, 0.0, 0.0), 1.0, 1.0, 1.0, 0.5, True, 1.0)
    nothing = dict.fromkeys(REWARD_TERMS, 0.0)
    weights = [compiled(RewardWeights(**(nothing | {name: size}))) for size in (1.0, 3.0)]
    first, second = (np.array(reward_terms(everything, one)) for one in weights)
    assert (np.flatnonzero(first) == [REWARD_TERMS.index(name)]).all()
    np.testing.assert_allclose(second, 3.0 * first)


def test_driven_backwards_the_servos_do_no_work():
    terms = reward_terms(STILL._replace(power=-1.6), compiled(RewardWeights()))
    assert terms[REWARD_TERMS.index("work")] == 0.0


def test_the_off_axis_penalty_grows_with_the_resets():
    weights = compiled(PAPER_REWARD)
    grown = [off_axis_weight(float(resets), weights) for resets in (1, 10, 55, 100, 10_000)]
    assert grown == pytest.approx([0.0, 0.0, 0.05, 0.1, 0.1])
    assert off_axis_weight(1.0, compiled(RewardWeights(off_axis=0.1))) == 0.1


def test_goal_term_clips_and_pays_its_bonus():
    weights = compiled(RewardWeights(goal=1.0, goal_gain=0.05, goal_clip=0.5, goal_bonus=20.0, goal_reached=0.2))
    earned = [goal_guidance(angle, weights) for angle in (np.pi, 1.0, 0.25, 0.1, 0.01, 0.0)]
    assert earned == pytest.approx([0.05 / np.pi, 0.05, 0.2, 20.5, 20.5, 20.5])


def test_waiting_earns_less_than_turning_slowly():
    speed, period = 0.25, 0.05
    turned = np.arange(0.0, 2.0 * np.pi, speed * period)
    w, weights = PAPER_REWARD, compiled(PAPER_REWARD)
    # from goal_reached before one goal to goal_reached before the next
    angles = w.goal_reached + w.goal_step - np.mod(turned, w.goal_step)
    moving = np.mean([goal_guidance(angle, weights) for angle in angles]) + w.goal_bonus * 4 / len(turned)
    assert moving > goal_guidance(w.goal_reached + 1e-3, weights)


def test_every_parameter_reaches_compiled_code_by_name():
    names = [name for name in vars(RewardWeights()) if name != "off_axis_resets"]
    weights = RewardWeights(**{name: 0.5 + k for k, name in enumerate(names)})
    record = TaskConfig(reward=weights, drop_distance=0.3, episode_steps=7, action_scale=0.2).record[0]
    assert {name: record["reward"][name].tolist() for name in record["reward"].dtype.names} == {
        **vars(weights),
        "off_axis_resets": [0.0, 0.0],
    }
    assert (record["drop_distance"], record["episode_steps"], record["action_scale"]) == (0.3, 7, 0.2)
