"""How time passes for the virtual hand: as on the wall, or only when the host commands."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from dexndm_gym.constants import CONTROL_PERIOD, VIRTUAL_TIMESTEP
from dexndm_gym.virtual_hand.servo_chain import ServoChain

_LOG = logging.getLogger(__name__)

_LONGEST_LAG = 0.1
"""Seconds of backlog that real time works off; a physics that is slower than that loses time instead of control."""


class Clock(Protocol):
    """Decides when the servos' time passes."""

    idle_timeout: float
    """Seconds after which the clock wants to be called even if nothing happens on the line."""

    def catch_up(self) -> None:
        """Called before anything is done with the servos."""
        ...

    def goals_written(self) -> None:
        """Called after a sync write that covers Goal Position."""
        ...

    def unattended(self, seconds: float) -> None:
        """Called when no host could have said anything for so long, because the port is gone."""
        ...

    def occupy_line(self, seconds: float) -> None:
        """Called after a request, before its answer is sent, with the time that both take on the line."""
        ...


class LockStepClock:
    """Time stands still until the host commands goals; each command is worth one control period.

    While there is no port to command through, time passes as on the wall.
    """

    idle_timeout = 0.5

    def __init__(self, chain: ServoChain) -> None:
        """Let the time of these servos stand still."""
        self._chain = chain

    def catch_up(self) -> None:
        """Nothing: no time passes by itself."""

    def goals_written(self) -> None:
        """One control period passes."""
        self._chain.advance(CONTROL_PERIOD)

    def unattended(self, seconds: float) -> None:
        """That time passes."""
        self._chain.advance(seconds)

    def occupy_line(self, seconds: float) -> None:
        """Nothing: the line is infinitely fast."""


class RealTimeClock:
    """Servo time is wall time."""

    idle_timeout = VIRTUAL_TIMESTEP

    def __init__(
        self,
        chain: ServoChain,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start the clock.

        Args:
            chain: the servos.
            now: seconds of a monotonic clock.
            sleep: waits for so many seconds.
        """
        self._chain = chain
        self._now = now
        self._sleep = sleep
        self._start = now() - chain.time
        self._lagged = False
        self._heard = self._line_free = now()

    def catch_up(self) -> None:
        """Advance the physics up to now, in whole steps: readings are at most one step old."""
        self._heard = self._now()
        behind = self._heard - self._start - self._chain.time
        if behind > _LONGEST_LAG:
            if not self._lagged:
                _LOG.warning("This machine is too busy for the virtual hand: its time falls behind real time")
                self._lagged = True
            self._chain.skip(behind - _LONGEST_LAG)
            behind = _LONGEST_LAG
        for _ in range(int(behind / VIRTUAL_TIMESTEP)):
            self._chain.advance(VIRTUAL_TIMESTEP)

    def goals_written(self) -> None:
        """Nothing: time passes by itself."""

    def unattended(self, seconds: float) -> None:
        """Nothing: time passes by itself."""

    def occupy_line(self, seconds: float) -> None:
        """Hold the answer back until it would have arrived; what was computed since the request counts as waiting."""
        self._line_free = max(self._line_free, self._heard) + seconds
        self._sleep(max(0.0, self._line_free - self._now()))
