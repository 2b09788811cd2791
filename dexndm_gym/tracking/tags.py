"""Where the printed tags are: on objects, and on the card at the hand's base.

A ``Panel`` is a piece of paper and the surface that it is glued to. Printing, the virtual camera and the tracker all
read the same panels, so that what is printed is what is looked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.object_model import RotatableObject

Vector = tuple[float, float, float]

FIRST_BASE_TAG, FIRST_OBJECT_TAG, NUM_TAGS = 0, 10, 100
"""Ids of the first tag on the base's card and on the object, and how many there are, in OpenCV's DICT_4X4_100."""

SMALLEST_TAG = 0.008
"""Side below which a camera of 640 x 480 at 0.4 m cannot read a tag, m."""

_FILL = 0.78
"""Side of a tag as a share of the room that it has; the rest is the white margin that it needs."""

BASE_CENTER = (-0.150, 0.045, 0.0)
"""Where the middle of the base's card belongs, hand frame, m: behind the wrist, facing as the palm does."""

_ROOM = 0.022
"""Room that one tag on an object should have at least, m: where there is room for two, a finger may hide one."""

_BASE_ROWS, _BASE_COLUMNS, _BASE_PITCH = 2, 3, 0.034


@dataclass(frozen=True, kw_only=True)
class PanelTag:
    """A tag on a panel, upright."""

    id: int
    x: float
    """Of its center, m, to the right of the panel's."""
    y: float
    """Of its center, m, above the panel's."""
    side: float
    """Of its black square, m."""

    @cached_property
    def corners(self) -> FloatArray:
        """(4, 2), m: in OpenCV's order, top left, top right, bottom right, bottom left."""
        unit = np.array([(-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)])
        return self.side * unit + np.array([self.x, self.y])


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A piece of paper with tags on a flat surface, or wound around a cylinder; x and y are as seen from outside."""

    name: str
    width: float
    """m."""
    height: float
    """m."""
    tags: tuple[PanelTag, ...]
    center: Vector
    """Of the panel, or of the cylinder it is wound around, m, in the frame of what it is glued to."""
    right: Vector
    """Direction of x; of a wound panel, from the axis to its middle."""
    up: Vector
    """Direction of y; of a wound panel, that of the axis."""
    radius: float | None = None
    """Of the cylinder it is wound around, m."""
    round: bool = False
    """Whether it is a disc."""

    def points(self, xy: FloatArray) -> FloatArray:
        """Points of the panel, (..., 2) m, in the frame of what it is glued to, (..., 3) m."""
        right, up = np.array(self.right), np.array(self.up)
        along, height = xy[..., :1], xy[..., 1:]
        if self.radius is None:
            return self.center + along * right + height * up
        angle = along / self.radius
        outward = np.cos(angle) * right + np.sin(angle) * np.cross(up, right)
        return self.center + self.radius * outward + height * up


@dataclass(frozen=True, kw_only=True)
class TagLayout:
    """The panels on one body, and so where its tags are."""

    name: str
    panels: tuple[Panel, ...]

    @cached_property
    def corners(self) -> Mapping[int, FloatArray]:
        """Corners of every tag by its id, (4, 3), m, in the body's frame."""
        return {tag.id: panel.points(tag.corners) for panel in self.panels for tag in panel.tags}


def object_tags(item: RotatableObject) -> TagLayout:
    """Tags on an object: on each face of a box; around a cylinder and on its ends.

    Raises:
        ConfigurationError: it is neither, or too small for tags that a camera can read.
    """
    shape = item.geoms[0].shape if item.is_primitive else ""
    if shape == "box":
        panels = _box_panels(item.geoms[0].extents)
    elif shape == "cylinder":
        panels = _cylinder_panels(item.geoms[0].extents[0], item.geoms[0].extents[2])
    else:
        raise ConfigurationError(
            f"expected a box or a cylinder to put tags on, got {item.name!r}; hand over a tracker of your own, or "
            "tracker='proprioception'"
        )
    tags = [tag for panel in panels for tag in panel.tags]
    if (smallest := min(tag.side for tag in tags)) < SMALLEST_TAG:
        raise ConfigurationError(
            f"{item.name!r} has only room for tags of {1000 * smallest:.1f} mm, expected at least "
            f"{1000 * SMALLEST_TAG:.0f} mm; take a larger object"
        )
    return TagLayout(name=item.name, panels=tuple(panels))


