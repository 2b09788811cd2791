"""A LEAP hand with real servos, or anything that speaks like them on a serial port."""

import gc
import logging
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.backends.dynamixel_config import (
    Closeable,
    DynamixelHandConfig,
    JointTracker,
    Operator,
    SceneTracker,
    TalkingTracker,
    Tracker,
    WristHolder,
)
from dexndm_gym.backends.start_sequence import StartSequence
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import ConfigurationError, HardwareError
from dexndm_gym.grasps.hand_starts import HandStarts
from dexndm_gym.hand.joints import JOINT_NAMES
from dexndm_gym.hand.state import HandState
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.driver import HandDriver, Reading
from dexndm_gym.hardware.pacing import Pacer, Pacing
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.checks import checked_pose

_LOG = logging.getLogger(__name__)

_COOLING_PERIOD = 10.0
"""Time between two looks at servos that cool down, s."""

_PACING = ("rate", "jitter_p50", "jitter_p99", "jitter_worst", "overruns")
"""Fields of a ``PacingReport`` that ``info`` shows."""


def prompt_on_stderr(text: str) -> None:
    """Tell somebody beside the hand what to do now, whether or not the program has set up logging."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class DynamixelHand:
    """One hand on a serial port: a ``Backend`` with n = 1.

    ``reset`` connects where that is needed. Whatever fails afterwards switches the torque off, closes the port and
    raises a typed error; the next ``reset`` connects anew.

    In ``info`` it says how well it keeps its clock in real time: ``pacing_rate`` (Hz), ``pacing_jitter_p50``,
    ``pacing_jitter_p99`` and ``pacing_jitter_worst`` (s), ``pacing_overruns`` (their number by cause), all of them
    since the hand was made (see ``PacingReport``), and ``pacing_overrun`` (the cause, if this step was one). And what
    the check for self-collisions did: ``held_fingers`` (names of those whose targets were held in this step) and
    ``self_collisions`` (how often that happened since the hand was made). ``eased_joints`` names those that pushed too
    hard for too long, and are sent less than is asked for.
    """

    num_hands = 1

    def __init__(
        self,
        port: str,
        *,
        tracker: Tracker | None = None,
        operator: Operator | None = None,
        pacer: Pacing | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        config: DynamixelHandConfig | None = None,
        companion: Closeable | None = None,
        confirm_silence: Callable[[], None] | None = None,
        prompt: Callable[[str], object] = prompt_on_stderr,
        starts: HandStarts | None = None,
    ) -> None:
        """Describe the hand; nothing is opened yet.

        Args:
            port: serial device, for example ``/dev/ttyUSB0``.
            tracker: source of the object's pose; without it ``state().object_pose`` is None.
            operator: who places the object, or holds it between the fingers; without one the hand asks for it.
            pacer: what ends a control step; None for real time.
            clock: seconds, by which pauses between control steps are noticed.
            sleep: lets seconds pass while the hand rests.
            config: how to drive it.
            companion: what is closed together with the hand, for example the process behind the port.
            confirm_silence: see ``SerialPort``; for virtual hands.
            prompt: shows somebody beside the hand what to do now; as a rule a line on the standard error.
            starts: how episodes begin; None for the open hand palm up, and for grasps in other wrists.
        """
        self.config = config if config is not None else DynamixelHandConfig()
        self._tracker, self._operator, self._companion, self._sleep = tracker, operator, companion, sleep
        self._bus = DynamixelBus(
            SerialPort(port, self.config.baudrate, self.config.reply_timeout, confirm_silence),
            retries=self.config.retries,
            retry_time=CONTROL_PERIOD,
        )
        self._driver = HandDriver(self._bus, pacer or Pacer(CONTROL_PERIOD), self.config, clock=clock)
        self._connection = self._driver.connection
        self._start = StartSequence(
            self._driver,
            self.config,
            starts if starts is not None else HandStarts(),
            operator=operator,
            prompt=prompt,
            see=partial(_see, tracker),  # nothing may refer back to the hand, or it would outlive who forgets it
        )
        self._closed = False
        self._state: HandState | None = None

    @property
    def pacer(self) -> Pacing:
        """What ends a control step; may be set."""
        return self._driver.pacer

    @pacer.setter
    def pacer(self, pacer: Pacing) -> None:
        self._driver.pacer = pacer

    @property
    def command(self) -> FloatArray:
        """What was sent last: within all limits, and rounded to what servos can express; (1, 16), rad."""
        return self._driver.goal[None].copy()

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Connect if needed, and get ready with whoever is beside the hand (see ``StartSequence``), torque on.

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
            if isinstance(self._tracker, SceneTracker):
                self._tracker.begin(scenes[0])
            if not self._connection.is_open:
                self._connect()
            self._driver.begin()
            start, reading = self._start.run(scenes[0], rng)
            self._observe(reading)
            self.pacer.start()
        return start[None].copy()

    def step(self, command: FloatArray) -> None:
        """Move towards the command, (1, 16) rad, for one control period, then measure.

        Raises:
            HardwareError: the hand failed; its torque is off.
        """
        with self._connection.failing_safe():
            if not self._connection.is_open:
                raise HardwareError("The hand is not connected; call reset first")
            self._observe(self._driver.send(np.asarray(command, dtype=np.float64).reshape(-1)))

    def state(self) -> HandState:
        """The latest measurement. Torque is None: these servos measure current at their supply, not in the motor.

        Raises:
            HardwareError: nothing has been measured yet.
        """
        if self._state is None:
            raise HardwareError("The hand has not been read yet; call reset first")
        return self._state

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """Turn the wrist of a virtual hand: gravity in the hand frame, (1, 3), m/s^2; a real hand's has turned itself.

        Raises:
            PortError: the virtual hand has gone.
        """
        if isinstance(self._operator, WristHolder):
            self._operator.turn(gravity[0])

    def temperature(self) -> IntArray:
        """Temperatures of the servos now, (16,), degrees Celsius; torque stays as it is.

        Raises:
            HardwareError: the hand cannot be read.
        """
        with self._connection.reading():
            return self._bus.sync_read("present_temperature", allow_alerts=True)["present_temperature"]

    def confirm_with(self, confirm: Callable[[], bool] | None) -> None:
        """Have somebody confirm what prompts ask for, instead of giving them the time to do it.

        Args:
            confirm: whether it is done, asked in every control period while the hand holds still; None for times.
        """
        self._start.confirm = confirm

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
        until ``release_stop``. While an operator of your own is asked to do something, it acts once that returns.
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
        if self._tracker is not None:
            checked_pose(self._tracker.object_pose())  # better to learn now than with the fingers moving what is wrong
        # Python looks through all objects now and then: let it be now, not while the servos' watchdog waits.
        gc.collect()
        gc.freeze()
        self._driver.connect()

    def _observe(self, reading: Reading) -> None:
        if isinstance(self._tracker, JointTracker):
            self._tracker.observe(reading.position, self._driver.command)
        object_pose = _see(self._tracker)
        self.pacer.spent("tracker")
        self._state = HandState(
            position=reading.position[None],
            velocity=reading.velocity[None],
            current=reading.current[None],
            object_pose=object_pose,
            command=self._driver.command[None],
            info=self._info(),
        )

    def _info(self) -> dict[str, Any]:
        driver = self._driver
        info: dict[str, Any] = {
            "held_fingers": [", ".join(driver.held)],
            "self_collisions": [driver.collisions.count],
            "eased_joints": [", ".join(JOINT_NAMES[joint] for joint in np.flatnonzero(driver.loads.share < 1.0))],
        }
        if isinstance(self.pacer, Pacer):
            report = self.pacer.report()
            info |= {f"pacing_{name}": [getattr(report, name)] for name in _PACING}
            info["pacing_overrun"] = [self.pacer.overrun]
        if isinstance(self._tracker, TalkingTracker):
            info |= {name: [value] for name, value in self._tracker.info().items()}
        return info


def _see(tracker: Tracker | None) -> FloatArray | None:
    """Where the object is, (1, 7); None where it is not seen, or nobody looks."""
    return None if tracker is None else checked_pose(tracker.object_pose())
