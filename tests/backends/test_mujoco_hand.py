"""Simulated hands: randomization reaches the physics, and nothing depends on threads or neighbors."""

from dataclasses import fields, replace

import numpy as np
import pytest

from dexndm_gym.backends.mujoco_hand import MujocoHand, Randomization
from dexndm_gym.envs.make import make_sim_env, make_sim_vector_env
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.grasps.start_states import PALM_UP, StartStates, load_starts, palm_rest_rows
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.orientations import WRISTS
from dexndm_gym.task.reward_weights import RewardWeights

NOTHING = Randomization(
    mass=(0.03, 0.03),
    friction=(1, 1),
    torsional_friction=(0.001, 0.001),
    stiffness=(1, 1),
    damping=(1, 1),
    frictionloss=(1, 1),
    push_scale=0.0,
)


def run(randomization, *, num_threads=1, steps=20, num_hands=2, seed=0):
    hand = MujocoHand(num_hands, randomization=randomization, num_threads=num_threads)
    hand.reset(np.arange(num_hands), [Scene(object="cube")] * num_hands, np.random.default_rng(seed))
    rng = np.random.default_rng(1)
    for _ in range(steps):
        hand.step(START_POSE + rng.uniform(-0.1, 0.1, (1, 16)))
    state = hand.state()
    return np.concatenate([state.position, state.object_pose], axis=1)


SWITCHES = [
    {"mass": (0.05, 0.05)},
    {"friction": (0.3, 0.3)},
    {"stiffness": (0.7, 0.7)},
    {"damping": (2.0, 2.0)},
    {"frictionloss": (3.0, 3.0)},
    {"torsional_friction": (0.01, 0.01)},
    {"push_scale": 5.0},
    {"push_scale": 5.0, "push_probability": 1.0},
    {"center_of_mass": 0.01},
    {"armature": (3.0, 3.0)},
    {"link_mass": (1.5, 1.5)},
    {"delay": (0.02, 0.02)},
]


def test_no_switch_is_left_untested():
    assert {list(change)[-1] for change in SWITCHES} == {field.name for field in fields(Randomization)}


@pytest.mark.parametrize("change", SWITCHES, ids=lambda change: list(change)[-1])
def test_each_switch_changes_the_physics(change):
    assert not np.allclose(run(NOTHING), run(replace(NOTHING, **change)), atol=1e-6)


def test_pushes_come_with_their_probability():
    seldom, always = ({"push_scale": 5.0, "push_probability": share} for share in (0.25, 1.0))
    assert not np.allclose(run(replace(NOTHING, **seldom)), run(replace(NOTHING, **always)), atol=1e-6)


def test_start_state_sets_the_objects_size():
    rest = []
    for scale in (0.9, 1.0):
        row = load_starts().draw("cube", PALM_UP, np.random.default_rng(0))
        pose = row.object_pose[None]
        starts = StartStates({("cube", PALM_UP): palm_rest_rows(row.joints[None], pose, np.array([scale]))})
        hand = MujocoHand(1, starts=starts)
        target = hand.reset(np.array([0]), [Scene(object="cube")], np.random.default_rng(0))
        for _ in range(10):
            hand.step(target)
        rest.append(hand.state().object_pose[0, :3])
    assert np.linalg.norm(rest[1] - rest[0]) > 0.001


def test_joint_noise_is_observed_but_not_physical():
    seen, physics = [], []
    for noise in (0.0, 0.005):
        env = make_sim_env(object="cube", randomize=True, config=TaskConfig(joint_pos_noise=noise))
        env.reset(seed=0)
        observation, *_, info = env.step(np.zeros(16, dtype=np.float32))
        seen.append(observation[9 * 32 : 9 * 32 + 16] - info["position"])
        physics.append(info["position"])
    np.testing.assert_allclose(seen[0], 0.0, atol=1e-6)
    assert 0.0005 < np.abs(seen[1]).mean() < 0.005
    np.testing.assert_allclose(physics[1], physics[0], atol=1e-3)


@pytest.mark.parametrize(("delay", "still_steps"), [(0.0, 0), (0.04, 0), (0.05, 1), (0.12, 2)])
def test_delay_has_the_given_length(delay, still_steps):
    hands = [MujocoHand(1, randomization=replace(NOTHING, delay=(delay, delay))) for _ in range(2)]
    targets = [hand.reset(np.array([0]), [Scene(object="none")], np.random.default_rng(0)) for hand in hands]
    differences = []
    for _ in range(4):
        for hand, target, change in zip(hands, targets, (0.0, 0.2), strict=True):
            hand.step(target + change)
        differences.append(np.abs(hands[0].state().position - hands[1].state().position).max())
    assert np.count_nonzero(np.array(differences) == 0.0) == still_steps
    assert differences[-1] > 0.02


