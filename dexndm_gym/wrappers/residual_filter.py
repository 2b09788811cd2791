"""A residual policy between what a policy asks for and what a hand is sent."""

import torch

from dexndm_gym.dynamics.residual import ResidualPolicy
from dexndm_gym.envs.hand import IntArray
from dexndm_gym.envs.target_filter import TargetWindow
from dexndm_gym.leap.joints import FloatArray


class ResidualFilter:
    """A residual policy as a target filter of the env. It keeps no state of its own: the window tells it all."""

    def __init__(self, policy: ResidualPolicy) -> None:
        """Correct with a policy."""
        self._policy = policy

    def reset(self, ids: IntArray) -> None:
        """New episodes need nothing."""

    @torch.no_grad()
    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Correct the targets (n, 16), rad."""
        position = torch.as_tensor(window.position, dtype=torch.float32).permute(2, 0, 1)
        past = torch.as_tensor(window.base_target, dtype=torch.float32).permute(2, 0, 1)
        now = torch.as_tensor(target, dtype=torch.float32).T[..., None]
        residual = self._policy(position, torch.cat((past, now), dim=-1))
        return target + residual.T.double().numpy(), {}
