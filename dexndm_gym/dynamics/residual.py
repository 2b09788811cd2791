"""The paper's correction: a residual policy, trained through the frozen model of the hand on simulated trajectories.

It learns what to add to each base target so that the hand's model ends each control period where the simulation did.
All joints share one network here; unlike the inverse it needs a training run per hand, and no model while it acts.
"""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.fit import Progress
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.windows import WINDOW, WindowSet, features
from dexndm_gym.leap.joints import NUM_JOINTS

_SCALE = 10.0
"""Brings distances between targets and positions to order one."""


@dataclass(frozen=True, kw_only=True)
class ResidualOptions:
    """How to train a residual policy. The paper gives none of these figures."""

    bound: float = 0.15
    """Largest residual, rad."""

    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer."""

    epochs: int = 10
    """Passes over the simulated trajectories."""

    batch: int = 256
    """Windows per gradient step."""

    learning_rate: float = 1e-3
    """Highest learning rate of the one-cycle schedule."""

    seed: int = 0
    """Seed of the first weights and the order of the data."""


class ResidualPolicy(nn.Module):
    """Adds to base targets what a hand needs, given its last ten positions and base targets."""

    def __init__(self, options: ResidualOptions) -> None:
        """Build a policy that adds nothing yet."""
        super().__init__()
        self.bound = options.bound
        widths = (2 * WINDOW * NUM_JOINTS, *options.hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ELU()]
        head = nn.Linear(widths[-1], NUM_JOINTS)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.network = nn.Sequential(*layers, head)

    def forward(self, position: torch.Tensor, base_target: torch.Tensor) -> torch.Tensor:
        """Residuals (16, n), rad, for windows (16, n, W) of positions and base targets, oldest first."""
        inputs = _SCALE * features(position, base_target)
        return self.bound * torch.tanh(self.network(inputs.transpose(0, 1).flatten(1))).T


def train_residual(
    model: JointwiseModel,
    simulated: Sequence[Trajectory],
    *,
    options: ResidualOptions | None = None,
    progress: Progress | None = None,
) -> ResidualPolicy:
    """Train a residual policy for the hand that a model describes.

    Args:
        model: of the hand; it stays as it is.
        simulated: what the policy did in simulation.
        options: how to train.
        progress: told after each epoch.
    """
    options = options or ResidualOptions()
    # Every target of the model's window carries its own residual, which needs a window of its own.
    windows = WindowSet(simulated, 2 * WINDOW - 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        policy = ResidualPolicy(options)
        _train(policy, copy.deepcopy(model).requires_grad_(False), windows, options, progress)
    return policy.eval()


def _train(
    policy: ResidualPolicy,
    model: JointwiseModel,
    windows: WindowSet,
    options: ResidualOptions,
    progress: Progress | None,
) -> None:
    steps = -(-len(windows) // options.batch)
    optimiser = torch.optim.Adam(policy.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=steps * options.epochs, pct_start=0.1
    )
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        for index in torch.randperm(len(windows)).split(options.batch):
            error = _miss(policy, model, windows, index) / model.step
            loss = error.square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() / steps
        if progress is not None:
            progress(epoch, options.epochs, f"error {total**0.5:.3f} of a step")


def _miss(policy: ResidualPolicy, model: JointwiseModel, windows: WindowSet, index: torch.Tensor) -> torch.Tensor:
    """Where the hand's model ends the period minus where the simulation did, (16, n), rad."""
    position, target, following = windows.gather(index)
    positions, targets = (values.unfold(-1, WINDOW, 1).flatten(1, 2) for values in (position, target))
    residual = policy(positions, targets).unflatten(1, (len(index), WINDOW))
    position, target = position[..., -WINDOW:], target[..., -WINDOW:] + residual
    return position[..., -1] + model(position, target) - following
