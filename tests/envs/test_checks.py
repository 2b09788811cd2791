"""Whatever comes from outside: refused by name, or taken as it is meant, and never with torque left on."""

from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs import LeapRotateEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError, DexndmError, SimulationDivergedError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.reward_weights import PAPER_REWARD, RewardWeights

STILL = np.zeros(16, dtype=np.float32)
LYING = np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0])


class Tracker:
    """Says what the test tells it to say."""

    def __init__(self) -> None:
        self.pose: Any = LYING

    def object_pose(self) -> Any:
        return self.pose


def real_env(tracker: Any) -> Any:
    return gymnasium.make("LeapRotate-Real-v0", port="virtual", tracker=tracker, object="cube")


IN_MILLIMETERS = LYING * [1e3, 1e3, 1e3, 1, 1, 1, 1]
BAD_POSES: list[Any] = [np.zeros(3), np.zeros(0), np.eye(4), np.zeros((2, 7)), "here", np.zeros(7), 5.0]
BAD_POSES += [[[0.0], [1.0, 2.0]], IN_MILLIMETERS]


@pytest.mark.parametrize("bad", BAD_POSES, ids=range(len(BAD_POSES)))
def test_bad_pose_is_refused_and_torque_goes(bad: Any) -> None:
    tracker = Tracker()
    env = real_env(tracker)
    try:
        env.reset(seed=0)
        env.step(STILL)
        hand = env.unwrapped.backend
        assert hand._connection.is_open
        tracker.pose = bad
        with pytest.raises(ConfigurationError, match=r"shape \(7,\)|length|meters"):
            env.step(STILL)
        assert not hand._connection.is_open
        with pytest.raises(ConfigurationError, match="reset"):
            env.step(STILL)
        tracker.pose = LYING
        env.reset(seed=0)
        assert env.step(STILL)[-1]["tracked"]
    finally:
        env.close()


def test_bad_tracker_is_found_at_first_reset() -> None:
    tracker = Tracker()
    tracker.pose = np.zeros(3)
    env = real_env(tracker)
    with pytest.raises(ConfigurationError, match=r"\(7,\).*\(3,\)"):
        env.reset(seed=0)
    env.close()


UNSEEN = {"None": None, "NaN": np.full(7, np.nan), "inf": np.full(7, np.inf), "masked": np.ma.masked_all(7)}


@pytest.mark.parametrize("lost", UNSEEN.values(), ids=UNSEEN)
def test_rotation_waits_while_object_is_not_seen(lost: Any) -> None:
    hand = WeakServos(spin=0.4)
    state = hand.state
    env = LeapRotateEnv(hand)
    env.reset(seed=0)
    rotations, tracked = [], []
    for step in range(9):
        gone = 3 <= step < 6
        hand.state = (  # type: ignore[method-assign]
            (lambda: state()._replace(object_pose=None if lost is None else lost[None])) if gone else state
        )
        _, reward, terminated, _, info = env.step(STILL)
        assert np.isfinite(reward)
        assert not terminated
        assert np.isnan(info["object_pose"]).all() == gone
        rotations.append(info["rotation"])
        tracked.append(info["tracked"])
    assert tracked == [True] * 3 + [False] * 3 + [True] * 3
    # In the first step that sees it again it is not known how far it has turned.
    turns = np.array([1, 2, 3, 3, 3, 3, 3, 4, 5])
    np.testing.assert_allclose(rotations, turns * 0.4 * 0.05)


def test_untracked_hand_among_many_counts_no_rotation() -> None:
    hand = WeakServos(2, spin=0.4)
    env = LeapRotateVectorEnv(hand)
    env.reset(seed=0)
    hand.tracked[1] = False
    info = [env.step(np.zeros((2, 16), np.float32))[-1] for _ in range(4)][-1]
    assert info["tracked"].tolist() == [True, False]
    np.testing.assert_allclose(info["rotation"], [4 * 0.4 * 0.05, 0.0])


def test_goal_is_set_when_object_is_first_seen() -> None:
    hand = WeakServos(spin=0.4)
    hand.tracked[:] = False
    env = LeapRotateEnv(hand, config=TaskConfig(reward=PAPER_REWARD))
    env.reset(seed=0)
    env.step(STILL)
    hand.tracked[:] = True
    info = env.step(STILL)[-1]
    gain, step = PAPER_REWARD.goal_gain, PAPER_REWARD.goal_step
    assert info["reward_goal"] == pytest.approx(PAPER_REWARD.goal * gain / step, rel=1e-6)


BAD_ACTIONS = [
    *(np.zeros(15), np.zeros((1, 16)), np.full(16, np.nan), np.full(16, np.inf)),
    *(None, "left", [[1.0], [2.0, 3.0]], {}),
]


