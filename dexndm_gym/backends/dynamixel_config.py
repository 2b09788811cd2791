"""How a hand with servos is driven, and who stands around it."""

from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

from dexndm_gym.checks import Bound, CountOrZero, NotNegative, Positive
from dexndm_gym.hand.joints import FloatArray
from dexndm_gym.hardware.driver import DriverConfig
from dexndm_gym.objects.scene import Scene


class Tracker(Protocol):
    """Something that sees the object, for example cameras."""

    def object_pose(self) -> FloatArray | None:
        """Present pose in the hand frame, (7,): position in m, quaternion w x y z; None or NaN where it is not seen."""
        ...


class Operator(Protocol):
    """Somebody, or something, that puts the object into the hand."""

    def place_object(self, scene: Scene, seed: int) -> None:
        """Put the scene's object into the cupped hand; return when it lies there."""
        ...


@runtime_checkable
class WristHolder(Protocol):
    """An operator who also turns the wrist, as that of a virtual hand."""

    def turn(self, gravity: FloatArray) -> None:
        """Turn it: gravity in the hand frame, (3,), m/s^2."""
        ...


class Closeable(Protocol):
    """Something to release."""

    def close(self) -> None:
        """Release it; safe to call twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class DynamixelHandConfig(DriverConfig):
    """How the hand is driven."""

    baudrate: Annotated[int, Bound(least=9_600, most=4_500_000)] = 4_000_000
    """Bits per second on the servo bus, as the servos are set."""

    reply_timeout: Positive | None = None
    """How long a servo may take to begin its reply, s; None for what the USB adapter needs."""

    retries: CountOrZero = 2
    """How often a request is repeated at most within a control period."""

    ramp_speed: Positive = 0.5
    """Speed of the fastest joint on the way to the start pose, rad/s."""

    placement_time: NotNegative = 5.0
    """How long the hand waits in the start pose for an object to be put into it, s; only where there is no operator."""
