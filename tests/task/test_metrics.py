"""Targets, histories and scores of several hands at once."""

import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import FINGERTIP_CENTER, PALM_REST_CENTER
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.task import observation
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.episode_state import new_episode_states
from dexndm_gym.task.goals import set_first_goals, turns_to_goals
from dexndm_gym.task.metrics import STEP_METRICS, score
from dexndm_gym.task.orientations import WRISTS
from dexndm_gym.task.reward_weights import RewardWeights
from dexndm_gym.task.termination import are_dropped

CONFIG = TaskConfig(episode_steps=8, reward=RewardWeights(pose=0.3, work=2.0, torque=0.1)).record
JOINTS = np.zeros((2, 16))


def poses(*angles):
    """Objects in the cupped hand, turned about z."""
    half = np.divide(angles, 2.0)
    rows = np.zeros((len(angles), 7))
    rows[:, :3], rows[:, 3], rows[:, 6] = PALM_REST_CENTER, np.cos(half), np.sin(half)
    return rows


def running(*axes):
    episodes = new_episode_states(len(axes))
    episodes["wrist_and_axis"][:, 4:], episodes["has_object"] = axes, True
    return episodes


def played(episodes, before, after, *, joints=JOINTS):
    """Score a step; values by name, and which objects are lost."""
    episodes["steps"] += 1
    _, values, lost, _ = score(episodes, CONFIG, before, after, joints, joints, joints)
    return dict(zip(STEP_METRICS, values, strict=True)), lost


def test_metrics_are_the_papers():
    episodes = running((0.0, 0.0, 1.0), (0.0, 0.6, 0.8))
    played(episodes, poses(0.0, 0.0), poses(0.05, 0.05))
    values, _ = played(episodes, poses(0.05, 0.05), poses(0.2, 0.2))  # 1 rad/s, then 3
    np.testing.assert_allclose(values["RotR"], [4.0, 3.2])  # summed over the steps
    np.testing.assert_allclose(values["RotP"], [0.0, 1.2], atol=1e-9)  # their mean
    np.testing.assert_allclose(values["TTF"], 0.25)  # share of the longest episode
    np.testing.assert_allclose(values["speed"], [2.0, 1.6])
    np.testing.assert_allclose(values["rotation"], [0.2, 0.16])  # two steps of 50 ms
    np.testing.assert_allclose(values["time"], 0.1)
    np.testing.assert_allclose(values["rotation_speed"], [3.0, 2.4])
    np.testing.assert_allclose(values["off_axis_speed"], [0.0, 1.8], atol=1e-9)


