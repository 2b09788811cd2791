"""What stands between the target that the policy asked for and the target that the hand is sent."""

from dataclasses import dataclass
from typing import Protocol

from dexndm_gym.leap.joints import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class TargetWindow:
    """The last ten control steps of n hands, oldest first. A target at index j was applied from position j on."""

    position: FloatArray
    """Measured joint positions, (n, 10, 16), rad; the last is the present one."""

    base_target: FloatArray
    """Targets that the policy asked for, (n, 9, 16), rad."""

    sent_target: FloatArray
    """Targets that the hand was sent, (n, 9, 16), rad."""


class TargetFilter(Protocol):
    """Changes targets on their way to the hand: the dynamics correction, a limit, a delay."""

    def reset(self, ids: IntArray) -> None:
        """New episodes begin on the hands ``ids``."""
        ...

    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the target to send, (n, 16) rad, and values (n, ...) to show in ``info``."""
        ...
