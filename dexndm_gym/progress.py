"""How far something is: one type for everything that takes its time, and a bar that shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

Progress = Callable[[int, int, str], Any]
"""Told how much is done, of how much, and a few words."""


class Tally:
    """Adds up what has just been done, and tells how far that is."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        """Count up to ``total``; without a ``progress`` nobody is told."""
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, count: int = 1, note: str = "") -> None:
        """So much more is done."""
        self._done += count
        if self._progress is not None:
            self._progress(self._done, self._total, note)


@contextmanager
def progress_bar(label: str, unit: str, *, shown: bool = True, leave: bool = True) -> Iterator[Progress]:
    """A bar on stderr, to be given to whatever takes a ``Progress``.

    Args:
        label: what is going on.
        unit: what is counted.
        shown: whether there is a bar at all.
        leave: whether it stays on the screen at the end.
    """
    with tqdm(desc=label, unit=unit, disable=not shown, leave=leave) as bar:

        def tell(done: int, total: int, note: str) -> None:
            bar.total = total
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)

        yield tell
