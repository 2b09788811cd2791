"""The sixteen servos of a hand, addressed by register name. A reading is fresh and complete, or it is an error."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import IntArray
from dexndm_gym.errors import (
    BusProtocolError,
    BusTimeoutError,
    HardwareError,
    MissingServoError,
    PortError,
    SafetyError,
    ServoAlertError,
)
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.registers import MODEL_NAMES, REGISTERS, describe_alerts
from dexndm_gym.hardware.transport import Transport, name_servos

IDS = tuple(range(NUM_JOINTS))
"""Servo ids, which are also their order in every array."""

_SHORT_TIMEOUT = 0.05
"""Longest reply timeout where silence is likely, s: that of sixteen servos must not add up to seconds."""
_EXPLAIN_TIME, _RELEASE_TIME = 0.5, 0.3
"""How long may be spent on finding out what failed, and on asking single servos to let go, s."""


class DynamixelBus:
    """The servos of one hand. Not for use by several threads at once."""

    def __init__(self, port: SerialPort, *, retries: int = 2, retry_time: float = 0.05) -> None:
        """Talk through ``port``.

        Args:
            port: the serial port, not yet open.
            retries: how often a request is repeated at most when its reply is missing or broken.
            retry_time: no second repetition begins later than this after the first try, s.
        """
        self.port = port
        self._transport = Transport(port, retries=retries, retry_time=retry_time)

    def open(self) -> None:
        """Open the port.

        Raises:
            PortError: it cannot be opened.
        """
        self.port.open()

    def close(self) -> None:
        """Close the port and leave the servos as they are. Safe to call twice."""
        self.port.close()

    def scan(self) -> dict[int, int]:
        """Find all servos and check their models.

        Returns:
            Model number by id.

        Raises:
            MissingServoError: servos do not answer or are of another model; the message names them.
        """
        self.require_all()
        return self.check_models()

    def require_all(self) -> None:
        """See that all servos are there.

        Raises:
            MissingServoError: servos do not answer; the message names them.
        """
        silent = self.find_silent()
        if len(silent) == len(IDS):
            raise MissingServoError(
                f"No servo answers on {self.port.path} at {self.port.baudrate} baud; expected ids 0 to {IDS[-1]}. "
                "Is the hand powered, and is this its baud rate (LEAP hands 4000000, factory setting 57600)?"
            )
        if silent:
            raise MissingServoError(f"These servos do not answer: {name_servos(silent)}; check their cables and ids")

    def check_models(self) -> dict[int, int]:
        """Model number by id.

        Raises:
            MissingServoError: servos are of another model; the message names them.
        """
        models = dict(enumerate(self.sync_read("model_number", allow_alerts=True)["model_number"].tolist()))
        wrong = [servo for servo, model in models.items() if model not in MODEL_NAMES]
        if wrong:
            expected = " or ".join(f"{name} (model {model})" for model, name in MODEL_NAMES.items())
            found = ", ".join(f"{name_servos([servo])} is model {models[servo]}" for servo in wrong)
            raise MissingServoError(f"Expected every servo to be {expected}, but {found}")
        return models

    def find_silent(self) -> list[int]:
        """Ids that do not answer to two pings (to one, when nobody at all answers)."""
        return self._ask_around(math.inf)[1]

    def explain(self, error: HardwareError) -> HardwareError:
        """After a failed request: the error that says most, for example which servos have fallen silent.

        It takes half a second at most: fingers without torque may be falling, and somebody waits for the news.
        """
        try:
            asked, silent = self._ask_around(time.monotonic() + _EXPLAIN_TIME)
        except PortError as gone:
            return gone
        if len(silent) == asked:
            return MissingServoError(f"No servo on {self.port.path} answers any more; has the hand lost power?")
        if silent:
            return MissingServoError(
                f"These servos stopped answering: {name_servos(silent)}; check their cables. First sign: {error}"
            )
        return error

    def read(self, servo: int, name: str) -> int:
        """Value of one register of one servo.

        Raises:
            BusTimeoutError: no reply.
            BusProtocolError: the reply was broken, or the servo refused.
            ServoAlertError: the servo reports a hardware error.
        """
        register = REGISTERS[name]
        data, alert = self._transport.read(servo, register.address, register.size)
        self._raise_alerts([servo] if alert else [])
        return int.from_bytes(data, "little", signed=register.signed)

    def write(self, servo: int, name: str, value: int) -> None:
        """Set one register of one servo, with its consent; raises as ``read`` does."""
        register = REGISTERS[name]
        try:
            alert = self._transport.write(servo, register.address, register.encode(value))
        except BusProtocolError as error:
            raise BusProtocolError(f"Cannot set {name} (register {register.address}) to {value}: {error}") from error
        self._raise_alerts([servo] if alert else [])

    def sync_read(self, *names: str, allow_alerts: bool = False) -> dict[str, IntArray]:
        """Read registers of all servos with one request, which spans from the first register to the last.

        Args:
            names: the registers.
            allow_alerts: return the data even if servos report hardware errors.

        Returns:
            Values (16,) in order of ids, by name.

        Raises:
            BusTimeoutError: a servo did not answer.
            BusProtocolError: a reply was broken, or a servo refused.
            ServoAlertError: servos report hardware errors; the message names both.
        """
        registers = [REGISTERS[name] for name in names]
        begin = min(register.address for register in registers)
        size = max(register.address + register.size for register in registers) - begin
        rows, alerted = self._transport.sync_read(IDS, begin, size)
        if not allow_alerts:
            self._raise_alerts(alerted)
        return {register.name: register.decode(rows, begin) for register in registers}

    def sync_write(self, name: str, values: npt.ArrayLike) -> None:
        """Set one register of all servos, (16,) or one value for all; servos do not confirm this."""
        register = REGISTERS[name]
        wanted = np.broadcast_to(np.asarray(values, dtype=np.int64), len(IDS)).tolist()
        data = {servo: register.encode(value) for servo, value in zip(IDS, wanted, strict=True)}
        self._transport.sync_write(register.address, register.size, data)

    def ensure(self, name: str, values: npt.ArrayLike) -> bool:
        """Make one register of all servos hold the given values, (16,) or one for all; write only where it does not.

        Returns:
            Whether anything had to be written.

        Raises:
            BusProtocolError: a servo refused, or did not keep the value.
        """
        register, wanted = REGISTERS[name], np.broadcast_to(np.asarray(values, dtype=np.int64), len(IDS))
        if np.array_equal(self.sync_read(name)[name], wanted):
            return False
        self.sync_write(name, wanted)
        for servo in np.flatnonzero(self.sync_read(name)[name] != wanted).tolist():
            # Nobody confirms a group write; asked alone, a servo says why it refuses.
            self.write(servo, name, int(wanted[servo]))
            if (kept := self.read(servo, name)) != wanted[servo]:
                raise BusProtocolError(
                    f"Servo {name_servos([servo])} kept {name} at {kept} instead of {wanted[servo]} (register "
                    f"{register.address}); does another register limit it, or another program write it?"
                )
        return True

    def cut_torque(self) -> None:
        """Switch off the torque of all servos at once, without waiting for anything."""
        # Twice, because a packet can get lost and nobody confirms it.
        for _ in range(2):
            self.sync_write("torque_enable", 0)

    def torque_off(self) -> None:
        """Switch off the torque of all servos, and make sure of it.

        Raises:
            SafetyError: servos do not confirm it.
            PortError: the port is gone.
        """
        self.cut_torque()
        with self._impatient():
            suspects, give_up = self._with_torque(), time.monotonic() + _RELEASE_TIME
            doubtful = [servo for servo in suspects if time.monotonic() > give_up or not self._releases(servo)]
        if doubtful:
            raise SafetyError(f"These servos do not confirm that their torque is off: {name_servos(doubtful)}")

    def _ask_around(self, give_up: float) -> tuple[int, list[int]]:
        """Ping one servo after the other until that time; how many were asked, and which of them are silent."""
        silent = []
        with self._impatient():
            for servo in IDS:
                if time.monotonic() > give_up:
                    return servo, silent
                if not self._transport.answers(servo):
                    silent.append(servo)
            if len(silent) < len(IDS):
                silent = [servo for servo in silent if time.monotonic() > give_up or not self._transport.answers(servo)]
        return len(IDS), silent

    def _with_torque(self) -> list[int]:
        """Servos that have torque; all of them where the group does not answer, which one that is missing prevents."""
        try:
            status = self.sync_read("torque_enable", allow_alerts=True)
        except (BusTimeoutError, BusProtocolError):
            return list(IDS)
        return np.flatnonzero(status["torque_enable"]).tolist()

    def _releases(self, servo: int) -> bool:
        """Switch off one servo; whether it says that it has done so."""
        register = REGISTERS["torque_enable"]
        try:
            self._transport.write(servo, register.address, register.encode(0))
            kept, _ = self._transport.read(servo, register.address, register.size)
        except (BusTimeoutError, BusProtocolError):
            return False
        return not any(kept)

    def reboot(self, servo: int) -> None:
        """Restart a servo: clears its hardware error, switches its torque off, and it is away for a moment."""
        self._transport.reboot(servo)

    def alerts(self) -> dict[int, str]:
        """Hardware errors in words, by id of the servos that report any."""
        status = self.sync_read("hardware_error_status", allow_alerts=True)["hardware_error_status"]
        return {servo: describe_alerts(int(status[servo])) for servo in np.flatnonzero(status).tolist()}

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        timeout, retries = self.port.reply_timeout, self._transport.retries
        self.port.reply_timeout, self._transport.retries = min(timeout, _SHORT_TIMEOUT), 0
        try:
            yield
        finally:
            self.port.reply_timeout, self._transport.retries = timeout, retries

    def _raise_alerts(self, flagged: list[int]) -> None:
        if not flagged:
            return
        reasons = {servo: "unknown hardware error" for servo in flagged}
        # The alert is what matters: that its reason cannot be read must not hide it.
        with suppress(BusTimeoutError, BusProtocolError):
            reasons |= self.alerts()
        listed = "; ".join(f"{name_servos([servo])}: {reason}" for servo, reason in reasons.items())
        raise ServoAlertError(
            f"Servos report hardware errors and may have switched off: {listed}. "
            "Remove the cause, then switch the hand off and on, or reboot these servos"
        )
