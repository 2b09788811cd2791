"""The gradient steps of a distillation, alone or together with other processes."""

import copy

import numpy as np
import torch
from torch import nn

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.training.policy import StudentPolicy
from dexndm_gym.training.process_group import ProcessGroup
from dexndm_gym.training.sample_memory import SampleMemory


class Learner:
    """Teaches a student, each process on its part of every batch, so that together they make the steps of one."""

    def __init__(
        self,
        student: StudentPolicy,
        group: ProcessGroup,
        *,
        rounds: int,
        learning_rate: float,
        batch_size: int,
        seed: int,
    ) -> None:
        """Prepare.

        Args:
            student: acts on the CPU; learns there or on a GPU, and has what it learned after every round.
            group: who learns.
            rounds: how many rounds there will be.
            learning_rate: of the first round; falls to a twentieth along a cosine.
            batch_size: samples per gradient step of all processes together.
            seed: of the batches.

        Raises:
            ConfigurationError: the processes cannot have equal parts of a batch.
        """
        if batch_size % group.size:
            raise ConfigurationError(
                f"batch_size must be a multiple of the {group.size} processes that learn together, got {batch_size}"
            )
        self._student, self._group, self._batch_size = student, group, batch_size
        self._learning = student if group.device == "cpu" else copy.deepcopy(student).to(group.device)
        self._network = group.wrapped(self._learning)
        self._optimizer = torch.optim.Adam(self._learning.parameters(), lr=learning_rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, rounds, learning_rate / 20)
        self._generator = torch.Generator().manual_seed(seed)

    def learn(self, memory: SampleMemory, updates: int) -> float:
        """Make the gradient steps of a round; the mean loss of this process's parts of the batches."""
        self._learning.train()
        loss = float(np.mean([self._update(memory) for _ in range(updates)]))
        self._schedule.step()
        if self._learning is not self._student:
            self._student.load_state_dict(self._learning.state_dict())
        self._student.eval()
        return loss

    def _update(self, memory: SampleMemory) -> float:
        # All processes draw the same batch and take their rows of it.
        drawn = memory.draw(self._batch_size, self._generator)
        observations, actions = (rows[self._group.rank :: self._group.size].to(self._group.device) for rows in drawn)
        loss = nn.functional.mse_loss(self._network(observations), actions)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())
