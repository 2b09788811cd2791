"""Where jobs run: options that several commands have."""

import os
from dataclasses import dataclass

from dexndm_gym.checks import Checked, CountOrZero, NotNegative


@dataclass(frozen=True, kw_only=True)
class WorkersConfig(Checked):
    """Where independent jobs run. Their results do not depend on it."""

    processes: CountOrZero = 0
    """Processes of this machine that share independent work; 0 for one per processor, 1 for none beside this one."""

    cluster: str | None = None
    """Share it over a Ray cluster instead (extra distributed): "auto" for the one that this machine belongs to, or the
    address of its head, host:port."""

    cpus_per_job: CountOrZero = 0
    """Processors, and so threads of the physics, for each job; 0 for an equal part of this machine, or on a cluster one
    processor."""

    gpus_per_job: NotNegative = 0.0
    """GPUs, or the part of one, for each job on a cluster."""

    def processes_for(self, jobs: int) -> int:
        """How many processes of this machine so many jobs keep busy."""
        return min(self.processes or processors(), max(jobs, 1))

    def alone_for(self, jobs: int) -> bool:
        """Whether this process does so many jobs itself."""
        return self.cluster is None and self.processes_for(jobs) == 1

    def threads(self, jobs: int) -> int:
        """Threads that each of so many jobs may use."""
        if self.cpus_per_job:
            return self.cpus_per_job
        return 1 if self.cluster is not None else max(1, processors() // self.processes_for(jobs))


IN_THIS_PROCESS = WorkersConfig(processes=1)
"""No other process takes part."""


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
