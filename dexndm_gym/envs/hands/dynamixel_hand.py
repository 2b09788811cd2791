"""A LEAP hand with real servos, or anything that speaks like them on a serial port."""

import gc
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dexndm_gym.envs.checks import checked_pose
from dexndm_gym.envs.hands.dynamixel_config import Closeable, DynamixelHandConfig, Operator, Tracker
from dexndm_gym.errors import ConfigurationError, HardwareError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.connection import SafeConnection
from dexndm_gym.hardware.monitors import ClockMonitor, StallMonitor
from dexndm_gym.hardware.pacing import Pacer, Pacing
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.safety import check_plausible, limit_target
from dexndm_gym.hardware.self_collision import CollisionGuard
from dexndm_gym.hardware.startup import WATCHDOG_MARGIN, check_health, hold_still, prepare, rearm
from dexndm_gym.hardware.units import ampere_from_units, rad_from_ticks, rad_per_second_from_units, ticks_from_rad
from dexndm_gym.leap.grasps import SETTLE_TIME, START_POSE
from dexndm_gym.leap.joints import FloatArray, IntArray
from dexndm_gym.leap.scene import Scene
from dexndm_gym.leap.state import HandState
from dexndm_gym.task.config import CONTROL_PERIOD

_LOG = logging.getLogger(__name__)

_NUM_SEEDS = 2**31
"""Number of different seeds that an operator may get."""

_COOLING_PERIOD = 10.0
"""Time between two looks at servos that cool down, s."""

_PACING = ("rate", "jitter_p50", "jitter_p99", "jitter_worst", "overruns")
"""Fields of a ``PacingReport`` that ``info`` shows."""


