"""Where commands come from: one small protocol, and sources for programs."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from dexndm_gym.teleop.commands import Command


class CommandSource(Protocol):
    """Somebody, or something, that steers."""

    name: str
    """What to call it in messages."""

    @property
    def connected(self) -> bool:
        """Whether it could be heard now if it had something to say."""
        ...

    def poll(self) -> Sequence[Command]:
        """What was asked for since the last call, in order; never waits."""
        ...


class CallbackSource:
    """A function that is asked once or more in every control step: for arms, headsets, trackers.

    Example: the wrist as an arm holds it::

        CallbackSource(lambda: [Command("wrist", arm.orientation())], name="arm", connected=arm.is_alive)
    """

    def __init__(
        self,
        ask: Callable[[], Iterable[Command]],
        *,
        name: str = "callback",
        connected: Callable[[], bool] = lambda: True,
    ) -> None:
        """Ask a function.

        Args:
            ask: what is wanted now; must not wait.
            name: what to call it in messages.
            connected: whether it can be heard.
        """
        self.name, self._ask, self._connected = name, ask, connected

    @property
    def connected(self) -> bool:
        """Whether it can be heard."""
        return self._connected()

    def poll(self) -> Sequence[Command]:
        """What is wanted now."""
        return tuple(self._ask())


class CommandQueue:
    """Commands that any thread may leave.

    Attributes:
        connected: may be set by whoever fills the queue.
    """

    def __init__(self, name: str = "program") -> None:
        """Begin empty."""
        self.name, self.connected = name, True
        self._commands: deque[Command] = deque()

    def put(self, name: str, value: object = None) -> None:
        """Leave a command.

        Raises:
            ConfigurationError: there is no such command, or its value cannot be used.
        """
        self._commands.append(Command(name, value))

    def poll(self) -> Sequence[Command]:
        """What was left since the last call."""
        return [self._commands.popleft() for _ in range(len(self._commands))]


class Script:
    """Commands over time."""

    connected = True

    def __init__(
        self, timeline: Iterable[tuple[float, Command]], clock: Callable[[], float], name: str = "script"
    ) -> None:
        """Play a timeline.

        Args:
            timeline: when, s, and what; in order.
            clock: the time now, s: that of the machine, or of the episode.
            name: what to call it in messages.
        """
        self.name, self._timeline, self._clock = name, deque(timeline), clock

    @property
    def over(self) -> bool:
        """Whether everything has been said."""
        return not self._timeline

    def poll(self) -> Sequence[Command]:
        """What is due."""
        now, due = self._clock(), []
        while self._timeline and self._timeline[0][0] <= now + 1e-9:
            due.append(self._timeline.popleft()[1])
        return due
