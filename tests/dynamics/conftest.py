"""A toy plant whose gap is known: position servos with dry friction, a random load and a coarse encoder."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig

NAMES = ("left", "right")
TICK = 2 * np.pi / 4096


@dataclass
class ToyServos:
    """n pairs of servos."""

    count: int
    stiffness: float = 3.0
    friction: float = 0.02
    seed: int = 0
    position: np.ndarray = field(init=False)
    velocity: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.position, self.velocity, self._load = np.zeros((3, self.count, len(NAMES)))
        self._rng = np.random.default_rng(self.seed)

    def read(self) -> np.ndarray:
        return np.round(self.position / TICK) * TICK

    def step(self, command: np.ndarray) -> np.ndarray:
        inertia, damping, period = 0.003, 0.1, 0.0025
        self._load = 0.9 * self._load + 0.01 * self._rng.standard_normal(self._load.shape)
        for _ in range(20):
            servo = np.clip(self.stiffness * (command - self.position) - damping * self.velocity, -0.5, 0.5)
            velocity = self.velocity + period / inertia * (servo + self._load)
            stop = self.friction * period / inertia
            self.velocity = velocity - np.clip(velocity, -stop, stop)
            self.position = self.position + period * self.velocity
        return self.read()


def wander(ticks: int, count: int, seed: int) -> np.ndarray:
    """Targets as an integrating policy would give them, (ticks, count, joints)."""
    rng = np.random.default_rng(seed)
    command, speed, commands = np.zeros((count, len(NAMES))), np.zeros((count, len(NAMES))), []
    for _ in range(ticks):
        speed = 0.8 * speed + 0.6 * rng.standard_normal(speed.shape)
        command = np.clip(command + np.clip(speed, -1, 1) / 24, -0.3, 0.3)
        commands.append(command)
    return np.array(commands)


def record(servos: ToyServos, commands: np.ndarray) -> list[Trajectory]:
    positions = np.array([servos.read(), *(servos.step(command) for command in commands)])
    return [Trajectory(positions[:, i], commands[:, i]) for i in range(servos.count)]


@pytest.fixture
def toy_servos() -> type[ToyServos]:
    return ToyServos


@pytest.fixture
def targets() -> np.ndarray:
    """Targets that no model was fitted on, (100, 4, 2)."""
    return wander(100, 4, seed=77)


@pytest.fixture(scope="session")
def sim_trajectories() -> list[Trajectory]:
    return record(ToyServos(24), wander(200, 24, seed=1))


@pytest.fixture(scope="session")
def weak_trajectories() -> list[Trajectory]:
    """Half the stiffness, two and a half times the friction."""
    return record(ToyServos(24, stiffness=1.5, friction=0.05), wander(200, 24, seed=2))


@pytest.fixture(scope="session")
def sim_model(sim_trajectories: list[Trajectory]) -> JointwiseModel:
    return fit_trajectories(
        sim_trajectories, config=ModelConfig(joint_names=NAMES), options=FitOptions(epochs=25, batch=128)
    )[0]


@pytest.fixture(scope="session")
def weak_model(weak_trajectories: list[Trajectory], sim_model: JointwiseModel) -> JointwiseModel:
    return fit_trajectories(weak_trajectories, start=sim_model, options=FitOptions(epochs=25, batch=128))[0]


@pytest.fixture
def make_model() -> Callable[..., JointwiseModel]:
    """Builds models with random physics, weights and normalization."""

    def make(config: ModelConfig | None = None, seed: int = 0) -> JointwiseModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = JointwiseModel(config)
            for name in ("mean", "spread", "step"):
                getattr(model, name).uniform_(0.05, 0.3)
            model.physics.copy_(
                torch.tensor([1.0, 0.05, 0.015, 0.01, 0.01, 0.01]) * (0.5 + torch.rand_like(model.physics))
            )
        return model

    return make
