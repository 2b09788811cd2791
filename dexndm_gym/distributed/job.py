"""One job: done under the same conditions wherever it runs, with what came of it as a value."""

import logging
import pickle
import random
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dexndm_gym import __version__
from dexndm_gym.errors import ConfigurationError, DexndmError, WorkerError
from dexndm_gym.hand.mujoco_batch import limit_threads

Tell = Callable[..., Any]
"""Told how far a job is, in whatever words the one who maps and the one who works have agreed on."""

Work = Callable[[Any, Tell], Any]
"""Does a job: given the job and whom to tell how far it is."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job on its way to a worker."""

    name: str
    """Tells it from the others; also what its random numbers begin with where it does not seed them itself."""

    job: Any
    """What ``Work`` is given."""

    threads: int
    """Threads of the physics, 0 for all processors."""

    version: str = __version__
    """Of the package where the task was made."""


class _InWorkerError(Exception):
    """Where in a worker an error was raised: the traceback as text, since tracebacks do not travel."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job."""

    result: Any = None
    """What the work returned."""

    error: Exception | None = None
    """What it raised instead."""

    traceback: str = ""
    """Where."""

    def get(self) -> Any:
        """The result; raises the error if there was one."""
        if self.error is None:
            return self.result
        if self.error.__traceback__ is None:
            raise self.error from _InWorkerError(self.traceback)
        raise self.error


def perform(work: Work, task: Task, tell: Tell) -> Outcome:
    """Do a job, whatever comes of it; only ``KeyboardInterrupt`` and the like get through."""
    try:
        if task.version != __version__:
            raise ConfigurationError(
                f"this worker has dexndm_gym {__version__}, expected {task.version}; install the same on all machines"
            )
        with _same_everywhere(task):
            return Outcome(result=work(task.job, tell))
    except Exception as error:
        return Outcome(error=_portable(error, task.name), traceback=traceback.format_exc())


@contextmanager
def _same_everywhere(task: Task) -> Iterator[None]:
    """Global random numbers that begin with the job, and one thread for PyTorch, whose sums depend on their number."""
    torch_threads, numpy_state, python_state = torch.get_num_threads(), np.random.get_state(), random.getstate()
    seed = zlib.crc32(task.name.encode())
    limit_threads(task.threads)
    torch.set_num_threads(1)
    np.random.seed(seed)
    random.seed(seed)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        limit_threads(0)
        torch.set_num_threads(torch_threads)
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _portable(error: Exception, name: str) -> Exception:
    """The error with the job's name in its message, as something that can travel."""
    if isinstance(error, DexndmError) and len(error.args) == 1:
        error.args = (f"{name}: {error}",)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WorkerError(f"{name}: {type(error).__name__}: {error}")
    return error