class DynamixelHand:
    """One hand on a serial port: a ``Hand`` with n = 1.

    ``reset`` connects where that is needed. Whatever fails afterwards switches the torque off, closes the port and
    raises a typed error; the next ``reset`` connects anew.

    In ``info`` it says how well it keeps its clock in real time: ``pacing_rate`` (Hz), ``pacing_jitter_p50``,
    ``pacing_jitter_p99`` and ``pacing_jitter_worst`` (s), ``pacing_overruns`` (their number by cause), all of them
    since the hand was made (see ``PacingReport``), and ``pacing_overrun`` (the cause, if this step was one). And what
    the check for self-collisions did: ``held_fingers`` (names of those whose targets were held in this step) and
    ``self_collisions`` (how often that happened since the hand was made).
    """

    num_hands = 1

    def __init__(
        self,
        port: str,
        *,
        tracker: Tracker | None = None,
        operator: Operator | None = None,
        pacer: Pacing | None = None,
        sleep: Callable[[float], None] = time.sleep,
        config: DynamixelHandConfig | None = None,
        companion: Closeable | None = None,
        confirm_silence: Callable[[], None] | None = None,
    ) -> None:
        """Describe the hand; nothing is opened yet.

        Args:
            port: serial device, for example ``/dev/ttyUSB0``.
            tracker: source of the object's pose; without it ``state().object_pose`` is None.
            operator: who places the object; without one the hand waits for it to be placed.
            pacer: what ends a control step; None for real time.
            sleep: lets seconds pass while the hand rests.
            config: how to drive it.
            companion: what is closed together with the hand, for example the process behind the port.
            confirm_silence: see ``SerialPort``; for virtual hands.
        """
        self.config = config if config is not None else DynamixelHandConfig()
        self.pacer: Pacing = pacer if pacer is not None else Pacer(CONTROL_PERIOD)
        self._tracker, self._operator, self._companion = tracker, operator, companion
        self._sleep = sleep
        self._bus = DynamixelBus(
            SerialPort(port, self.config.baudrate, self.config.reply_timeout, confirm_silence),
            retries=self.config.retries,
            retry_time=CONTROL_PERIOD,
        )
        self._connection = SafeConnection(self._bus)
        self._closed = False
        self._collisions = CollisionGuard(self.config.overlap)
        self._target, self._held = START_POSE, ""
        self._state: HandState | None = None
        self._goal = START_POSE.copy()
        self._clocks = ClockMonitor()
        self._stalls = StallMonitor(self.config.stall_error, round(self.config.stall_time / CONTROL_PERIOD))
        self._last_contact = 0.0
        self._steps_to_check = 0

    @property
    def sent_target(self) -> FloatArray:
        """What was sent last: within all limits, and rounded to what servos can express; (1, 16), rad."""
        return self._goal[None].copy()

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Connect if needed, move slowly to START_POSE, have the object placed, and hold still for a moment.

        From connecting on, Python's garbage collector leaves alone what exists by then (``gc.freeze``).

        Raises:
            HardwareError: the hand cannot be reached, or failed on the way; its torque is off.
        """
        if self._closed:
            raise HardwareError("This hand has been closed; make a new one")
        if len(ids) != 1 or len(scenes) != 1:
            raise ConfigurationError(
                f"This is one hand; expected one id and one scene, got {len(ids)} and {len(scenes)}"
            )
        with self._connection.failing_safe():
            if not self._connection.is_open:
                self._connect()
            self._steps_to_check = 0
            self._clocks.forget()
            self._stalls.forget()
            self.pacer.start()
            self._ramp_to_start()
            if self._operator is not None:
                self._operator.place_object(scenes[0], int(rng.integers(_NUM_SEEDS)))
            else:
                _LOG.info("Put the %s into the hand within %g s", scenes[0].object, self.config.placement_time)
                self._hold(self.config.placement_time)
            self._hold(SETTLE_TIME)
            self.pacer.start()
        return START_POSE[None].copy()

    def step(self, target: FloatArray) -> None:
        """Move towards the target, (1, 16) rad, for one control period, then measure.

        Raises:
            HardwareError: the hand failed; its torque is off.
        """
        with self._connection.failing_safe():
            if not self._connection.is_open:
                raise HardwareError("The hand is not connected; call reset first")
            self.pacer.spent("caller")
            wanted = np.asarray(target, dtype=np.float64).reshape(-1)
            limited = limit_target(wanted, self._goal, self.config.max_target_step)
            limited, held = self._collisions.restrain(limited, self._goal)
            self._held = ", ".join(held)
            self.pacer.spent("self-collision check")
            self._tick(limited)

    def state(self) -> HandState:
        """The latest measurement. Torque is None: these servos measure current at their supply, not in the motor.

        Raises:
            HardwareError: nothing has been measured yet.
        """
        if self._state is None:
            raise HardwareError("The hand has not been read yet; call reset first")
        return self._state

    def temperature(self) -> IntArray:
        """Temperatures of the servos now, (16,), degrees Celsius; torque stays as it is.

        Raises:
            HardwareError: the hand cannot be read.
        """
        with self._connection.failing_safe():
            if self._connection.is_open:
                return self._bus.sync_read("present_temperature", allow_alerts=True)["present_temperature"]
            self._bus.open()
            try:
                return self._bus.sync_read("present_temperature", allow_alerts=True)["present_temperature"]
            finally:
                self._bus.close()

    def cool_down(self, limit: float) -> None:
        """Switch the torque off until no servo is hotter than ``limit``, degrees Celsius; ``reset`` comes next.

        Raises:
            HardwareError: the hand cannot be read.
        """
        self._connection.close()
        while self.temperature().max() > limit:
            self._sleep(_COOLING_PERIOD)

    def stop(self, reason: str = "stop() was called") -> None:
        """Switch the torque off: at once, or within a control period where the hand is just moving.

        May be called from any thread. The episode ends with a StopRequestedError, and so does every attempt to go on
        until ``release_stop``.
        """
        self._connection.stop(reason)

    def release_stop(self) -> None:
        """After ``stop``: allow the next ``reset`` to connect and move."""
        self._connection.release_stop()

    def relax(self) -> None:
        """Switch the torque off and close the port; ``reset`` connects anew. Safe to call twice."""
        self._connection.close()

    def __reduce__(self) -> Any:
        """There is one hand: it cannot be copied.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "A hand on a serial port cannot be copied or pickled; make another env where it is needed, after closing "
            "this one"
        )

    def close(self) -> None:
        """Switch the torque off and close the port. Safe to call twice."""
        if not self._closed and isinstance(self.pacer, Pacer) and (pacing := self.pacer.report()).ticks:
            _LOG.info("%s: %s", self._bus.port.path, pacing)
        self._closed = True
        self._connection.close()
        if self._companion is not None:
            self._companion.close()

    def _connect(self) -> None:
        bus = self._bus
        if self._tracker is not None:
            checked_pose(self._tracker.object_pose())  # better to learn now than with the fingers moving what is wrong
        self._connection.open()
        prepare(bus, self.config.servos)
        self._goal = rad_from_ticks(hold_still(bus, self.config.servos))
        # Python looks through all objects now and then: let it be now, not amid a movement.
        gc.collect()
        gc.freeze()

    def _ramp_to_start(self) -> None:
        self._measure()
        begin = self.state().position[0]
        for pose in self._collisions.way(begin, START_POSE, self.config.ramp_speed * CONTROL_PERIOD):
            self._tick(pose)

    def _hold(self, seconds: float) -> None:
        for _ in range(round(seconds / CONTROL_PERIOD)):
            self._tick(START_POSE)

    def _tick(self, goal: FloatArray) -> None:
        self._connection.check_stop()
        self._check_servos()
        ticks = ticks_from_rad(goal)
        self._bus.sync_write("goal_position", ticks)
        self._goal, self._target = rad_from_ticks(ticks), goal
        self.pacer.spent("bus")
        self.pacer.wait()
        self._connection.check_stop()
        self._measure()

    def _measure(self) -> None:
        raw = self._bus.sync_read("realtime_tick", "present_current", "present_velocity", "present_position")
        self._last_contact = time.monotonic()
        self._clocks.check(raw["realtime_tick"])
        position = rad_from_ticks(raw["present_position"])
        check_plausible(position)
        self._stalls.check(position, self._goal)
        self.pacer.spent("bus")
        object_pose = None if self._tracker is None else checked_pose(self._tracker.object_pose())
        self.pacer.spent("tracker")
        self._state = HandState(
            position=position[None],
            velocity=rad_per_second_from_units(raw["present_velocity"])[None],
            current=ampere_from_units(raw["present_current"])[None],
            object_pose=object_pose,
            sent_target=self._target[None],
            info=self._info(),
        )

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"held_fingers": [self._held], "self_collisions": [self._collisions.count]}
        if isinstance(self.pacer, Pacer):
            report = self.pacer.report()
            info |= {f"pacing_{name}": [getattr(report, name)] for name in _PACING}
            info["pacing_overrun"] = [self.pacer.overrun]
        return info

    def _check_servos(self) -> None:
        pause = time.monotonic() - self._last_contact
        self._steps_to_check -= 1
        if self._steps_to_check > 0 and pause < WATCHDOG_MARGIN * self.config.servos.watchdog:
            return
        self._steps_to_check = round(self.config.health_period / CONTROL_PERIOD)
        self._clocks.forget()
        if not check_health(self._bus, self.config.servos):
            _LOG.warning("The servos stopped after a pause of %.0f ms between commands; going on", pause * 1000.0)
            self._goal = rad_from_ticks(rearm(self._bus, self.config.servos))
