"""The serial port under the vendor's SDK, with the SDK's traps closed.

The SDK's own port handler polls without sleeping, times replies with a clock that network time can set, grants every
reply 34 ms whatever the adapter, can be held up for ever by a device that babbles, and lets two programs share a port.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dexndm_gym.constants import BAUDRATE
from dexndm_gym.errors import BusTimeoutError, ConfigurationError, MissingExtraError, PortError

try:
    import serial
    from dynamixel_sdk import PortHandler
    from serial.tools import list_ports
except ImportError as error:
    raise MissingExtraError(
        f'{error.name} is not installed; driving servos needs it: pip install "dexndm_gym[real]"'
    ) from error

try:
    from termios import error as termios_error
except ImportError:  # pragma: no cover - there is no termios on Windows
    termios_error = OSError

_LOG = logging.getLogger(__name__)

_POLL = 0.001
"""Longest sleep while bytes are awaited, s."""
_WRITE_TIMEOUT = 1.5
"""How long the operating system may take to accept a packet, s: longer than a busy machine leaves us waiting."""
_BABBLE_LIMIT = 1024
"""How many bytes more than its own a reply may bring along; counted, because time also passes while nobody listens."""
_DEFAULT_LATENCY_MS = 16
"""Latency timer of FTDI adapters unless it is set: bytes wait that long in the adapter."""


def adapter_latency_ms(path: str) -> int | None:
    """Latency timer of the USB adapter behind a port in ms; None where the system does not tell, or there is none."""
    try:
        name = Path(path).resolve().name
        return int(Path("/sys/bus/usb-serial/devices", name, "latency_timer").read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def port_errors(path: str) -> Iterator[None]:
    """Turn whatever the operating system or pyserial raise into a PortError."""
    try:
        yield
    except (PortError, BusTimeoutError):
        raise
    except (OSError, termios_error) as error:
        reason = error.args[-1] if error.args else error
        raise PortError(
            f"The serial port {path} failed: {reason}. Was the cable pulled, or the device switched off?"
        ) from error


class SerialPort(PortHandler):
    """One serial port that only this process uses. Method names in camel case are the SDK's."""

    def __init__(
        self,
        path: str,
        baudrate: int = BAUDRATE,
        reply_timeout: float | None = None,
        confirm_silence: Callable[[], None] | None = None,
    ) -> None:
        """Describe a port; ``open`` opens it.

        Args:
            path: device, for example ``/dev/ttyUSB0``.
            baudrate: bits per second; LEAP hands use 4 Mbit/s, servos leave the factory with 57600.
            reply_timeout: how long a servo may take to begin its reply, s; None for what the USB adapter needs.
            confirm_silence: called before a reply is given up; returns once all replies that will come have come, or
                raises PortError. For servos that are programs: on a busy machine their silence proves nothing.
        """
        super().__init__(path)
        self.path = path
        self.baudrate = baudrate
        self._given_timeout = reply_timeout
        self.reply_timeout = 0.0
        self._confirm_silence = confirm_silence
        self._dead: PortError | None = None
        self._received = bytearray()
        self._timeout_ms, self._bytes_left = 0.0, 0
        self.ser: serial.Serial | None = None

    def open(self) -> None:
        """Open the port for this process alone.

        Raises:
            ConfigurationError: the SDK does not know the baud rate.
            PortError: there is no such port, it is in use, or access is denied.
        """
        if self.getCFlagBaud(self.baudrate) <= 0:
            raise ConfigurationError(f"{self.baudrate} is not a baud rate of these servos; LEAP hands use 4000000")
        try:
            # Not through the SDK's openPort, which lets others share the port and blocks for ever on a full buffer.
            self.ser = serial.Serial(
                self.path, self.baudrate, timeout=_POLL, write_timeout=_WRITE_TIMEOUT, exclusive=True
            )
        except (OSError, termios_error) as error:
            raise PortError(f"Cannot open the serial port {self.path}: {self._why_not_open(error)}") from error
        self.is_open, self.is_using = True, False
        self._dead = None
        self._received.clear()
        self.tx_time_per_byte = 10_000.0 / self.baudrate
        self.reply_timeout = self._choose_timeout()

    def close(self) -> None:
        """Close the port; safe to call when it is not open."""
        if self.ser is not None:
            with suppress(OSError, termios_error):
                self.ser.close()
        self.ser, self.is_open = None, False

    def settle(self) -> None:
        """Drop replies that come too late, so that they are not taken for those to the next request."""
        for _ in range(10):
            time.sleep(_POLL)
            if not self.getBytesAvailable():
                return
            self.clearPort()

    def closePort(self) -> None:  # noqa: N802
        """As ``close``; the SDK's fails on a port that was never opened."""
        self.close()

    def readPort(self, length: int) -> bytes:  # noqa: N802
        """At most ``length`` bytes, waiting a millisecond for them.

        Raises:
            BusTimeoutError: many more bytes come than belong to the reply.
            PortError: the port has gone.
        """
        if len(self._received) < length:
            self._receive()
        data = bytes(self._received[:length])
        del self._received[:length]
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise BusTimeoutError(f"Bytes that are no reply keep coming on {self.path}; check baud rate and wiring")
        return data

    def _receive(self) -> None:
        """Fetch what has come, all at once; the SDK asks for it piece by piece."""
        with port_errors(self.path):
            line = self._serial()
            self._received += line.read(max(1, line.in_waiting))

    def writePort(self, packet: list[int] | bytes) -> int:  # noqa: N802
        """Send a packet; the number of bytes that were accepted."""
        with port_errors(self.path):
            return self._serial().write(bytes(packet)) or 0

    def clearPort(self) -> None:  # noqa: N802
        """Forget bytes that have come in."""
        with port_errors(self.path):
            self._serial().reset_input_buffer()
        self._received.clear()

    def getBytesAvailable(self) -> int:  # noqa: N802
        """Number of bytes that have come in."""
        with port_errors(self.path):
            return len(self._received) + self._serial().in_waiting

    def setPacketTimeout(self, packet_length: int) -> None:  # noqa: N802
        """Start waiting for a reply of that many bytes."""
        self.setPacketTimeoutMillis(self.tx_time_per_byte * packet_length + self.reply_timeout * 1000.0)
        self._bytes_left += packet_length

    def setPacketTimeoutMillis(self, msec: float) -> None:  # noqa: N802
        """Start waiting."""
        super().setPacketTimeoutMillis(msec)
        self._timeout_ms, self._bytes_left = msec, _BABBLE_LIMIT

    def isPacketTimeout(self) -> bool:  # noqa: N802
        """Whether the reply will not come any more.

        Raises:
            PortError: whatever is behind the port has ended.
        """
        if not super().isPacketTimeout():
            return False
        if self._confirm_silence is None:
            return True
        self._ask_for_silence(self._confirm_silence)
        self._receive()
        if not self._received:
            return True
        # It had come in time, or nearly: on a busy machine we were the ones who were late.
        super().setPacketTimeoutMillis(self._timeout_ms)
        return False

    def _ask_for_silence(self, confirm_silence: Callable[[], None]) -> None:
        if self._dead is None:
            try:
                return confirm_silence()
            except PortError as error:
                self._dead = error  # waiting for it once is enough
        raise self._dead

    def getCurrentTime(self) -> float:  # noqa: N802
        """Milliseconds on a clock that nobody sets."""
        return time.monotonic() * 1000.0

    def _serial(self) -> serial.Serial:
        if self.ser is None:
            raise PortError(f"The serial port {self.path} is closed; open it first")
        return self.ser

    def _choose_timeout(self) -> float:
        if self._given_timeout is not None:
            return self._given_timeout
        latency = adapter_latency_ms(self.path)
        if latency is not None and latency > 1:
            name = Path(self.path).resolve().name
            _LOG.warning(
                "The USB adapter of %s holds replies back for %d ms; for a steady 20 Hz run: "
                "echo 1 | sudo tee /sys/bus/usb-serial/devices/%s/latency_timer",
                *(self.path, latency, name),
            )
        # The SDK's rule, with the adapter's latency in place of its constant of 16 ms.
        return (2.0 * (_DEFAULT_LATENCY_MS if latency is None else latency) + 2.0) / 1000.0

    def _why_not_open(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            present = ", ".join(port.device for port in list_ports.comports()) or "none"
            return f"there is no such device; serial ports on this machine: {present}"
        if number == errno.EACCES:
            return "permission denied; add yourself to the group that owns it, usually dialout"
        if number in (errno.EBUSY, errno.EAGAIN):
            return "another program is using it; close that first"
        return f"{error}; is it a serial port?"
