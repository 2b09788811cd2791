"""Start a virtual hand as a process of its own, and talk to its side channel."""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from dexndm_gym import errors
from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import BusTimeoutError, ConfigurationError, HardwareError, PortError
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.object_slots import made_without_mesh
from dexndm_gym.objects.scene import FREE, SURROUNDINGS, Scene

CLOCKS = ("lockstep", "realtime")

_REPLY_TIMEOUT = 10.0
_SETTLE_TIMEOUT = 1.0
"""Seconds after which a process that does not even say that it has read the line is taken for dead."""
_GRACE = 2.0
"""Seconds that the process gets to end by itself."""


class VirtualHandProcess:
    """A virtual hand in its own process; it ends with this object, or with the process that holds it.

    What is asked here does not wait for what has been sent over the port: read something from the servos first.

    Attributes:
        port: path of the serial port (a pseudo-terminal) that the hand answers on.
        control: path of the socket of its side channel.
        process: the process.
    """

    def __init__(
        self,
        seed: int = 0,
        clock: str = "lockstep",
        *,
        surroundings: str = FREE,
        model: str = "xl330",
        faults: Sequence[str] = (),
        meshes: Sequence[RotatableObject] = (),
        start_timeout: float = 60.0,
    ) -> None:
        """Start the process and wait until its port can be opened.

        Args:
            seed: which hand: draws its hidden parameters.
            clock: ``lockstep``, where only commands of Goal Position let time pass (50 ms each), or ``realtime``.
            surroundings: what surrounds the hand, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
            model: whose control table the servos have: ``xl330`` (light hand) or ``xc330`` (full hand).
            faults: what is to go wrong, as ``dexndm_gym.virtual_hand.faults`` describes it.
            meshes: the objects from mesh files that may be placed.
            start_timeout: seconds to wait at most.

        Raises:
            ConfigurationError: there is no such clock, or no such surroundings.
            PortError: the process ended, or was not ready in time; the message holds what it said last.
        """
        if clock not in CLOCKS:
            raise ConfigurationError(f"expected one of the clocks {CLOCKS}, got {clock!r}")
        if surroundings not in SURROUNDINGS:
            raise ConfigurationError(f"expected surroundings out of {', '.join(SURROUNDINGS)}, got {surroundings!r}")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_REPLY_TIMEOUT)
        self._received = bytearray()
        self._owed = 0
        """Replies to requests that were given up: they come before those to later ones."""
        directory = tempfile.mkdtemp(prefix="dexndm-")
        self.control = control = str(Path(directory) / "control")
        options = ["--seed", str(seed), "--clock", clock, "--model", model, "--control", control, "--owned"]
        options += ["--surroundings", surroundings]
        options += ["--link", str(Path(directory) / "port"), *(f"--fault={fault}" for fault in faults)]
        self._meshes = {mesh.name: mesh for mesh in meshes}
        if meshes:
            file = Path(directory) / "objects.json"
            file.write_text(json.dumps([asdict(mesh) for mesh in meshes]), encoding="utf-8")
            options += ["--objects", str(file)]
        # In a session of its own the hand outlives a Ctrl-C long enough for the host to switch the torque off.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dexndm_gym.virtual_hand", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self._finalizer = weakref.finalize(self, _end, self.process, directory, self._socket, self._log)
        try:
            self.port: str = self._wait_until_ready(start_timeout)["port"]
            self._socket.connect(control)
        except OSError as error:
            failure = error if isinstance(error, PortError) else self._gone()
            self.process.terminate()
            self.close()
            raise failure from error

    def place_object(self, scene: Scene, seed: int) -> None:
        """Put the object of ``scene`` into the hand and turn the wrist as it says; ``seed`` draws how exactly.

        Raises:
            ConfigurationError: there is no such object, or it comes from a mesh that the hand was started without.
            PortError: the process has ended.
        """
        self.command("place_object", scene=self._fields(scene), seed=seed)

    def hold_object(self, scene: Scene, seed: int) -> None:
        """Hold the object of ``scene`` between the open fingers until ``let_go``; as ``place_object`` otherwise.

        Raises:
            ConfigurationError: there is no such object, or it comes from a mesh that the hand was started without.
            PortError: the process has ended.
        """
        self.command("hold_object", scene=self._fields(scene), seed=seed)

    def let_go(self) -> None:
        """Let go of the object that is held.

        Raises:
            PortError: the process has ended.
        """
        self.command("let_go")

    def _fields(self, scene: Scene) -> dict[str, Any]:
        if scene.item is not None and scene.item.has_hulls:
            if self._meshes.get(scene.object) != scene.item:
                raise made_without_mesh(scene.object)
            scene = replace(scene, item=None)  # the process knows it by its name
        return asdict(scene)

    def turn(self, gravity: FloatArray) -> None:
        """Turn the wrist: gravity in the hand frame, (3,), m/s^2.

        Raises:
            PortError: the process has ended.
        """
        self.command("turn", gravity=np.asarray(gravity, dtype=np.float64).tolist())

    def object_pose(self) -> FloatArray:
        """Object pose in the hand frame, as a tracker would give it, (7,): position in m, quaternion w x y z.

        Raises:
            PortError: the process has ended.
        """
        return np.array(self.command("object_pose"), dtype=np.float64)

    def inject(self, fault: str) -> None:
        """Let something go wrong from now on, as ``dexndm_gym.virtual_hand.faults`` describes it.

        Raises:
            ConfigurationError: there is no such fault.
            PortError: the process has ended.
        """
        self.command("inject", fault=fault)

    def pass_time(self, seconds: float) -> None:
        """Let the hand's time pass, which in lock-step only commands of Goal Position do otherwise.

        Raises:
            PortError: the process has ended.
        """
        self.command("pass_time", seconds=seconds)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more; what servos have latched stays until they reboot.

        Raises:
            PortError: the process has ended.
        """
        self.command("clear_faults")

    def settle(self) -> None:
        """Return once the hand has executed what was sent over the port; its answers lie on the port, if any.

        A host that asks this before it gives up on an answer takes no slow machine for a dead hand.

        Raises:
            PortError: the process has ended, or does not react.
        """
        self._socket.settimeout(_SETTLE_TIMEOUT)
        try:
            self.command("settle")
        except BusTimeoutError as error:
            raise PortError("the virtual hand's process does not react; was it stopped?") from error
        finally:
            self._socket.settimeout(_REPLY_TIMEOUT)

    def command(self, name: str, **arguments: Any) -> Any:
        """Send any command of the side channel, faults included, and return its result.

        The command that is not a method: ``status``.

        Raises:
            ConfigurationError: no such command, or unfit arguments.
            PortError: the process has ended.
            BusTimeoutError: it does not answer.
        """
        try:
            self._socket.sendall(json.dumps({"command": name, **arguments}).encode() + b"\n")
            self._owed += 1
            line = b""
            while self._owed:
                line = self._next_line()
                self._owed -= 1
        except TimeoutError as error:
            raise BusTimeoutError(f"the virtual hand has not answered {name!r} in time") from error
        except OSError as error:
            raise self._gone() from error
        reply = json.loads(line)
        if reply["ok"]:
            return reply["result"]
        kind = getattr(errors, reply["error"], HardwareError)
        raise kind(reply["message"])

    def close(self) -> None:
        """End the process; its port hangs up. Safe to call twice."""
        self._finalizer()

    def __enter__(self) -> "VirtualHandProcess":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _next_line(self) -> bytes:
        while b"\n" not in self._received:
            part = self._socket.recv(1 << 16)
            if not part:
                raise ConnectionResetError
            self._received += part
        line, _, rest = self._received.partition(b"\n")
        self._received = rest
        return bytes(line)

    def _wait_until_ready(self, timeout: float) -> dict[str, str]:
        output = self.process.stdout
        assert output is not None
        deadline = time.monotonic() + timeout
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise PortError(f"expected the virtual hand to be ready within {timeout} s, try a longer start_timeout")
            part = os.read(output.fileno(), 4096)
            if not part:
                raise self._gone()
            line += part
        return json.loads(line)

    def _gone(self) -> PortError:
        """The error that says how the process ended."""
        if not self._finalizer.alive:
            return PortError("this virtual hand has been closed; start another one")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_GRACE)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        return PortError(f"the virtual hand has ended (exit code {self.process.returncode}){last}; start another one")


def _end(process: subprocess.Popen[bytes], directory: str, connection: socket.socket, *files: IO[bytes]) -> None:
    """Hang up, which ends the process; insist if it does not."""
    for file in files:
        file.close()
    connection.close()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
    shutil.rmtree(directory, ignore_errors=True)
