"""The machines of a Ray cluster, as a pool. The one room that imports Ray."""

import contextlib
import logging
import socket
from concurrent.futures import Future, wait
from typing import Any

from dexndm_gym.distributed.job import Outcome, Task, Work
from dexndm_gym.distributed.reports import Listener, Send, perform_elsewhere
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.errors import ConfigurationError, MissingExtraError

try:
    import ray
    from ray import exceptions
    from ray.util.queue import Queue
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise MissingExtraError('Ray is not installed; run: pip install "dexndm_gym[distributed]"') from error

_GRACE = 30.0
"""How long an interrupted job may take to put its things away, s."""

_PATIENCE = 5.0
"""How long the head of a cluster may take to answer, s."""

_LOG = logging.getLogger(__name__)


class RayPool:
    """Workers on all machines of a cluster. Ray chooses where each task runs, spread over the machines."""

    lost = (
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.LocalRayletDiedError,
        exceptions.ObjectLostError,
        exceptions.OutOfMemoryError,
    )
    """What a future raises if the worker, its machine, or the machine that kept its result has died."""

    slots = 1_000_000
    """Ray keeps the queue."""

    def __init__(self, config: WorkersConfig) -> None:
        """Connect to a cluster, unless this program is already connected to one.

        Raises:
            ConfigurationError: there is none.
        """
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            _connect(str(config.cluster))
        cpus = config.threads(1)
        self._task = ray.remote(_perform).options(
            num_cpus=cpus, num_gpus=config.gpus_per_job, max_retries=0, scheduling_strategy="SPREAD"
        )
        _warn_if_too_much(cpus, config.gpus_per_job)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        self.listener = Listener(self._queue.get, self._queue.put)
        self._running: dict[Future[Outcome], Any] = {}

    def share(self, work: Work) -> Any:
        """Put the work of many tasks where all machines can get it once."""
        return ray.put(work)

    def submit(self, work: Any, task: Task) -> "Future[Outcome]":
        """Give a task to some machine."""
        reference = self._task.remote(work, task, self._queue.put)
        future: Future[Outcome] = reference.future()
        self._running[future] = reference
        future.add_done_callback(self._running.pop)
        return future

    def close(self, *, interrupted: bool) -> None:
        """Stop what is under way, and leave the cluster as it was."""
        try:
            if interrupted:
                running = dict(self._running)
                for reference in running.values():
                    with contextlib.suppress(exceptions.RayError, ValueError):
                        ray.cancel(reference, force=False)
                wait(running, _GRACE)
        finally:
            for reference in list(self._running.values()):
                with contextlib.suppress(exceptions.RayError, ValueError):
                    ray.cancel(reference, force=True)
            with contextlib.suppress(exceptions.RayError):
                self._queue.shutdown(force=True)
            if self._connected_here:
                ray.shutdown()


def _perform(work: Work, task: Task, send: Send) -> Outcome:
    return perform_elsewhere(work, task, send)


def _connect(address: str) -> None:
    try:
        if address != "auto":
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        ray.init(address=address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
    except (OSError, ValueError, OverflowError, RuntimeError) as error:
        raise ConfigurationError(
            f"no Ray cluster at {address!r} ({' '.join(str(error).split())[:200]}); start one with `ray start --head`, "
            'and give "auto" on its machines, or the host:port that it prints'
        ) from error


def _warn_if_too_much(cpus: int, gpus: float) -> None:
    """Where no machine is large enough, Ray waits for one to join."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(one.get("CPU", 0) >= cpus and one.get("GPU", 0) >= gpus for one in machines):
        _LOG.warning("no machine of the cluster has %d processors and %g GPUs; waiting for one to join", cpus, gpus)
