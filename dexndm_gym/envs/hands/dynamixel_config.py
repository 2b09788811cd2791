"""How a hand with servos is driven, and who stands around it."""

from dataclasses import dataclass
from typing import Protocol

from dexndm_gym.hardware.driver import DriverConfig
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.scene import Scene


class Tracker(Protocol):
    """Something that sees the object, for example cameras."""

    def object_pose(self) -> FloatArray:
        """Present pose in the hand frame, (7,): position in m, quaternion w x y z."""
        ...


class Operator(Protocol):
    """Somebody, or something, that puts the object into the hand."""

    def place_object(self, scene: Scene, seed: int) -> None:
        """Put the scene's object into the cupped hand; return when it lies there."""
        ...


class Closeable(Protocol):
    """Something to release."""

    def close(self) -> None:
        """Release it; safe to call twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class DynamixelHandConfig(DriverConfig):
    """How the hand is driven."""

    baudrate: int = 4_000_000
    """Bits per second on the servo bus, as the servos are set."""

    reply_timeout: float | None = None
    """How long a servo may take to begin its reply, s; None for what the USB adapter needs."""

    retries: int = 2
    """How often a request is repeated at most within a control period."""

    ramp_speed: float = 0.5
    """Speed of the fastest joint on the way to the start pose, rad/s."""

    placement_time: float = 5.0
    """How long the hand waits in the start pose for an object to be put into it, s; only where there is no operator."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, or the watchdog is shorter than one and a half control steps.
        """
        super().__post_init__()
        self._require_positive("ramp_speed")
        self._require_not_negative("placement_time", "retries")
