"""Keeping a control loop on its clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dexndm_gym.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class PacingReport:
    """How well a loop kept its clock since ``start``."""

    ticks: int
    """Control periods waited for."""

    overruns: int
    """Ticks that began after their own deadline: the work between two waits took longer than a period."""

    worst_lateness: float
    """How far the latest of them was behind its deadline, s."""

    rate: float
    """Ticks per second that were achieved; 0.0 before the first."""


class Pacing(Protocol):
    """What ends each control period of a hand."""

    def start(self) -> None:
        """Begin a new run: forget deadlines and counts. The first period begins with the first ``wait``."""
        ...

    def wait(self) -> None:
        """Return at the end of the current control period."""
        ...

    def report(self) -> PacingReport:
        """What the clock saw since ``start``."""
        ...


class Pacer:
    """Real time: absolute deadlines, so that sleeping late in one period does not shift the next ones.

    Work between two waits may take up to a period without disturbing the rate. When it takes longer, the grid of
    deadlines starts anew from that moment, so that a late target still acts for a whole period; the overrun is counted.
    """

    def __init__(
        self, period: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Tick every ``period`` seconds as measured by ``clock``."""
        if not period > 0.0:
            raise ConfigurationError(f"A control period must be longer than 0 s, got {period}")
        self.period = period
        self._clock, self._sleep = clock, sleep
        self.start()

    def start(self) -> None:
        """Begin a new run: forget deadlines and counts."""
        self._deadline: float | None = None
        self._begin = self._last = 0.0
        self._ticks = self._overruns = 0
        self._worst = 0.0

    def wait(self) -> None:
        """Sleep until the deadline of the current period."""
        now = self._clock()
        if self._deadline is None:
            self._begin = now
            self._deadline = now + self.period
        elif now >= self._deadline:
            self._overruns += 1
            self._worst = max(self._worst, now - self._deadline)
            self._deadline = now + self.period
        while (left := self._deadline - self._clock()) > 0.0:
            self._sleep(left)
        self._last = self._clock()
        self._deadline += self.period
        self._ticks += 1

    def report(self) -> PacingReport:
        """Ticks, overruns and achieved rate since ``start``."""
        duration = self._last - self._begin
        rate = self._ticks / duration if duration > 0.0 else 0.0
        return PacingReport(ticks=self._ticks, overruns=self._overruns, worst_lateness=self._worst, rate=rate)


class NoPacer:
    """Lock-step: the hand's own clock advances with each command, so nothing is waited for.

    Its rate is that of the program, not of the hand, and nothing overruns.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count ticks by ``clock``."""
        self._clock = clock
        self.start()

    def start(self) -> None:
        """Begin a new run: forget counts."""
        self._begin = self._last = self._clock()
        self._ticks = 0

    def wait(self) -> None:
        """Count the tick and return at once."""
        self._last = self._clock()
        self._ticks += 1

    def report(self) -> PacingReport:
        """Ticks and their rate since ``start``."""
        duration = self._last - self._begin
        rate = self._ticks / duration if duration > 0.0 else 0.0
        return PacingReport(ticks=self._ticks, overruns=0, worst_lateness=0.0, rate=rate)
