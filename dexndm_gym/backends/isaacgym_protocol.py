"""How this package and Isaac Gym's own Python speak: arrays in shared memory, and calls through two pipes.

Both sides load this file, the worker under Python 3.8: nothing newer, and nothing but the standard library and NumPy,
which comes with PyTorch. Run as a script it is the worker's process: it loads the file that does the work and answers
one call after the other until the pipe is closed.
"""

from __future__ import annotations

import importlib.util
import json
import mmap
import os
import select
import struct
import sys
import time
import traceback
from typing import Any

FIELDS = {
    # of each control step, from here
    "command": 16,  # rad
    "push": 3,  # N, on the object, hand frame
    # of each reset, from here; only rows of hands that begin are looked at
    "begin": 1,  # 1 where the hand begins anew
    "joints": 16,  # rad
    "target": 16,  # rad
    "object": 1,  # which of the objects, -1 for none
    "pose": 7,  # of the object, hand frame, m and quaternion w x y z
    "gravity": 3,  # m/s^2, hand frame
    "stiffness": 16,  # N m/rad
    "damping": 16,  # N m s/rad
    "frictionloss": 16,  # N m
    "delay": 1,  # physics steps
    # what the hands measure, from the worker
    "position": 16,  # rad
    "velocity": 16,  # rad/s
    "torque": 16,  # N m
    "object_pose": 7,  # hand frame, m and quaternion w x y z
    "object_velocity": 6,  # m/s and rad/s, both in the hand frame
}
"""Arrays in shared memory, each (n, columns) float32, in motor order and SI units."""

_LENGTH = struct.Struct("<I")


def memory_size(num_hands: int) -> int:
    """Bytes of the shared memory of n hands."""
    return 4 * num_hands * sum(FIELDS.values())


def shared_arrays(memory: mmap.mmap, num_hands: int) -> dict[str, Any]:
    """The arrays of ``FIELDS`` in shared memory, by name."""
    import numpy

    arrays, start = {}, 0
    for name, columns in FIELDS.items():
        flat = numpy.frombuffer(memory, numpy.float32, num_hands * columns, start)
        arrays[name] = flat.reshape(num_hands, columns)
        start += flat.nbytes
    return arrays


class Link:
    """Messages of any length through two pipes: JSON after its length."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        """Take both file descriptors; no other program that is started gets them."""
        self._read_fd, self._write_fd = read_fd, write_fd
        for fd in (read_fd, write_fd):
            os.set_blocking(fd, False)
            os.set_inheritable(fd, False)

    def send(self, message: dict[str, Any], timeout: float | None = None) -> None:
        """Write a message.

        Args:
            message: anything that JSON can hold.
            timeout: s; None waits for ever.

        Raises:
            TimeoutError: the other side does not read.
            BrokenPipeError: it has gone.
        """
        deadline = _deadline(timeout)
        text = json.dumps(message).encode()
        rest = memoryview(_LENGTH.pack(len(text)) + text)
        while rest:
            _wait(self._write_fd, select.POLLOUT, deadline)
            rest = rest[os.write(self._write_fd, rest) :]

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """Read a message; ``timeout`` is as in ``send``.

        Raises:
            TimeoutError: none comes.
            EOFError: the other side has gone.
        """
        deadline = _deadline(timeout)
        (length,) = _LENGTH.unpack(self._take(_LENGTH.size, deadline))
        return json.loads(self._take(length, deadline).decode())

    def _take(self, length: int, deadline: float | None) -> bytes:
        taken = bytearray()
        while len(taken) < length:
            _wait(self._read_fd, select.POLLIN, deadline)
            some = os.read(self._read_fd, length - len(taken))
            if not some:
                raise EOFError("the pipe is closed")
            taken += some
        return bytes(taken)

    def close(self) -> None:
        """Close both pipes."""
        os.close(self._read_fd)
        os.close(self._write_fd)


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _wait(fd: int, event: int, deadline: float | None) -> None:
    """Wait until something can be read from or written to a pipe."""
    poll = select.poll()
    poll.register(fd, event)
    left = None if deadline is None else max(deadline - time.monotonic(), 0.0) * 1000.0
    if not poll.poll(left):
        raise TimeoutError("no answer in time")


def answer(worker: Any, message: dict[str, Any]) -> dict[str, Any]:
    """Let a worker do what a message asks for: its result, or what went wrong."""
    arguments = dict(message)
    try:
        return {"result": getattr(worker, arguments.pop("call"))(**arguments)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error), "trace": traceback.format_exc()}


class Loader:
    """What answers before Isaac Gym is loaded."""

    def __init__(self, path: str, memory_fd: int) -> None:
        """Know where the worker's file and the shared memory are."""
        self._path, self._memory_fd = path, memory_fd

    def load(self, num_hands: int) -> dict[str, Any]:
        """Load Isaac Gym and PyTorch; returns the worker's ``versions()``."""
        arrays = shared_arrays(mmap.mmap(self._memory_fd, memory_size(num_hands)), num_hands)
        spec = importlib.util.spec_from_file_location("dexndm_isaacgym_worker", self._path)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        self.worker = module.Hands(arrays)
        return {"python": "{}.{}.{}".format(*sys.version_info[:3]), **module.versions()}


def serve(link: Link, loader: Loader) -> None:
    """Answer calls until the other side closes the pipe."""
    try:
        link.send(answer(loader, link.receive()))
        while True:
            link.send(answer(loader.worker, link.receive()))
    except (EOFError, BrokenPipeError):
        return


def _main(path: str, *fds: str) -> None:
    sys.path.pop(0)  # this file's folder: its names are not for everyone
    read_fd, write_fd, memory_fd = map(int, fds)
    serve(Link(read_fd, write_fd), Loader(path, memory_fd))


if __name__ == "__main__":
    _main(*sys.argv[1:])
