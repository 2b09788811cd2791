"""Primitive shapes of the links: what touches the object.

All of it is drawn for this package from the outer dimensions of the hand's parts (20 x 34 x 26 mm servos, U brackets,
rubber caps whose end fits a sphere). Frames are those of the bodies; lengths in m, boxes as half extents.
"""

from dataclasses import dataclass

from dexndm_gym.arrays import Vector

SERVO_COLOR = (0.25, 0.26, 0.29, 1.0)
BRACKET_COLOR = (0.90, 0.90, 0.88, 1.0)
PALM_COLOR = (0.82, 0.83, 0.84, 1.0)
RUBBER_COLOR = (0.24, 0.45, 0.72, 1.0)


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box, axis-aligned in its body's frame."""

    center: Vector
    half: Vector
    color: tuple[float, float, float, float] = SERVO_COLOR


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A capsule between two points; equal points make a sphere."""

    start: Vector
    end: Vector
    radius: float
    color: tuple[float, float, float, float] = BRACKET_COLOR


Shape = Box | Capsule

TIP_RADIUS = 0.0125
"""Radius of the rubber fingertips, m: the cap is 20.6 x 24 mm, its end fits a sphere."""


PALM_CONTACT: list[Shape] = [
    Box(center=(-0.009, -0.037, -0.011), half=(0.011, 0.058, 0.017), color=PALM_COLOR),  # knuckles
    Box(center=(-0.030, -0.035, -0.003), half=(0.0105, 0.060, 0.015), color=PALM_COLOR),  # trough behind them
    Box(center=(-0.048, -0.033, -0.0115), half=(0.012, 0.058, 0.023), color=PALM_COLOR),  # plate
    Box(center=(-0.079, -0.053, -0.0115), half=(0.021, 0.026, 0.023), color=PALM_COLOR),  # heel
]

FINGER_CONTACT: dict[str, list[Shape]] = {
    "bs": [Box(center=(-0.0265, 0.040, 0.015), half=(0.0155, 0.019, 0.012))],
    "px": [Box(center=(0.0075, -0.0002, -0.011), half=(0.017, 0.013, 0.011))],
    "md": [Capsule(start=(0.004, -0.014, 0.015), end=(0.004, -0.034, 0.015), radius=0.0125, color=SERVO_COLOR)],
    "ds": [Capsule(start=(0.0, -0.012, 0.015), end=(-0.0005, -0.030, 0.0146), radius=0.0105)],
}
FINGER_TIP: list[Shape] = [
    Capsule(start=(-0.001, -0.0372, 0.0145), end=(-0.001, -0.0372, 0.0145), radius=TIP_RADIUS, color=RUBBER_COLOR)
]

THUMB_CONTACT: dict[str, list[Shape]] = {
    "mp": [Box(center=(-0.0075, -0.0002, -0.011), half=(0.017, 0.013, 0.011))],
    "px": [Capsule(start=(0.0, 0.004, -0.0145), end=(0.0, 0.034, -0.0145), radius=0.0125, color=SERVO_COLOR)],
    "ds": [Capsule(start=(0.0, 0.002, -0.0145), end=(-0.0005, -0.042, -0.0144), radius=0.0115)],
}
THUMB_TIP: list[Shape] = [
    Capsule(start=(-0.001, -0.0497, -0.0143), end=(-0.001, -0.0497, -0.0143), radius=TIP_RADIUS, color=RUBBER_COLOR)
]


def contact_shapes(body: str) -> list[Shape]:
    """Shapes of a body that take part in contact, the rubber tip excepted."""
    return _look_up(body, PALM_CONTACT, FINGER_CONTACT, THUMB_CONTACT)


def tip_shapes(body: str) -> list[Shape]:
    """The rubber tip of a distal body; empty for every other body."""
    return {"th_ds": THUMB_TIP}.get(body, FINGER_TIP if body.endswith("_ds") else [])


def _look_up(
    body: str, palm: list[Shape], finger: dict[str, list[Shape]], thumb: dict[str, list[Shape]]
) -> list[Shape]:
    if body == "palm":
        return palm
    digit, link = body.split("_")
    return (thumb if digit == "th" else finger).get(link, [])
