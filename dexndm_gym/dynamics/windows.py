"""Windows of joint history: the input of the joint-wise model.

At time t a window holds the positions q_{t-W+1..t} and the commands a_{t-W+1..t}, where a_j is applied from time j to
j+1. Before the start of a trajectory its first sample is repeated.
"""

from collections.abc import Sequence

import numpy as np
import torch

from dexndm_gym.constants import HISTORY
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError


def features(position: torch.Tensor, command: torch.Tensor) -> torch.Tensor:
    """Turn windows into the numbers that a joint's network sees.

    Everything is relative to the present position, whose own (always zero) place holds the absolute present position.

    Args:
        position: (..., W) rad, oldest first.
        command: (..., W) rad, oldest first.

    Returns:
        (..., 2W) rad: past positions, present absolute position, commands; the last entry is the command to apply now.
    """
    present = position[..., -1:]
    return torch.cat((position[..., :-1] - present, present, command - present), dim=-1)


class WindowSet:
    """All windows of some trajectories, gathered on demand."""

    def __init__(self, trajectories: Sequence[Trajectory], window: int = HISTORY) -> None:
        """Index the windows.

        Args:
            trajectories: motions of the same joints.
            window: control periods in a window.

        Raises:
            ConfigurationError: no trajectories, empty ones, or a mix of joint counts.
        """
        used = [trajectory for trajectory in trajectories if len(trajectory)]
        if len({trajectory.num_joints for trajectory in used}) != 1:
            raise ConfigurationError(
                "windows need at least one control period, and the same joints in all trajectories"
            )
        lengths = np.array([len(trajectory) for trajectory in used])
        past = window - 1
        # Both tables get one row per position; the command row behind the last position is never looked at.
        position = [np.pad(trajectory.position, ((past, 0), (0, 0)), mode="edge") for trajectory in used]
        command = [np.pad(trajectory.command, ((past, 1), (0, 0)), mode="edge") for trajectory in used]
        self._position = torch.tensor(np.concatenate(position).T, dtype=torch.float32).contiguous()
        self._target = torch.tensor(np.concatenate(command).T, dtype=torch.float32).contiguous()
        firsts = np.concatenate(([0], np.cumsum(lengths + 1 + past)[:-1]))
        rows = np.concatenate([first + np.arange(length) for first, length in zip(firsts, lengths, strict=True)])
        self._first_row = torch.from_numpy(rows)
        self._offsets = torch.arange(window)
        self._remaining = torch.from_numpy(np.concatenate([np.arange(length, 0, -1) for length in lengths]))

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._first_row)

    @property
    def num_joints(self) -> int:
        """Number of joints."""
        return len(self._position)

    def with_future(self, periods: int, every: int = 1) -> torch.Tensor:
        """Indices of windows that at least ``periods`` control periods follow, keeping one in ``every``."""
        return torch.nonzero(self._remaining >= periods).squeeze(1)[::every]

    def future(self, index: torch.Tensor, periods: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What came after some windows.

        Args:
            index: (n,) windows of ``with_future``.
            periods: how many control periods.

        Returns:
            Targets from the present one on, and the positions they led to, each (joints, n, periods) rad.
        """
        rows = self._first_row[index][:, None] + len(self._offsets) + torch.arange(periods)
        return self._target[:, rows - 1], self._position[:, rows]

    def gather(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Some of the windows.

        Args:
            index: (n,) which.

        Returns:
            position (joints, n, W), command (joints, n, W), and the next position (joints, n), all rad.
        """
        first = self._first_row[index]
        rows = first[:, None] + self._offsets
        return self._position[:, rows], self._target[:, rows], self._position[:, first + len(self._offsets)]
