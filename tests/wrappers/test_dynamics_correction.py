import pickle
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import FlattenObservation, TimeLimit

from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.model_file import save_model
from dexndm_gym.envs.target_filter import TargetWindow
from dexndm_gym.errors import ConfigurationError, FileFormatError, ModelMismatchError
from dexndm_gym.wrappers import DynamicsCorrectionVectorWrapper, DynamicsCorrectionWrapper

BOX = gymnasium.spaces.Box(-1, 1, (16,), np.float32)


class FakeTask:
    """What the envs do with target filters, on hands whose joints go half way to their target."""

    def __init__(self, count: int) -> None:
        self.filters: list[Any] = []
        self.window = TargetWindow(
            position=np.zeros((count, 10, 16)),
            base_target=np.zeros((count, 9, 16)),
            sent_target=np.zeros((count, 9, 16)),
        )

    def step(self, action: np.ndarray) -> dict[str, Any]:
        window = self.window
        base = window.base_target[:, -1] + action / 24
        sent, info = base, {}
        for target_filter in self.filters:
            sent, extra = target_filter(window, sent)
            info |= extra
        position = (window.position[:, -1] + sent) / 2
        self.window = TargetWindow(
            position=np.concatenate((window.position[:, 1:], position[:, None]), axis=1),
            base_target=np.concatenate((window.base_target[:, 1:], base[:, None]), axis=1),
            sent_target=np.concatenate((window.sent_target[:, 1:], sent[:, None]), axis=1),
        )
        return info | {"base_target": base, "sent_target": sent, "position": position}


