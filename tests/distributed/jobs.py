"""Work for workers: functions of a module, as only the names of these travel between processes."""

import logging
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dexndm_gym.errors import ConfigurationError


class UnsendableError(Exception):
    """Cannot be made again from what it was made of."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


def draw(seed: int, tell: Any) -> list[float]:
    """Numbers of every generator, seeded by the job or not, and the number of PyTorch's threads."""
    own = np.random.default_rng(seed).random()
    tell(seed)
    return [own, random.random(), float(np.random.random()), float(torch.rand(1)), float(torch.get_num_threads())]


def die_once(job: tuple[Path, float], tell: Any) -> float:
    """Tell twice, and die between the two, the first time that a mark is not there."""
    mark, answer = job
    tell("begun")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    tell("done")
    return answer


def die(job: Any, tell: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(kind: str, tell: Any) -> None:
    if kind == "typed":
        raise ConfigurationError("expected this")
    raise UnsendableError("not", "sendable")


def log(job: str, tell: Any) -> None:
    logging.getLogger("dexndm_gym.somewhere").info("said %s", job)


def follow(job: tuple[Path, Path | None], tell: Any) -> bool:
    """Leave a file; whether that of the job before it was there."""
    mine, before = job
    there = before is None or before.exists()
    mine.touch()
    return there


def wait_for_ever(mark: Path, tell: Any) -> None:
    """Say which process this is, and leave a mark when interrupted."""
    mark.write_text(str(os.getpid()))
    try:
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        mark.with_suffix(".interrupted").touch()
        raise


def draw_on_go(job: tuple[Path, int], tell: Any) -> float:
    """Say on which machine this is, wait for a file, and draw a number."""
    import ray

    mine, seed = job
    if ray.is_initialized():
        mine.with_suffix(".node").write_text(ray.get_runtime_context().get_node_id())
    while not (mine.parent / "go").exists():
        time.sleep(0.05)
    return float(np.random.default_rng(seed).random())
