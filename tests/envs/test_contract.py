"""What every environment id promises, whatever moves its fingers."""

import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
import torch
from gymnasium.spaces import Box
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import VectorWrapper
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.envs import LeapRotateEnv
from dexndm_gym.errors import ConfigurationError, PortError
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.task.config import TaskConfig

SIM, REAL = "LeapRotate-Sim-v0", "LeapRotate-Real-v0"
STEPS = 20
NUM_ENVS = 3

AnyEnv = Any  # gymnasium.Env or gymnasium.vector.VectorEnv: what is tested here is what they share
Maker = Callable[..., AnyEnv]


def make_sim(**options: Any) -> AnyEnv:
    return gymnasium.make(SIM, **options)


def make_randomized_sim(**options: Any) -> AnyEnv:
    return gymnasium.make(SIM, randomize=True, **options)


def make_real(**options: Any) -> AnyEnv:
    return gymnasium.make(REAL, port="virtual", **options)


def make_vector(**options: Any) -> AnyEnv:
    return gymnasium.make_vec(SIM, NUM_ENVS, vectorization_mode="vector_entry_point", randomize=True, **options)


def make_warp(**options: Any) -> AnyEnv:
    options = {"object": "cube", "backend": "warp", "device": "cpu", "deterministic": True} | options
    return make_vector(**options)


def make_isaacgym(**options: Any) -> AnyEnv:
    return make_vector(**({"object": "cube", "backend": "isaacgym_in_process:make"} | options))


class AsArrays(VectorWrapper):
    """A vector env on tensors for tests that are written for arrays, which lie in the same memory."""

    def reset(self, **options: Any) -> Any:
        return arrays_of(self.env.reset(**options))

    def step(self, actions: npt.NDArray[np.float32]) -> Any:
        return arrays_of(self.env.step(torch.as_tensor(actions)))  # type: ignore[arg-type]


def arrays_of(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, tuple):
        return tuple(map(arrays_of, value))
    return {name: arrays_of(one) for name, one in value.items()}


def make_tensors(**options: Any) -> AnyEnv:
    return AsArrays(make_warp(tensors="torch", **options))


SINGLE = [make_sim, make_randomized_sim, make_real]
NEEDS_WARP = pytest.mark.skipif(find_spec("mujoco_warp") is None, reason="needs the extra gpu")
VECTOR = [
    make_vector,
    pytest.param(make_warp, marks=NEEDS_WARP),
    pytest.param(make_tensors, marks=[NEEDS_WARP, pytest.mark.slow]),
    make_isaacgym,
]
ALL = [*SINGLE, *VECTOR]


@pytest.fixture(scope="module", params=ALL, ids=lambda maker: maker.__name__)
def maker(request: pytest.FixtureRequest) -> Maker:
    """How one kind of environment is made."""
    return request.param


@pytest.fixture(scope="module")
def env(maker: Maker) -> Iterator[AnyEnv]:
    """One environment for all tests that begin with a reset."""
    env = maker()
    yield env
    env.close()


def actions(env: AnyEnv, steps: int = STEPS, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (steps, *env.action_space.shape)).astype(np.float32)


def play(env: AnyEnv, *, seed: int, steps: int = STEPS) -> npt.NDArray[np.float32]:
    """Observations of a reset and some random steps, (steps + 1, ..., 327)."""
    first, _ = env.reset(seed=seed)
    return np.stack([first, *(env.step(action)[0] for action in actions(env, steps))])


def test_spaces_are_the_same_for_every_id(env: AnyEnv) -> None:
    action_space = getattr(env, "single_action_space", env.action_space)
    observation_space = getattr(env, "single_observation_space", env.observation_space)
    assert action_space == Box(-1.0, 1.0, (16,), np.float32)
    assert isinstance(observation_space, Box)
    assert (observation_space.shape, observation_space.dtype) == ((327,), np.float32)
    assert np.isfinite(observation_space.low).all()
    assert np.isfinite(observation_space.high).all()


def test_observations_lie_in_the_space(env: AnyEnv) -> None:
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    for action in np.sign(actions(env)):
        observation, *_ = env.step(action)
        assert env.observation_space.contains(observation)


def test_targets_stay_within_the_joint_limits(env: AnyEnv) -> None:
    env.reset(seed=0)
    for _ in range(STEPS):
        *_, info = env.step(np.ones(env.action_space.shape, dtype=np.float32))
        for name in ("target", "command"):
            assert (info[name] >= LOWER_LIMITS.astype(info[name].dtype)).all()
            assert (info[name] <= UPPER_LIMITS.astype(info[name].dtype)).all()


def test_same_seed_gives_the_same_episode(maker: Maker) -> None:
    envs = [maker(), maker()]
    try:
        first, second = (play(env, seed=7) for env in envs)
    finally:
        for env in envs:
            env.close()
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("maker", [make_sim, make_randomized_sim, *VECTOR])
def test_reset_with_same_seed_repeats_episode_in_simulation(maker: Maker) -> None:
    env = maker()
    np.testing.assert_array_equal(play(env, seed=3), play(env, seed=3))
    env.close()


