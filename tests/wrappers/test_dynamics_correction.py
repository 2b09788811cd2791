"""The correction on servos whose motion is known: sign, size, limits, and what it leaves alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import FlattenObservation, TimeLimit

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.weak_servos import NOMINAL_SHARE, WeakServos
from dexndm_gym.dynamics.correction import InverseConfig
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model, save_model
from dexndm_gym.envs import LeapRotateEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError, FileFormatError, ModelMismatchError
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.wrappers import DynamicsCorrectionWrapper
from dexndm_gym.wrappers.vector import DynamicsCorrectionVectorWrapper

STIFFNESS = 0.8
SIM_SHARE, WEAK_SHARE = NOMINAL_SHARE, STIFFNESS * NOMINAL_SHARE
FREE = InverseConfig(bound=1.0, rate_limit=1.0, correction_weight=0.0, change_weight=0.0)

Models = tuple[JointwiseModel, JointwiseModel]


@pytest.fixture
def models(weak_model: JointwiseModel, nominal_model: JointwiseModel) -> Models:
    """Of the hand and of the simulation."""
    return weak_model, nominal_model


def weak(n: int = 1) -> WeakServos:
    return WeakServos(n, stiffness=STIFFNESS)


def actions(steps: int = 30) -> np.ndarray:
    """Waves that stay within all joint limits."""
    phase = np.arange(16) + np.arange(steps)[:, None] / 3
    return (0.8 * np.sin(phase)).astype(np.float32)


def play(env: Any, steps: int = 30) -> list[dict[str, Any]]:
    """What ``info`` says of a reset and of each step."""
    infos = [env.reset(seed=0)[1]]
    for action in actions(steps):
        batched = np.broadcast_to(action, env.action_space.shape)
        infos.append(env.step(batched)[-1])
    return infos


def corrections(infos: list[dict[str, Any]]) -> np.ndarray:
    return np.array([info["command"] - info["target"] for info in infos])


def test_weak_hand_moves_like_nominal_one(models: Models) -> None:
    nominal = play(LeapRotateEnv(WeakServos()))
    corrected = play(DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models, config=FREE))
    direct = play(LeapRotateEnv(weak()))
    apart = [np.abs(one["position"] - two["position"]).max() for one, two in zip(corrected, nominal, strict=True)]
    assert max(apart) < 1e-5
    assert np.abs(direct[-1]["position"] - nominal[-1]["position"]).max() > 0.01


@pytest.mark.parametrize("config", [FREE, InverseConfig()], ids=["free", "default"])
def test_correction_has_the_closed_forms_size(models: Models, config: InverseConfig) -> None:
    infos = play(DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models, config=config))
    sizes, last = corrections(infos), np.zeros(16)
    change = config.change_weight**2
    for before, info, size in zip(infos, infos[1:], sizes[1:], strict=False):
        error = info["target"] - before["position"]
        wanted = WEAK_SHARE * (SIM_SHARE - WEAK_SHARE) * error + change * last
        np.testing.assert_allclose(size, wanted / (WEAK_SHARE**2 + config.correction_weight**2 + change), atol=2e-6)
        last = size
    assert np.abs(sizes).max() > 0.005


def test_correction_changes_no_faster_than_allowed(models: Models) -> None:
    config = InverseConfig(bound=0.02, rate_limit=0.004, correction_weight=0.0, change_weight=0.0)
    env = DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models, config=config)
    env.reset(seed=0)
    sizes = corrections([env.step(np.full(16, -1.0, dtype=np.float32))[-1] for _ in range(8)])[:, 1]
    np.testing.assert_allclose(sizes[:5], -0.004 * np.arange(1, 6), atol=1e-6)
    np.testing.assert_allclose(sizes[5:], -0.02, atol=1e-6)


def test_equal_models_change_nothing(weak_model: JointwiseModel) -> None:
    infos = play(DynamicsCorrectionWrapper(LeapRotateEnv(weak()), (weak_model, weak_model)))
    np.testing.assert_array_equal(corrections(infos), 0.0)


def test_bare_env_stays_uncorrected(models: Models) -> None:
    bare = LeapRotateEnv(weak())
    wrapped = DynamicsCorrectionWrapper(bare, models)
    assert np.abs(corrections(play(wrapped))).max() > 0.005
    np.testing.assert_array_equal(corrections(play(bare)), 0.0)


def wrap_single(models: Models, config: InverseConfig) -> tuple[Any, Any]:
    once = DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models)
    return once, DynamicsCorrectionWrapper(TimeLimit(once, 100), models, config=config)


def wrap_vector(models: Models, config: InverseConfig) -> tuple[Any, Any]:
    once = DynamicsCorrectionVectorWrapper(LeapRotateVectorEnv(weak(3)), models)
    return once, DynamicsCorrectionVectorWrapper(once, models, config=config)


@pytest.mark.parametrize("wrap", [wrap_single, wrap_vector])
def test_outer_correction_replaces_inner_one(models: Models, wrap: Callable[..., tuple[Any, Any]]) -> None:
    config = InverseConfig(bound=0.01, change_weight=0.0)
    inner, outer = wrap(models, config)
    alone = DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models, config=config)
    want = corrections(play(alone))
    got = corrections(play(outer))
    np.testing.assert_allclose(got if got.ndim == 2 else got[:, 1], want, atol=1e-12)
    assert np.abs(corrections(play(inner))).max() > 0.01


def test_order_of_wrappers_does_not_matter(models: Models) -> None:
    inside = TimeLimit(FlattenObservation(DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models)), 100)
    outside = DynamicsCorrectionWrapper(TimeLimit(FlattenObservation(LeapRotateEnv(weak())), 100), models)
    np.testing.assert_array_equal(corrections(play(inside)), corrections(play(outside)))


def test_vector_env_gives_what_single_envs_give(models: Models) -> None:
    single = play(DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models))
    sync = SyncVectorEnv([lambda: LeapRotateEnv(weak())] * 2)
    for base in (LeapRotateVectorEnv(weak(2)), sync):
        infos = play(DynamicsCorrectionVectorWrapper(base, models))
        for one, many in zip(single, infos, strict=True):
            np.testing.assert_allclose(many["command"], np.tile(one["command"], (2, 1)), atol=1e-12)
            assert many["correction_fallback"].tolist() == [one["correction_fallback"]] * 2 == [False, False]


def test_info_tells_where_a_prediction_broke(exact_model: Callable[..., JointwiseModel]) -> None:
    broken = exact_model(0.8)
    with torch.no_grad():
        broken.linear.weight[:, -1] = torch.nan
    models = broken, exact_model(1.0)
    for env in (
        DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models),
        DynamicsCorrectionVectorWrapper(LeapRotateVectorEnv(weak(2)), models),
    ):
        first, *later = play(env, 3)
        assert not np.any(first["correction_fallback"])
        for info in later:
            assert np.all(info["correction_fallback"])
            np.testing.assert_array_equal(info["command"], info["target"])


def test_info_has_the_same_names_at_reset(models: Models) -> None:
    for env in (
        DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models),
        DynamicsCorrectionVectorWrapper(LeapRotateVectorEnv(weak(2)), models),
    ):
        first, *later = play(env, 3)
        assert set(first) == set(later[-1])


@pytest.fixture
def model_files(models: Models, tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "hand.safetensors", tmp_path / "sim.safetensors")
    for model, path in zip(models, paths, strict=True):
        save_model(model, path)
    return paths


CONFIG = TaskConfig(episode_steps=7)
INVERSE = InverseConfig(bound=0.03)


def test_spec_through_json_makes_single_env_again(model_files: tuple[Path, Path]) -> None:
    bare = gymnasium.make("LeapRotate-Sim-v0", object="cube", config=CONFIG, render_mode="rgb_array")
    env = DynamicsCorrectionWrapper(bare, model_files, config=INVERSE)
    assert env.spec is not None
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec is not None
    assert again.spec.to_json() == env.spec.to_json()
    assert again.unwrapped.task.config == CONFIG  # type: ignore[attr-defined]
    same = [info["command"] for info in play(env, 6)]
    np.testing.assert_array_equal(same, [info["command"] for info in play(again, 6)])


@pytest.mark.parametrize("mode", ["vector_entry_point", "sync"])
def test_spec_through_json_makes_vector_env_again(model_files: tuple[Path, Path], mode: str) -> None:
    bare = gymnasium.make_vec("LeapRotate-Sim-v0", 2, vectorization_mode=mode, object="cube", config=CONFIG)
    env = DynamicsCorrectionVectorWrapper(bare, model_files, config=INVERSE)
    assert env.spec is not None
    again = gymnasium.make_vec(EnvSpec.from_json(env.spec.to_json()))
    infos, others = play(env, 6), play(again, 6)
    assert np.abs(corrections(infos)).max() > 0.0
    np.testing.assert_array_equal(corrections(infos), corrections(others))
    if mode == "vector_entry_point":
        assert again.spec is not None
        assert again.spec.to_json() == env.spec.to_json()


def test_halved_stiffness_in_simulation_stays_within_bound(tmp_path: Path) -> None:
    model = load_model(SHIPPED_SIM_MODEL)
    model.physics[:, 0] *= 0.5
    save_model(model, tmp_path / "weak.safetensors")
    env = gymnasium.make("LeapRotate-Sim-v0", object="cube")
    for _ in range(2):
        assert (
            0.01 < np.abs(corrections(play(DynamicsCorrectionWrapper(env, tmp_path / "weak.safetensors")))).max() < 0.2
        )
    np.testing.assert_array_equal(corrections(play(env)), 0.0)


def test_stable_baselines_loop_sees_corrected_hand(models: Models) -> None:
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    env = DynamicsCorrectionWrapper(LeapRotateEnv(weak()), models)
    policy = stable_baselines3.PPO("MlpPolicy", env, n_steps=8, batch_size=8, seed=0, device="cpu")
    policy.learn(8)
    vector = policy.get_env()
    observation = vector.reset()
    for _ in range(3):
        observation, *_, infos = vector.step(policy.predict(observation, deterministic=True)[0])
    assert np.any(infos[0]["command"] != infos[0]["target"])


def test_unusable_models_are_refused(models: Models, exact_model: Callable[..., JointwiseModel]) -> None:
    hand, sim = models
    for arguments, error, message in [
        (("missing.safetensors", sim), FileFormatError, "missing.safetensors"),
        ((exact_model(1.0, window=5), sim), ModelMismatchError, "5 control periods"),
        ((hand, exact_model(1.0, joint_names=("elbow",))), ModelMismatchError, "elbow"),
        ((exact_model(0.8, window=5), exact_model(1.0, window=5)), ModelMismatchError, "5 control periods"),
        ((object(), sim), ModelMismatchError, "JointwiseModel"),
        ((models, sim), ConfigurationError, "once"),
        (((hand, sim, sim),), ConfigurationError, "pair"),
        (((hand,),), ConfigurationError, "pair"),
        ((hand, sim, {"bund": 0.1}), ConfigurationError, "bund"),
    ]:
        with pytest.raises(error, match=message):
            DynamicsCorrectionWrapper(LeapRotateEnv(weak()), *arguments)  # type: ignore[arg-type]


def test_envs_without_filters_are_refused(models: Models) -> None:
    with pytest.raises(ConfigurationError, match="no target filters"):
        DynamicsCorrectionWrapper(gymnasium.make("CartPole-v1"), models)
    vector = gymnasium.make_vec("CartPole-v1", 2)
    with pytest.raises(ConfigurationError, match="no target filters"):
        DynamicsCorrectionVectorWrapper(vector, models)
    with pytest.raises(ConfigurationError, match="DynamicsCorrectionVectorWrapper"):
        DynamicsCorrectionWrapper(vector, models)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="for vector envs"):
        DynamicsCorrectionVectorWrapper(LeapRotateEnv(weak()), models)  # type: ignore[arg-type]
