"""The virtual hand as a process: a serial port in front, a side channel beside, one loop that serves both."""

import os
import selectors
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.joints import NUM_JOINTS
from dexndm_gym.leap.scene import Scene
from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.clocks import LockStepClock, RealTimeClock
from dexndm_gym.virtual_hand.control import ControlConnection
from dexndm_gym.virtual_hand.control_table import XL330_M288, ServoModel
from dexndm_gym.virtual_hand.servos import ServoChain, ServoPhysics
from dexndm_gym.virtual_hand.terminal import Terminal

CLOCKS = {"lockstep": LockStepClock, "realtime": RealTimeClock}
"""Clock names that the command line and the client know."""


class HandPhysics(ServoPhysics, Protocol):
    """The servos' physics with an object in the hand."""

    def place_object(self, ids: npt.NDArray[np.int64], scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        """Put the object of each scene into the hand of that id."""
        ...

    def object_pose(self) -> npt.NDArray[np.float64]:
        """Position in m and quaternion w x y z in the hand frame, (n, 7)."""
        ...


class VirtualHandServer:
    """One virtual hand on a pseudo-terminal."""

    def __init__(
        self,
        physics: HandPhysics,
        *,
        clock: str = "lockstep",
        listener: socket.socket | None = None,
        owned: bool = False,
        model: ServoModel = XL330_M288,
    ) -> None:
        """Open the port.

        Args:
            physics: the hand.
            clock: a name of ``CLOCKS``.
            listener: socket on which clients of the side channel connect; None for no side channel.
            owned: stop when the first client of the side channel goes, or the parent process ends.
            model: control table of the servos.
        """
        self._physics = physics
        self._chain = ServoChain(physics, model)
        self._clock_name = clock
        self._clock = CLOCKS[clock](self._chain)
        self._bus = Bus(self._chain, self._clock.goals_written)
        self._terminal = Terminal()
        self.port = self._terminal.path
        """Path of the pseudo-terminal for the host to open."""
        self._parent = os.getppid() if owned else None
        self._running = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._terminal, selectors.EVENT_READ, self._serve_port)
        if listener is not None:
            self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))

    def run(self) -> None:
        """Serve until told to stop."""
        while self._running:
            ready = self._selector.select(self._clock.idle_timeout)
            self._clock.catch_up()
            for key, _ in ready:
                key.data()
            if not ready and self._parent is not None and os.getppid() != self._parent:
                self.stop()

    def stop(self) -> None:
        """Let ``run`` return after what it is doing."""
        self._running = False

    def close(self) -> None:
        """Hang up the port and the side channel."""
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            if isinstance(key.fileobj, ControlConnection):
                key.fileobj.close()
        self._selector.close()
        self._terminal.close()

    def commands(self) -> Mapping[str, Callable[..., Any]]:
        """What the side channel offers; the arguments are those of the functions."""
        return {
            "place_object": self._place_object,
            "object_pose": lambda: self._physics.object_pose()[0].tolist(),
            "status": self._status,
            "drop_servo": lambda servo: self._chain.power(_servo(servo), False),
            "restore_servo": lambda servo: self._chain.power(_servo(servo), True),
            "hardware_error": lambda servo, bits: self._chain.devices[_servo(servo)].latch_error(bits),
            "corrupt_replies": self._corrupt_replies,
            "unplug": self._unplug,
            "shutdown": self.stop,
        }

    def _serve_port(self) -> None:
        terminal = self._terminal
        answer = self._bus.receive(terminal.read(), terminal.baud)
        if answer:
            self._clock.occupy_line(self._bus.line_time)
            terminal.write(answer)

    def _accept(self, listener: socket.socket) -> None:
        connection = ControlConnection(listener.accept()[0], self.commands())
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._serve_control(connection))

    def _serve_control(self, connection: ControlConnection) -> None:
        if not connection.serve():
            self._selector.unregister(connection)
            connection.close()
            if self._parent is not None:
                self.stop()

    def _place_object(self, scene: dict[str, Any], seed: int) -> None:
        try:
            arguments: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in scene.items()}
            parsed = Scene(**arguments)
        except (AttributeError, TypeError) as error:
            raise ConfigurationError(f"expected the fields of a Scene, got {scene!r} ({error})") from error
        self._physics.place_object(np.zeros(1, dtype=np.int64), [parsed], np.random.default_rng(seed))
        self._chain.refresh()

    def _status(self) -> dict[str, Any]:
        devices = self._chain.devices
        return {
            "time_s": self._chain.time,
            "clock": self._clock_name,
            "port": self.port,
            "model": devices[0].model.name,
            "powered": [device.powered for device in devices],
            "torque_enable": [bool(device["torque_enable"]) for device in devices],
            "hardware_error": [device["hardware_error_status"] for device in devices],
        }

    def _corrupt_replies(self, count: int) -> None:
        self._bus.corrupt_replies = count

    def _unplug(self) -> None:
        if self._terminal.fileno() >= 0:
            self._selector.unregister(self._terminal)
            self._terminal.close()


def _servo(servo: int) -> int:
    if servo not in range(NUM_JOINTS):
        raise ConfigurationError(f"expected a servo number 0..{NUM_JOINTS - 1}, got {servo!r}")
    return servo