@pytest.mark.parametrize("bad", BAD_ACTIONS, ids=range(len(BAD_ACTIONS)))
@pytest.mark.parametrize("vector", [False, True])
def test_bad_action_is_refused_and_torque_goes(bad: Any, vector: bool) -> None:
    hand = WeakServos()
    env: Any = LeapRotateVectorEnv(hand) if vector else LeapRotateEnv(hand)
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match=r"action|Expected"):
        env.step(bad[None, None] if vector and isinstance(bad, np.ndarray) else bad)
    assert not hand.torque
    assert hand.commands == []


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8", np.int64, object])
def test_action_dtype_does_not_matter(dtype: Any) -> None:
    env = LeapRotateEnv(WeakServos())
    env.reset(seed=0)
    action = np.ones(16).astype(dtype)
    action.flags.writeable = False
    np.testing.assert_allclose(env.step(action)[-1]["target"] - env.task.config.action_scale, _start(), atol=1e-12)


def _start() -> np.ndarray:
    return LeapRotateEnv(WeakServos()).reset(seed=0)[1]["target"]


BAD_STATES = {
    "position": np.zeros((1, 15)),
    "velocity": np.zeros(16),
    "torque": np.zeros((2, 16)),
    "command": "none",
    "object_pose": np.zeros((1, 6)),
}


@pytest.mark.parametrize("field", BAD_STATES)
def test_bad_state_of_a_users_hand_is_named(field: str) -> None:
    hand = WeakServos()
    env, state = LeapRotateEnv(hand), hand.state
    env.reset(seed=0)
    hand.state = lambda: state()._replace(**{field: BAD_STATES[field]})  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match=field.replace("_", ".")):
        env.step(STILL)
    assert not hand.torque


@pytest.mark.parametrize("field", ["position", "velocity", "torque", "command"])
def test_state_that_is_not_finite_is_named(field: str) -> None:
    hand = WeakServos()
    env, state = LeapRotateEnv(hand), hand.state
    env.reset(seed=0)
    hand.state = lambda: state()._replace(**{field: np.full((1, 16), np.nan)})  # type: ignore[method-assign]
    with pytest.raises(SimulationDivergedError, match=field):
        env.step(STILL)


def test_state_dtype_does_not_matter() -> None:
    hand = WeakServos()
    env, state = LeapRotateEnv(hand), hand.state
    env.reset(seed=0)
    hand.state = lambda: state()._replace(position=state().position.astype(np.float32)[:, ::1])  # type: ignore[method-assign]
    assert env.step(STILL)[-1]["position"].dtype == np.float64


@pytest.mark.parametrize("start", [None, np.zeros(16), np.full((1, 16), np.nan), np.zeros((2, 16))], ids=range(4))
def test_bad_start_of_a_users_hand_is_named(start: Any) -> None:
    class Hand(WeakServos):
        def reset(self, ids: Any, scenes: list[Scene], rng: Any) -> Any:
            super().reset(ids, scenes, rng)
            return start

    hand = Hand()
    with pytest.raises(ConfigurationError, match=r"Hand\.reset\(\)"):
        LeapRotateEnv(hand).reset(seed=0)
    assert not hand.torque


@pytest.mark.parametrize(
    "options",
    [
        *({"object": 5}, {"object": [5]}, {"object": {"a": 1}}),
        *({"wrist": "x"}, {"wrist": [np.nan] * 4}, {"axis": [1, 2]}, {"axis": {}}),
    ],
    ids=str,
)
def test_bad_options_are_errors_of_ours(options: dict[str, Any]) -> None:
    with pytest.raises(DexndmError, match=next(iter(options))):
        LeapRotateEnv(WeakServos()).reset(seed=0, options=options)


@pytest.mark.parametrize(("hands", "noise"), [(0, 0.0), (1.5, 0.0), (1, -1.0), (1, np.nan)])
def test_hands_and_noise_are_checked(hands: Any, noise: float) -> None:
    hand = WeakServos()
    hand.num_hands = hands
    with pytest.raises(ConfigurationError):
        LeapRotateVectorEnv(hand, joint_pos_noise=noise)


def test_reward_weights_may_be_given_by_name() -> None:
    env = gymnasium.make("LeapRotate-Sim-v0", config={"episode_steps": 3, "reward": {"goal": 2.0}})
    assert env.unwrapped.task.config == TaskConfig(episode_steps=3, reward=RewardWeights(goal=2.0))  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match="gaol"):
        gymnasium.make("LeapRotate-Sim-v0", config={"reward": {"gaol": 2.0}})
