"""Many jobs at once: on processes of this machine, or on a Ray cluster; ``map_jobs`` is the door."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.distributed.workers import Workers, map_jobs
    from dexndm_gym.distributed.workers_config import WorkersConfig

__all__ = ["Workers", "WorkersConfig", "map_jobs"]

__getattr__ = lazy_names(
    __name__,
    {
        "Workers": "dexndm_gym.distributed.workers",
        "WorkersConfig": "dexndm_gym.distributed.workers_config",
        "map_jobs": "dexndm_gym.distributed.workers",
    },
)
