"""What a student learns from: observations, and what the teacher would have done."""

import torch

from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.task.config import OBSERVATION_SIZE


class SampleMemory:
    """The newest samples of (observation, teacher's action)."""

    def __init__(self, size: int) -> None:
        """Reserve memory for ``size`` samples."""
        self._observations = torch.empty((size, OBSERVATION_SIZE))
        self._actions = torch.empty((size, NUM_JOINTS))
        self._next, self._filled = 0, 0

    def __len__(self) -> int:
        """How many samples there are."""
        return self._filled

    def add(self, observations: torch.Tensor, actions: torch.Tensor) -> None:
        """Overwrite the oldest samples."""
        rows = (self._next + torch.arange(len(observations))) % len(self._observations)
        self._observations[rows], self._actions[rows] = observations, actions
        self._next = int(rows[-1]) + 1
        self._filled = max(self._filled, min(self._filled + len(rows), len(self._observations)))

    def draw(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Random samples, with replacement."""
        rows = torch.randint(self._filled, (count,), generator=generator)
        return self._observations[rows], self._actions[rows]
