"""Keeping a control loop on its clock, and saying how well that went."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from dexndm_gym.errors import ConfigurationError

_SPIN = 0.001
"""How long before a deadline sleeping ends, s: the system may wake a sleeper late by about as much."""
_RESOLUTION = 1e-5
"""Width of the bins in which the lateness of ticks is counted, s."""
_LATE = "wake-up"
"""The cause of overruns that began with a tick which the system let begin late."""


@dataclass(frozen=True, kw_only=True)
class PacingReport:
    """How well a loop kept its clock since it was made."""

    ticks: int
    """Control periods waited for."""

    rate: float
    """Ticks per second that were achieved; 0.0 before the first."""

    jitter_p50: float = 0.0
    """How late ticks began after their deadline, median, s. Overruns are counted apart."""

    jitter_p99: float = 0.0
    """The same, 99th percentile, s."""

    jitter_worst: float = 0.0
    """The same, the latest, s."""

    overruns: Mapping[str, int] = field(default_factory=dict)
    """Deadlines that had passed before they were waited for, by what took longest in that period."""

    worst_overrun: float = 0.0
    """How far behind its deadline the latest of them was, s."""

    def __str__(self) -> str:
        """One line for a log."""
        text = (
            f"{self.ticks} ticks at {self.rate:.2f} Hz; they began late by {self.jitter_p50 * 1e3:.2f} ms (median), "
            f"{self.jitter_p99 * 1e3:.2f} ms (p99), {self.jitter_worst * 1e3:.2f} ms (worst); "
        )
        if not self.overruns:
            return text + "no overruns"
        causes = ", ".join(f"{count} by {cause}" for cause, count in self.overruns.items())
        return text + f"overruns: {causes}, the longest {self.worst_overrun * 1e3:.1f} ms"


class Pacing(Protocol):
    """What ends each control period of a hand."""

    overrun: str
    """What made the latest period too long; empty if it was not."""

    def start(self) -> None:
        """Begin a new run, whose first period begins with the first ``wait``. Counts go on."""
        ...

    def spent(self, on: str) -> None:
        """Say what the time since the last ``wait`` or ``spent`` went to."""
        ...

    def wait(self) -> None:
        """Return at the end of the current control period."""
        ...

    def report(self) -> PacingReport:
        """What the clock saw in all runs."""
        ...


class Pacer:
    """Real time: absolute deadlines, so that sleeping late in one period does not shift the next ones.

    Work between two waits may take up to a period without disturbing the rate. When it takes longer, the grid of
    deadlines starts anew from that moment, so that a late command still acts for a whole period; the overrun is
    counted.
    """

    def __init__(
        self, period: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Tick every ``period`` seconds as measured by ``clock``."""
        if not period > 0.0:
            raise ConfigurationError(f"A control period must be longer than 0 s, got {period}")
        self.period, self.overrun = period, ""
        self._clock, self._sleep = clock, sleep
        self._lateness = np.zeros(round(period / _RESOLUTION) + 1, dtype=np.int64)
        self._worst = self._worst_overrun = self._seconds = 0.0
        self._ticks = 0
        self._overruns: dict[str, int] = {}
        self.start()

    def start(self) -> None:
        """Begin a new run."""
        self._deadline: float | None = None
        self._mark = self._end = self._clock()
        self._spent: dict[str, float] = {}

    def spent(self, on: str) -> None:
        """Say what the time since the last ``wait`` or ``spent`` went to."""
        now = self._clock()
        self._spent[on] = self._spent.get(on, 0.0) + now - self._mark
        self._mark = now

    def wait(self) -> None:
        """Sleep until shortly before the deadline of the current period, then watch the clock."""
        now = self._clock()
        self.overrun = ""
        if self._deadline is None:
            self._end, self._deadline = now, now + self.period
        elif now >= self._deadline:
            self._count_overrun(now - self._deadline)
            self._deadline = now + self.period
        while (left := self._deadline - self._clock()) > 0.0:
            self._sleep(max(0.0, left - _SPIN))
        self._count_tick(-left)
        self._deadline += self.period

    def report(self) -> PacingReport:
        """What the clock saw in all runs."""
        counts = np.cumsum(self._lateness)
        median, p99 = np.searchsorted(counts, [0.5 * self._ticks, 0.99 * self._ticks]) * _RESOLUTION
        return PacingReport(
            ticks=self._ticks,
            rate=self._ticks / self._seconds if self._seconds > 0.0 else 0.0,
            jitter_p50=float(median),
            jitter_p99=float(p99),
            jitter_worst=self._worst,
            overruns=dict(self._overruns),
            worst_overrun=self._worst_overrun,
        )

    def _count_overrun(self, lateness: float) -> None:
        self.overrun = max(self._spent, key=lambda cause: self._spent[cause], default="work")
        self._overruns[self.overrun] = self._overruns.get(self.overrun, 0) + 1
        self._worst_overrun = max(self._worst_overrun, lateness)

    def _count_tick(self, lateness: float) -> None:
        now = self._clock()
        self._seconds += now - self._end
        self._end = self._mark = now
        self._ticks += 1
        self._lateness[min(int(lateness / _RESOLUTION), len(self._lateness) - 1)] += 1
        self._worst = max(self._worst, lateness)
        self._spent.clear()
        self._spent[_LATE] = lateness


class NoPacer:
    """Lock-step: the hand's own clock advances with each command, so nothing is waited for.

    Its rate is that of the program, not of the hand, and nothing overruns.
    """

    overrun = ""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count ticks by ``clock``."""
        self._clock = clock
        self._seconds, self._ticks = 0.0, 0
        self.start()

    def start(self) -> None:
        """Begin a new run."""
        self._last = self._clock()

    def spent(self, on: str) -> None:
        """Nothing: time is not short."""

    def wait(self) -> None:
        """Count the tick and return at once."""
        now = self._clock()
        self._seconds += now - self._last
        self._last = now
        self._ticks += 1

    def report(self) -> PacingReport:
        """Ticks and their rate in all runs."""
        return PacingReport(ticks=self._ticks, rate=self._ticks / self._seconds if self._seconds > 0.0 else 0.0)
