"""Another axis or wrist within an episode."""

from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import ConfigurationError


def test_the_observation_shows_what_is_asked_for_now() -> None:
    env = LeapRotateEnv(WeakServos())
    first, _ = env.reset(seed=0)
    seen = env.steer(axis=[0.0, -2.0, 0.0])
    np.testing.assert_allclose(seen[-7:], [1, 0, 0, 0, 0, -1, 0])
    np.testing.assert_array_equal(seen[:-7], first[:-7])
    after, *_ = env.step(np.zeros(16, dtype=np.float32))
    np.testing.assert_allclose(after[-3:], [0, -1, 0])
    np.testing.assert_allclose(env.steer(wrist="palm_down")[-7:], [0, 1, 0, 0, 0, -1, 0])


def test_rotation_counts_about_the_axis_that_holds() -> None:
    env = LeapRotateEnv(WeakServos(spin=0.6))
    env.reset(seed=0)
    for axis in ("+z", "+x", "-z"):
        env.steer(axis=axis)
        for _ in range(10):
            *_, info = env.step(np.zeros(16, dtype=np.float32))
        assert info["rotation"] == pytest.approx({"+z": 0.3, "+x": 0.3, "-z": 0.0}[axis], abs=1e-6)


def test_what_cannot_be_steered_is_refused() -> None:
    env = LeapRotateEnv(WeakServos())
    with pytest.raises(ConfigurationError, match="reset"):
        env.steer(axis="+x")
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match=r"\+q"):
        env.steer(axis="+q")


@pytest.mark.parametrize("backend", ["mujoco", "virtual"])
def test_gravity_follows_the_wrist(backend: str) -> None:
    env: Any = gymnasium.make("LeapRotate-Sim-v0", backend=backend).unwrapped
    env.reset(seed=0)
    env.steer(wrist="thumb_up")
    np.testing.assert_allclose(env.backend.privileged()["gravity"], [[0.0, 1.0, 0.0]], atol=1e-9)
    env.close()
