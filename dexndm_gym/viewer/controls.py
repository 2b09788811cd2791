"""What a page shows and offers, and what people do with it; free of whatever serves the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dexndm_gym.objects.object_choice import Choice


@dataclass(frozen=True, kw_only=True)
class ControlEvent:
    """Somebody used a control of the page."""

    name: str
    """Which control."""

    value: Any = None
    """What it was set to, if anything."""


@dataclass(frozen=True, kw_only=True)
class PageSettings:
    """What a page shows and offers."""

    title: str
    """What hand it is."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 8080
    """Port of the page; the next free one is taken."""

    items: Mapping[str, Choice] = field(default_factory=dict)
    """Objects by name, where they are none of the built-in ones."""

    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What there is to choose from: ``"object"``, ``"wrist"``, ``"axis"``, ``"policy"``; the first is chosen."""

    slow_motion: bool = True
    """Whether time can pass slower than on a clock."""

    stoppable: bool = False
    """Whether there is torque to switch off."""

    lengths: Sequence[float] = ()
    """Durations of recorded trajectories, s."""
