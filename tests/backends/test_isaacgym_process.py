"""Isaac Gym's process: what it shares, how it fails, and that nothing is left of it. The worker here is a small one."""

import copy
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.backends import isaacgym_protocol
from dexndm_gym.backends.isaacgym_process import VARIABLE, IsaacGymProcess
from dexndm_gym.errors import ConfigurationError, SimulatorError

WORKER = """
import os, signal, time
print("Importing module 'gym_38'")  # banners are no messages

def versions():
    return {"torch": "1.10", "isaacgym": "1.0rc4"}

class Hands:
    def __init__(self, arrays):
        self.arrays = arrays
    def build(self, plan):
        return plan
    def double(self):
        os.write(1, b"PhysX says something\\n")
        self.arrays["position"][:] = 2.0 * self.arrays["command"]
    def environment(self):
        return {name: os.environ.get(name, "") for name in ("PYTHONPATH", "PATH", "LD_LIBRARY_PATH")}
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)
    def leave(self):
        os.write(2, b"CUDA out of memory\\n")
        os._exit(3)
    def hang(self):
        signal.pause()
    def refuse(self):
        raise ValueError("no such mass")
"""
SOON = 10.0
"""Seconds within which every failure has to be reported: two on an idle machine, far less than any time-out here."""


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(WORKER)
    return path


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    def left() -> tuple[list[str], list[str], int]:
        files = [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("dexndm-isaacgym")]
        mapped = Path("/proc/self/maps").read_text().count("dexndm-isaacgym")
        return children() + files, os.listdir("/proc/self/fd"), mapped

    before = left()
    yield
    assert left() == before


def start(worker: Path, **options: object) -> IsaacGymProcess:
    return IsaacGymProcess(2, **({"python": sys.executable, "worker": worker} | options))  # type: ignore[arg-type]


def script(folder: Path, text: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_arrays_are_shared_and_calls_answered(worker: Path) -> None:
    process = start(worker)
    process.arrays["command"][:] = np.arange(32).reshape(2, 16)
    assert process.call("double") is None
    np.testing.assert_array_equal(process.arrays["position"], 2.0 * np.arange(32).reshape(2, 16))
    plan = {"text": "ä" * 100_000}  # more than a pipe holds
    assert process.build(plan) == plan
    assert process.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    process.close()
    process.close()


def test_worker_gets_libraries_of_its_interpreter(worker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/theirs")
    process = start(worker)
    found = process.call("environment")
    process.close()
    assert found["PYTHONPATH"] == ""
    assert found["PATH"].startswith(str(Path(sys.executable).parent) + ":")
    lib = Path(sys.executable).resolve().parent.parent / "lib"
    assert found["LD_LIBRARY_PATH"] == f"{lib}:/theirs"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("die", "ended during 'die'; it ended with SIGKILL"),
        ("leave", "(?s)ended with 3; it said last:.*CUDA out of memory"),
        ("hang", "no answer to 'hang' within 0.3 s"),
        ("refuse", "failed during 'refuse': ValueError: no such mass"),
    ],
)
def test_failure_is_reported_soon_and_lasts(worker: Path, call: str, said: str) -> None:
    process = start(worker, timeout=0.3 if call == "hang" else 30.0)
    begin = time.monotonic()
    with pytest.raises(SimulatorError, match=said):
        process.call(call)
    assert time.monotonic() - begin < SOON
    assert not Path(f"/proc/{process.pid}").exists()
    with pytest.raises(SimulatorError, match="no longer running"):
        process.call("double")
    with pytest.raises(SimulatorError, match="no longer running"):
        _ = process.arrays


def test_worker_killed_between_calls_is_reported(worker: Path) -> None:
    process = start(worker)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(SimulatorError, match="SIGKILL"):
        process.call("double")


def test_worker_that_reads_nothing_is_given_up(worker: Path) -> None:
    process = start(worker, start_timeout=30.0)
    os.kill(process.pid, signal.SIGSTOP)
    process._start_timeout = 0.3
    with pytest.raises(SimulatorError, match="no answer to 'build'"):
        process.build({"text": "x" * 1_000_000})


