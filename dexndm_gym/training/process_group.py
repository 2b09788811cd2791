"""Processes that learn together, as torchrun starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from dexndm_gym.distributed.workers_config import processors

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class ProcessGroup:
    """What a process knows of those that it learns with; without torchrun it is alone."""

    rank: int = 0
    """Which of them it is."""

    size: int = 1
    """How many they are."""

    cpus: int = 0
    """Processors that are its own; 0 for all, where it is alone."""

    device: str = "cpu"
    """Where it learns."""

    def mine(self, items: Sequence[Item]) -> list[Item]:
        """This process's share of what is to be done; every process has the same list."""
        return list(items[self.rank :: self.size])

    def together(self, mine: list[Item]) -> list[Item]:
        """What all processes made of their shares, in the order of the whole."""
        if self.size == 1:
            return mine
        shares: list[Any] = [None] * self.size
        distributed.all_gather_object(shares, mine)
        return [shares[index % self.size][index // self.size] for index in range(sum(map(len, shares)))]

    def wrapped(self, network: nn.Module) -> nn.Module:
        """A network whose gradients are the means of all processes' own."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Join the processes that torchrun has started with this one: on GPUs by NCCL, without them by Gloo."""
    if not distributed.is_torchelastic_launched():
        yield ProcessGroup()
        return
    gpus = torch.cuda.is_available()
    device = f"cuda:{os.environ['LOCAL_RANK']}" if gpus else "cpu"
    if gpus:
        torch.cuda.set_device(device)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
    try:
        yield ProcessGroup(
            rank=distributed.get_rank(),
            size=distributed.get_world_size(),
            cpus=max(1, processors() // int(os.environ["LOCAL_WORLD_SIZE"])),
            device=device,
        )
    finally:
        distributed.destroy_process_group()
