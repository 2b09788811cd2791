"""A phone as a source of commands: buttons under a thumb, and the phone itself turns wrist or axis."""

import math
import threading
import time
from collections.abc import Callable, Sequence

from dexndm_gym.arrays import Quaternion, Vector
from dexndm_gym.task.quaternions import multiply, quaternion
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.phone_messages import PhoneMessage, PhoneStatus
from dexndm_gym.teleop.phone_orientation import Grip, orientation
from dexndm_gym.teleop.sources import CommandQueue
from dexndm_gym.teleop.steering import SAME_AXIS
from dexndm_gym.viewer.heartbeat import SILENCE
from dexndm_gym.viewer.snapshot import Snapshot

STALE = 1.0
"""What a page says is dropped where its latest status was older, s: a network that was silent delivers it late."""


class PhoneSource:
    """What the page on a phone asks for; lost when the page has been silent, or is closed.

    The page that was opened last steers; any may stop the hand, however late it is heard. Whatever breaks off, the
    phone turns nothing any more until somebody chooses it anew: losses, resets, stops, another page.

    ``hear`` and the like are called by a thread that serves the page, ``poll`` and ``show`` by the one that moves the
    hand.
    """

    name = "phone"

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without a phone.

        Args:
            clock: seconds.
        """
        self._clock, self._lock = clock, threading.Lock()
        self._heard, self._visitor, self._commands = -math.inf, 0, CommandQueue()
        self._shown: Snapshot | None = None
        self._turns = "nothing"
        self._angles: tuple[float, float, float] | None = None
        self._grip: Grip | None = None
        self._wrist: Quaternion = (1.0, 0.0, 0.0, 0.0)
        self._axis: Vector | None = None
        Grip(orientation(0.0, 0.0, 0.0)).pointed(self._wrist)  # compiles now, not while somebody steers

    @property
    def connected(self) -> bool:
        """Whether its page was heard a moment ago."""
        return self._clock() - self._heard < SILENCE

    def poll(self) -> Sequence[Command]:
        """What was asked for since the last call; of all orientations only the newest counts."""
        with self._lock:
            turned = self._turned()
            return (*self._commands.poll(), *(() if turned is None else (turned,)))

    def show(self, snapshot: Snapshot) -> None:
        """Let the page say what the hand does, and the phone turn the wrist from where it is."""
        with self._lock:
            if self._shown is None or snapshot.episode != self._shown.episode or snapshot.paused:
                self._turn("nothing")
            self._shown = snapshot

    def welcome(self) -> int:
        """A page was opened, and steers from now on; its number."""
        with self._lock:
            self._visitor, self._heard = self._visitor + 1, -math.inf
            self._turn("nothing")
            return self._visitor

    def leave(self, visitor: int) -> None:
        """A page was closed."""
        with self._lock:
            if visitor == self._visitor:
                self._heard = -math.inf

    def steers(self, visitor: int) -> bool:
        """Whether no other page has been opened since."""
        return visitor == self._visitor

    def hear(self, visitor: int, text: str | bytes) -> None:
        """Take what a page says; what cannot be used, or comes too late, is dropped."""
        message = PhoneMessage.read(text)
        if message is None:
            return
        with self._lock:
            if stops := (message.kind, message.value) == ("command", "stop"):
                self._command("stop")
            now = self._clock()
            if visitor != self._visitor or not now - STALE <= message.at <= now:
                return
            if not self.connected:
                self._turn("nothing")
            self._heard = now
            if message.kind == "command" and not stops:
                self._command(message.value)
            elif message.kind == "turns":
                self._turn(message.value)
            elif message.kind == "orientation" and self._turns != "nothing":
                self._angles = message.value

    def status(self, visitor: int) -> str:
        """What there is to tell a page now."""
        with self._lock:
            shown = self._shown
            return PhoneStatus(
                at=self._clock(),
                doing="" if shown is None else shown.task,
                note="" if shown is None else shown.note,
                stopped=shown is not None and shown.paused,
                turns=self._turns,
                steers=self.steers(visitor),
            ).text()

    def _command(self, name: str) -> None:
        if name in ("stop", "reset"):
            self._turn("nothing")
        self._commands.put(name)

    def _turn(self, what: str) -> None:
        self._turns, self._angles, self._grip, self._axis = what, None, None, None

    def _turned(self) -> Command | None:
        """What the newest orientation asks for; the first one is where the phone begins to turn from."""
        angles, self._angles = self._angles, None
        if angles is None or self._shown is None:
            return None
        phone = orientation(*angles)
        if self._grip is None:
            self._grip, self._wrist = Grip(phone), quaternion(self._shown.wrist, 0)
        if self._turns == "wrist":
            return Command("wrist", multiply(self._grip.turned(phone), self._wrist))
        axis = self._grip.pointed(phone)
        if self._axis is not None and math.dist(axis, self._axis) <= SAME_AXIS:
            return None
        self._axis = axis
        return Command("axis", axis)
