"""How a hand with servos is driven, and who stands around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Bound, CountOrZero, NotNegative, Positive
from dexndm_gym.constants import BAUDRATE
from dexndm_gym.hardware.driver import DriverConfig
from dexndm_gym.objects.scene import Scene


class Tracker(Protocol):
    """Something that sees the object, for example cameras."""

    def object_pose(self) -> FloatArray | None:
        """Present pose in the hand frame, (7,): position in m, quaternion w x y z; None or NaN where it is not seen."""
        ...


@runtime_checkable
class SceneTracker(Tracker, Protocol):
    """A tracker that wants to know what is put into the hand."""

    def begin(self, scene: Scene) -> None:
        """A scene's object is about to be put into the hand."""
        ...


@runtime_checkable
class JointTracker(Tracker, Protocol):
    """A tracker that goes by the fingers."""

    def observe(self, position: FloatArray, command: FloatArray) -> None:
        """A control step has passed: joint positions at its end and the command that led to them, (16,) each, rad."""
        ...


@runtime_checkable
class TalkingTracker(Tracker, Protocol):
    """A tracker that says how it is doing."""

    def info(self) -> Mapping[str, Any]:
        """Numbers and words by name, the same names always, for the ``info`` of an environment."""
        ...


class Operator(Protocol):
    """Somebody, or something, that puts the object into the hand."""

    def place_object(self, scene: Scene, seed: int) -> None:
        """Put the scene's object into the cupped hand; return when it lies there."""
        ...

    def hold_object(self, scene: Scene, seed: int) -> None:
        """Hold the scene's object between the open fingers; return when it is there, and hold it until ``let_go``."""
        ...

    def let_go(self) -> None:
        """Let go of the object: the fingers have closed on it."""
        ...


@runtime_checkable
class WristHolder(Protocol):
    """An operator who also turns the wrist, as that of a virtual hand."""

    def turn(self, gravity: FloatArray) -> None:
        """Turn it: gravity in the hand frame, (3,), m/s^2."""
        ...


@runtime_checkable
class Closeable(Protocol):
    """Something to release."""

    def close(self) -> None:
        """Release it; safe to call twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class DynamixelHandConfig(DriverConfig):
    """How the hand is driven."""

    baudrate: Annotated[int, Bound(least=9_600, most=4_500_000)] = BAUDRATE
    """Bits per second on the servo bus, as the servos are set."""

    reply_timeout: Positive | None = None
    """How long a servo may take to begin its reply, s; None for what the USB adapter needs."""

    retries: CountOrZero = 2
    """How often a request is repeated at most within a control period."""

    ramp_speed: Positive = 0.5
    """Speed of the fastest joint on the way to the start pose, rad/s."""

    placement_time: NotNegative = 5.0
    """How long the hand waits for an object to be put into it, or to be held between its fingers, s; only where there
    is neither an operator nor somebody who confirms."""

    release_time: NotNegative = 3.0
    """How long the closed hand waits for the object to be let go of, s; only where there is neither."""
