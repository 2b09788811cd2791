import numpy as np
import pytest
import torch

from dexndm_gym.constants import HISTORY
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.joint_physics import JointPhysics, advance
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.residual import ResidualOptions, ResidualPolicy, train_residual
from dexndm_gym.filters.residual import ResidualFilter
from dexndm_gym.filters.target_filter import TargetWindow
from dexndm_gym.hand.joints import NUM_JOINTS

SIM = [1.0, 0.05, 0.01, 0.0, 0.0, 0.0]
LIFTED = [1.0, 0.05, 0.01, -0.05, 0.0, 0.0]
"""Something pulls every joint down: 0.05 rad more are needed to stay in place."""


def wander(seed: int, ticks: int = 200) -> Trajectory:
    """Simulated joints after random targets."""
    rng = np.random.default_rng(seed)
    joints = JointPhysics.from_table(np.tile(SIM, (NUM_JOINTS, 1)))
    command = np.cumsum(rng.normal(0, 0.02, (ticks, NUM_JOINTS)), axis=0)
    position = velocity = last = np.zeros((NUM_JOINTS, 1))
    positions = [position[:, 0]]
    for now in command:
        position, velocity = advance(joints, position, velocity, last, now[:, None])
        positions.append(position[:, 0])
        last = now[:, None]
    return Trajectory(np.array(positions), command)


@pytest.fixture(scope="module")
def policy() -> ResidualPolicy:
    model = JointwiseModel(ModelConfig(physics="alone"))
    model.physics[:] = torch.tensor(LIFTED)
    model.step.fill_(0.01)
    return train_residual(model, [wander(seed) for seed in range(4)], options=ResidualOptions(epochs=25, batch=64))


def still(command: float) -> tuple[TargetWindow, np.ndarray]:
    past = np.full((2, HISTORY - 1, NUM_JOINTS), command)
    return TargetWindow(position=np.zeros((2, HISTORY, NUM_JOINTS)), target=past, command=past), past[:, 0]


def test_it_asks_for_what_the_hand_lacks(policy: ResidualPolicy) -> None:
    window, target = still(0.01)
    command, info = ResidualFilter(policy)(window, target)
    assert command.shape == (2, NUM_JOINTS)
    assert command.dtype == np.float64
    assert info == {}
    np.testing.assert_allclose((command - target).mean(), 0.05, atol=0.015)


def test_residual_is_zero_first_and_always_bounded(policy: ResidualPolicy) -> None:
    window, target = still(0.3)
    untrained = ResidualFilter(ResidualPolicy(ResidualOptions()))
    np.testing.assert_array_equal(untrained(window, target)[0], target)
    assert np.abs(ResidualFilter(policy)(window, target)[0] - target).max() <= policy.bound


def test_training_leaves_the_hands_model_alone() -> None:
    model = JointwiseModel()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    told: list[int] = []
    train_residual(
        model,
        [wander(0, ticks=40)],
        options=ResidualOptions(epochs=2, hidden=(8,)),
        progress=lambda done, total, note: told.append(done),
    )
    assert told == [1, 2]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
