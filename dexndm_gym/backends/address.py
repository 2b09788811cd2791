"""Which hand is meant: a serial port that an option or the environment names, or a virtual hand."""

import os
from dataclasses import dataclass

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.virtual_hand import VIRTUAL_PORT

PORT_VARIABLE = "DEXNDM_PORT"
"""Environment variable that names the port where a program does not."""


@dataclass(frozen=True)
class HandAddress:
    """One hand; its text says which, for people."""

    port: str
    """Serial device, or ``"virtual"``."""
    hand_seed: int = 0
    """Which virtual hand."""
    from_variable: bool = False
    """Whether the environment variable named it."""

    @property
    def is_virtual(self) -> bool:
        """Whether a virtual hand will be started."""
        return self.port == VIRTUAL_PORT

    def __str__(self) -> str:
        """Which hand this is."""
        name = f"virtual hand {self.hand_seed}" if self.is_virtual else f"the hand on {self.port}"
        return f"{name} (from {PORT_VARIABLE})" if self.from_variable else name


def find_hand(port: str | None = None, hand_seed: int = 0) -> HandAddress:
    """The hand that is meant.

    Args:
        port: serial device such as ``/dev/ttyUSB0``, or ``"virtual"``; None takes the environment variable DEXNDM_PORT,
            and a virtual hand where that is not set or empty.
        hand_seed: which virtual hand.

    Raises:
        ConfigurationError: the port has no name.
    """
    if port is None and (named := os.environ.get(PORT_VARIABLE, "").strip()):
        return HandAddress(named, hand_seed, from_variable=True)
    if port is not None and not port.strip():
        raise ConfigurationError(f"Expected a serial port such as /dev/ttyUSB0, or {VIRTUAL_PORT}, got {port!r}")
    return HandAddress(port if port is not None else VIRTUAL_PORT, hand_seed)