def test_turning_is_measured_in_the_world():
    """The same turn about the hand's z: palm down, that is -z of the world."""
    episodes = running(*[(0.0, 0.0, 1.0)] * 3)
    episodes["wrist_and_axis"][:, :4] = [WRISTS[wrist] for wrist in ("palm_up", "palm_down", "thumb_up")]
    values, _ = played(episodes, poses(0.0, 0.0, 0.0), poses(0.1, 0.1, 0.1), joints=np.zeros((3, 16)))
    np.testing.assert_allclose(values["rotation_speed"], [2.0, -2.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(values["off_axis_speed"], [0.0, 0.0, 2.0], atol=1e-9)


def test_reward_sums_terms_and_empty_hands_earn_none():
    episodes = running((0.0, 0.6, 0.8), (0.0, 0.6, 0.8))
    episodes["has_object"][1] = False
    after = poses(0.05, 0.05)
    after[1, 2] -= 1.0
    reward, values, lost, _ = score(episodes, CONFIG, poses(0.0, 0.0), after, JOINTS + 0.1, JOINTS, JOINTS)
    terms = [row for name, row in zip(STEP_METRICS, values, strict=True) if name.startswith("reward_")]
    np.testing.assert_allclose(reward, np.sum(terms, axis=0))
    assert reward[0] != 0.0
    assert np.array_equal(values[:, 1], np.zeros(len(STEP_METRICS)))
    assert not lost.any()


def test_joint_terms_are_summed_over_joints():
    episodes = running((0.0, 0.0, 1.0))
    episodes["start"] = 0.5
    position, velocity, torque = np.zeros((1, 16)), np.full((1, 16), 0.5), np.full((1, 16), 0.1)
    still = poses(0.0)
    _, values, _, _ = score(episodes, CONFIG, still, still, position, velocity, torque)
    terms = dict(zip(STEP_METRICS, values[:, 0], strict=True))
    assert terms["reward_pose"] == pytest.approx(-0.3 * 16 * 0.25)
    assert terms["reward_work"] == pytest.approx(-2.0 * 16 * 0.05)
    assert terms["reward_torque"] == pytest.approx(-0.1 * 16 * 0.01)


def test_linear_velocity_is_that_of_all_axes():
    episodes, after = running((0.0, 0.0, 1.0)), poses(0.0)
    after[0, :3] += (0.002, -0.003, 0.005)
    values, _ = played(episodes, poses(0.0), after)
    squares = np.square((0.04, -0.06, 0.1)).sum()  # m/s, in 50 ms
    np.testing.assert_allclose(values["reward_linear_velocity"], -RewardWeights().linear_velocity * squares)


def test_unseen_objects_earn_nothing_and_lose_nothing():
    episodes, seen = running((0.0, 0.0, 1.0)), poses(0.1)
    unseen = np.full((1, 7), np.nan)
    played(episodes, poses(0.0), seen)
    values, lost = played(episodes, seen, unseen)
    assert not lost.any()
    assert values["rotation_speed"] == 0.0
    np.testing.assert_allclose(values["rotation"], 0.1)
    values, _ = played(episodes, unseen, poses(2.0))  # how it turned meanwhile is not known
    np.testing.assert_allclose(values["rotation"], 0.1)
    np.testing.assert_allclose(values["time"], 0.15)


def test_goal_is_set_when_object_is_first_seen():
    config = TaskConfig(reward=RewardWeights(goal=1.0, goal_step=0.4, goal_reached=0.1))
    episodes, unseen = running((0.0, 0.0, 1.0)), np.full((1, 7), np.nan)
    set_first_goals(episodes, config.record, unseen, np.arange(1))
    score(episodes, config.record, unseen, poses(0.3), *[np.zeros((1, 16))] * 3)
    np.testing.assert_allclose(turns_to_goals(episodes, poses(0.3)), [[0.0, 0.0, 0.4]], atol=1e-9)
    score(episodes, config.record, poses(0.3), poses(0.5), *[np.zeros((1, 16))] * 3)
    np.testing.assert_allclose(turns_to_goals(episodes, poses(0.5)), [[0.0, 0.0, 0.2]], atol=1e-9)


def test_episodes_last_their_steps_unless_lost():
    episodes, away = running(*[(0.0, 0.0, 1.0)] * 3), poses(0.0, 0.0, 0.0)
    episodes["steps"] = (7, 8, 8)
    away[2, 2] += 1.0
    _, _, lost, over = score(episodes, CONFIG, poses(0.0, 0.0, 0.0), away, *[np.zeros((3, 16))] * 3)
    assert lost.tolist() == [False, False, True]
    assert over.tolist() == [False, True, False]


def test_dropped_means_far_from_palm_and_fingertips():
    rng, limit, n = np.random.default_rng(0), TaskConfig().drop_distance, 1000
    points = np.linspace(PALM_REST_CENTER, FINGERTIP_CENTER, 2001)
    away = rng.normal(size=(n, 3))
    away *= limit * rng.uniform(0.8, 1.2, (n, 1)) / np.linalg.norm(away, axis=1, keepdims=True)
    pose = np.zeros((n, 7))
    pose[:, :3] = points[rng.integers(len(points), size=n)] + away
    distance = np.linalg.norm(pose[:, None, :3] - points, axis=2).min(axis=1)
    np.testing.assert_array_equal(are_dropped(CONFIG, pose), distance > limit)
    assert 0.2 * n < (distance > limit).sum() < 0.8 * n


def test_targets_are_integrated_and_stay_within_the_limits():
    episodes, action = new_episode_states(2), np.zeros((2, 16))
    episodes["history"][1, -1, 1] = UPPER_LIMITS
    action[0, :2], action[1] = (0.5, -7.0), 1.0
    target, finite = observation.next_targets(episodes, CONFIG, action, LOWER_LIMITS, UPPER_LIMITS)
    assert finite
    np.testing.assert_allclose(target[0, :3], [0.5 / 24, -1.0 / 24, 0.0])
    np.testing.assert_array_equal(target[1], UPPER_LIMITS)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_noticed(bad):
    wrong = np.zeros((2, 16))
    wrong[1, 3] = bad
    assert not observation.next_targets(new_episode_states(2), CONFIG, wrong, LOWER_LIMITS, UPPER_LIMITS)[1]
    assert not observation.push(new_episode_states(2), wrong, JOINTS, JOINTS)


def test_observations_hold_ten_steps_oldest_first():
    episodes = running((0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
    for step in range(12):
        assert observation.push(episodes, JOINTS + step, JOINTS + step + 0.25, JOINTS - 1.0)
    seen = observation.observe(episodes)
    steps = seen[:, :320].reshape(2, 10, 2, 16)
    np.testing.assert_array_equal(steps[1, :, 0, 5], np.arange(2.0, 12.0))
    np.testing.assert_array_equal(steps[0, :, 1, 0], np.arange(2.0, 12.0) + 0.25)
    np.testing.assert_array_equal(seen[:, 320:], episodes["wrist_and_axis"].astype(np.float32))
    assert episodes["steps"].tolist() == [12, 12]
    assert seen.dtype == np.float32
