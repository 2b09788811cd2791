"""Reward terms of a user's own: what they are shown, and what becomes of what they say."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.backends import WeakServos
from dexndm_gym.envs import LeapRotateEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task import StepBatch, TaskConfig


def effort(step: StepBatch) -> np.ndarray:
    return -np.square(step.action).sum(axis=1)


def step(env: Any, value: float = 0.5) -> tuple[Any, ...]:
    return env.step(np.full(env.action_space.shape, value, dtype=np.float32))


def test_terms_add_to_the_reward() -> None:
    plain = LeapRotateEnv(WeakServos())
    env = LeapRotateEnv(WeakServos(), extra_rewards={"effort": effort, "bonus": lambda batch: np.full(1, 3.0)})
    for one in (plain, env):
        one.reset(seed=0)
    (_, bare, *_), (_, reward, *_, info) = step(plain), step(env)
    assert reward == pytest.approx(bare - 16 * 0.25 + 3.0)
    assert (info["reward_effort"], info["reward_bonus"]) == (-4.0, 3.0)


def test_terms_of_new_episodes_begin_at_zero() -> None:
    env = LeapRotateVectorEnv(WeakServos(2), extra_rewards={"effort": effort}, autoreset_mode="DISABLED")
    assert env.reset(seed=0)[1]["reward_effort"].tolist() == [0.0, 0.0]
    step(env)
    info = env.reset(options={"reset_mask": np.array([False, True])})[1]
    assert info["reward_effort"].tolist() == [-4.0, 0.0]


def test_terms_are_shown_the_step() -> None:
    shown: list[StepBatch] = []

    def watch(batch: StepBatch) -> np.ndarray:
        shown.append(batch)
        return np.zeros(2)

    hand = WeakServos(2)
    hand.tracked[1] = False
    env = LeapRotateVectorEnv(hand, extra_rewards={"watch": watch})
    before = env.reset(seed=0)[1]["object_pose"]
    info = step(env)[-1]
    (batch,) = shown
    for name in ("target", "command", "position", "object_pose"):
        np.testing.assert_array_equal(getattr(batch, name), info[name])
    np.testing.assert_array_equal(batch.before, before)
    np.testing.assert_array_equal(batch.axis, [[0, 0, 1]] * 2)
    assert np.isnan(batch.object_pose[1]).all()
    assert batch.metrics["rotation_speed"].tolist() == pytest.approx([0.6, 0.0])
    assert batch.torque is None


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_spec_through_json_keeps_terms(make: Any) -> None:
    options: dict[str, Any] = {"extra_rewards": {"effort": effort}, "config": TaskConfig(episode_steps=3)}
    env = make("LeapRotate-Sim-v0", backend="weak_servos", **options)
    again = make(type(env.spec).from_json(env.spec.to_json()))
    again.reset(seed=0)
    assert step(again)[-1]["reward_effort"] == -4.0


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ({"pose": effort}, "task already"),
        ({"": effort}, "name"),
        ({"effort": 3}, "function"),
        ({"effort": "no_such_package:effort"}, "no_such_package"),
        ([effort], "extra_rewards="),
    ],
)
def test_unusable_terms_are_refused(rewards: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        LeapRotateEnv(WeakServos(), extra_rewards=rewards)


@pytest.mark.parametrize("given", [0.0, np.zeros(2), [np.nan], "much"])
def test_bad_values_are_named_and_torque_goes(given: Any) -> None:
    hand = WeakServos()
    env = LeapRotateEnv(hand, extra_rewards={"odd": lambda batch: given})
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match="'odd'"):
        step(env)
    assert not hand.torque
