"""Isaac Gym in a process of its own, under an interpreter that it can be loaded by."""

import contextlib
import mmap
import os
import shutil
import signal
import subprocess
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.backends import isaacgym_protocol as protocol
from dexndm_gym.errors import ConfigurationError, SimulatorError

VARIABLE = "DEXNDM_ISAACGYM_PYTHON"
"""Environment variable with the path of a Python 3.8 in which ``import isaacgym`` works."""

VERSION = "1.0rc4"
"""What Preview 4 calls itself."""

_WORKER = Path(__file__).with_name("isaacgym_worker.py")
_HELP = "see docs/isaacgym.md for how to install it"
_LOG_TAIL = 1500


class IsaacGymProcess:
    """A worker that answers calls; it ends with this object, or with the process that holds it.

    Attributes:
        num_hands: n.
        versions: of Python, PyTorch and Isaac Gym there.
        pid: of the process.
    """

    def __init__(
        self,
        num_hands: int,
        *,
        python: str | None = None,
        timeout: float = 30.0,
        start_timeout: float = 900.0,
        worker: Path = _WORKER,
    ) -> None:
        """Start the process and load Isaac Gym there, which compiles some code the first time.

        Args:
            num_hands: how many.
            python: interpreter; None takes what ``DEXNDM_ISAACGYM_PYTHON`` names.
            timeout: seconds after which a call that is not answered is given up, and the process with it.
            start_timeout: the same for starting and building.
            worker: file with a class ``Hands`` and a function ``versions``.

        Raises:
            ConfigurationError: there is no such interpreter, or it cannot load Isaac Gym, or another version of it; or
                there are no hands.
            SimulatorError: the process hangs.
        """
        if num_hands < 1:
            raise ConfigurationError(f"num_hands must be at least 1, got {num_hands}")
        path = _interpreter(python)
        self.num_hands, self._timeout, self._start_timeout = num_hands, timeout, start_timeout
        log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        memory_fd = os.memfd_create("dexndm-isaacgym")
        os.ftruncate(memory_fd, protocol.memory_size(num_hands))
        memory = mmap.mmap(memory_fd, protocol.memory_size(num_hands))
        to_read, to_answer = os.pipe()
        to_be_asked, to_ask = os.pipe()
        theirs = (to_be_asked, to_answer, memory_fd)
        self._log = log
        self._arrays: dict[str, npt.NDArray[np.float32]] = protocol.shared_arrays(memory, num_hands)
        self._link = protocol.Link(to_read, to_ask)
        try:
            process = _spawn(path, worker, theirs, log)
        except OSError as error:
            _release(os.getpid(), None, self._link, self._arrays, memory, log)
            raise ConfigurationError(f"{path} cannot be run ({error}); {VARIABLE} names a Python 3.8") from error
        finally:
            for fd in theirs:
                os.close(fd)
        self._process, self.pid = process, process.pid
        self._finalizer = weakref.finalize(self, _release, os.getpid(), process, self._link, self._arrays, memory, log)
        self.versions = self._load(path)

    def _load(self, path: str) -> dict[str, Any]:
        try:
            versions = self._ask("load", self._start_timeout, num_hands=self.num_hands)
            return _checked(versions, path)
        except (EOFError, BrokenPipeError) as error:
            raise ConfigurationError(
                f"{path} ended before it loaded Isaac Gym; expected a Python 3.8 that can, {_HELP}{self._end()}"
            ) from error
        except _FailedThereError as error:
            raise ConfigurationError(
                f"{path} cannot load Isaac Gym ({error}); expected a Python 3.8 that can, {_HELP}{self._end()}"
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays of ``isaacgym_protocol.FIELDS`` by name, shared with the worker.

        Raises:
            SimulatorError: the process has ended.
        """
        self._require_running()
        return self._arrays

    def build(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Make the simulation; what ``isaacgym_worker.Hands.build`` returns. Errors are those of ``call``."""
        return self._call("build", self._start_timeout, plan=plan)

    def call(self, name: str) -> Any:
        """Let the worker do what is named, with the arrays as they are.

        Raises:
            SimulatorError: the process ended, or gave no answer in time, or failed; it is gone then.
        """
        return self._call(name, self._timeout)

    def _call(self, name: str, timeout: float, **arguments: Any) -> Any:
        self._require_running()
        try:
            return self._ask(name, timeout, **arguments)
        except (EOFError, BrokenPipeError) as error:
            raise SimulatorError(f"Isaac Gym's process ended during {name!r}{self._end()}") from error
        except _FailedThereError as error:
            raise SimulatorError(f"Isaac Gym failed during {name!r}: {error}{self._end()}") from error
        except BaseException:  # an answer that is still owed would be taken for that to the next call
            self.close()
            raise

    def _require_running(self) -> None:
        if not self._finalizer.alive:
            raise SimulatorError("Isaac Gym is no longer running: it was closed, or failed before; make it anew")

    def _ask(self, name: str, timeout: float, **arguments: Any) -> Any:
        try:
            self._link.send({"call": name, **arguments}, timeout)
            reply = self._link.receive(timeout)
        except TimeoutError as error:
            raise SimulatorError(
                f"Isaac Gym gave no answer to {name!r} within {timeout:g} s, and its process was ended; if it only "
                f"needs longer, give timeout= or start_timeout= in s{self._end()}"
            ) from error
        if "error" in reply:
            raise _FailedThereError(f"{reply['error']}: {reply['message']}")
        return reply["result"]

    def _end(self) -> str:
        """End the process; returns what it said last, and what it ended with if it did so by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # the pipe closes a moment before the process has ended
            self._process.wait(0.2)
        code = self._process.returncode
        log = self._log.fileno()  # the worker writes where this file stands, so it must not be moved
        said = os.pread(log, _LOG_TAIL, max(os.fstat(log).st_size - _LOG_TAIL, 0))
        self.close()
        how = "" if code is None else f"; it ended with {code if code >= 0 else signal.Signals(-code).name}"
        text = said.decode(errors="replace").strip()
        return f"{how}; it said last:\n{text}" if text else how

    def close(self) -> None:
        """End the process. Safe to call twice."""
        self._finalizer()

    def __reduce__(self) -> Any:
        """A running process cannot be copied.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError("Hands in Isaac Gym cannot be copied or pickled; make another environment instead")


class _FailedThereError(Exception):
    """The worker says that something went wrong."""


def _interpreter(python: str | None) -> str:
    named = python or os.environ.get(VARIABLE, "")
    if not named:
        raise ConfigurationError(
            f'backend="isaacgym" needs Isaac Gym under a Python 3.8 of its own; set {VARIABLE} to that interpreter, or '
            f"give python=, {_HELP}"
        )
    path = shutil.which(os.path.expanduser(named))
    if path is None:
        raise ConfigurationError(f"expected {VARIABLE} or python= to name an interpreter, got {named!r}; {_HELP}")
    return path


def _spawn(path: str, worker: Path, fds: tuple[int, ...], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    # In a group of its own: it ends when it is told to, not at once with Ctrl-C, and compilers end with it.
    return subprocess.Popen(
        [path, protocol.__file__, str(worker), *map(str, fds)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=fds,
        env=_environment(path),
        start_new_session=True,
    )


def _environment(path: str) -> dict[str, str]:
    """Ours would send that interpreter to our packages; it needs its own libraries, and ninja, which compiles."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    for name, extra in (("LD_LIBRARY_PATH", Path(path).resolve().parent.parent / "lib"), ("PATH", Path(path).parent)):
        kept[name] = os.pathsep.join(filter(None, [str(extra), kept.get(name, "")]))
    return kept


def _checked(versions: dict[str, Any], path: str) -> dict[str, Any]:
    if versions["isaacgym"] not in (VERSION, None):  # None: found without being installed
        raise ConfigurationError(
            f"expected Isaac Gym Preview 4 ({VERSION}) in {path}, got {versions['isaacgym']}; {_HELP}"
        )
    return versions


def _release(
    owner: int,
    process: "subprocess.Popen[bytes] | None",
    link: protocol.Link,
    arrays: dict[str, Any],
    memory: mmap.mmap,
    log: IO[bytes],
) -> None:
    """Leave no process, no open file and no memory. There is nothing to be saved, so nothing is waited for.

    In a fork of the process that started it the worker goes on.
    """
    link.close()
    if process is not None and os.getpid() == owner:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    arrays.clear()
    with contextlib.suppress(BufferError):  # somebody still holds one of the arrays
        memory.close()
    log.close()