def test_center_of_mass_moves_and_the_object_stays():
    hands = [MujocoHand(16, randomization=replace(NOTHING, center_of_mass=offset)) for offset in (0.0, 0.01)]
    begin, end = [], []
    for hand in hands:
        target = hand.reset(np.arange(16), [Scene(object="cube")] * 16, np.random.default_rng(0))
        begin.append(hand.state().object_pose)
        for _ in range(10):
            hand.step(target)
        end.append(hand.state().object_pose)
    apart = np.linalg.norm(begin[1][:, :3] - begin[0][:, :3], axis=1)
    assert 0.002 < apart.mean() <= apart.max() <= 0.01 * np.sqrt(3) + 1e-9
    assert np.linalg.norm(end[1][:, :3] - begin[1][:, :3], axis=1).max() < 0.003, "pieces fit where they were found"


def test_thread_count_does_not_matter():
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (15, 8, 16)).astype(np.float32)
    observations, rewards = [], []
    for threads in (1, 2):
        env = make_sim_vector_env(
            num_envs=8,
            num_threads=threads,
            randomize=True,
            object=["cube", "duck", "ball_40"],
            wrist="six",
            axis="random",
            config=TaskConfig(episode_steps=6),  # so that episodes end and others begin
        )
        env.reset(seed=0)
        results = [env.step(action) for action in actions]
        observations.append([result[0] for result in results])
        rewards.append([result[1] for result in results])
    np.testing.assert_array_equal(*observations)
    np.testing.assert_array_equal(*rewards)


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


@pytest.mark.parametrize("wrist", [name for name in WRISTS if name != "palm_up"])
def test_drop_ends_the_episode_in_every_wrist(wrist):
    env = make_sim_vector_env(num_envs=8, num_threads=1, object=["cube", "duck"], wrist=wrist)
    env.reset(seed=0)
    still = env.step(np.zeros((8, 16), dtype=np.float32))
    assert not still[2].any()
    opening = np.tile([0.0, -1.0, -1.0, -1.0], (8, 4)).astype(np.float32)  # all joints but the sideways ones
    dropped = np.zeros(8, dtype=np.bool_)
    for _ in range(60):
        dropped |= env.step(opening)[2]
    assert dropped.all()


@pytest.mark.parametrize("randomize", [False, replace(NOTHING, delay=(0.02, 0.02))])
def test_unstable_simulation_has_lost_its_object(randomize, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning into a file there
    env = make_sim_vector_env(num_envs=2, num_threads=1, object="cube", randomize=randomize, autoreset_mode="DISABLED")
    env.reset(seed=0)
    for _ in range(3):
        before = env.step(np.zeros((2, 16), dtype=np.float32))
    assert not before[2].any()
    env.backend.batch.bind("qvel")[0, -1] = 1e12
    _, reward, terminated, _, info = env.step(np.zeros((2, 16), dtype=np.float32))
    np.testing.assert_array_equal(terminated, [True, False])
    assert np.isfinite(reward).all()
    np.testing.assert_allclose(info["rotation"], before[4]["rotation"], atol=0.01)  # no turn from where it was put


def test_episodes_begin_with_holding_targets():
    env = make_sim_vector_env(num_envs=4, num_threads=1, object="cube", wrist="palm_down")
    observation, _ = env.reset(seed=0)
    history = observation[:, :320].reshape(4, 10, 2, 16)
    target = history[:, -1, 1]
    assert (np.abs(target - START_POSE).max(axis=1) > 0.1).all()
    _, _, _, _, info = env.step(np.zeros((4, 16), dtype=np.float32))
    np.testing.assert_allclose(info["target"], target, atol=1e-6)
    expected = -RewardWeights().pose * np.square(info["position"] - info["target"]).sum(axis=1)
    np.testing.assert_allclose(info["reward_pose"], expected, atol=1e-9)


def test_hand_depends_on_its_own_object_only():
    names = ["cube", "duck", "truck", "ball_40"]

    def poses(order):
        hand, targets = MujocoHand(4, num_threads=1), np.zeros((4, 16))
        for row, name in [*enumerate(order[::-1]), *enumerate(order)]:  # every hand has had another object before
            scene = Scene(object=name, gravity=(0.0, 9.81, 0.0))
            targets[row] = hand.reset(np.array([row]), [scene], np.random.default_rng(names.index(name)))[0]
        for _ in range(5):
            hand.step(targets)
        return hand.state().object_pose

    np.testing.assert_array_equal(poses(names), poses(names[::-1])[::-1])