def base_tags(center: Vector = BASE_CENTER) -> TagLayout:
    """Tags on the card at the hand's base.

    Args:
        center: where its middle is, hand frame, m.
    """
    width, height = _BASE_COLUMNS * _BASE_PITCH, _BASE_ROWS * _BASE_PITCH
    tags = _grid(_BASE_COLUMNS, _BASE_ROWS, width, height, FIRST_BASE_TAG)
    # Its top points to the fingertips, so its right is where the hand's y is negative.
    card = Panel(
        name="base", width=width, height=height, tags=tags, center=center, right=(0.0, -1.0, 0.0), up=(1.0, 0.0, 0.0)
    )
    return TagLayout(name="base", panels=(card,))


def _grid(columns: int, rows: int, width: float, height: float, first: int) -> tuple[PanelTag, ...]:
    """Tags in equal cells of a panel, row by row from the top left."""
    cell_x, cell_y = width / columns, height / rows
    side = _FILL * min(cell_x, cell_y)
    return tuple(
        PanelTag(
            id=first + row * columns + column,
            x=(column - (columns - 1) / 2) * cell_x,
            y=((rows - 1) / 2 - row) * cell_y,
            side=side,
        )
        for row in range(rows)
        for column in range(columns)
    )


def _count(length: float) -> int:
    """How many tags to put along a length in m."""
    return min(max(int(length / _ROOM), 1), 3)


_BOX_SIDES: tuple[tuple[str, Vector, Vector], ...] = (
    ("+x", (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ("+y", (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    ("-x", (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    ("-y", (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    ("+z", (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
    ("-z", (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
)
"""Names of a box's faces, and their right and up: those of a net with four faces in a row, and the others above and
below the first."""


def _box_panels(extents: Vector) -> list[Panel]:
    size, panels, first = np.array(extents), [], FIRST_OBJECT_TAG
    for name, right, up in _BOX_SIDES:
        width, height = float(np.abs(right) @ size), float(np.abs(up) @ size)
        tags = _grid(_count(width), _count(height), width, height, first)
        x, y, z = np.cross(right, up) * size / 2
        panels.append(Panel(name=name, width=width, height=height, tags=tags, center=(x, y, z), right=right, up=up))
        first += len(tags)
    return panels


def _cylinder_panels(diameter: float, length: float) -> list[Panel]:
    around = 8 if diameter >= 0.05 else 6
    girth = np.pi * diameter
    rows = _count(length)
    band = Panel(
        name="side",
        width=girth,
        height=length,
        tags=_grid(around, rows, girth, length, FIRST_OBJECT_TAG),
        center=(0.0, 0.0, 0.0),
        right=(1.0, 0.0, 0.0),
        up=(0.0, 0.0, 1.0),
        radius=diameter / 2,
    )
    first, inscribed = FIRST_OBJECT_TAG + around * rows, 1.06 * diameter / np.sqrt(2)  # margins may be cut round
    across = _count(inscribed)
    ends = [
        Panel(
            name=name,
            width=diameter,
            height=diameter,
            tags=_grid(across, across, inscribed, inscribed, first + k * across**2),
            center=(0.0, 0.0, sign * length / 2),
            right=(0.0, 1.0, 0.0),
            up=(-sign, 0.0, 0.0),
            round=True,
        )
        for k, (name, sign) in enumerate((("+z", 1.0), ("-z", -1.0)))
    ]
    return [band, *ends]
