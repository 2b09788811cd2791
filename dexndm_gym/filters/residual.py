"""Residual policies and delta actions as target filters."""

import torch

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.residual import ResidualPolicy
from dexndm_gym.filters.target_filter import TargetWindow


class ResidualFilter:
    """Adds the residuals of a policy. It keeps no state of its own: the window tells it all."""

    def __init__(self, policy: ResidualPolicy) -> None:
        """Correct with a policy."""
        self._policy = policy

    @torch.no_grad()
    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Correct the targets (n, 16), rad."""
        position, past, now = _joints_first(window.position), _joints_first(window.target), _now(target)
        residual = self._policy(position, torch.cat((past, now), dim=-1))
        return target + residual.T.double().numpy(), {}


class DeltaActionFilter:
    """Undoes a delta action: sends the target whose delta, added to it, gives what the policy asked for.

    The delta action says what the simulation must be sent to do what the hand does; the equation is solved by damped
    fixed-point iteration. It keeps no state of its own.
    """

    def __init__(self, delta: ResidualPolicy, *, iterations: int = 8, damping: float = 0.5) -> None:
        """Undo a delta action.

        Args:
            delta: trained on targets that the hand was sent.
            iterations: how often to go towards the solution.
            damping: share of the way that is left out each time.
        """
        self._delta, self._iterations, self._damping = delta, iterations, damping

    @torch.no_grad()
    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Correct the targets (n, 16), rad."""
        position, past, base = _joints_first(window.position), _joints_first(window.command), _now(target)
        added = torch.zeros_like(base)
        for _ in range(self._iterations):
            delta = self._delta(position, torch.cat((past, base + added), dim=-1))[..., None]
            added = self._damping * added - (1 - self._damping) * delta
        return target + added[..., 0].T.double().numpy(), {}


def _joints_first(values: FloatArray) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float32).permute(2, 0, 1)


def _now(target: FloatArray) -> torch.Tensor:
    return torch.as_tensor(target, dtype=torch.float32).T[..., None]