class FakeEnv(gymnasium.Env[Any, Any]):
    observation_space, action_space = BOX, BOX

    def __init__(self) -> None:
        self.task = FakeTask(1)

    def add_target_filter(self, target_filter: Any) -> None:
        self.task.filters.append(target_filter)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(16, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        info = {name: value[0] for name, value in self.task.step(action[None]).items()}
        return info["position"].astype(np.float32), 0.0, False, False, info


class FakeVectorEnv(VectorEnv[Any, Any, Any]):
    def __init__(self, count: int) -> None:
        self.num_envs, self.task = count, FakeTask(count)
        self.single_action_space = self.single_observation_space = BOX
        self.action_space = self.observation_space = batch_space(BOX, count)

    def add_target_filter(self, target_filter: Any) -> None:
        self.task.filters.append(target_filter)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        return np.zeros((self.num_envs, 16), np.float32), {}

    def step(self, actions: Any) -> tuple[Any, ...]:
        info = self.task.step(actions)
        none = np.zeros(self.num_envs, dtype=np.bool_)
        return info["position"].astype(np.float32), np.zeros(self.num_envs), none, none, info


def model(seed: int, **config: Any) -> JointwiseModel:
    torch.manual_seed(seed)
    made = JointwiseModel(ModelConfig(hidden=(8,), **config))
    made.physics.copy_(torch.tensor([1.0 / (1 + seed), 0.05, 0.01, 0.0, 0.0, 0.0]))
    return made


REAL, SIM = model(0), model(1)
ACTION = np.linspace(-1, 1, 16, dtype=np.float32)


def corrected(info: dict[str, Any]) -> bool:
    return bool(np.any(info["sent_target"] != info["base_target"]))


def test_corrects_inside_the_env_and_leaves_the_interface_alone() -> None:
    env = DynamicsCorrectionWrapper(FakeEnv(), REAL, SIM)
    assert (env.observation_space, env.action_space) == (BOX, BOX)
    env.reset(seed=0)
    *_, info = env.step(ACTION)
    np.testing.assert_allclose(info["base_target"], ACTION / 24, atol=1e-7)
    assert corrected(info)
    assert not info["correction_fallback"]


def test_place_in_the_chain_does_not_matter() -> None:
    inside = TimeLimit(FlattenObservation(DynamicsCorrectionWrapper(FakeEnv(), REAL, SIM)), 10)
    outside = DynamicsCorrectionWrapper(TimeLimit(FlattenObservation(FakeEnv()), 10), REAL, SIM)
    for env in (inside, outside):
        env.reset(seed=0)
    for _ in range(5):
        np.testing.assert_array_equal(inside.step(ACTION)[0], outside.step(ACTION)[0])


def test_identity_when_both_models_are_the_same() -> None:
    plain, env = FakeEnv(), DynamicsCorrectionWrapper(FakeEnv(), (REAL, REAL))
    for tick in range(30):
        action = np.roll(ACTION, tick)
        np.testing.assert_array_equal(plain.step(action)[0], env.step(action)[0])


def test_vector_env_gives_what_single_envs_give() -> None:
    env = DynamicsCorrectionWrapper(FakeVectorEnv(3), REAL, sim_model=SIM)
    assert isinstance(env, DynamicsCorrectionVectorWrapper)
    assert env.num_envs == 3
    singles = [DynamicsCorrectionWrapper(FakeEnv(), REAL, SIM) for _ in range(3)]
    actions = np.stack([ACTION, -ACTION, 0 * ACTION])
    for _ in range(5):
        observations, *_, info = env.step(actions)
        for row, single in enumerate(singles):
            np.testing.assert_allclose(single.step(actions[row])[0], observations[row], atol=1e-6)
    assert info["correction_fallback"].tolist() == [False] * 3


@pytest.mark.parametrize("vectorised", [SyncVectorEnv, AsyncVectorEnv])
def test_gymnasiums_own_vector_envs(vectorised: Any) -> None:
    env = DynamicsCorrectionWrapper(vectorised([FakeEnv, FakeEnv]), REAL, SIM)
    try:
        env.reset(seed=0)
        assert corrected(env.step(np.stack([ACTION, ACTION]))[-1])
    finally:
        env.close()


def test_wrapped_env_can_be_made_again_from_its_spec(tmp_path: Path) -> None:
    for name, weights in (("real", REAL), ("sim", SIM)):
        save_model(weights, tmp_path / name)
    gymnasium.register("FakeHand-v0", FakeEnv)
    try:
        env = DynamicsCorrectionWrapper(gymnasium.make("FakeHand-v0"), tmp_path / "real", tmp_path / "sim")
        assert env.spec is not None
        again = gymnasium.make(pickle.loads(pickle.dumps(env.spec)))
        for one in (env, again):
            one.reset(seed=0)
            assert corrected(one.step(ACTION)[-1])
    finally:
        gymnasium.registry.pop("FakeHand-v0")


def test_stable_baselines_predict_loop_sees_the_corrected_hand() -> None:
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    env = DynamicsCorrectionWrapper(FakeEnv(), REAL, SIM)
    policy = stable_baselines3.PPO("MlpPolicy", env, n_steps=8, batch_size=8, seed=0, device="cpu")
    policy.learn(8)
    vector = policy.get_env()
    observation = vector.reset()
    for _ in range(3):
        observation, *_, infos = vector.step(policy.predict(observation, deterministic=True)[0])
    assert corrected(infos[0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("missing.safetensors", SIM), FileFormatError, "missing.safetensors"),
        ((model(0, window=5), SIM), ModelMismatchError, "5 control periods"),
        ((REAL, model(0, joint_names=("elbow",))), ModelMismatchError, "elbow"),
        ((object(), SIM), ModelMismatchError, "JointwiseModel"),
        (((REAL, SIM), SIM), ConfigurationError, "once"),
    ],
)
def test_unusable_models_are_refused(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DynamicsCorrectionWrapper(FakeEnv(), *arguments)


@pytest.mark.parametrize("env", ["CartPole-v1", "vector"])
def test_foreign_envs_are_refused(env: str) -> None:
    made = gymnasium.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point") if env == "vector" else None
    with pytest.raises(ConfigurationError, match="no target filters"):
        DynamicsCorrectionWrapper(made or gymnasium.make(env), REAL, SIM)
