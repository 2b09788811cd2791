from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.data.collection import CollectOptions, Plan
from dexndm_gym.data.replay import EnvPlayer, HeatLimits, longest, replay_at_once, simulate
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.task.config import TaskConfig


def play(player: EnvPlayer, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    *ticks, last = list(player(plan))
    assert last.command is None
    return np.array([tick.position for tick in (*ticks, last)]), np.array([tick.command for tick in ticks])


def test_simulated_episodes_end_with_the_drop(throw: Any, strict: TaskConfig) -> None:
    one, other = simulate(throw, 8, seed=4, config=strict), simulate(throw, 8, seed=4, config=strict)
    for trajectory, again in zip(one, other, strict=True):
        assert 2 <= len(trajectory) <= 60
        np.testing.assert_array_equal(trajectory.position, again.position)
        assert trajectory.metadata["object"] in OBJECTS
    assert min(len(trajectory) for trajectory in one) < 60
    assert (one[0].position[0] != simulate(throw, 8, seed=5, config=strict)[0].position[0]).any()


def test_a_simulated_collection_shakes_replays_on_empty_hands(wiggle: Any, strict: TaskConfig) -> None:
    replays = simulate(wiggle, 6, seed=2, config=strict)
    options = CollectOptions(seed=3, offset=0.0)
    collected = replay_at_once(MujocoHand(6), replays, options)
    length = min(len(replay) for replay in replays)
    assert [len(trajectory) for trajectory in collected] == [length] * 6
    assert {trajectory.metadata["object"] for trajectory in collected} == {"none"}
    spread = [np.std(a.command - b.command[:length]) for a, b in zip(collected, replays, strict=True)]
    assert 0 < sum(value > 0.003 for value in spread) < 6, "noise goes into some, not all"
    assert all(value < 1e-6 or value > 0.003 for value in spread)
    moved = replay_at_once(MujocoHand(6), replays, CollectOptions(seed=3, offset=0.05))
    assert np.std(moved[0].command - collected[0].command) > 0.01


def test_a_replay_sends_what_was_sent_in_simulation(
    sim: gymnasium.Env[Any, Any], wiggle: Any, strict: TaskConfig
) -> None:
    trajectory = simulate(wiggle, 1, seed=1, config=strict)[0].cut(0, 30)
    player = EnvPlayer(sim, wiggle)
    position, target = play(player, Plan(index=0, replay=trajectory, noise=0.0, offset=0.0, seed=3))
    assert position.shape == (31, 16)
    np.testing.assert_allclose(target, trajectory.command, atol=1e-6)
    _, noisy = play(player, Plan(index=0, replay=trajectory, noise=0.01, offset=0.0, seed=3))
    assert np.std(noisy - trajectory.command) == pytest.approx(0.01, rel=0.15)
    _, clean = play(player, Plan(index=0, replay=trajectory, noise=0.0, offset=0.0, seed=3))
    np.testing.assert_array_equal(clean, target)


def test_a_replay_that_begins_elsewhere_goes_there_first(wiggle: Any, strict: TaskConfig) -> None:
    replays = simulate(
        wiggle, 2, seed=1, options={"object": "cylinder", "wrist": "base_up"}, starts="grasps", config=strict
    )
    collected = replay_at_once(MujocoHand(2), replays, CollectOptions(seed=3, offset=0.0, noise_probability=0.0))
    for replay, trajectory in zip(replays, collected, strict=True):
        steps = np.abs(np.diff(trajectory.command, axis=0, prepend=START_POSE[None]))
        assert steps.max() <= strict.action_scale + 1e-6
        last = len(trajectory) - 1
        assert last > 30
        np.testing.assert_allclose(trajectory.command[last], replay.command[last], atol=1e-6)


def test_longest_keeps_whole_episodes() -> None:
    short, whole = (Trajectory(np.zeros((n + 1, 16)), np.zeros((n, 16))) for n in (3, 5))
    assert longest([short, whole, short, whole]) == [whole, whole]


def test_policy_plays_until_the_drop(sim: gymnasium.Env[Any, Any], throw: Any) -> None:
    position, target = play(EnvPlayer(sim, throw), Plan(index=0, replay=None, noise=0.0, offset=0.0, seed=3))
    assert len(target) >= 2
    assert len(position) == len(target) + 1


def test_hot_hand_rests_until_it_is_cool(wiggle: Any) -> None:
    still = Trajectory(np.tile(START_POSE, (101, 1)), np.tile(START_POSE, (100, 1)))
    plan = Plan(index=0, replay=still, noise=0.0, offset=0.0, seed=3)
    with closing(gymnasium.make("LeapRotate-Real-v0", port="virtual")) as env:
        player = EnvPlayer(env, wiggle, wrist="palm_down", heat=HeatLimits(pause=60, resume=50))
        assert len(play(player, plan)[1]) == 100
        process = env.unwrapped.backend._companion  # type: ignore[attr-defined]
        process.inject("overheating:value=37,servo=5,after=1,duration=45")
        assert 0 < len(play(player, plan)[1]) < 100, "ends early"
        before = process.command("status")
        position, _ = play(player, plan)
        after = process.command("status")
    assert len(position) == 101
    # It rests in looks of 10 s until the heat is gone, and then plays for 5 s.
    assert 40 < after["time_s"] - before["time_s"] < 70
    assert np.abs(position - START_POSE).max() < 0.2


def test_a_pause_ends_below_where_it_begins() -> None:
    with pytest.raises(ConfigurationError, match="below the 50"):
        HeatLimits(pause=50, resume=50)
