"""The task on hands that do as they are told: goals, curriculum, metrics, termination."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.arrays import FloatArray
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import FINGERTIP_CENTER, PALM_REST_CENTER, START_POSE
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task import observation
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.goals import set_first_goals, turns_to_goals
from dexndm_gym.task.metrics import score
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import WRISTS, down_in_hand
from dexndm_gym.task.quaternions import conjugate, rotate
from dexndm_gym.task.reward_weights import PAPER_REWARD, RewardWeights

SPIN = 0.6
LIMIT = TaskConfig().drop_distance
STILL = np.zeros((1, 16))


class SpinningHand:
    """n hands whose objects turn about a fixed axis of the hand frame, and drift."""

    def __init__(self, num_hands: int = 1, axis: Sequence[float] = (0.0, 0.0, 1.0), drift: FloatArray | None = None):
        self.num_hands, self.time = num_hands, np.zeros(num_hands)
        self.axis = np.tile(np.array(axis), (num_hands, 1))
        self.drift = np.zeros((num_hands, 3)) if drift is None else drift

    def reset(self, ids: Any, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        self.time[ids] = 0.0
        return np.tile(START_POSE, (len(ids), 1))

    def step(self, target: FloatArray) -> None:
        self.time += 0.05

    def state(self) -> HandState:
        half = 0.5 * SPIN * self.time[:, None]
        pose = np.concatenate(
            [PALM_REST_CENTER + self.drift * self.time[:, None], np.cos(half), np.sin(half) * self.axis], axis=1
        )
        return HandState(position=np.tile(START_POSE, (self.num_hands, 1)), object_pose=pose)

    def privileged(self) -> dict[str, FloatArray]:
        return {"mass": np.full((self.num_hands, 1), 0.05)}

    def close(self) -> None: ...


def start(hand: SpinningHand, reward: RewardWeights, steps: int = 400, **options: Any) -> RotationTask:
    task = RotationTask(
        hand, EpisodeOptions().updated({"wrist": "palm_up"} | options), TaskConfig(reward=reward, episode_steps=steps)
    )
    task.reset(np.arange(hand.num_hands), np.random.default_rng(0))
    return task


@pytest.mark.parametrize("wrist", WRISTS)
def test_goals_lie_along_axis_in_every_wrist(wrist: str) -> None:
    # the world's z axis in the hand frame, about which this object turns
    up = rotate(conjugate(WRISTS[wrist]), (0.0, 0.0, 1.0))
    task = start(SpinningHand(axis=up), RewardWeights(goal=1.0), wrist=wrist)
    np.testing.assert_allclose(task.privileged()["to_goal"], [[0.0, 0.0, np.pi / 2]], atol=1e-9)
    rewards = [task.step(STILL).info()["reward_goal"][0] for _ in range(200)]
    paid = np.flatnonzero(np.array(rewards) > 10.0)
    # 6 rad in 10 s: the goals at 90, 180 and 270 degrees are each reached 15 degrees before
    reached = (np.arange(1, 4) * np.pi / 2 - np.pi / 12) / SPIN / 0.05
    np.testing.assert_allclose(paid + 1, np.ceil(reached), atol=1)
    assert task.privileged()["to_goal"][0, 2] > np.pi / 12


def test_rotation_across_axis_reaches_no_goal() -> None:
    task = start(SpinningHand(axis=(1.0, 0.0, 0.0)), RewardWeights(goal=1.0))
    assert max(task.step(STILL).info()["reward_goal"][0] for _ in range(100)) < 1.0


def test_curriculum_counts_resets_per_hand() -> None:
    task = start(SpinningHand(2, axis=(1.0, 0.0, 0.0)), PAPER_REWARD)
    for _ in range(54):
        task.reset(np.array([1]), np.random.default_rng(0))
    np.testing.assert_allclose(task.step(np.zeros((2, 16))).info()["reward_off_axis"], [0.0, -0.05 * SPIN])
    task.resets = np.array([1000, 1000])
    np.testing.assert_allclose(task.step(np.zeros((2, 16))).info()["reward_off_axis"], -0.1 * SPIN)


def test_single_and_vector_env_report_paper_metrics() -> None:
    config = TaskConfig(episode_steps=8)
    axis = np.array([0.0, 0.8, 0.6])
    expected = {"RotR": 8 * 0.36, "RotP": 0.48, "TTF": 1.0, "speed": 0.36, "rotation": 0.4 * 0.36}
    env = LeapRotateEnv(SpinningHand(axis=axis), config=config)
    env.reset(seed=0)
    info = [env.step(np.zeros(16, dtype=np.float32))[-1] for _ in range(8)][-1]
    assert {name: info[name] for name in expected} == pytest.approx(expected)
    fall = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -LIMIT / 0.18]])  # the second is lost in the fourth step
    vector = LeapRotateVectorEnv(SpinningHand(2, axis=axis, drift=fall), config=config)
    vector.reset(seed=0)
    infos = [vector.step(np.zeros((2, 16), dtype=np.float32))[-1] for _ in range(8)]
    assert {name: infos[7][name][0] for name in expected} == pytest.approx(expected)
    lost = {"RotR": 4 * 0.36, "RotP": 0.48, "TTF": 0.5, "speed": 0.36, "rotation": 0.2 * 0.36}
    assert infos[3]["_final_obs"].tolist() == [False, True]
    assert {name: infos[3][name][1] for name in lost} == pytest.approx(lost)


def test_episodes_compile_nothing() -> None:
    functions = [
        *(set_first_goals, turns_to_goals, score),
        *(observation.next_targets, observation.push, observation.observe),
    ]
    task = start(SpinningHand(2), PAPER_REWARD)
    before = [list(function.signatures) for function in functions]  # type: ignore[attr-defined]
    for hands in (task, start(SpinningHand(1), PAPER_REWARD)):
        hands.reset(np.array([0]), np.random.default_rng(0))
        hands.step(np.zeros((hands.backend.num_hands, 16)))
        hands.observation()
        hands.privileged()
    assert [list(function.signatures) for function in functions] == before  # type: ignore[attr-defined]


def test_privileged_info_is_in_simulation_only() -> None:
    task = start(SpinningHand(), RewardWeights())
    assert set(task.privileged()) == {"object_pose", "mass"}

    class Blind(SpinningHand):
        privileged = None  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="LeapRotate-Sim-v0"):
        start(Blind(), RewardWeights()).privileged()


def wrists() -> list[tuple[float, ...]]:
    """The named wrist orientations, and six of any."""
    any_wrist = np.random.default_rng(0).standard_normal((6, 4))
    return [*WRISTS.values(), *(tuple(q / np.linalg.norm(q)) for q in any_wrist)]


@pytest.mark.parametrize("wrist", wrists(), ids=[*WRISTS, *(f"any_{i}" for i in range(6))])
def test_object_is_lost_by_distance_in_every_wrist(wrist: tuple[float, ...]) -> None:
    down = np.array(down_in_hand(np.array(wrist)))
    line = np.linspace(PALM_REST_CENTER, FINGERTIP_CENTER, 1000)
    for distance in (0.9 * LIMIT, 1.1 * LIMIT, 0.9 * LIMIT + 0.08, 1.1 * LIMIT + 0.09):
        task = start(SpinningHand(drift=20.0 * distance * down[None]), RewardWeights(), wrist=wrist)
        lost = np.linalg.norm(PALM_REST_CENTER + distance * down - line, axis=1).min() > LIMIT
        assert task.step(STILL).terminated.tolist() == [lost]


def test_only_dropped_objects_are_lost_in_every_wrist() -> None:
    """A ball, as a cube may stay wedged between fingers that spread."""
    env = gymnasium.make_vec(
        "LeapRotate-Sim-v0", len(wrists()), vectorization_mode="vector_entry_point", object="ball_60", num_threads=1
    )
    task = env.unwrapped.task  # type: ignore[attr-defined]
    env.reset(seed=0)
    for i, wrist in enumerate(wrists()):
        task.reset(np.array([i]), np.random.default_rng(i), {"wrist": wrist})
    held = np.zeros(env.num_envs, dtype=bool)
    for _ in range(10):
        held |= task.step(np.zeros((env.num_envs, 16))).terminated
    assert not held.any()
    lost = held
    open_up = np.tile(-np.sign(START_POSE), (env.num_envs, 1))
    for _ in range(60):
        lost |= task.step(open_up).terminated
    rests_on_palm = np.array([rotate(wrist, (0.0, 0.0, 1.0))[2] > 0.3 for wrist in wrists()])
    assert lost[~rests_on_palm].all(), lost
