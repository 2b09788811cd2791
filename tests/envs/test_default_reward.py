"""The ids' default reward: turning pays, idling does not."""

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.objects.catalog import OBJECT_SETS
from dexndm_gym.training.policy import load_policy


@pytest.mark.parametrize("item", OBJECT_SETS["basic"])
def test_turning_earns_far_more_than_idling(item: str) -> None:
    policy, rng = load_policy(), np.random.default_rng(0)
    actions = {
        "turning": lambda observation: policy.predict(observation)[0],
        "still": lambda observation: np.zeros((len(observation), 16), dtype=np.float32),
        "noise": lambda observation: rng.uniform(-1.0, 1.0, (len(observation), 16)).astype(np.float32),
    }
    returns = {}
    for name, act in actions.items():
        env = gymnasium.make_vec("LeapRotate-Sim-v0", num_envs=6, object=item)
        observation, _ = env.reset(seed=0)
        alive, earned = np.ones(6, dtype=bool), np.zeros(6)
        for _ in range(400):
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            earned += np.where(alive, reward, 0.0)
            alive &= ~(terminated | truncated)
        env.close()
        returns[name] = earned.mean()
    assert returns["turning"] > 50.0 > 10.0 > returns["still"] > returns["noise"]
