"""Draws of many episodes at once on a device, from tables of what ``EpisodeOptions`` allows."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import HandAxis, Numbers
from dexndm_gym.task.tensor_quaternions import canonical, conjugate, rotate


class Drawn(NamedTuple):
    """n drawn episodes."""

    object_index: Tensor
    """Which of the options' objects, (n,) long."""

    wrist: Tensor
    """Quaternions from hand frame to world frame, (n, 4)."""

    axis: Tensor
    """Unit vectors, world frame, (n, 3)."""

    down: Tensor
    """Direction of gravity in the hand frame, unit vectors, (n, 3)."""


class EpisodeDraws:
    """``EpisodeOptions.draw`` for n episodes: the same distribution, other random numbers."""

    def __init__(self, options: EpisodeOptions, generator: torch.Generator) -> None:
        """Tabulate the options on the generator's device."""
        self._generator, self._num_objects = generator, len(options.objects)
        self._wrists, self._any_wrist = self._table(options.wrists, 4)
        self._axes, self._any_axis = self._table(options.axes, 3)
        in_hand = [isinstance(axis, HandAxis) for axis in options.axes]
        self._in_hand = torch.tensor(in_hand, device=generator.device)

    def __call__(self, num_hands: int) -> Drawn:
        """Draw an episode for each of n hands."""
        which = self._index(num_hands, len(self._wrists))
        uniform = torch.where(self._any_wrist[which, None], self._unit(num_hands, 4), self._wrists[which])
        wrist = canonical(uniform)
        which = self._index(num_hands, len(self._axes))
        axis = torch.where(self._any_axis[which, None], self._unit(num_hands, 3), self._axes[which])
        axis = torch.where(self._in_hand[which, None], rotate(wrist, axis), axis)
        down = torch.zeros_like(axis)
        down[:, 2] = -1.0
        return Drawn(self._index(num_hands, self._num_objects), wrist, axis, rotate(conjugate(wrist), down))

    def _table(self, values: Sequence[Numbers | None], size: int) -> tuple[Tensor, Tensor]:
        """Values as rows, and which of them stand for a uniform draw."""
        device = self._generator.device
        rows = torch.tensor([value or (0.0,) * size for value in values], dtype=torch.float32, device=device)
        return rows, torch.tensor([value is None for value in values], device=device)

    def _index(self, num_hands: int, count: int) -> Tensor:
        return torch.randint(count, (num_hands,), generator=self._generator, device=self._generator.device)

    def _unit(self, num_hands: int, size: int) -> Tensor:
        draw = torch.randn((num_hands, size), generator=self._generator, device=self._generator.device)
        return torch.nn.functional.normalize(draw, dim=1)
