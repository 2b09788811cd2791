from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.data.collection import Plan
from dexndm_gym.data.recording import RecordingWriter, read_recording
from dexndm_gym.evaluation.collecting import EnvPlayer, StepRecorder, simulate
from dexndm_gym.evaluation.episodes import record_episode
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.task.config import TaskConfig


def play(player: EnvPlayer, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    *ticks, last = list(player(plan))
    assert last[1] is None
    return np.array([position for position, _ in ticks] + [last[0]]), np.array([target for _, target in ticks])


def test_simulated_episodes_end_with_the_drop_and_repeat_with_their_seed(throw: Any, strict: TaskConfig) -> None:
    one, other = simulate(throw, 3, seed=4, config=strict), simulate(throw, 3, seed=4, config=strict)
    for trajectory, again in zip(one, other, strict=True):
        assert 2 <= len(trajectory) < 60
        np.testing.assert_array_equal(trajectory.position, again.position)
        assert trajectory.metadata["object"] in OBJECTS
    assert (one[0].position[0] != simulate(throw, 3, seed=5, config=strict)[0].position[0]).any()


def test_noise_goes_into_some_episodes_only(throw: Any, strict: TaskConfig) -> None:
    noisy = simulate(throw, 6, seed=2, noise=0.01, config=strict)
    clean = simulate(throw, 6, seed=2, config=strict)
    rows = min(len(trajectory) for trajectory in (*noisy, *clean))
    spread = [np.std(a.target[:rows] - b.target[:rows]) for a, b in zip(noisy, clean, strict=True)]
    assert 0 < sum(value > 0.003 for value in spread) < 6
    assert all(value == 0.0 or value > 0.003 for value in spread)


def test_a_replay_sends_what_was_sent_in_simulation(
    sim: gymnasium.Env[Any, Any], wiggle: Any, strict: TaskConfig
) -> None:
    trajectory = simulate(wiggle, 1, seed=1, config=strict)[0].cut(0, 30)
    player = EnvPlayer(sim, wiggle)
    position, target = play(player, Plan(index=0, replay=trajectory, noise=0.0, seed=3))
    assert position.shape == (31, 16)
    np.testing.assert_allclose(target, trajectory.target, atol=1e-9)
    _, noisy = play(player, Plan(index=0, replay=trajectory, noise=0.01, seed=3))
    assert np.std(noisy - trajectory.target) == pytest.approx(0.01, rel=0.15)
    _, clean = play(player, Plan(index=0, replay=trajectory, noise=0.0, seed=3))
    np.testing.assert_array_equal(clean, target)


def test_without_a_replay_the_policy_plays_until_the_drop(sim: gymnasium.Env[Any, Any], throw: Any) -> None:
    position, target = play(EnvPlayer(sim, throw), Plan(index=0, replay=None, noise=0.0, seed=3))
    assert 2 <= len(target) < 60
    assert len(position) == len(target) + 1


def test_a_recorder_writes_what_it_watches(sim: gymnasium.Env[Any, Any], throw: Any, tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "a.h5") as writer:
        recorder = StepRecorder(writer, {"mode": "policy"})
        episodes = [record_episode(throw, sim, seed=seed, item="cube", watch=recorder) for seed in (0, 1)]
        recorder.end()
    trajectories = read_recording(tmp_path / "a.h5")
    assert [len(trajectory) for trajectory in trajectories] == [len(episode) for episode in episodes]
    for trajectory, episode in zip(trajectories, episodes, strict=True):
        np.testing.assert_allclose(trajectory.position, episode.position, atol=1e-6)
        np.testing.assert_allclose(trajectory.target, episode.sent_target, atol=1e-6)
        assert trajectory.metadata == {"mode": "policy", "object": "cube"}
