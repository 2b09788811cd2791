"""What a phone's page and this program tell each other: one JSON object per message."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dexndm_gym.teleop.commands import VALUELESS

TURNS = ("nothing", "wrist", "axis")
"""What a phone can turn."""

LONGEST = 1024
"""Longer messages of a page end its connection, bytes."""

_LATEST = 1e12


def _are_angles(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(_is_number(angle, 360.0) for angle in value)


def _is_number(value: Any, most: float) -> bool:
    """Whether it is one at all, finite, and not huge."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most


_USABLE: Mapping[str, Callable[[Any], bool]] = {
    "here": lambda value: value is None,
    "command": lambda value: value in VALUELESS,
    "turns": lambda value: value in TURNS,
    "orientation": _are_angles,
}
"""Kinds of messages of a page, and what each may hold."""


@dataclass(frozen=True)
class PhoneMessage:
    """What a page says."""

    kind: str
    """``"here"``: it is open; ``"command"``: one of ``VALUELESS``; ``"turns"``: what the phone turns from now on;
    ``"orientation"``: how it is held."""

    value: Any
    """None; a name; a name of ``TURNS``; alpha, beta and gamma of a browser, degrees."""

    at: float
    """Time of the latest status that the page had, s: it knew no more than that."""

    @classmethod
    def read(cls, text: str | bytes) -> "PhoneMessage | None":
        """The message in a text; None where there is none that can be used."""
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(fields, dict) or fields.keys() != {"kind", "value", "at"}:
            return None
        kind, value, at = fields["kind"], fields["value"], fields["at"]
        usable = _USABLE.get(kind) if isinstance(kind, str) else None
        if usable is None or not usable(value) or not _is_number(at, _LATEST):
            return None
        return cls(kind, value, float(at))


@dataclass(frozen=True, kw_only=True)
class PhoneStatus:
    """What a page is told, in answer to each of its messages."""

    at: float
    """Time, s."""

    doing: str
    """What the hand does, for people."""

    note: str
    """What else there is to say, for people."""

    stopped: bool
    """Whether nothing moves until a reset."""

    turns: str
    """What the phone turns, one of ``TURNS``."""

    steers: bool
    """Whether this page steers; where another one was opened since, it does not come back by itself."""

    def text(self) -> str:
        """As it is sent."""
        return json.dumps(vars(self))
