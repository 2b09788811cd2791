"""Single transactions on the servo bus, through the vendor's SDK, with its return codes turned into errors.

The SDK's group read hides the error byte of each servo, answers 0 where data is missing and forgets which servo was
silent; here its packet functions are used one level below.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dexndm_gym.errors import BusProtocolError, BusTimeoutError, HardwareError, PortError
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.registers import ALERT_FLAG, PROTOCOL_ERRORS

# After port.py, which says what to install where the SDK is missing.
from dynamixel_sdk import (  # isort: skip
    COMM_PORT_BUSY,
    COMM_RX_TIMEOUT,
    COMM_SUCCESS,
    COMM_TX_FAIL,
    GroupSyncRead,
    PacketHandler,
)

T = TypeVar("T")


class Transport:
    """Requests and replies; each request is repeated a few times when its reply is missing or broken."""

    def __init__(self, port: SerialPort, *, retries: int, retry_time: float) -> None:
        """Talk through an open port.

        Args:
            port: the serial port.
            retries: how often a request is repeated at most.
            retry_time: no second repetition begins later than this after the first try, s.
        """
        self.port = port
        self._retries, self._retry_time = retries, retry_time
        self._handler = PacketHandler(2.0)
        self._groups: dict[tuple[tuple[int, ...], int, int], GroupSyncRead] = {}

    def answers(self, servo: int) -> bool:
        """Whether a servo answers to a single ping."""
        try:
            with self._sdk():
                _, result, _ = self._handler.ping(self.port, servo)
        except (BusTimeoutError, BusProtocolError):
            return False
        return result == COMM_SUCCESS

    def read(self, servo: int, address: int, size: int) -> tuple[bytes, bool]:
        """Bytes of one servo's control table, and whether its alert flag is set."""

        def attempt() -> tuple[bytes, bool]:
            with self._sdk():
                data, result, error = self._handler.readTxRx(self.port, servo, address, size)
            self._check(result, error, servo)
            return self._complete(data, size, servo), bool(error & ALERT_FLAG)

        return self._repeat(attempt)

    def write(self, servo: int, address: int, data: bytes) -> bool:
        """Write to one servo's control table, with its consent; whether its alert flag is set."""

        def attempt() -> bool:
            with self._sdk():
                result, error = self._handler.writeTxRx(self.port, servo, address, len(data), list(data))
            self._check(result, error, servo)
            return bool(error & ALERT_FLAG)

        return self._repeat(attempt)

    def reboot(self, servo: int) -> None:
        """Restart a servo."""

        def attempt() -> None:
            with self._sdk():
                result, error = self._handler.reboot(self.port, servo)
            self._check(result, error, servo)

        self._repeat(attempt)

    def sync_read(self, ids: Sequence[int], address: int, size: int) -> tuple[npt.NDArray[np.uint8], list[int]]:
        """Read the same bytes of several servos: (servos, size), and the ids whose alert flag is set."""
        group = self._group(tuple(ids), address, size)

        def attempt() -> tuple[npt.NDArray[np.uint8], list[int]]:
            rows, alerted = [], []
            with self._sdk():
                result = group.txPacket()
            self._check(result, 0, None)
            for servo in ids:
                with self._sdk():
                    data, result, error = self._handler.readRx(self.port, servo, size)
                # A servo that is silent also silences those after it: their turn never comes.
                self._check(result, error, servo)
                rows.append(self._complete(data, size, servo))
                if error & ALERT_FLAG:
                    alerted.append(servo)
            return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), size), alerted

        return self._repeat(attempt)

    def sync_write(self, address: int, size: int, data: Mapping[int, bytes]) -> None:
        """Write to several servos at once, by id; servos do not confirm this."""
        parameters = [byte for servo, value in data.items() for byte in (servo, *value)]
        with self._sdk():
            result = self._handler.syncWriteTxOnly(self.port, address, size, parameters, len(parameters))
        self._check(result, 0, None)

    def _group(self, ids: tuple[int, ...], address: int, size: int) -> GroupSyncRead:
        key = (ids, address, size)
        if key not in self._groups:
            group = GroupSyncRead(self.port, self._handler, address, size)
            for servo in ids:
                group.addParam(servo)
            self._groups[key] = group
        return self._groups[key]

    @contextmanager
    def _sdk(self) -> Iterator[None]:
        # An exception on its way through the SDK leaves its busy flag set, which would refuse every later request.
        self.port.is_using = False
        try:
            yield
        except HardwareError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise BusProtocolError(f"A reply could not be understood: {error!r}; check baud rate and wiring") from error

    def _check(self, result: int, error: int, servo: int | None) -> None:
        who = "The bus" if servo is None else f"Servo {servo}"
        if result == COMM_RX_TIMEOUT:
            waited = self.port.reply_timeout * 1000.0
            raise BusTimeoutError(f"{who} did not answer within {waited:.0f} ms; is it powered and connected?")
        if result == COMM_TX_FAIL:
            raise PortError(f"The serial port {self.port.path} took only part of a packet; is the cable connected?")
        if result != COMM_SUCCESS:
            reason = "busy" if result == COMM_PORT_BUSY else "a reply with a wrong checksum or cut short"
            raise BusProtocolError(f"{who}: {reason} (SDK result {result}); check baud rate, wiring and cable length")
        if code := error & ~ALERT_FLAG:
            raise BusProtocolError(f"{who} refused: {PROTOCOL_ERRORS.get(code, f'unknown error {code}')}")

    def _complete(self, data: Sequence[int], size: int, servo: int) -> bytes:
        if len(data) != size:
            raise BusProtocolError(f"Servo {servo} sent {len(data)} bytes of data instead of {size}")
        return bytes(data)

    def _repeat(self, attempt: Callable[[], T]) -> T:
        give_up = time.monotonic() + self._retry_time
        repetition = 0
        while True:
            try:
                return attempt()
            except (BusTimeoutError, BusProtocolError):
                # One repetition is always worth it; more only while they fit into the control period.
                if repetition >= self._retries or (repetition > 0 and time.monotonic() > give_up):
                    raise
            repetition += 1
            self.port.settle()
