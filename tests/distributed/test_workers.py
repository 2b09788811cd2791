"""Jobs on processes of this machine: same results, whatever dies, and nothing left behind."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dexndm_gym.distributed import Workers, WorkersConfig, map_jobs, workers
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, processors
from dexndm_gym.errors import ConfigurationError, WorkerError
from tests.distributed import jobs

ROOT = Path(__file__).parents[2]
SEEDS = {f"seed {seed}": seed for seed in (3, 1, 2)}
WAIT = """
import sys
from pathlib import Path
from dexndm_gym.distributed import WorkersConfig, map_jobs
from tests.distributed.jobs import wait_for_ever

if __name__ == "__main__":
    marks = {name: Path(sys.argv[1]) / name for name in ("a", "b")}
    map_jobs(wait_for_ever, marks, WorkersConfig(processes=2), tell=print)
"""


@pytest.fixture(scope="module")
def two() -> Iterator[Workers]:
    with Workers(WorkersConfig(processes=2)) as two:
        yield two


def test_results_do_not_depend_on_where(two: Workers) -> None:
    told: list[int] = []
    alone = map_jobs(jobs.draw, SEEDS, IN_THIS_PROCESS)
    assert list(alone) == list(SEEDS)
    assert dict(two.run(jobs.draw, SEEDS, tell=told.append)) == alone
    assert sorted(told) == [1, 2, 3]
    backwards = dict(reversed(SEEDS.items()))
    assert map_jobs(jobs.draw, backwards, IN_THIS_PROCESS) == alone


def test_the_callers_random_numbers_stay(two: Workers) -> None:
    import torch

    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    map_jobs(jobs.draw, SEEDS, IN_THIS_PROCESS)
    assert torch.rand(1) == expected


def test_a_job_whose_worker_died_begins_anew(two: Workers, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told: list[str] = []
    work = {"one": (tmp_path / "mark", 1.5), "two": (tmp_path, 2.5)}
    assert dict(two.run(jobs.die_once, work, tell=told.append)) == {"one": 1.5, "two": 2.5}
    assert sorted(told) == ["begun", "begun", "done", "done"], "told anew"
    assert "one: the worker died" in caplog.text
    assert "one: begins anew on" in caplog.text


def test_a_job_that_always_dies_is_named(monkeypatch: pytest.MonkeyPatch, two: Workers) -> None:
    monkeypatch.setattr(workers, "_RETRIES", 0)
    with pytest.raises(WorkerError, match=r"(heavy|other): the worker died 1 times.*--processes"):
        list(two.run(jobs.die, {"heavy": 0, "other": 0}))


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_errors_arrive_typed_in_one_line(where: str, two: Workers) -> None:
    with Workers(IN_THIS_PROCESS) as one, pytest.raises(ConfigurationError) as caught:
        list((one if where == "here" else two).run(jobs.fail, {"hand 3": "typed", "hand 4": "typed"}))
    assert str(caught.value) in ("hand 3: expected this", "hand 4: expected this")
    with Workers(IN_THIS_PROCESS) as one, pytest.raises(WorkerError, match="UnsendableError: not sendable"):
        list((one if where == "here" else two).run(jobs.fail, {"hand 3": "other", "hand 4": "other"}))


def test_logs_of_workers_arrive_here(two: Workers, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    list(two.run(jobs.log, {"a": "this", "b": "that"}))
    assert {"a: said this", "b: said that"} <= set(caplog.messages)


def test_jobs_wait_for_those_before_them(two: Workers, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in "abcd"}
    work = {
        "a": (files["a"], None),
        "b": (files["b"], files["a"]),
        "c": (files["c"], None),
        "d": (files["d"], files["b"]),
    }
    assert all(dict(two.run(jobs.follow, work, after={"b": "a", "d": "b"})).values())
    with pytest.raises(ConfigurationError, match="'a' waits for 'b'"):
        map_jobs(jobs.follow, work, IN_THIS_PROCESS, after={"a": "b"})


def test_processors_are_shared_out() -> None:
    assert WorkersConfig().processes_for(1) == 1
    assert WorkersConfig(processes=3).processes_for(2) == 2
    assert WorkersConfig(processes=1).threads(5) == processors()
    assert WorkersConfig(processes=10**6).threads(10**6) == 1
    assert WorkersConfig(cluster="auto").threads(5) == 1
    assert WorkersConfig(cluster="auto", cpus_per_job=8).threads(5) == 8


@pytest.mark.slow  # a program and two workers for each
@pytest.mark.parametrize("how", ["ctrl-c", "kill"])
def test_an_interrupted_program_leaves_no_process(how: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    script = tmp_path / "script.py"
    script.write_text(WAIT)
    program = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env=environment,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    pids = [int(wait_until((tmp_path / name).read_text)) for name in ("a", "b")]
    if how == "ctrl-c":
        os.killpg(program.pid, signal.SIGINT)
    else:
        program.kill()
    _, said = program.communicate(timeout=60)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    if how == "ctrl-c":
        assert said.count("Traceback") == 1, "that of the program alone"
        assert (tmp_path / "a.interrupted").exists()
        assert (tmp_path / "b.interrupted").exists()


def wait_until(condition: Any) -> Any:
    """The first true value of a condition that may raise OSError before."""
    import time

    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.05)
