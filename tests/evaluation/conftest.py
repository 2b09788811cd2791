"""Policies that need no training, and a comparison made up by hand."""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import dexndm_gym  # noqa: F401  # registers the environments
from dexndm_gym.dynamics.fit import FitReport
from dexndm_gym.dynamics.measures import PredictionErrors
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.evaluation.comparison import Comparison, FittedModels
from dexndm_gym.evaluation.episodes import Episode
from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.task.config import TaskConfig


class Wiggle:
    """Moves every joint a little to and fro, whatever it observes; or throws the object out."""

    def __init__(self, size: float = 0.2, seed: int = 0) -> None:
        self.size, self.rng = size, np.random.default_rng(seed)

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        shape = (*np.shape(observation)[:-1], 16)
        return (self.size * self.rng.uniform(-1, 1, shape)).astype(np.float32), None


class Throw:
    """Curls the fingers and opens the thumb, which pushes the object away."""

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        action = np.zeros((*np.shape(observation)[:-1], 16), dtype=np.float32)
        action[..., [1, 2, 3, 5, 6, 7, 9, 10, 11]] = 1.0
        action[..., 12:] = -1.0
        return action, None


STRICT = TaskConfig(episode_steps=60, drop_distance=0.04)
"""Short episodes in which an object is soon lost."""


@pytest.fixture
def strict() -> TaskConfig:
    return STRICT


@pytest.fixture
def wiggle() -> Wiggle:
    return Wiggle()


@pytest.fixture
def throw() -> Throw:
    return Throw()


@pytest.fixture
def sim() -> Iterator[gymnasium.Env[Any, Any]]:
    env = gymnasium.make("LeapRotate-Sim-v0", config=STRICT)
    yield env
    env.close()


def made_up(item: str, speed: float, steps: int = 40, dropped: bool = False) -> Episode:
    """An episode in which the object turns at a constant speed."""
    time = 0.05 * np.arange(steps + 1)
    wave = START_POSE + 0.1 * np.sin(3 * time)[:, None]
    half = 0.5 * speed * time
    pose = np.column_stack([np.tile(CUP_CENTRE, (steps + 1, 1)), np.cos(half), 0 * half, 0 * half, np.sin(half)])
    return Episode(
        object=item,
        position=wave,
        base_target=wave[1:],
        sent_target=wave[1:] + 0.01,
        object_pose=pose,
        rotation=speed * time,
        metrics={"RotR": speed * steps, "RotP": 0.1, "TTF": steps / 400},
        dropped=dropped,
    )


@pytest.fixture
def compare() -> Callable[..., Comparison]:
    def make(sim: float = 1.0, direct: float = 0.5, corrected: float = 0.9) -> Comparison:
        torch.manual_seed(0)
        errors = PredictionErrors(one_step_rms=0.002, ten_steps=float("nan"), open_loop=float("nan"))
        report = FitReport(
            stay=errors,
            start=errors,
            fitted=errors,
            joint_one_step_rms=(0.002,) * 16,
            trajectories=9,
            held_out_trajectories=1,
            data_minutes=3.0,
            epochs=2,
            wall_s=1.0,
        )
        models = FittedModels(
            sim=JointwiseModel(),
            hand=JointwiseModel(),
            report=report,
            joint_error_before=np.full(16, 0.003),
            joint_error_after=np.full(16, 0.002),
        )
        speeds = {"sim": sim, "direct": direct, "corrected": corrected}
        items = ("cylinder", "cube")
        return Comparison(
            hand_seed=7,
            runs={run: [made_up(item, speed) for item in items] for run, speed in speeds.items()},
            models=models,
            data_minutes=3.0,
            wall_s=12.0,
        )

    return make
