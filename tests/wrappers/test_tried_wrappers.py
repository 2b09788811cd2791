"""Every row of docs/wrappers.md, with the dynamics correction inside and outside of the wrapper."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import gymnasium.wrappers as single_wrappers
import gymnasium.wrappers.vector as vector_wrappers
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.envs import LeapRotateEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.wrappers import DynamicsCorrectionWrapper
from dexndm_gym.wrappers.vector import DynamicsCorrectionVectorWrapper

PAGE = Path(__file__).parents[2] / "docs" / "wrappers.md"
SHORT = TaskConfig(episode_steps=4)
ONES = np.float32(1.0)

Models = tuple[JointwiseModel, JointwiseModel]


def table(head: str) -> dict[str, list[str]]:
    """The cells of a table of the page by its first column, which is headed so."""
    _, _, after = PAGE.read_text().partition(f"| {head} |")
    rows: dict[str, list[str]] = {}
    for line in after.splitlines()[2:]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.strip("`")] = cells
    return rows


SINGLE, VECTOR = table("`gymnasium.wrappers`"), table("`gymnasium.wrappers.vector`")
BASES, BASELINES = table("vector env"), table("`stable_baselines3.common`")
MODES = ("NEXT_STEP", "SAME_STEP", "DISABLED")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "AddWhiteNoise": {"probability_of_noise_per_pixel": 0.1},
    "ClipReward": {"min_reward": -1, "max_reward": 1},
    "DelayObservation": {"delay": 1},
    "DiscretizeAction": {"bins": 3},
    "DiscretizeObservation": {"bins": 3},
    "DtypeObservation": {"dtype": np.float64},
    "FilterObservation": {"filter_keys": ["a"]},
    "FrameStackObservation": {"stack_size": 2},
    "RecordVideo": {"video_folder": "videos", "disable_logger": True},
    "RepeatAction": {"num_repeats": 2},
    "RescaleAction": {"min_action": -2 * ONES, "max_action": 2 * ONES},
    "RescaleObservation": {"min_obs": -ONES, "max_obs": ONES},
    "ReshapeObservation": {"shape": (3, 109)},
    "ResizeObservation": {"shape": (8, 8)},
    "StickyAction": {"repeat_action_probability": 0.2},
    "TimeLimit": {"max_episode_steps": 3},
    "TransformReward": {"func": lambda reward: 2 * reward},
    "VectorizeTransformAction": {"wrapper": single_wrappers.ClipAction},
    "VectorizeTransformObservation": {
        "wrapper": single_wrappers.TransformObservation,
        "func": lambda seen: seen,
        "observation_space": None,
    },
    "VectorizeTransformReward": {"wrapper": single_wrappers.ClipReward, "min_reward": -1, "max_reward": 1},
}


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Videos go to a folder of the test, windows nowhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def models(weak_model: JointwiseModel, nominal_model: JointwiseModel) -> Models:
    return weak_model, nominal_model


def single(render_mode: str | None = None) -> LeapRotateEnv:
    return LeapRotateEnv(WeakServos(stiffness=0.8), config=SHORT, render_mode=render_mode)


def wrap(module: Any, name: str) -> Callable[[Any], Any]:
    """The wrapper of a row, with arguments."""
    if "Video" in name:
        pytest.importorskip("moviepy")
    if name == "TimeAwareObservation":  # without gymnasium.make there is no spec that says how long episodes are
        return lambda env: single_wrappers.TimeAwareObservation(single_wrappers.TimeLimit(env, 4))
    if name in ("TransformAction", "TransformObservation"):
        space = {"TransformAction": "action_space", "TransformObservation": "observation_space"}[name]
        return lambda env: getattr(module, name)(env, lambda value: value, getattr(env, space))
    return partial(getattr(module, name), **ARGUMENTS.get(name, {}))


def drawn(name: str) -> str | None:
    return "rgb_array" if re.search("Render|Video|WhiteNoise", name) else None


def rows(names: Iterable[str]) -> list[Any]:
    """Rows as parameters of a test; those whose env is drawn take long."""
    return [pytest.param(name, marks=[pytest.mark.slow] if drawn(name) else []) for name in names]


def corrected(env: Any, steps: int = 6) -> bool:
    """Plays, and tells whether the hand was ever sent something else than asked for."""
    env.reset(seed=0)
    apart = False
    for _ in range(steps):
        *_, terminated, truncated, info = env.step(env.action_space.sample())
        info = info[0] if isinstance(info, list) else info
        apart |= bool(np.any(np.asarray(info["command"]) != np.asarray(info["target"])))
        if not hasattr(env, "num_envs") and (terminated or truncated):
            env.reset()
    env.close()
    return apart


@pytest.mark.parametrize("name", rows(SINGLE))
def test_single_wrapper(name: str, models: Models) -> None:
    (verdict,) = SINGLE[name]
    around = wrap(single_wrappers, name)
    if verdict.startswith("refused"):
        with pytest.raises(ValueError, match=re.escape(verdict.split('"')[1])):
            around(single())
        return
    assert verdict.startswith("works")
    assert corrected(around(DynamicsCorrectionWrapper(single(drawn(name)), models)))
    assert corrected(DynamicsCorrectionWrapper(around(single(drawn(name))), models))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", rows(VECTOR))
def test_vector_wrapper(name: str, mode: str, models: Models) -> None:
    verdict = VECTOR[name][MODES.index(mode)]
    around, steps = wrap(vector_wrappers, name), 3 if mode == "DISABLED" else 6

    def bare() -> LeapRotateVectorEnv:
        hands = WeakServos(2, stiffness=0.8)
        return LeapRotateVectorEnv(hands, config=SHORT, render_mode=drawn(name), autoreset_mode=mode)

    if verdict == "refused":
        with pytest.raises(ValueError, match=r"autoreset_mode|`Dict` and `Tuple`"):
            around(bare())
        return
    assert corrected(around(DynamicsCorrectionVectorWrapper(bare(), models)), steps)
    if verdict == "works, around the correction":
        with pytest.raises(ConfigurationError, match="DictInfoToList"):
            DynamicsCorrectionVectorWrapper(around(bare()), models)
    else:
        assert verdict == "works"
        assert corrected(DynamicsCorrectionVectorWrapper(around(bare()), models), steps)


def _native() -> LeapRotateVectorEnv:
    return LeapRotateVectorEnv(WeakServos(2, stiffness=0.8), config=SHORT)


@pytest.mark.parametrize("row", BASES)
def test_vector_env_under_the_correction(row: str, models: Models) -> None:
    (verdict,) = BASES[row]
    make = {
        "make_vec(id, n)": _native,
        'make_vec(id, n, vectorization_mode="sync")': lambda: SyncVectorEnv([single] * 2),
        'make_vec(id, n, vectorization_mode="async")': lambda: AsyncVectorEnv([single] * 2),
        'make_vec(id, n, vectorization_mode="async", wrappers=[...])': lambda: AsyncVectorEnv(
            [lambda: DynamicsCorrectionWrapper(single(), models)] * 2
        ),
    }[row]
    base = make()
    if verdict.startswith("refused"):
        with pytest.raises(ConfigurationError, match=verdict.split('"')[1]):
            DynamicsCorrectionVectorWrapper(base, models)
        base.close()
    else:
        assert corrected(base if "wrappers" in row else DynamicsCorrectionVectorWrapper(base, models))


@pytest.mark.filterwarnings("ignore:Your observation")
@pytest.mark.parametrize("name", rows(BASELINES))
def test_stable_baselines_wrapper(name: str, models: Models) -> None:
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common import env_checker, monitor, vec_env

    if "Video" in name:
        pytest.importorskip("moviepy")

    def one() -> gymnasium.Env[Any, Any]:
        return DynamicsCorrectionWrapper(single(drawn(name)), models)

    if name == "check_env":
        env_checker.check_env(one())
        return
    if name == "Monitor":
        assert corrected(monitor.Monitor(one()))
        return
    if name == "SubprocVecEnv":
        env: Any = vec_env.SubprocVecEnv([one, one], start_method="fork")
    else:
        env = vec_env.DummyVecEnv([one, one])
    more = {
        "VecFrameStack": {"n_stack": 2},
        "VecVideoRecorder": {"video_folder": "videos", "record_video_trigger": lambda step: step == 0},
    }
    if name not in ("SubprocVecEnv", "DummyVecEnv"):
        env = getattr(vec_env, name)(env, **more.get(name, {}))
    env.reset()
    infos = [env.step(np.full((2, 16), 0.5))[-1] for _ in range(6)]
    env.close()
    assert any((info["command"] != info["target"]).any() for both in infos for info in both)
