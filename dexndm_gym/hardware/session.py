"""A hand with torque on that moves slowly from pose to pose, for bring-up; torque goes off at its end."""

from types import TracebackType

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import HardwareError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.driver import DriverConfig, HandDriver
from dexndm_gym.hardware.pacing import Pacing
from dexndm_gym.hardware.servo_setup import ServoSettings


class HandSession:
    """A context manager: sets up the servos and holds still; whatever ends it switches the torque off."""

    def __init__(self, bus: DynamixelBus, pacer: Pacing, settings: ServoSettings | None = None) -> None:
        """Use an open bus, which stays open.

        Args:
            bus: the servos.
            pacer: ends control periods of ``CONTROL_PERIOD``.
            settings: gains and limits of the servos.
        """
        # Between two motions there may be a question to the user.
        self._driver = HandDriver(bus, pacer, DriverConfig(servos=settings or ServoSettings()), expects_pauses=True)
        self._connection = self._driver.connection

    def stop(self, reason: str) -> None:
        """End the session with a StopRequestedError, from any thread; takes up to a control period."""
        self._connection.stop(reason)

    def __enter__(self) -> "HandSession":
        """Switch torque on, fingers where they are.

        Raises:
            HardwareError: the hand is not fit to move; its torque is off.
        """
        with self._connection.failing_safe():
            self._driver.connect()
            self._driver.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Switch torque off.

        Raises:
            HardwareError: the servos do not confirm it; where something else had failed before, that is only logged.
        """
        self._connection.close()
        if error is None and self._connection.failure is not None:
            raise self._connection.failure

    def move_to(self, pose: FloatArray, speed: float = 0.5) -> FloatArray:
        """Move to a pose, (16,) rad, the fastest joint at ``speed`` rad/s; the position reached."""
        with self._connection.failing_safe():
            self._require_open()
            self._driver.move_to(pose, speed)
        return self.send(pose)

    def hold(self, seconds: float) -> FloatArray:
        """Hold the pose; the position at the end."""
        for _ in range(round(seconds / CONTROL_PERIOD) - 1):
            self.send(self._driver.goal)
        return self.send(self._driver.goal)

    def send(self, pose: FloatArray) -> FloatArray:
        """Send a goal, (16,) rad, wait for a period; the position then.

        Raises:
            HardwareError: the hand failed; its torque is off.
        """
        with self._connection.failing_safe():
            self._require_open()
            return self._driver.send(pose).position

    def _require_open(self) -> None:
        if not self._connection.is_open:
            raise HardwareError("This session has ended; start another one")
