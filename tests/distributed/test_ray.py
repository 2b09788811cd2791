"""The same jobs on a cluster of two machines, both of them here, of which one dies."""

import importlib.util
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dexndm_gym.distributed import WorkersConfig, map_jobs
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS
from dexndm_gym.errors import ConfigurationError, MissingExtraError
from tests.distributed import jobs

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra distributed)"
)
ON_CLUSTER = WorkersConfig(cluster="auto")
MACHINE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and one more machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=MACHINE | {"include_dashboard": False})
    cluster.add_node(**MACHINE)
    cluster.connect()
    yield cluster
    import ray

    ray.shutdown()
    cluster.shutdown()


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "dexndm_gym.distributed.ray_pool", raising=False)
    with pytest.raises(MissingExtraError, match=r"dexndm_gym\[distributed\]"):
        map_jobs(jobs.draw, {"a": 1}, ON_CLUSTER)


@needs_ray
@pytest.mark.slow
def test_results_of_a_cluster_are_those_of_here(cluster: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    seeds = {f"seed {seed}": seed for seed in range(6)}
    told: list[int] = []
    assert map_jobs(jobs.draw, seeds, ON_CLUSTER, tell=told.append) == map_jobs(jobs.draw, seeds, IN_THIS_PROCESS)
    assert sorted(told) == list(range(6))
    map_jobs(jobs.log, {"a": "this"}, ON_CLUSTER)
    assert "a: said this" in caplog.messages
    with pytest.raises(ConfigurationError, match=r"^hand 3: expected this$"):
        map_jobs(jobs.fail, {"hand 3": "typed"}, ON_CLUSTER)


@needs_ray
@pytest.mark.slow
def test_the_result_survives_the_death_of_a_machine(
    cluster: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = cluster.add_node(**MACHINE | {"resources": {"doomed": 1}})
    work = {f"job {number}": (tmp_path / str(number), number) for number in range(6)}

    def kill() -> None:
        while not any(path.read_text() == machine.node_id for path in tmp_path.glob("*.node")):
            time.sleep(0.05)
        cluster.remove_node(machine, allow_graceful=False)
        (tmp_path / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    found = map_jobs(jobs.draw_on_go, work, ON_CLUSTER)
    killer.join()
    assert found == {name: jobs.draw_on_go((tmp_path / "again", job[1]), None) for name, job in work.items()}
    assert "the worker died; it begins anew" in caplog.text
