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
from dexndm_gym.hand.joints import JOINT_NAMES
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.registers import ALERT_FLAG, PROTOCOL_ERRORS

# After port.py, which says what to install where the SDK is missing.
from dynamixel_sdk import COMM_PORT_BUSY, COMM_RX_TIMEOUT, COMM_SUCCESS, COMM_TX_FAIL  # isort: skip
from dynamixel_sdk.protocol2_packet_handler import (  # isort: skip
    PKT_ERROR,
    PKT_ID,
    PKT_INSTRUCTION,
    PKT_LENGTH_H,
    PKT_LENGTH_L,
    Protocol2PacketHandler,
)

T = TypeVar("T")

_TAGS = 4
"""After how many failed reads a late reply could again be taken for the one that is waited for."""


def name_servos(ids: Sequence[int]) -> str:
    """Servo ids with the names of their joints, for messages."""
    return ", ".join(f"{i} ({JOINT_NAMES[i]})" for i in ids)


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
        self.retries, self._retry_time = retries, retry_time
        self._tag = 0
        """Bytes read beyond those that are wanted. It changes with every failure: a reply that comes too late then has
        another length than the one that is waited for, and is not taken for it."""
        self._handler = Protocol2PacketHandler()

    def answers(self, servo: int) -> bool:
        """Whether a servo answers to a single ping."""
        try:
            with self._sdk():
                _, result, _ = self._handler.ping(self.port, servo)
        except (BusTimeoutError, BusProtocolError):
            return False
        return result == COMM_SUCCESS

    def ping_all(self) -> dict[int, tuple[int, int]]:
        """Model number and firmware version of everybody who answers a ping to all, by id."""
        with self._sdk():
            found, _ = self._handler.broadcastPing(self.port)
        return {servo: (model, firmware) for servo, (model, firmware) in found.items()}

    def read(self, servo: int, address: int, size: int) -> tuple[bytes, bool]:
        """Bytes of one servo's control table, and whether its alert flag is set."""

        def attempt() -> tuple[bytes, bool]:
            with self._sdk():
                data, result, error = self._handler.readTxRx(self.port, servo, address, size + self._tag)
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

        def attempt() -> tuple[npt.NDArray[np.uint8], list[int]]:
            with self._sdk():
                result = self._handler.syncReadTx(self.port, address, size + self._tag, list(ids), len(ids), False)
            self._check(result, 0, None)
            replies = [self._next_reply(servo, size) for servo in ids]
            data = np.frombuffer(b"".join(data for data, _ in replies), dtype=np.uint8).reshape(len(ids), size)
            return data, [servo for servo, (_, alert) in zip(ids, replies, strict=True) if alert]

        return self._repeat(attempt)

    def sync_write(self, address: int, size: int, data: Mapping[int, bytes]) -> None:
        """Write to several servos at once, by id; servos do not confirm this."""
        parameters = [byte for servo, value in data.items() for byte in (servo, *value)]
        with self._sdk():
            result = self._handler.syncWriteTxOnly(self.port, address, size, parameters, len(parameters))
        self._check(result, 0, None)

    def _next_reply(self, servo: int, size: int) -> tuple[bytes, bool]:
        with self._sdk():
            packet, result = self._handler.rxPacket(self.port, False)
        self._check(result, 0, servo)
        if packet[PKT_ID] != servo:
            # Replies come in the order of the request, so this one will not come any more, or is from another request.
            raise BusProtocolError(
                f"The reply of servo {name_servos([servo])} is missing; check wiring and cable length"
            )
        error = packet[PKT_ERROR]
        self._check(result, error, servo)
        # The length counts from the instruction byte and includes two bytes of checksum. It has to be believed rather
        # than the end of the list: where the SDK has removed stuffing, it leaves garbage behind.
        end = PKT_INSTRUCTION + int.from_bytes(packet[PKT_LENGTH_L : PKT_LENGTH_H + 1], "little") - 2
        return self._complete(packet[PKT_ERROR + 1 : end], size, servo), bool(error & ALERT_FLAG)

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
        who = "The bus" if servo is None else f"Servo {name_servos([servo])}"
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
        expected = size + self._tag
        if len(data) != expected:
            raise BusProtocolError(f"Servo {name_servos([servo])} sent {len(data)} bytes of data instead of {expected}")
        return bytes(data[:size])

    def _repeat(self, attempt: Callable[[], T]) -> T:
        give_up = time.monotonic() + self._retry_time
        repetition = 0
        while True:
            try:
                return attempt()
            except (BusTimeoutError, BusProtocolError):
                self._tag = (self._tag + 1) % _TAGS
                # One repetition is always worth it; more only while they fit into the control period.
                if repetition >= self.retries or (repetition > 0 and time.monotonic() > give_up):
                    raise
            repetition += 1
            self.port.settle()