def test_resets_differ(env: AnyEnv) -> None:
    first, second, third = (env.reset(seed=seed)[0] for seed in (0, 1, None))
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_observations_share_no_memory(env: AnyEnv) -> None:
    observation, _ = env.reset(seed=0)
    kept, copies = [observation], [observation.copy()]
    for action in actions(env):
        observation, _, _, _, info = env.step(action)
        arrays = [observation, *(value for value in info.values() if isinstance(value, np.ndarray))]
        kept += arrays
        copies += [array.copy() for array in arrays]
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_writing_into_an_observation_changes_nothing(env: AnyEnv) -> None:
    env.reset(seed=0)
    step = actions(env)
    observation, *_ = env.step(step[0])
    targets = observation[..., :320].reshape(-1, 10, 32)[:, -1, 16:].copy()
    observation[...] = 0.0
    observation, *_ = env.step(step[1])
    np.testing.assert_array_equal(observation[..., :320].reshape(-1, 10, 32)[:, -2, 16:], targets)


def test_only_wrist_and_axis_are_constant(env: AnyEnv) -> None:
    # Long enough that the targets wander out of the dry friction of every joint.
    seen = play(env, seed=0, steps=100).reshape(-1, 327)
    constant = np.flatnonzero(np.ptp(seen, axis=0) == 0.0)
    np.testing.assert_array_equal(constant, np.arange(320, 327))


def test_episode_ends_itself(maker: Maker) -> None:
    env = maker(config=TaskConfig(episode_steps=3, drop_distance=1.0))
    env.reset(seed=0)
    ends = [np.all(env.step(np.zeros(env.action_space.shape, dtype=np.float32))[3]) for _ in range(3)]
    env.close()
    assert ends == [False, False, True]


def test_close_twice(maker: Maker) -> None:
    env = maker()
    env.reset(seed=0)
    env.close()
    env.close()


@pytest.mark.parametrize(
    ("option", "value"),
    [("object", "banana"), ("wrist", "palm_sideways"), ("axis", "+w"), ("axis", [0.0, 0.0, 0.0]), ("object", [])],
)
def test_bad_option_is_named_in_the_error(maker: Maker, env: AnyEnv, option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        maker(**{option: value})
    with pytest.raises(ConfigurationError, match=option):
        env.reset(options={option: value})


def test_unknown_option_is_named_in_the_error(env: AnyEnv) -> None:
    with pytest.raises(ConfigurationError, match=r"objekt.*Did you mean 'object'"):
        env.reset(options={"objekt": "cube"})


@pytest.mark.parametrize("action", [np.zeros(15, dtype=np.float32), np.full(16, np.nan, dtype=np.float32)])
def test_bad_action_is_refused(env: AnyEnv, action: npt.NDArray[np.float32]) -> None:
    if isinstance(env, AsArrays) and np.isnan(action).any():
        pytest.skip("looking for it would wait for the device; it ends the episode instead")
    env.reset(seed=0)
    batched = np.broadcast_to(action, (*env.action_space.shape[:-1], action.size)).copy()
    with pytest.raises(ConfigurationError, match="action"):
        env.unwrapped.step(batched)


def test_vector_of_one_plays_like_the_single_environment() -> None:
    single = make_randomized_sim()
    vector = gymnasium.make_vec(SIM, 1, vectorization_mode="vector_entry_point", randomize=True)
    np.testing.assert_array_equal(play(vector, seed=5)[:, 0], play(single, seed=5))


def test_each_hand_of_a_vector_begins_as_a_single_environment_with_its_seed() -> None:
    vector = make_vector()
    seeds = list(range(5, 5 + vector.num_envs))
    observations, _ = vector.reset(seed=seeds)
    for seed, observation in zip(seeds, observations, strict=True):
        np.testing.assert_array_equal(observation, make_randomized_sim().reset(seed=seed)[0])


def test_number_of_threads_does_not_matter() -> None:
    np.testing.assert_array_equal(*(play(make_vector(num_threads=threads), seed=5) for threads in (1, 2)))


def test_vector_autoresets_in_same_step() -> None:
    env = make_vector(config=TaskConfig(episode_steps=2, drop_distance=1.0), autoreset_mode="SAME_STEP")
    first, _ = env.reset(seed=0)
    env.step(actions(env)[0])
    observation, _, terminated, truncated, info = env.step(actions(env)[1])
    np.testing.assert_array_equal(truncated & ~terminated, info["_final_obs"])
    assert info["_final_obs"].all()
    # a first observation repeats one position and one target ten times, a last one does not
    for seen, repeats in ((first, True), (observation, True), (info["final_obs"], False)):
        targets = seen[:, :320].reshape(NUM_ENVS, 10, 32)[:, :, 16:]
        assert (np.ptp(targets, axis=1) == 0.0).all() == repeats


def test_virtual_hand_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEXNDM_PORT", raising=False)
    env = gymnasium.make(REAL)
    observation, _ = env.reset(seed=0)
    env.close()
    assert env.observation_space.contains(observation)


def test_configured_port_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEXNDM_PORT", "/dev/ttyNoSuchPort")
    with pytest.raises(PortError, match="/dev/ttyNoSuchPort"):
        gymnasium.make(REAL).reset()


@pytest.mark.parametrize("maker", SINGLE)
def test_gymnasium_check_env(maker: Maker) -> None:
    env = maker()
    assert isinstance(env.unwrapped, LeapRotateEnv)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("maker", SINGLE)
def test_stable_baselines3_check_env(maker: Maker) -> None:
    env = maker()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_for_sb3(env, warn=True, skip_render_check=True)
    env.close()
