"""A connection to the servos that ends with their torque off, whatever ends it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dexndm_gym.errors import BusProtocolError, BusTimeoutError, HardwareError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.emergency_stop import StopSwitch
from dexndm_gym.hardware.safety import TorqueGuard

_LOG = logging.getLogger(__name__)


class SafeConnection:
    """Opens and closes a bus, watches over what is done in between, and can be stopped from other threads."""

    def __init__(self, bus: DynamixelBus) -> None:
        """Watch over a bus; one that is open already stays so at the end."""
        self._bus = bus
        self._guard: TorqueGuard | None = None
        self._confirmed: bool | None = None
        self.failure: HardwareError | None = None
        """Why the servos did not confirm, the last time, that their torque is off."""
        self._stop, self._busy = StopSwitch(), threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._guard is not None

    def open(self) -> None:
        """Open the port; registers a finalizer that disables torque, as servos may come with torque on.

        Raises:
            PortError: it cannot be opened.
        """
        bus, is_ours = self._bus, not self._bus.port.is_open
        if is_ours:
            bus.open()
        self._guard, self._confirmed = TorqueGuard(self, lambda: _switch_off(bus, close=is_ours)), None

    def close(self) -> bool | None:
        """Switch off and close; whether the servos confirmed it, now or before; None if they were never connected."""
        guard, self._guard = self._guard, None
        if guard is not None:
            self.failure = guard.release()
            self._confirmed = self.failure is None
        return self._confirmed

    def stop(self, reason: str) -> None:
        """Close: at once, or in the next ``check_stop`` of who is working within ``failing_safe``, or at its end.

        From any thread.
        """
        self._stop.press(reason)
        if self._busy.acquire(blocking=False):
            try:
                self.close()
            finally:
                self._busy.release()

    def release_stop(self) -> None:
        """Allow work again."""
        self._stop.release()

    def check_stop(self) -> None:
        """Look whether somebody has stopped the hand.

        Raises:
            StopRequestedError: somebody has.
        """
        self._stop.check()

    @contextmanager
    def failing_safe(self) -> Iterator[None]:
        """Within this, every exception closes the connection; errors of the hardware say whether torque is off.

        Raises:
            StopRequestedError: somebody has stopped the hand.
        """
        with self._closing_if_it_fails():
            self._stop.check()
            yield
        if self._stop.is_pressed:  # by somebody who found this busy, and left the rest to it
            with self._closing_if_it_fails():
                self._stop.check()

    @contextmanager
    def _closing_if_it_fails(self) -> Iterator[None]:
        with self._busy:
            try:
                yield
            except (BusTimeoutError, BusProtocolError) as error:
                cause = self._explain(error)
                cause.torque_off = self.close()
                raise cause from error
            except HardwareError as error:
                error.torque_off = self.close()
                raise
            except BaseException:
                self.close()
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """As ``failing_safe``, with the port open; where there is no connection, for no longer than this."""
        with self.failing_safe():
            if self.is_open:
                yield
                return
            self._bus.open()
            try:
                self._bus.scan()
                yield
            finally:
                self._bus.close()

    def _explain(self, error: HardwareError) -> HardwareError:
        if not self._bus.port.is_open:
            return error  # nobody can be asked, and that must not hide what happened
        # First stop the fingers, then find out what happened.
        try:
            self._bus.cut_torque()
            return self._bus.explain(error)
        except HardwareError as gone:
            return gone


def _switch_off(bus: DynamixelBus, *, close: bool) -> HardwareError | None:
    """Switch off; what kept the servos from confirming it, if anything did."""
    try:
        bus.torque_off()
    except HardwareError as error:
        _LOG.warning(
            "Could not confirm that torque is off; the servos' watchdog stops them. "
            "Cut the power before you reach in. %s",
            error,
        )
        return error
    finally:
        if close:
            bus.close()
    return None
