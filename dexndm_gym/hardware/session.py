"""A hand with torque on that moves slowly from pose to pose, for bring-up; torque goes off at its end."""

import logging
import math
import time
from types import TracebackType

import numpy as np

from dexndm_gym.errors import HardwareError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.pacing import Pacing
from dexndm_gym.hardware.safety import TorqueGuard, check_plausible, limit_target
from dexndm_gym.hardware.self_collision import CollisionGuard
from dexndm_gym.hardware.startup import WATCHDOG_MARGIN, ServoSettings, check_health, hold_still, prepare, rearm
from dexndm_gym.hardware.stop import StopSwitch
from dexndm_gym.hardware.units import rad_from_ticks, ticks_from_rad
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray

PERIOD = 0.05
"""Time between two goals, s."""

_LOG = logging.getLogger(__name__)

_LARGEST_STEP = 0.25
"""Largest change of a goal, rad."""


class HandSession:
    """A context manager: sets up the servos and holds still; whatever ends it switches the torque off."""

    def __init__(self, bus: DynamixelBus, pacer: Pacing, settings: ServoSettings | None = None) -> None:
        """Use an open bus.

        Args:
            bus: the servos.
            pacer: ends control periods of ``PERIOD``.
            settings: gains and limits of the servos.
        """
        self._bus, self._pacer, self._settings = bus, pacer, settings or ServoSettings()
        self._goal = np.zeros(NUM_JOINTS)
        self._guard: TorqueGuard | None = None
        self._last_contact = -math.inf
        self._collisions = CollisionGuard()
        self._stop = StopSwitch()

    def stop(self, reason: str) -> None:
        """End the session with a StopRequestedError, from any thread; takes up to a control period."""
        self._stop.press(reason)

    def __enter__(self) -> "HandSession":
        """Switch torque on, fingers where they are.

        Raises:
            HardwareError: the hand is not fit to move; its torque is off.
        """
        bus = self._bus
        self._guard = TorqueGuard(self, bus.torque_off)
        try:
            prepare(bus, self._settings)
            self._goal = rad_from_ticks(hold_still(bus, self._settings))
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Switch torque off.

        Raises:
            HardwareError: the servos do not confirm it; where something else had failed before, that is only logged.
        """
        guard, self._guard = self._guard, None
        if guard is None:
            return
        try:
            guard.release()
        except HardwareError as failure:
            if error is None:
                raise
            _LOG.warning("%s. Their watchdog stops them; cut the power before you reach in", failure)

    def move_to(self, pose: FloatArray, speed: float = 0.5) -> FloatArray:
        """Move to a pose, (16,) rad, the fastest joint at ``speed`` rad/s; the position reached."""
        for between in self._collisions.way(self._goal, pose, speed * PERIOD):
            self.send(between)
        return self.send(pose)

    def hold(self, seconds: float) -> FloatArray:
        """Hold the pose; the position at the end."""
        for _ in range(round(seconds / PERIOD) - 1):
            self.send(self._goal)
        return self.send(self._goal)

    def send(self, pose: FloatArray) -> FloatArray:
        """Send a goal, (16,) rad, wait for a period; the position then.

        Raises:
            HardwareError: the hand failed; the end of the session switches its torque off.
        """
        self._stop.check()
        if self._guard is None:
            raise HardwareError("This session has ended; start another one")
        if time.monotonic() - self._last_contact > WATCHDOG_MARGIN * self._settings.watchdog:
            self._resume()
        target, _ = self._collisions.restrain(limit_target(pose, self._goal, _LARGEST_STEP), self._goal)
        ticks = ticks_from_rad(target)
        self._bus.sync_write("goal_position", ticks)
        self._goal = rad_from_ticks(ticks)
        self._pacer.wait()
        self._stop.check()
        self._last_contact = time.monotonic()
        position = rad_from_ticks(self._bus.sync_read("present_position")["present_position"])
        check_plausible(position)
        return position

    def _resume(self) -> None:
        """After a pause, for example a question to the user: see that all is well, and go on if the watchdog struck."""
        if not check_health(self._bus, self._settings):
            self._goal = rad_from_ticks(rearm(self._bus, self._settings))