def test_interrupted_call_ends_worker(worker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(worker)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(process._link, "receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        process.call("double")
    with pytest.raises(SimulatorError, match="no longer running"):
        process.call("double")


def test_forgotten_process_ends(worker: Path) -> None:
    process = start(worker)
    pid = process.pid
    del process
    assert not Path(f"/proc/{pid}").exists()


def test_worker_ends_when_its_owner_is_killed(worker: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from dexndm_gym.backends.isaacgym_process import IsaacGymProcess\n"
        "process = IsaacGymProcess(2, python=sys.executable, worker=Path(sys.argv[1]))\n"
        "print(process.pid, flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(worker)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        ended = os.pidfd_open(int(owner.stdout.readline()))
        owner.kill()
    assert select.select([ended], [], [], 10.0)[0], "the worker is still there"
    os.close(ended)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 0", "ended before it loaded Isaac Gym.*it ended with 0"),
        ("echo libpython3.8.so.1.0: cannot open >&2; exit 127", "(?s)ended with 127; it said last:.*libpython3.8"),
        (None, "cannot be run"),
    ],
)
def test_wrong_interpreter_is_refused_soon(worker: Path, tmp_path: Path, text: str | None, said: str) -> None:
    python = script(tmp_path, text or "")
    if text is None:
        Path(python).write_text("no program at all")
    begin = time.monotonic()
    with pytest.raises(ConfigurationError, match=said):
        start(worker, python=python)
    assert time.monotonic() - begin < SOON


def test_interpreter_without_isaac_gym_is_refused() -> None:
    begin = time.monotonic()
    with pytest.raises(ConfigurationError, match=r"cannot load Isaac Gym \(ModuleNotFoundError: No module named 'isaa"):
        IsaacGymProcess(2, python=sys.executable)
    assert time.monotonic() - begin < SOON


def test_other_version_is_refused(worker: Path) -> None:
    worker.write_text(WORKER.replace("1.0rc4", "1.0rc3"))
    with pytest.raises(ConfigurationError, match=r"Preview 4 \(1\.0rc4\).*got 1\.0rc3") as caught:
        start(worker)
    assert children() == [], f"the process does not live as long as {caught}"


def test_start_that_hangs_is_given_up(worker: Path) -> None:
    worker.write_text(WORKER.replace("def versions():", "def versions():\n    signal.pause()"))
    begin = time.monotonic()
    with pytest.raises(SimulatorError, match="start_timeout="):
        start(worker, start_timeout=0.5)
    assert time.monotonic() - begin < SOON


@pytest.mark.parametrize("named", ["", "/no/such/python"])
def test_missing_interpreter_names_variable_and_page(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(ConfigurationError, match=rf"{VARIABLE}.*docs/isaacgym\.md"):
        IsaacGymProcess(2)


def test_variable_names_the_interpreter(worker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, sys.executable)
    start(worker, python=None).close()


def test_fork_leaves_the_worker_to_its_owner(worker: Path) -> None:
    process = start(worker)
    if (child := os.fork()) == 0:
        process.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert process.call("double") is None
    process.close()


def test_at_least_one_hand() -> None:
    with pytest.raises(ConfigurationError, match="at least 1, got 0"):
        IsaacGymProcess(0, python=sys.executable)


def test_running_process_cannot_be_copied(worker: Path) -> None:
    process = start(worker)
    with pytest.raises(ConfigurationError, match="copied"):
        copy.deepcopy(process)
    process.close()


def test_message_longer_than_a_pipe_waits_and_gives_up() -> None:
    read_fd, write_fd = os.pipe()
    link = isaacgym_protocol.Link(read_fd, write_fd)
    with pytest.raises(TimeoutError):
        link.send({"text": "x" * 1_000_000}, timeout=0.05)
    link.close()
