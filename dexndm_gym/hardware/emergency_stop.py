"""Stopping a hand at once: a switch that stays pressed, and any key of the terminal to press it."""

import math
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from dexndm_gym.errors import StopRequestedError

try:
    import termios
    import tty
except ImportError:  # pragma: no cover - there is no termios on Windows
    termios = tty = None

_ENTER = (b"\n", b"\r")
_PATIENCE = 2.0
"""A question that was not asked again for so long is none any more, s."""


def hear_every_key(terminal: int) -> None:
    """Let a terminal hand over keys as they are pressed: all but Ctrl-C, which still interrupts.

    Ctrl-Z would freeze a program, and Ctrl with a backslash end it without any clean-up, with a hand's torque on.
    """
    if termios is not None and tty is not None:
        tty.setcbreak(terminal)
        mode = termios.tcgetattr(terminal)
        mode[6][termios.VSUSP] = mode[6][termios.VQUIT] = b"\0"
        termios.tcsetattr(terminal, termios.TCSANOW, mode)


class StopSwitch:
    """Pressed from any thread, looked at by whoever moves the hand."""

    def __init__(self) -> None:
        """Not pressed."""
        self._reason: str | None = None

    def press(self, reason: str) -> None:
        """Stop; ``reason`` says who wanted it."""
        self._reason = reason or "no reason was given"

    def release(self) -> None:
        """Allow motion again."""
        self._reason = None

    @property
    def is_pressed(self) -> bool:
        """Whether motion is not allowed."""
        return self._reason is not None

    def check(self) -> None:
        """Look at the switch.

        Raises:
            StopRequestedError: it is pressed.
        """
        if self._reason is not None:
            raise StopRequestedError(f"The hand was stopped: {self._reason}")


class StopKey:
    """A context manager: while it is open, any key in the terminal stops the hand.

    Works wherever the standard input is a terminal, ssh included; elsewhere, and in the background, it does nothing.
    Ctrl-C goes on to interrupt the program, which switches torque off as well. While ``confirmed`` is asked, Enter
    does not stop the hand but confirms.

    Example::

        with StopKey(env.unwrapped.backend.stop):
            ...
    """

    def __init__(self, stop: Callable[[str], object], terminal: int | None = None) -> None:
        """Describe the key.

        Args:
            stop: called with the reason whenever a key is pressed, in another thread.
            terminal: file descriptor of the terminal; None for the standard input.
        """
        self._stop, self._terminal = stop, terminal
        self._thread: threading.Thread | None = None
        self._asked_at, self._answered = -math.inf, threading.Event()

    @property
    def is_listening(self) -> bool:
        """Whether there is a terminal whose keys are heard."""
        return self._thread is not None

    def confirmed(self) -> bool:
        """Whether Enter has been pressed since this was first asked; to be asked again and again until it is true."""
        if not self._is_asked:
            self._answered.clear()
        self._asked_at = time.monotonic()
        if not self._answered.is_set():
            return False
        self._asked_at = -math.inf
        self._answered.clear()
        return True

    @property
    def _is_asked(self) -> bool:
        """Whether somebody waits for Enter; not where they have given up, as after a stop."""
        return time.monotonic() - self._asked_at < _PATIENCE

    def __enter__(self) -> "StopKey":
        """Listen, if there is a terminal to listen to."""
        terminal = _standard_input() if self._terminal is None else self._terminal
        if termios is None or tty is None or terminal is None or not _in_foreground(terminal):
            return self
        self._settings, self._listening = termios.tcgetattr(terminal), terminal
        hear_every_key(terminal)
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="stop key", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back as it was; what was typed meanwhile is dropped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        os.close(self._end)
        thread.join()
        os.close(self._ended)
        if termios is not None and _in_foreground(self._listening):
            termios.tcsetattr(self._listening, termios.TCSAFLUSH, self._settings)

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._listening, self._ended], [], [])
            if self._ended in ready:
                return
            asked, key = self._is_asked, self._read_key()
            if asked and key in _ENTER:
                self._answered.set()
                continue
            self._stop("a key was pressed")
            if not key:  # the terminal has gone
                return

    def _read_key(self) -> bytes:
        try:
            return os.read(self._listening, 1)
        except OSError:
            return b""


def _standard_input() -> int | None:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something that is no file
        return None


def _in_foreground(terminal: int) -> bool:
    """Whether that is a terminal, and ours: the system stops programs in the background that touch it."""
    try:
        return os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
