"""Hands without physics, and policies that say what they see."""

from typing import Any

import numpy as np
import pytest

from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.task.config import TaskConfig


class Nudge:
    """Moves every joint by half a step; remembers the axes and wrists it was shown."""

    def __init__(self) -> None:
        self.axes: list[list[float]] = []
        self.wrists: list[list[float]] = []

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        self.axes.append(np.round(observation[-3:].astype(float), 5).tolist())
        self.wrists.append(np.round(observation[-7:-3].astype(float), 5).tolist())
        return np.full(16, 0.5, dtype=np.float32), None


@pytest.fixture
def hand() -> WeakServos:
    return WeakServos()


@pytest.fixture
def env(hand: WeakServos) -> LeapRotateEnv:
    return LeapRotateEnv(hand, config=TaskConfig(episode_steps=100_000))


@pytest.fixture
def nudge() -> Nudge:
    return Nudge()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()
