"""What the hand looks like: the surfaces of its links, in the frames of their bodies.

Drawn for this package from the outer dimensions of the parts (20 x 34 x 26 mm servos, U brackets, rubber caps); where
the hand touches things, they follow the contact shapes of ``hand.geometry``. A joint turns its body about the z axis
through the body's origin. Lengths in m.
"""

from dataclasses import dataclass

from dexndm_gym.hand.geometry import TIP_RADIUS
from dexndm_gym.rendering.surfaces import Surface, box, prism, rod

Color = tuple[float, float, float]

SERVO: Color = (0.21, 0.225, 0.26)
BRACKET: Color = (0.93, 0.93, 0.91)
PALM: Color = (0.80, 0.82, 0.84)
PAD: Color = (0.30, 0.33, 0.38)
RUBBER: Color = (0.16, 0.42, 0.74)
HORN: Color = (0.60, 0.63, 0.67)

_PLATE = 0.0013
"""Half the thickness of a bracket's sheet."""


@dataclass(frozen=True, eq=False)
class Part:
    """One piece of one color."""

    body: str
    """Name of the body that it moves with."""

    surface: Surface
    """In the frame of that body."""

    color: Color
    """Red, green, blue, 0 to 1."""


def hand_parts() -> list[Part]:
    """All pieces of the hand."""
    fingers = [part for digit in ("if", "mf", "rf") for part in _finger(digit)]
    return [*_palm(), *fingers, *_thumb()]


def _palm() -> list[Part]:
    """A body that everything is mounted on, and pads where objects rest; the palm grasps along -z of its frame."""
    outline = [(-0.008, 0.012), (-0.090, 0.016), (-0.090, -0.066), (-0.080, -0.084), (-0.008, -0.086)]
    rear = [(-0.043, 0.018), (-0.054, 0.018), (-0.092, -0.034), (-0.092, -0.070), (-0.084, -0.078), (-0.043, -0.084)]
    return [
        Part("palm", prism(_ccw(outline), radius=0.009, half=0.0165, edge=0.004).moved([0.0, 0.0, -0.0015]), PALM),
        Part("palm", prism(_ccw(rear), radius=0.007, half=0.0125, edge=0.005).moved([0.0, 0.0, -0.0220]), PAD),
        Part("palm", box([0.0105, 0.0570, 0.0110], edge=0.005).moved([-0.0095, -0.037, -0.0168]), PAD),
    ]


def _finger(digit: str) -> list[Part]:
    base, side, middle, last = (f"{digit}_{link}" for link in ("bs", "px", "md", "ds"))
    return [
        *_bracket(base, low=-0.0010, high=0.0300, reach=0.0185),
        Part(base, _servo([0.0155, 0.0190, 0.0120], [-0.0265, 0.0400, 0.0150]), SERVO),
        Part(side, _servo([0.0170, 0.0130, 0.0110], [0.0075, -0.0002, -0.0110]), SERVO),
        Part(side, _axle(0.0310).moved([0.0150, 0.0, -0.0130], _LYING), HORN),
        *_bracket(middle, low=-0.0012, high=0.0312, reach=-0.0185),
        Part(middle, _servo([0.0170, 0.0115, 0.0130], [0.0075, -0.0335, 0.0150]), SERVO),
        Part(middle, _axle(0.0310).moved([0.0, -0.0361, 0.0150]), HORN),
        *_bracket(last, low=-0.0010, high=0.0310, reach=-0.0170),
        *_tip(last, start=-0.0170, end=-0.0372, height=0.0145),
    ]


def _thumb() -> list[Part]:
    fork = prism([(-0.017, 0.0), (-0.0015, 0.0)], radius=0.0075, half=_PLATE, edge=0.0009).along("y")
    return [
        Part("th_mp", _servo([0.0170, 0.0130, 0.0110], [-0.0075, -0.0002, -0.0110]), SERVO),
        Part("th_mp", _axle(0.0310).moved([0.0, 0.0, -0.0130], _LYING), HORN),
        Part("th_bs", fork.moved([0.0, -0.0150, 0.0]), BRACKET),
        Part("th_bs", fork.moved([0.0, 0.0150, 0.0]), BRACKET),
        Part("th_bs", box([0.0085, 0.0163, 0.0020], edge=0.001).moved([0.0, 0.0, -0.0010]), BRACKET),
        Part("th_px", _servo([0.0100, 0.0190, 0.0125], [0.0, 0.0105, -0.0145]), SERVO),
        Part("th_px", _axle(0.0290).moved([0.0, 0.0, -0.0145]), HORN),
        *_bracket("th_px", low=-0.0298, high=0.0012, reach=0.0315, pivot=0.0466),
        Part("th_ds", _servo([0.0100, 0.0180, 0.0125], [0.0, -0.0080, -0.0145]), SERVO),
        Part("th_ds", _axle(0.0290).moved([0.0, 0.0, -0.0145]), HORN),
        *_tip("th_ds", start=-0.0285, end=-0.0497, height=-0.0143),
    ]


_LYING = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
"""Turns z into -y: for axles of the joint that comes next."""


def _servo(half: list[float], center: list[float]) -> Surface:
    return box(half, edge=0.0024).moved(center)


def _axle(length: float) -> Surface:
    """The ends of a servo's horn and of the bearing opposite, along z."""
    return prism([(0.0, 0.0)], radius=0.0052, half=length / 2, edge=0.0008)


def _bracket(body: str, *, low: float, high: float, reach: float, pivot: float = 0.0) -> list[Part]:
    """A U of sheet: two ears around the axle at y = ``pivot``, joined by a plate at y = ``reach``."""
    ear = prism(_ccw([(0.0, pivot), (0.0, reach)]), radius=0.0078, half=_PLATE, edge=0.0009)
    middle, half = (low + high) / 2, (high - low) / 2 + _PLATE
    plate = box([0.0078, 0.0022, half], edge=0.0010).moved([0.0, reach, middle])
    return [Part(body, ear.moved([0.0, 0.0, z]), BRACKET) for z in (low, high)] + [Part(body, plate, BRACKET)]


def _tip(body: str, *, start: float, end: float, height: float) -> list[Part]:
    """The last link, and the rubber cap on its end."""
    bone = rod([0.0, start, height], [-0.0005, end + 0.006, height], 0.0098)
    collar = prism([(0.0, 0.0)], radius=0.0112, half=0.0022, edge=0.0012).along("y")
    return [
        Part(body, bone, BRACKET),
        Part(body, collar.moved([-0.0006, end + 0.0080, height]), HORN),
        Part(body, rod([-0.0008, end + 0.0030, height], [-0.0010, end, height], TIP_RADIUS), RUBBER),
    ]


def _ccw(corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of an outline counterclockwise."""
    after = corners[1:] + corners[:1]
    turned = sum(x * v - u * y for (x, y), (u, v) in zip(corners, after, strict=True))
    return corners if turned >= 0.0 else corners[::-1]
