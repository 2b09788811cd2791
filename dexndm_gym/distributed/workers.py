"""Maps jobs over workers, in order of what waits for what, and anew where a worker died."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Protocol

from dexndm_gym.distributed.job import Outcome, Task, Tell, Work, perform
from dexndm_gym.distributed.local_pool import LocalPool
from dexndm_gym.distributed.reports import Listener, Reports
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.errors import ConfigurationError, WorkerError

_RETRIES = 3
"""How often a job begins anew after the worker that did it has died."""

_LOG = logging.getLogger(__name__)


class Pool(Protocol):
    """Workers somewhere."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """What a future raises if the worker has died."""
        ...

    @property
    def slots(self) -> int:
        """How many tasks it is given at a time."""
        ...

    @property
    def listener(self) -> Listener:
        """Takes in what the workers report."""
        ...

    def share(self, work: Work) -> Any:
        """Prepare the work of many tasks."""
        ...

    def submit(self, work: Any, task: Task) -> "Future[Outcome]":
        """Give a task to a worker."""
        ...

    def close(self, *, interrupted: bool) -> None:
        """Let the workers go; if ``interrupted``, jobs are still under way and are to end soon."""
        ...


def nobody(*_: Any, **__: Any) -> None:
    """A ``Tell`` that tells nobody."""


def map_jobs(
    work: Work,
    jobs: Mapping[str, Any],
    config: WorkersConfig,
    *,
    after: Mapping[str, str] | None = None,
    tell: Tell = nobody,
) -> dict[str, Any]:
    """Do every job and return what came of each, by name, in the order of ``jobs``.

    Args:
        work: called as ``work(job, tell)``; a function of a module, or a method of an object that can be pickled.
        jobs: what to do, by name. They, too, can be pickled and hold the seeds of all that is drawn.
        config: where they run. The results do not depend on it.
        after: the job, earlier in ``jobs``, that another one waits for.
        tell: passed on what the work tells, from another thread.

    Raises:
        WorkerError: a worker died whenever it did a certain job.
        ConfigurationError: there is no such cluster, or a job waits for one that is not before it.
        MissingExtraError: a cluster is asked for, and Ray is not installed.
        Exception: what a job raises; its name is put before the message of errors of this package.
    """
    with Workers(config) as workers:
        found = dict(workers.run(work, jobs, after=after, tell=tell))
    return {name: found[name] for name in jobs}


class Workers:
    """Workers that stay for several mappings, in a ``with`` block."""

    def __init__(self, config: WorkersConfig) -> None:
        """Say where they are; they start when there is something to do."""
        self._config = config
        self._pool: Pool | None = None

    def __enter__(self) -> "Workers":
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the workers go."""
        if self._pool is not None:
            self._pool.close(interrupted=kind is not None)

    def run(
        self, work: Work, jobs: Mapping[str, Any], *, after: Mapping[str, str] | None = None, tell: Tell = nobody
    ) -> Iterator[tuple[str, Any]]:
        """Do jobs as ``map_jobs`` does, and yield names and results as they come."""
        after = after or {}
        _check_order(jobs, after)
        config = self._config
        if config.alone_for(len(jobs)):
            for name, job in jobs.items():
                yield name, perform(work, Task(name=name, job=job, threads=config.cpus_per_job), tell).get()
            return
        if self._pool is None:
            self._pool = _open_pool(config)
        threads = config.threads(len(jobs))
        tasks = {name: Task(name=name, job=job, threads=threads) for name, job in jobs.items()}
        yield from _on_pool(self._pool, work, tasks, after, tell)


def _open_pool(config: WorkersConfig) -> Pool:
    if config.cluster is None:
        return LocalPool(config.processes_for(2**31))
    from dexndm_gym.distributed.ray_pool import RayPool  # takes seconds to import

    return RayPool(config)


def _check_order(jobs: Mapping[str, Any], after: Mapping[str, str]) -> None:
    seen = set[str]()
    for name in jobs:
        if name in after and after[name] not in seen:
            raise ConfigurationError(f"job {name!r} waits for {after[name]!r}, which is not before it")
        seen.add(name)


def _on_pool(
    pool: Pool, work: Work, tasks: Mapping[str, Task], after: Mapping[str, str], tell: Tell
) -> Iterator[tuple[str, Any]]:
    shared, waiting, done = pool.share(work), dict(tasks), set[str]()
    running: dict[Future[Outcome], str] = {}
    losses = Counter[str]()
    pool.listener.reports = Reports(tell)
    while waiting or running:
        ready = [name for name in waiting if name not in after or after[name] in done]
        for name in ready[: pool.slots - len(running)]:
            running[pool.submit(shared, waiting.pop(name))] = name
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            try:
                outcome = future.result()
            except pool.lost as error:
                losses[name] += 1
                if losses[name] > _RETRIES:
                    raise WorkerError(
                        f"{name}: the worker died {losses[name]} times, as one does for want of memory; try fewer "
                        f"--processes, or more --cpus-per-job on a cluster ({_in_one_line(error)})"
                    ) from error
                _LOG.warning("%s: the worker died; it begins anew", name)
                waiting[name] = tasks[name]
                continue
            done.add(name)
            yield name, outcome.get()
    pool.listener.flush()


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
