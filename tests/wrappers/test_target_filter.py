"""What filters are shown, what is made of what they say, and when they act."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs import LeapRotateEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_filter import TargetWindow
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.wrappers import TargetFilterWrapper
from dexndm_gym.wrappers.vector import TargetFilterVectorWrapper


class Push:
    """Adds the same to every target, and remembers what it was shown."""

    def __init__(self, by: Any = 0.05) -> None:
        self.by, self.shown = by, []

    def __call__(self, window: TargetWindow, target: np.ndarray) -> tuple[Any, dict[str, Any]]:
        self.shown.append((deepcopy(window), target.copy()))
        return target + self.by, {"pushed": np.ones(len(target), dtype=bool)}


class Double(Push):
    """Another kind of filter."""

    def __call__(self, window: TargetWindow, target: np.ndarray) -> tuple[Any, dict[str, Any]]:
        return 2.0 * target, {}


def step(env: Any, value: float = 0.3) -> dict[str, Any]:
    return env.step(np.full(env.action_space.shape, value, dtype=np.float32))[-1]


def test_filters_see_base_and_sent_targets() -> None:
    target_filter = Push()
    env = TargetFilterWrapper(LeapRotateEnv(WeakServos()), target_filter)
    infos = [env.reset(seed=0)[1], *(step(env, 0.2 * np.sin(k)) for k in range(12))]
    window, target = target_filter.shown[-1]
    before = infos[:-1]
    np.testing.assert_array_equal(target[0], infos[-1]["target"])
    np.testing.assert_array_equal(window.position[0], [info["position"] for info in before[-10:]])
    np.testing.assert_array_equal(window.target[0], [info["target"] for info in before[-9:]])
    np.testing.assert_array_equal(window.command[0], [info["command"] for info in before[-9:]])
    np.testing.assert_allclose(window.command - window.target, 0.05)


def test_backend_gets_filtered_target() -> None:
    hand = WeakServos()
    env = TargetFilterWrapper(LeapRotateEnv(hand), Push())
    env.reset(seed=0)
    info = step(env)
    np.testing.assert_array_equal(hand.commands[-1][0], info["command"])
    np.testing.assert_allclose(info["command"] - info["target"], 0.05)
    np.testing.assert_allclose(info["position"], hand.position_after(1, *_start_and(info["command"])))


def _start_and(command: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return LeapRotateEnv(WeakServos()).reset(seed=0)[1]["position"], command


def test_observation_shows_base_targets_only() -> None:
    env = TargetFilterWrapper(LeapRotateEnv(WeakServos()), Push())
    env.reset(seed=0)
    observation, *_, info = env.step(np.full(16, 0.3, dtype=np.float32))
    np.testing.assert_allclose(observation[9 * 32 + 16 : 10 * 32], info["target"], atol=1e-6)


@pytest.mark.parametrize(("by", "limits"), [(10.0, UPPER_LIMITS), (-10.0, LOWER_LIMITS)])
def test_filtered_targets_are_clipped_to_joint_limits(by: float, limits: np.ndarray) -> None:
    hand = WeakServos(2)
    env = TargetFilterVectorWrapper(LeapRotateVectorEnv(hand), Push(by))
    env.reset(seed=0)
    np.testing.assert_array_equal(step(env)["command"], np.tile(limits, (2, 1)))
    np.testing.assert_array_equal(hand.commands[-1], np.tile(limits, (2, 1)))


def single() -> tuple[Any, Callable[..., Any]]:
    return LeapRotateEnv(WeakServos()), TargetFilterWrapper


def vector() -> tuple[Any, Callable[..., Any]]:
    return LeapRotateVectorEnv(WeakServos(2)), TargetFilterVectorWrapper


@pytest.mark.parametrize("make", [single, vector])
def test_filter_acts_in_its_wrappers_steps_only(make: Callable[..., tuple[Any, Any]]) -> None:
    bare, wrapper = make()
    env = wrapper(bare, Push())
    env.reset(seed=0)
    for one, expected in ((env, 0.05), (bare, 0.0), (env, 0.05)):
        info = step(one)
        np.testing.assert_allclose(info["command"] - info["target"], expected, atol=1e-12)


@pytest.mark.parametrize("make", [single, vector])
def test_filter_is_gone_after_an_error(make: Callable[..., tuple[Any, Any]]) -> None:
    bare, wrapper = make()
    env = wrapper(bare, Push())
    env.reset(seed=0)
    with pytest.raises(ConfigurationError):
        step(env, np.nan)
    bare.reset(seed=0)
    info = step(bare)
    np.testing.assert_array_equal(info["command"], info["target"])


@pytest.mark.parametrize("make", [single, vector])
def test_filters_of_other_kinds_act_in_order(make: Callable[..., tuple[Any, Any]]) -> None:
    bare, wrapper = make()
    env = wrapper(wrapper(bare, Double()), Push(0.01))
    env.reset(seed=0)
    info = step(env, 0.0)
    wanted = np.clip(2.0 * (info["target"] + 0.01), LOWER_LIMITS, UPPER_LIMITS)
    np.testing.assert_allclose(info["command"], wanted)


@pytest.mark.parametrize("make", [single, vector])
def test_functions_all_act(make: Callable[..., tuple[Any, Any]]) -> None:
    bare, wrapper = make()
    env = wrapper(wrapper(bare, lambda _, target: (np.minimum(target, 0.5), {})), lambda _, target: (target + 0.1, {}))
    env.reset(seed=0)
    info = step(env, 0.0)
    np.testing.assert_allclose(info["command"], np.minimum(info["target"] + 0.1, 0.5))


def test_spec_makes_single_and_vector_env_again() -> None:
    single = TargetFilterWrapper(gymnasium.make("LeapRotate-Sim-v0", backend="weak_servos"), Push(0.04))
    assert single.spec is not None
    bare = gymnasium.make_vec("LeapRotate-Sim-v0", 2, vectorization_mode="vector_entry_point", backend="weak_servos")
    vector = TargetFilterVectorWrapper(bare, Push(0.04))
    assert vector.spec is not None
    for again in (gymnasium.make(single.spec), gymnasium.make_vec(vector.spec)):
        again.reset(seed=0)
        info = step(again)
        np.testing.assert_allclose(info["command"] - info["target"], 0.04)


def test_window_of_a_new_episode_holds_its_start() -> None:
    bare, target_filter = LeapRotateVectorEnv(WeakServos(2)), Push()
    env = TargetFilterVectorWrapper(bare, target_filter)
    env.reset(seed=0)
    for _ in range(12):
        step(env)
    bare.reset(options={"reset_mask": np.array([False, True])})
    step(env)
    window, _ = target_filter.shown[-1]
    np.testing.assert_array_equal(window.command[1], np.tile(START_POSE, (9, 1)))
    assert (window.command[0] != START_POSE).any(axis=-1).all()


@pytest.mark.parametrize("by", [np.nan, np.zeros((1, 15)), "far"])
def test_bad_filter_is_named_and_torque_goes(by: Any) -> None:
    class Bad(Push):
        def __call__(self, window: TargetWindow, target: np.ndarray) -> tuple[Any, dict[str, Any]]:
            return (target + by if isinstance(by, float) else by), {}

    hand = WeakServos()
    env = TargetFilterWrapper(LeapRotateEnv(hand), Bad())
    env.reset(seed=0)
    assert hand.torque
    with pytest.raises(ConfigurationError, match="Bad"):
        step(env)
    assert not hand.torque
    assert hand.commands == []
