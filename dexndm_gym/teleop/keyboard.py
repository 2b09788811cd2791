"""The keys of the terminal, over ssh as well."""

import os
import re
import select
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.emergency_stop import hear_every_key
from dexndm_gym.teleop.commands import Command

try:
    import termios
except ImportError:  # pragma: no cover - there is no termios on Windows
    termios = None

KEYS: Mapping[str, Command] = {
    **dict.fromkeys((" ", "\x1a", "\x1c"), Command("stop")),  # with Ctrl-Z and Ctrl-\
    "g": Command("go"),
    "h": Command("hold"),
    "o": Command("open"),
    "c": Command("close"),
    "r": Command("reset"),
    **{letter: Command("axis", f"+{letter}") for letter in "xyz"},
    **{letter.upper(): Command("axis", f"-{letter}") for letter in "xyz"},
    "p": Command("axis", "hand+z"),
    "P": Command("axis", "hand-z"),
    **{str(number): Command("speed", number / 5) for number in range(1, 6)},
}
"""What each key asks for."""

HELP = (
    "space EMERGENCY STOP   g go   h hold   o open   c close   r reset   x y z axis, with shift the other way   "
    "p P palm normal   1-5 speed"
)
"""The keys in one line."""

_MOST = 1024
_SEQUENCE = re.compile(r"\x1b+(?:\[[0-?]*[@-~]|O[A-Za-z]|[^ \[O\x1b])")
"""What terminals send for keys without a character, such as F1, and for those pressed with Alt. No space is part of
one, so that whatever came before, the space bar stops."""
_BEGUN = re.compile(r"\x1b+(?:\[[0-?]*|O)?$")


class KeyboardSource:
    """Keys as commands; a context manager that gives the terminal back as it was.

    It is lost when the terminal has gone.
    """

    name = "keyboard"

    def __init__(self, terminal: int | None = None, keys: Mapping[str, Command] = KEYS) -> None:
        """Describe it; nothing is changed yet.

        Args:
            terminal: file descriptor; None for the standard input.
            keys: what each key asks for.
        """
        self._terminal, self._keys = terminal, keys
        self._open, self._begun = False, ""

    @classmethod
    def available(cls) -> bool:
        """Whether the standard input is a terminal that this program may read from."""
        try:
            return termios is not None and sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
        except (AttributeError, OSError, ValueError):
            return False

    def __enter__(self) -> "KeyboardSource":
        """Read keys as they are pressed.

        Raises:
            ConfigurationError: there is no terminal.
        """
        descriptor = sys.stdin.fileno() if self._terminal is None else self._terminal
        if termios is None or not os.isatty(descriptor):
            raise ConfigurationError("expected a terminal to read keys from; steer from the page instead")
        self._descriptor, self._settings = descriptor, termios.tcgetattr(descriptor)
        hear_every_key(descriptor)
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back; what was typed meanwhile is dropped."""
        if self._open and termios is not None:
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._settings)
        self._open = False

    @property
    def connected(self) -> bool:
        """Whether the terminal is still there."""
        return self._open

    def poll(self) -> Sequence[Command]:
        """What the keys ask for that were pressed since the last call; other keys do nothing."""
        pressed = ""
        try:
            while self._open and select.select([self._descriptor], [], [], 0.0)[0]:
                read = os.read(self._descriptor, _MOST)
                if not read:
                    self._open = False
                pressed += read.decode(errors="ignore")
        except OSError:  # the other end has hung up
            self._open = False
        return [self._keys[key] for key in self._characters(pressed) if key in self._keys]

    def _characters(self, pressed: str) -> str:
        """Without the sequences of keys that have none, which may arrive in parts."""
        if not pressed:
            return ""
        is_escape = not self._begun.strip("\x1b") and pressed[0] not in "[O"  # pressed by itself, before this
        begun = "" if is_escape else self._begun
        rest = _SEQUENCE.sub("", begun + pressed)
        unfinished = _BEGUN.search(rest)
        self._begun = unfinished[0] if unfinished else ""
        return rest.removesuffix(self._begun)
