"""Ctrl-C in a long run: the step under way is finished, so that nothing is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupt:
    """Whether Ctrl-C has been pressed."""

    seen: bool = False


@contextmanager
def noted_interrupt() -> Iterator[Interrupt]:
    """Within this, the first Ctrl-C is only noted; a second one raises KeyboardInterrupt as always."""
    noted = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        noted.seen = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
