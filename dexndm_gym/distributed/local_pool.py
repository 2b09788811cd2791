"""Processes of this machine, as a pool that outlives those that die and leaves none behind."""

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

from dexndm_gym.distributed.job import Outcome, Task, Work
from dexndm_gym.distributed.reports import Listener, perform_elsewhere

_GRACE = 30.0
"""How long an interrupted job may take to put its things away, s."""

_PATIENCE = 5.0
"""How long to wait for another process that is sending, s."""

_LOG = logging.getLogger(__name__)


class LocalPool:
    """Spawned processes: forks of a process with threads, as MuJoCo and PyTorch have them, may hang."""

    lost = (BrokenExecutor,)
    """What a future raises if a process has died."""

    def __init__(self, processes: int) -> None:
        """Make a pool; processes start when there is something to do.

        Args:
            processes: how many at most.
        """
        self.slots = processes
        self._crew = _Crew(processes)

    @property
    def listener(self) -> Listener:
        """Takes in what the processes report."""
        return self._crew.listener

    def share(self, work: Work) -> bytes:
        """Prepare the work of many tasks."""
        return pickle.dumps(work)

    def submit(self, work: bytes, task: Task) -> "Future[Outcome]":
        """Give a task to a process."""
        try:
            return self._crew.submit(work, task)
        except BrokenExecutor:
            reports = self.listener.reports
            self._crew.stop(0.0)
            self._crew = _Crew(self.slots)
            self.listener.reports = reports
            return self._crew.submit(work, task)

    def close(self, *, interrupted: bool) -> None:
        """End all processes.

        Args:
            interrupted: whether jobs are still under way. They get Ctrl-C and some time to put their things away.
        """
        self._crew.stop(_GRACE if interrupted else None)


class _Crew:
    """Processes that live and die together, and the pipe by which they report."""

    def __init__(self, processes: int) -> None:
        context = _RecordingContext()
        reader, writer = context.Pipe(duplex=False)
        send = _Sender(writer, context.Lock())
        self._context, self._reader, self._writer = context, reader, writer
        self._executor = ProcessPoolExecutor(processes, context, _begin, (send,))
        self.listener = Listener(reader.recv, send)

    def submit(self, work: bytes, task: Task) -> "Future[Outcome]":
        with _ctrl_c_held_back():  # which the process that may be started here inherits
            return self._executor.submit(_perform, work, task)

    def stop(self, grace: float | None) -> None:
        """End the processes.

        Args:
            grace: time for jobs under way, s; None to wait for them.
        """
        processes = self._context.started
        try:
            if grace is None:
                self._executor.shutdown(wait=True)
                return
            self._executor.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                _interrupt(process)
            end = time.monotonic() + grace
            for process in processes:
                process.join(max(0.0, end - time.monotonic()))
        finally:
            for process in processes:
                process.kill()
                process.join()
            self._writer.close()  # the last one who could write: the listener sees the end


class _RecordingContext(SpawnContext):
    """Remembers the processes that were started, which the executor keeps to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *arguments: Any, **named: Any) -> BaseProcess:  # type: ignore[override]  # noqa: N802
        process = super().Process(*arguments, **named)
        self.started.append(process)
        return process


class _Sender:
    """Sends events from any process, one at a time."""

    def __init__(self, writer: Connection, lock: Any) -> None:
        self._writer, self._lock = writer, lock

    def __call__(self, event: Any) -> None:
        # A process that was killed while it was sending keeps the lock; its crew is about to end.
        if self._lock.acquire(timeout=_PATIENCE):
            try:
                self._writer.send(event)
            finally:
                self._lock.release()


_send: Any = None
"""In a worker: its sender."""


def _begin(send: _Sender) -> None:
    """In a new worker: be out of reach of the terminal's Ctrl-C, and end with the process that maps."""
    global _send
    _send = send
    os.setpgid(0, 0)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _perform(work: bytes, task: Task) -> Outcome:
    """In a worker: do a task, in which alone a Ctrl-C from the process that maps gets through."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        return perform_elsewhere(pickle.loads(work), task, _send)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _interrupt(process: BaseProcess) -> None:
    if process.pid is not None and process.exitcode is None:
        os.kill(process.pid, signal.SIGINT)


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
