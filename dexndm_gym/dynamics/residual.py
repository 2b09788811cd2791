"""Networks that add to targets, trained through a frozen model until it ends each control period where data say.

With the hand's model and simulated trajectories this is the paper's correction, a residual policy: it learns what the
hand needs to move as the simulation did. With the simulation's model and the hand's recordings it is a delta action
(ASAP): what the simulation needs to move as the hand did, which a correction has to undo.
"""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import nn

from dexndm_gym.checks import Checked, Count, LearningRate, NotEmpty, Positive, Seed, Width
from dexndm_gym.constants import HISTORY
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.model import JointwiseModel, StackedLinear, joints_together
from dexndm_gym.dynamics.windows import WindowSet, features
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.progress import Progress

PAST = 2 * HISTORY - 1
"""Control periods that count: every target of the model's window carries its own residual, which has its own window."""

_SCALE = 10.0
"""Brings distances between targets and positions to order one."""


@dataclass(frozen=True, kw_only=True)
class ResidualOptions(Checked):
    """How to train a residual policy. The paper gives none of these figures."""

    bound: Positive = 0.15
    """Largest residual, rad."""

    hidden: Annotated[tuple[Width, ...], NotEmpty()] = (256, 256)
    """Width of each hidden layer."""

    network: Literal["joint", "finger", "hand"] = "hand"
    """Whose windows a network sees, and whose targets it changes, together."""

    epochs: Count = 10
    """Passes over the simulated trajectories."""

    batch: Count = 256
    """Windows per gradient step."""

    learning_rate: LearningRate = 1e-3
    """Highest learning rate of the one-cycle schedule."""

    seed: Seed = 0
    """Seed of the first weights and the order of the data."""


class ResidualPolicy(nn.Module):
    """Adds to targets what is needed, given the last ten positions and targets."""

    def __init__(self, options: ResidualOptions) -> None:
        """Build a policy that adds nothing yet."""
        super().__init__()
        self.bound, self.together = options.bound, joints_together(options.network, NUM_JOINTS)
        networks, widths = NUM_JOINTS // self.together, (2 * HISTORY * self.together, *options.hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [StackedLinear(networks, before, after), nn.ELU()]
        head = StackedLinear(networks, widths[-1], self.together)
        nn.init.zeros_(head.weight)
        self.network = nn.Sequential(*layers, head)

    def forward(self, position: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Residuals (16, n), rad, for windows (16, n, W) of positions and targets, oldest first."""
        inputs = _SCALE * features(position, target)
        inputs = inputs.unflatten(0, (-1, self.together)).transpose(1, 2).flatten(2)
        return self.bound * torch.tanh(self.network(inputs)).transpose(1, 2).flatten(0, 1)


def train_residual(
    model: JointwiseModel,
    trajectories: Sequence[Trajectory],
    *,
    options: ResidualOptions | None = None,
    progress: Progress | None = None,
) -> ResidualPolicy:
    """Train a policy to add what makes a model follow trajectories.

    Args:
        model: of the hand, for a residual policy; it stays as it is.
        trajectories: what the model is to do; for a residual policy, what was done in simulation.
        options: how to train.
        progress: told after each epoch.
    """
    options = options or ResidualOptions()
    windows = WindowSet(trajectories, PAST)
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
    optimizer = torch.optim.Adam(policy.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=steps * options.epochs, pct_start=0.1
    )
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        for index in torch.randperm(len(windows)).split(options.batch):
            position, target, following = windows.gather(index)
            step = step_with(policy, model, position, target)
            error = (position[..., -1] + step - following) / model.step
            loss = error.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() / steps
        if progress is not None:
            progress(epoch, options.epochs, f"error {total**0.5:.3f} of a step")


def step_with(
    policy: ResidualPolicy, model: JointwiseModel, position: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Predict the step (16, n), rad, of a model that gets a policy's residuals on the targets.

    Args:
        policy: adds to the targets.
        model: predicts what comes of them.
        position: (16, n, PAST) rad, oldest first.
        target: (16, n, PAST) rad, oldest first, without residuals.
    """
    positions, targets = (values.unfold(-1, HISTORY, 1).flatten(1, 2) for values in (position, target))
    residual = policy(positions, targets).unflatten(1, (-1, HISTORY))
    return model(position[..., -HISTORY:], target[..., -HISTORY:] + residual)
