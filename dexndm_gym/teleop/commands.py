"""What somebody who steers a hand can ask for."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import HandAxis, Numbers

COMMANDS = {
    "go": "the policy moves the fingers; an open hand closes first",
    "hold": "the fingers hold their targets",
    "open": "the fingers open",
    "close": "the fingers close to the cupped hand that episodes start with",
    "axis": "turn about this: a name, or three numbers in the world frame",
    "wrist": "the hand is held like this now: a name, or a quaternion w x y z from hand frame to world frame",
    "goal": "turn the object to this orientation in the world frame, a quaternion w x y z",
    "speed": "share of the policy's motion, more than 0 and at most 1",
    "reset": "begin anew, from the start pose",
    "stop": "emergency stop: torque off until a reset",
}
"""Every command and what it means."""

VALUELESS = ("go", "hold", "open", "close", "reset", "stop")
"""Those that need no value."""


@dataclass(frozen=True)
class Command:
    """One thing asked for.

    Raises:
        ConfigurationError: there is no such command, or its value cannot be used.
    """

    name: str
    """One of ``COMMANDS``."""

    value: Any = None
    """Its value; None for those of ``VALUELESS``."""

    def __post_init__(self) -> None:
        """Check name and value."""
        if self.name not in COMMANDS:
            raise ConfigurationError(f"unknown command {self.name!r}; expected one of {', '.join(COMMANDS)}")
        if self.name in VALUELESS:
            if self.value is not None:
                raise ConfigurationError(f"the command {self.name} takes no value, got {self.value!r}")
        elif self.name == "speed":
            _check_speed(self.value)
        else:
            self.numbers()

    def numbers(self) -> Numbers:
        """The value of an ``axis`` (a unit vector), ``wrist`` or ``goal`` (a unit quaternion) as numbers.

        An axis that is fixed in the hand stays a ``HandAxis``.
        """
        option = "axis" if self.name == "axis" else "wrist"
        value = self.value.tolist() if isinstance(self.value, np.ndarray) else self.value
        if isinstance(value, HandAxis):
            return value
        options = EpisodeOptions().updated({option: value}) if value is not None else None
        found = () if options is None else options.axes if option == "axis" else options.wrists
        if len(found) != 1 or found[0] is None:
            raise ConfigurationError(f"the command {self.name} takes one name or vector, got {self.value!r}")
        return found[0]


def _check_speed(value: Any) -> None:
    try:
        usable = 0.0 < float(value) <= 1.0
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise ConfigurationError(f"the command speed takes a number greater than 0 and at most 1, got {value!r}")
