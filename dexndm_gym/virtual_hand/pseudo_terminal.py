"""The pseudo-terminal that a host opens as its serial port."""

import contextlib
import os
import termios
import tty

_BAUD_RATES = (
    *(9600, 19200, 38400, 57600, 115200, 230400, 460800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000),
    *(1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000),
)
_SPEEDS = {getattr(termios, f"B{rate}"): rate for rate in _BAUD_RATES}
_OUTPUT_SPEED = 5
"""Index in what ``tcgetattr`` returns."""


class Terminal:
    """Our end of a pseudo-terminal; the host opens the other end by its ``path``."""

    def __init__(self, link: str | None = None) -> None:
        """Open a new pseudo-terminal.

        Args:
            link: where to put a symbolic link to the host's end; this ``path`` stays the same when it is opened again.
        """
        self._link = link
        self.open()

    def open(self) -> None:
        """Open a pseudo-terminal where none is open; without a link its ``path`` is a new one."""
        self._master, self._slave = os.openpty()
        # Keeping the host's end open here as well lets hosts come and go without hanging up the line.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        if self._link is not None:
            if os.path.islink(self._link):
                os.unlink(self._link)  # of a hand that did not get to end
            os.symlink(self.path, self._link)
            self.path = self._link

    @property
    def is_open(self) -> bool:
        """Whether hosts can use it."""
        return self._master >= 0

    def fileno(self) -> int:
        """Of our end, for ``select``; -1 once closed."""
        return self._master

    @property
    def baud(self) -> int:
        """Bits per second that the host has set; 0 for a rate without a standard constant."""
        return _SPEEDS.get(termios.tcgetattr(self._master)[_OUTPUT_SPEED], 0)

    def read(self) -> bytes:
        """What the host has sent."""
        try:
            return os.read(self._master, 65536)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the host; what it does not collect is lost, as on a serial line."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)

    def close(self) -> None:
        """Hang up: the host's next access fails. Safe to call twice."""
        if self.is_open:
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1
            if self._link is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._link)
