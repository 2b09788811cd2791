from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.data.collection import CollectOptions, Plan
from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.evaluation.collecting import EnvPlayer, replay_at_once, simulate
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.task.config import TaskConfig


def play(player: EnvPlayer, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    *ticks, last = list(player(plan))
    assert last[1] is None
    return np.array([position for position, _ in ticks] + [last[0]]), np.array([target for _, target in ticks])


def test_simulated_episodes_end_with_the_drop_and_repeat_with_their_seed(throw: Any, strict: TaskConfig) -> None:
    one, other = simulate(throw, 3, seed=4, config=strict), simulate(throw, 3, seed=4, config=strict)
    for trajectory, again in zip(one, other, strict=True):
        assert 2 <= len(trajectory) <= 60
        np.testing.assert_array_equal(trajectory.position, again.position)
        assert trajectory.metadata["object"] in OBJECTS
    assert min(len(trajectory) for trajectory in one) < 60
    assert (one[0].position[0] != simulate(throw, 3, seed=5, config=strict)[0].position[0]).any()


def test_a_simulated_collection_shakes_replays_on_empty_hands(wiggle: Any, strict: TaskConfig) -> None:
    replays = simulate(wiggle, 6, seed=2, config=strict)
    options = CollectOptions(seed=3, offset=0.0)
    collected = replay_at_once(MujocoHand(6), replays, options)
    length = min(len(replay) for replay in replays)
    assert [len(trajectory) for trajectory in collected] == [length] * 6
    assert {trajectory.metadata["object"] for trajectory in collected} == {"none"}
    spread = [np.std(a.target - b.target[:length]) for a, b in zip(collected, replays, strict=True)]
    assert 0 < sum(value > 0.003 for value in spread) < 6, "noise goes into some, not all"
    assert all(value < 1e-9 or value > 0.003 for value in spread)
    moved = replay_at_once(MujocoHand(6), replays, CollectOptions(seed=3, offset=0.05))
    assert np.std(moved[0].target - collected[0].target) > 0.01


def test_a_replay_sends_what_was_sent_in_simulation(
    sim: gymnasium.Env[Any, Any], wiggle: Any, strict: TaskConfig
) -> None:
    trajectory = simulate(wiggle, 1, seed=1, config=strict)[0].cut(0, 30)
    player = EnvPlayer(sim, wiggle)
    position, target = play(player, Plan(index=0, replay=trajectory, noise=0.0, offset=0.0, seed=3))
    assert position.shape == (31, 16)
    np.testing.assert_allclose(target, trajectory.target, atol=1e-9)
    _, noisy = play(player, Plan(index=0, replay=trajectory, noise=0.01, offset=0.0, seed=3))
    assert np.std(noisy - trajectory.target) == pytest.approx(0.01, rel=0.15)
    _, clean = play(player, Plan(index=0, replay=trajectory, noise=0.0, offset=0.0, seed=3))
    np.testing.assert_array_equal(clean, target)


def test_without_a_replay_the_policy_plays_until_the_drop(sim: gymnasium.Env[Any, Any], throw: Any) -> None:
    position, target = play(EnvPlayer(sim, throw), Plan(index=0, replay=None, noise=0.0, offset=0.0, seed=3))
    assert len(target) >= 2
    assert len(position) == len(target) + 1
