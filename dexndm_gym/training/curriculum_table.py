"""What is learned and what is stuck, while a training runs: a table of wrists and axes, and the same as numbers."""

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dexndm_gym.task.gravity_curriculum import CellReport
from dexndm_gym.task.orientations import AXES, WRISTS

_LOG = logging.getLogger(__name__)

_BETWEEN_TABLES = 60.0
"""Time between two tables, or lines of the log, where the output is no terminal that could be drawn anew, s."""


class CurriculumTable:
    """Speed, drops and gravity per wrist and axis, drawn anew where the output is a terminal."""

    def __init__(self, total: int, *, shown: bool) -> None:
        """Prepare.

        Args:
            total: steps that the run has in all.
            shown: whether to show the table, or else a line in the log now and then.
        """
        self._total, self._shown = total, shown
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False)
        self._began = self._printed = time.monotonic()
        self._first = 0

    def start(self, steps: int) -> None:
        """The run goes on from so many steps."""
        self._began, self._first = time.monotonic(), steps
        if self._shown and self._console.is_terminal:
            self._live.start()

    def show(self, steps: int, report: Sequence[CellReport]) -> None:
        """Show how the cells do after so many steps."""
        if self._shown and self._console.is_terminal:
            self._live.update(self._drawn(steps, report), refresh=True)
        elif time.monotonic() - self._printed > _BETWEEN_TABLES:
            self._printed = time.monotonic()
            if self._shown:
                self._console.print(self._drawn(steps, report))
            else:
                _LOG.info("%s", self._head(steps))

    def stop(self) -> None:
        """Leave the last table standing."""
        self._live.stop()

    def _head(self, steps: int) -> str:
        spent = time.monotonic() - self._began
        rate = (steps - self._first) / max(spent, 1e-9)
        left = (self._total - steps) / max(rate, 1e-9)
        return f"{steps / 1e6:.2f} of {self._total / 1e6:.2f} M steps, {rate:,.0f} steps/s, {left / 60:.0f} min left"

    def _drawn(self, steps: int, report: Sequence[CellReport]) -> RenderableType:
        objects = dict.fromkeys(cell.objects for cell in report)
        return Group(Text(self._head(steps)), *(_table(report, name) for name in objects))


def log_cells(record: Callable[[str, float], None], report: Sequence[CellReport]) -> None:
    """Record how each cell does and how all do together, under names as TensorBoard groups them."""
    for cell in report:
        name = f"{cell.objects}/{cell.wrist}/{cell.axis}"
        record(f"speed/{name}", cell.speed)
        record(f"dropped/{name}", cell.dropped)
        record(f"gravity/{name}", cell.gravity)
    if report:
        record("rollout/speed", float(np.mean([cell.speed for cell in report])))
        record("rollout/dropped", float(np.mean([cell.dropped for cell in report])))


def _table(report: Sequence[CellReport], objects: str) -> Table:
    """Wrists down, axes across: rad/s, share dropped, gravity."""
    cells = {(cell.wrist, cell.axis): cell for cell in report if cell.objects == objects}
    axes = [axis for axis in AXES if any(axis == known for _, known in cells)]
    table = Table(title=f"{objects}: rad/s, dropped, gravity")
    table.add_column("wrist")
    for axis in axes:
        table.add_column(axis, justify="right")
    for wrist in WRISTS:
        row = [cells.get((wrist, axis)) for axis in axes]
        if any(row):
            table.add_row(wrist, *("" if c is None else f"{c.speed:.2f} {c.dropped:.0%} {c.gravity:.1f}g" for c in row))
    return table
