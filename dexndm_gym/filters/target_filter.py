"""Hooks that modify joint position targets before they reach the backend as commands."""

from dataclasses import dataclass
from typing import Protocol

from dexndm_gym.arrays import FloatArray


@dataclass(frozen=True, kw_only=True)
class TargetWindow:
    """The last ten control steps of n hands, oldest first. A target at index j was applied from position j on."""

    position: FloatArray
    """Measured joint positions, (n, 10, 16), rad; the last is the present one."""

    target: FloatArray
    """Targets that the policy asked for, (n, 9, 16), rad."""

    command: FloatArray
    """Commands that the hand was sent, (n, 9, 16), rad."""


class TargetFilter(Protocol):
    """Changes targets on their way to the hand: the dynamics correction, a limit, a delay.

    ``wrappers.TargetFilterWrapper`` puts one into an env. The window is all that it needs to remember: where an episode
    has just begun, it is filled with the pose that the episode begins with.
    """

    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the target to send, (n, 16) rad, and values (n, ...) to show in ``info``."""
        ...
