"""The control loop of a hand with servos, the same for bring-up and episodes: limit, check, send, wait, measure."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Checked, NotNegative, Positive
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.self_collision import OVERLAP
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.connection import SafeConnection
from dexndm_gym.hardware.load_guard import LoadGuard
from dexndm_gym.hardware.monitors import ClockMonitor, StallMonitor
from dexndm_gym.hardware.pacing import Pacing
from dexndm_gym.hardware.safety import MAX_COMMAND_STEP, check_plausible, limit_command
from dexndm_gym.hardware.self_collision import CollisionGuard
from dexndm_gym.hardware.servo_setup import ServoSettings, check_health, hold_still, prepare
from dexndm_gym.hardware.units import ampere_from_units, rad_from_ticks, rad_per_second_from_units, ticks_from_rad
from dexndm_gym.hardware.watchdog import WATCHDOG_MARGIN, rearm

_LOG = logging.getLogger(__name__)

_LONGEST_MISSED = 1.5
"""The servos' watchdog must bear control steps that are longer than planned by this factor."""


@dataclass(frozen=True, kw_only=True)
class DriverConfig(Checked):
    """How servos are driven, and when they are stopped."""

    servos: ServoSettings = field(default_factory=ServoSettings)
    """Gains, current limit and watchdog of the servos."""

    max_command_step: Positive = MAX_COMMAND_STEP
    """Largest change of a joint's command from one control step to the next, rad."""

    health_period: Positive = 1.0
    """Control time between two checks of torque, watchdog, supply, temperature and models, s. Hardware errors and
    restarts are noticed at every control step."""

    stall_error: Positive = 0.5
    """Distance of a joint from its goal, rad, that ends the episode when the joint does not move for ``stall_time``."""

    stall_time: Positive = 2.0
    """How long a joint may be that far from its goal without moving, s. Objects that are turned hold joints back,
    too, but not for so long."""

    lasting_current: Positive = 0.4
    """Root mean square of a servo's current, as it measures it, that may last for good, A. Joints that push harder for
    seconds are eased off, before the servos give up with an overload that takes the torque of all fingers."""

    overlap: NotNegative = OVERLAP
    """How far fingers may overlap with each other or the palm in a commanded pose, m, on the model of the hand. Those
    that would overlap more keep their commands until they would not."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, or the watchdog is shorter than one and a half control steps.
        """
        super().__post_init__()
        if self.servos.watchdog < _LONGEST_MISSED * CONTROL_PERIOD:
            raise ConfigurationError(
                f"A watchdog of {self.servos.watchdog} s would stop the servos between control steps; "
                f"expected at least {_LONGEST_MISSED * CONTROL_PERIOD} s"
            )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the servos measured at the end of a control step."""

    position: FloatArray
    """(16,), rad."""
    velocity: FloatArray
    """(16,), rad/s."""
    current: FloatArray
    """At the servos' supply, (16,), A."""


