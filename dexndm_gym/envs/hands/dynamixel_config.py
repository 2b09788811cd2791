"""How a hand with servos is driven, and who stands around it."""

from dataclasses import dataclass, field
from typing import Annotated, Protocol

from dexndm_gym.checks import Bound, Checked, CountOrZero, NotNegative, Positive
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.self_collision import OVERLAP
from dexndm_gym.hardware.startup import ServoSettings
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.scene import Scene
from dexndm_gym.task.config import CONTROL_PERIOD


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


class Closeable(Protocol):
    """Something to release."""

    def close(self) -> None:
        """Release it; safe to call twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class DynamixelHandConfig(Checked):
    """How the hand is driven."""

    baudrate: Annotated[int, Bound(least=9_600, most=4_500_000)] = 4_000_000
    """Bits per second on the servo bus, as the servos are set."""

    reply_timeout: Positive | None = None
    """How long a servo may take to begin its reply, s; None for what the USB adapter needs."""

    retries: CountOrZero = 2
    """How often a request is repeated at most within a control period."""

    servos: ServoSettings = field(default_factory=ServoSettings)
    """Gains, current limit and watchdog of the servos."""

    ramp_speed: Positive = 0.5
    """Speed of the fastest joint on the way to the start pose, rad/s."""

    max_target_step: Positive = 0.25
    """Largest change of a joint's target from one control step to the next, rad."""

    placement_time: NotNegative = 5.0
    """How long the hand waits in the start pose for an object to be put into it, s; only where there is no operator."""

    health_period: Positive = 1.0
    """Control time between two checks of torque, watchdog, supply, temperature and models, s. Hardware errors and
    restarts are noticed at every control step."""

    stall_error: Positive = 0.5
    """Distance of a joint from its goal, rad, that ends the episode when the joint does not move for ``stall_time``."""

    stall_time: Positive = 2.0
    """How long a joint may be that far from its goal without moving, s. Objects that are turned hold joints back,
    too, but not for so long."""

    overlap: NotNegative = OVERLAP
    """How far fingers may overlap with each other or the palm in a commanded pose, m, on the model of the hand. Those
    that would overlap more keep their targets until they would not."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, or the watchdog is shorter than one and a half control steps.
        """
        super().__post_init__()
        if self.servos.watchdog < 1.5 * CONTROL_PERIOD:
            raise ConfigurationError(
                f"A watchdog of {self.servos.watchdog} s would stop the servos between control steps; "
                f"expected at least {1.5 * CONTROL_PERIOD} s"
            )
