"""What is learned and what is stuck, while a training runs: a table of wrists and axes, and the same in TensorBoard."""

import logging
import time
from collections.abc import Sequence
from typing import cast

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from stable_baselines3.common.callbacks import BaseCallback

from dexndm_gym.task.gravity_curriculum import CellReport
from dexndm_gym.task.orientations import AXES, WRISTS
from dexndm_gym.training.teacher_env import TeacherVecEnv

_LOG = logging.getLogger(__name__)

_BETWEEN_TABLES = 60.0
"""Time between two tables, or lines of the log, where the output is no terminal that could be drawn anew, s."""


class CurriculumTable(BaseCallback):
    """Shows speed, drops and gravity per wrist and axis, and logs them."""

    def __init__(self, steps: int, *, shown: bool) -> None:
        """Prepare.

        Args:
            steps: how many the run has in all.
            shown: whether to show the table, or else a line in the log now and then; TensorBoard has it in any case.
        """
        super().__init__()
        self._total, self._shown = steps, shown
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False)
        self._began = self._printed = time.monotonic()
        self._first = 0

    def _on_training_start(self) -> None:
        self._began, self._first = time.monotonic(), self.num_timesteps
        if self._shown and self._console.is_terminal:
            self._live.start()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        report = cast(TeacherVecEnv, self.training_env.unwrapped).curriculum.report()
        for cell in report:
            name = f"{cell.objects}/{cell.wrist}/{cell.axis}"
            self.logger.record(f"speed/{name}", cell.speed)
            self.logger.record(f"dropped/{name}", cell.dropped)
            self.logger.record(f"gravity/{name}", cell.gravity)
        if report:
            self.logger.record("rollout/speed", float(np.mean([cell.speed for cell in report])))
            self.logger.record("rollout/dropped", float(np.mean([cell.dropped for cell in report])))
        if self._shown and self._console.is_terminal:
            self._live.update(self._drawn(report), refresh=True)
        elif time.monotonic() - self._printed > _BETWEEN_TABLES:
            self._printed = time.monotonic()
            if self._shown:
                self._console.print(self._drawn(report))
            else:
                _LOG.info("%s", self._head())

    def _on_training_end(self) -> None:
        self._live.stop()

    def _head(self) -> str:
        spent = time.monotonic() - self._began
        rate = (self.num_timesteps - self._first) / max(spent, 1e-9)
        left = (self._total - self.num_timesteps) / max(rate, 1e-9)
        return (
            f"{self.num_timesteps / 1e6:.2f} of {self._total / 1e6:.2f} M steps, {rate:,.0f} steps/s, "
            f"{left / 60:.0f} min left"
        )

    def _drawn(self, report: Sequence[CellReport]) -> RenderableType:
        return Group(
            Text(self._head()), *(_table(report, objects) for objects in dict.fromkeys(cell.objects for cell in report))
        )


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