class HandDriver:
    """Moves sixteen servos, one control step after the other.

    Whoever calls it works within ``connection.failing_safe()``, which switches the torque off whatever goes wrong.

    Attributes:
        connection: opens and closes the bus, and stops the hand.
        pacer: ends control steps.
        goal: what was sent last: within all limits, and rounded to what servos can express; (16,), rad.
        command: the same before rounding, (16,), rad.
        held: names of the fingers that were held back in the last step, as they would have met.
        collisions: holds them back, and counts.
        loads: eases joints off that push too hard for too long.
    """

    def __init__(
        self,
        bus: DynamixelBus,
        pacer: Pacing,
        config: DriverConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        expects_pauses: bool = False,
    ) -> None:
        """Describe the loop; nothing is sent yet.

        Args:
            bus: the servos.
            pacer: ends control periods.
            config: limits and settings.
            clock: seconds, by which pauses between control steps are noticed.
            expects_pauses: pauses that are long enough for the servos to stop are nothing to warn of.
        """
        self._bus, self._config, self._clock = bus, config, clock
        self._pause_level = logging.DEBUG if expects_pauses else logging.WARNING
        self.pacer = pacer
        self.connection = SafeConnection(bus)
        self.collisions = CollisionGuard(config.overlap)
        self.loads = LoadGuard(config.lasting_current)
        self.held: tuple[str, ...] = ()
        self.goal = self.command = self._position = np.zeros(NUM_JOINTS)
        self._clocks = ClockMonitor()
        self._stalls = StallMonitor(config.stall_error, round(config.stall_time / CONTROL_PERIOD))
        self._last_contact = 0.0
        self._steps_to_check = self._stops = 0

    def connect(self) -> None:
        """Open the bus where it is not, set the servos up and hold still, torque on.

        Raises:
            HardwareError: the hand is not fit to move.
        """
        self.connection.open()
        prepare(self._bus, self._config.servos)
        self.goal = self.command = self._position = rad_from_ticks(hold_still(self._bus, self._config.servos))
        self._last_contact = self._clock()

    def begin(self) -> None:
        """Begin a new run: what was seen before does not count, and the servos are checked with the first step."""
        self._steps_to_check = 0
        self._clocks.forget()
        self._stalls.forget()
        self.pacer.start()

    def send(self, command: FloatArray) -> Reading:
        """Move towards a command, (16,), rad, as far as is safe, for one control period.

        Raises:
            HardwareError: the hand failed, or was stopped.
        """
        self.pacer.spent("caller")
        self.look_after_pauses()
        limited = limit_command(command, self.goal, self._config.max_command_step)
        allowed, self.held = self.collisions.restrain(limited, self.goal)
        eased = self.loads.ease(allowed, self._position)  # last, as fingers that are held back have to let up, too
        self.pacer.spent("self-collision check")
        return self._apply(limit_command(eased, self.goal, self._config.max_command_step))  # the joint may have jumped

    def move_to(self, pose: FloatArray, speed: float, begin: FloatArray | None = None) -> None:
        """Move to a pose, (16,), rad, the fastest joint at ``speed`` rad/s, around fingers that are in the way.

        Args:
            pose: where to.
            speed: of the fastest joint, rad/s; at most as fast as commands may change.
            begin: where from, (16,), rad; None for the goal that was sent last.

        Raises:
            SafetyError: the pose has another shape, or is not finite; fingers are in each other's way.
            HardwareError: the hand failed, or was stopped.
        """
        self.look_after_pauses()
        pose = limit_command(pose, self.goal, np.inf)
        step = min(speed * CONTROL_PERIOD, self._config.max_command_step)
        start = self.goal if begin is None else begin
        while not self._follow(self.collisions.way(start, pose, step)):
            start = self.goal

    def _follow(self, way: Iterable[FloatArray]) -> bool:
        """Go a way, (16,) rad each; False where the servos have stopped on it, as it then begins elsewhere."""
        stops = self._stops
        for between in way:
            self.look_after_pauses()
            if self._stops != stops:
                return False
            self._apply(between)
        return self._stops == stops

    def measure(self) -> Reading:
        """Read the servos.

        Raises:
            HardwareError: they cannot be read, or what they read cannot be.
        """
        self._last_contact = self._clock()  # servos count from the request, however late they are heard
        raw = self._bus.sync_read("realtime_tick", "present_current", "present_velocity", "present_position")
        self._clocks.check(raw["realtime_tick"])
        position = rad_from_ticks(raw["present_position"])
        check_plausible(position)
        self._stalls.check(position, self.goal)
        self._position, current = position, ampere_from_units(raw["present_current"])
        self.loads.observe(current)
        self.pacer.spent("bus")
        velocity = rad_per_second_from_units(raw["present_velocity"])
        return Reading(position=position, velocity=velocity, current=current)

    def _apply(self, command: FloatArray) -> Reading:
        ticks = ticks_from_rad(command)
        self._bus.sync_write("goal_position", ticks)
        sent = self._clock()
        self.goal, self.command = rad_from_ticks(ticks), command
        # The bus is idle now: no command waits for what is read here.
        self._steps_to_check -= 1
        self._check_servos(sent - self._last_contact, due=self._steps_to_check <= 0)
        self.pacer.spent("bus")
        self.pacer.wait()
        self.connection.check_stop()
        reading = self.measure()
        self._check_servos(self._last_contact - sent)
        return reading

    def look_after_pauses(self) -> None:
        """After a pause in which the servos' watchdog may have struck, see that all is well before anything is sent."""
        self.connection.check_stop()
        self._check_servos(self._clock() - self._last_contact)

    def _check_servos(self, pause: float, *, due: bool = False) -> None:
        """See that all is well after a long pause, in s, or where it is due; go on if the watchdog has struck."""
        if not due and pause < WATCHDOG_MARGIN * self._config.servos.watchdog:
            return
        self._steps_to_check = round(self._config.health_period / CONTROL_PERIOD)
        self._clocks.forget()
        if not check_health(self._bus, self._config.servos):
            _LOG.log(self._pause_level, "The servos stopped after a pause of %.0f ms; going on", pause * 1000.0)
            # Goal and fingers are together again, as the fingers have stopped somewhere on their way.
            self.goal = self.command = rad_from_ticks(rearm(self._bus, self._config.servos.watchdog))
            self._stops += 1
        self._last_contact = self._clock()
        self.pacer.spent("bus")
