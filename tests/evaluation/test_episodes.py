from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.evaluation.episodes import record_episode, record_episodes, scores
from dexndm_gym.task.config import TaskConfig


@pytest.fixture
def short() -> Any:
    env = gymnasium.make("LeapRotate-Sim-v0", config=TaskConfig(episode_steps=12))
    yield env
    env.close()


def test_an_episode_holds_all_that_happened(short: gymnasium.Env[Any, Any], wiggle: Any) -> None:
    told: list[tuple[int, int, str]] = []
    episode = record_episode(wiggle, short, seed=1, item="cube", progress=lambda *state: told.append(state))
    assert len(episode) == 12
    assert episode.object == "cube"
    assert episode.seconds == pytest.approx(0.6)
    assert episode.position.shape == (13, 16)
    assert episode.object_pose is not None
    assert episode.object_pose.shape == (13, 7)
    assert episode.rotation[0] == 0.0
    assert [state[:2] for state in told] == [(step, 12) for step in range(13)]
    # Each target moves by at most the action's scale, so none can be out of step with its position.
    assert np.abs(np.diff(episode.target, axis=0)).max() <= TaskConfig().action_scale * wiggle.size + 1e-9
    np.testing.assert_array_equal(episode.command, episode.target)
    trajectory = episode.trajectory({"note": 1})
    assert (len(trajectory), trajectory.metadata) == (12, {"object": "cube", "note": 1})


def test_episodes_take_turns_and_repeat_by_seed(short: gymnasium.Env[Any, Any], throw: Any) -> None:
    first = record_episodes(throw, short, 3, seed=5, items=("cube", "ellipsoid"))
    again = record_episodes(throw, short, 2, seed=6, items=("ellipsoid", "cube"))
    assert [episode.object for episode in first] == ["cube", "ellipsoid", "cube"]
    for one, other in zip(first[1:], again, strict=True):
        np.testing.assert_array_equal(one.position, other.position)


def test_scores_count_a_drop_at_its_time(sim: gymnasium.Env[Any, Any], throw: Any) -> None:
    (episode,) = record_episodes(throw, sim, 1, seed=0, items=("cylinder",))
    measured = scores([episode])
    assert measured.dropped[0] == 1.0
    assert 0.1 < measured.time_to_fall[0] < 3.0
    assert measured.rotation[0] == episode.rotation[-1]


def test_without_a_tracker_only_the_time_is_known(short: gymnasium.Env[Any, Any], wiggle: Any) -> None:
    episode = record_episode(wiggle, short, seed=0)
    unknown = {"object_pose": None, "metrics": dict.fromkeys(episode.metrics, np.nan)}
    blind = type(episode)(**(vars(episode) | unknown))
    summary = scores([blind]).summary()
    known = {name for name, number in summary.items() if not np.isnan(number)}
    assert known == {"time_to_fall_s_mean", "episodes"}
    assert scores([episode, blind]).rotation[0] == episode.rotation[-1]
