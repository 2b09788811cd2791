"""The virtual hand as a process: a serial port in front, a side channel beside, one loop that serves both."""

import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.clocks import LockStepClock, RealTimeClock
from dexndm_gym.virtual_hand.control_table import XL330_M288, ServoModel
from dexndm_gym.virtual_hand.faults import Fault, Faults
from dexndm_gym.virtual_hand.motor_bank import TICKS_PER_RAD, ZERO_TICK
from dexndm_gym.virtual_hand.physics_interface import HandPhysics
from dexndm_gym.virtual_hand.pseudo_terminal import Terminal
from dexndm_gym.virtual_hand.servo_chain import ServoChain
from dexndm_gym.virtual_hand.side_channel import ControlConnection

CLOCKS = {"lockstep": LockStepClock, "realtime": RealTimeClock}
"""Clock names that the command line and the client know."""


_ONE = np.zeros(1, dtype=np.int64)
"""The hands that the physics have."""


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
        link: str | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        """Open the port.

        Args:
            physics: the hand.
            clock: a name of ``CLOCKS``.
            listener: socket on which clients of the side channel connect; None for no side channel.
            owned: stop when the first client of the side channel goes, or the parent process ends.
            model: control table of the servos.
            link: where to put a symbolic link to the port, which stays the same when the port vanishes and returns.
            faults: what is to go wrong.
        """
        self._physics = physics
        self._chain = ServoChain(physics, model)
        self._clock_name = clock
        self._clock = CLOCKS[clock](self._chain)
        self._bus = Bus(self._chain, self._clock.goals_written)
        self._terminal = Terminal(link)
        self._late: list[tuple[float, bytes]] = []
        """Answers that a fault holds back: when they are due, and their bytes."""
        self._parent = os.getppid() if owned else None
        self._owner: ControlConnection | None = None
        self._running = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._terminal, selectors.EVENT_READ, self._serve_port)
        self._faults = Faults(self._chain, self._plug)
        for fault in faults:
            self._faults.add(fault)
        if listener is not None:
            self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))

    @property
    def port(self) -> str:
        """Path of the pseudo-terminal for the host to open."""
        return self._terminal.path

    def run(self) -> None:
        """Serve until told to stop."""
        while self._running:
            self.serve(self._patience())

    def serve(self, patience: float = 0.0) -> None:
        """Do what is due now, or within ``patience`` seconds."""
        ready = self._selector.select(patience)
        self._clock.catch_up()
        if not ready and not self._terminal.is_open:
            self._clock.unattended(CONTROL_PERIOD)
        self._faults.update()
        self._send_late()
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
            "hold_object": self._hold_object,
            "let_go": lambda: self._physics.let_go(_ONE),
            "object_pose": lambda: self._physics.object_pose()[0].tolist(),
            "scene": self._scene,
            "status": self._status,
            "inject": lambda fault: self._faults.add(Fault.parse(fault)),
            "clear_faults": self._faults.clear,
            "pass_time": self._chain.advance,
            "settle": self._serve_port,
            "turn": self._turn,
            "shutdown": self.stop,
        }

    def _serve_port(self) -> None:
        """Execute whatever has been sent."""
        while self._terminal.is_open and (data := self._terminal.read()):
            self._faults.update()
            if not self._terminal.is_open:
                return  # the plug was pulled before anybody heard this
            self._bus.cut_off = self._faults.cut_off()
            answer = self._bus.receive(data, self._terminal.baud)
            self._clock.occupy_line(self._bus.line_time)
            if answer:
                answer, delay = self._faults.disturb(answer)
                if delay > 0:
                    self._late.append((time.monotonic() + delay, answer))
                else:
                    self._terminal.write(answer)

    def _send_late(self) -> None:
        now = time.monotonic()
        while self._late and self._late[0][0] <= now:
            _, answer = self._late.pop(0)
            if self._terminal.is_open:
                self._terminal.write(answer)

    def _patience(self) -> float:
        """Seconds after which something is due even if nobody says anything."""
        patience = self._clock.idle_timeout
        if self._late:
            patience = min(patience, max(0.0, self._late[0][0] - time.monotonic()))
        return patience if self._terminal.is_open else min(patience, CONTROL_PERIOD)

    def _accept(self, listener: socket.socket) -> None:
        connection = ControlConnection(listener.accept()[0], self.commands())
        self._owner = self._owner or connection
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._serve_control(connection))

    def _serve_control(self, connection: ControlConnection) -> None:
        if not connection.serve():
            self._selector.unregister(connection)
            connection.close()
            if self._parent is not None and connection is self._owner:
                self.stop()

    def _turn(self, gravity: list[float]) -> None:
        if len(gravity) != 3 or not np.isfinite(gravity).all():
            raise ConfigurationError(f"gravity must be 3 finite numbers, got {gravity}")
        self._physics.turn(np.zeros(1, dtype=np.int64), np.array([gravity]))

    def _place_object(self, scene: dict[str, Any], seed: int) -> None:
        self._physics.place_object(_ONE, [_parse_scene(scene)], np.random.default_rng(seed))
        self._chain.refresh()

    def _hold_object(self, scene: dict[str, Any], seed: int) -> None:
        self._physics.hold_object(_ONE, [_parse_scene(scene)], np.random.default_rng(seed))
        self._chain.refresh()

    def _scene(self) -> dict[str, Any]:
        """What a camera would see: joint angles, rad, and the object's pose in the hand frame, m and quaternion."""
        ticks = self._physics.present_position()[0]
        return {
            "position": ((ticks - ZERO_TICK) / TICKS_PER_RAD).tolist(),
            "object_pose": self._physics.object_pose()[0].tolist(),
        }

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
            "bus_watchdog": [device["bus_watchdog"] for device in devices],
            "position": [device["present_position"] for device in devices],
        }

    def _plug(self, on: bool) -> None:
        """Let the port vanish or return."""
        if on and not self._terminal.is_open:
            self._terminal.open()
            self._selector.register(self._terminal, selectors.EVENT_READ, self._serve_port)
        elif not on and self._terminal.is_open:
            self._selector.unregister(self._terminal)
            self._terminal.close()


def _parse_scene(scene: dict[str, Any]) -> Scene:
    """A scene out of its fields.

    Raises:
        ConfigurationError: these are not the fields of a scene.
    """
    try:
        arguments: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in scene.items()}
        if arguments.get("item") is not None:
            arguments["item"] = RotatableObject.from_dict(arguments["item"])
        return Scene(**arguments)
    except (AttributeError, TypeError) as error:
        raise ConfigurationError(f"expected the fields of a Scene, got {scene!r} ({error})") from error
