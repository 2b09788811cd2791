"""Wrist orientations and rotation axes by name and by named set.

World frame: +z is up. Palm up, the hand frame (+x towards the fingertips, +z out of the palm) and the world frame
coincide; ``docs/frames.md`` has a drawing. A wrist orientation is the quaternion w x y z that turns vectors of the hand
frame into the world frame; of its two signs the one whose first number that is not zero is positive. Axes are fixed in
the world frame, whatever the wrist.
"""

from collections.abc import Iterable

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.quaternions import conjugate, multiply, rotate, rotation_vector

Numbers = tuple[float, ...]

_HALF = float(np.sqrt(0.5))

WRISTS: dict[str, Numbers] = {
    "palm_up": (1.0, 0.0, 0.0, 0.0),
    "palm_down": (0.0, 1.0, 0.0, 0.0),
    "base_up": (_HALF, 0.0, _HALF, 0.0),
    "base_down": (_HALF, 0.0, -_HALF, 0.0),
    "thumb_up": (_HALF, -_HALF, 0.0, 0.0),
    "thumb_down": (_HALF, _HALF, 0.0, 0.0),
}
"""Wrist orientations by name: the part named, palm, base (the wrist's side of the palm) or thumb, points up or down.
Each is reached from palm up by the shortest turn."""

AXES: dict[str, Numbers] = {
    sign + name: tuple(np.eye(3)[i] * (1.0 if sign == "+" else -1.0))
    for i, name in enumerate("xyz")
    for sign in ("+", "-")
}
"""Rotation axes by name."""


class HandAxis(tuple[float, ...]):
    """A rotation axis that is fixed in the hand: three numbers in the hand frame."""


HAND_AXES: dict[str, HandAxis] = {f"hand{name}": HandAxis(axis) for name, axis in AXES.items()}
"""Axes that turn with the wrist by name: ``"hand+z"`` is the palm normal, whatever the wrist."""

# 13 lines that, with the lines along x, y and z, are spread evenly: none is nearer than 33.8 degrees to another.
_LINES = np.array(
    [
        *((0.791, -0.566, 0.234), (0.757, 0.607, 0.244), (-0.504, 0.818, 0.276), (-0.519, -0.802, 0.296)),
        *((-0.811, 0.326, 0.485), (0.259, -0.83, 0.494), (0.163, 0.829, 0.535), (0.83, 0.027, 0.557)),
        *((-0.757, -0.277, 0.591), (-0.225, -0.546, 0.807), (0.453, -0.362, 0.815), (-0.313, 0.485, 0.817)),
        (0.429, 0.384, 0.818),
    ]
)
_DIAGONALS = np.array([(1, 1, 1), (1, 0, 1), (1, 1, 0), (0, 1, 1)], dtype=np.float64)


def _unit(vectors: FloatArray) -> tuple[Numbers, ...]:
    return tuple(tuple(row.tolist()) for row in vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


WRIST_SETS: dict[str, tuple[Numbers, ...]] = {"six": tuple(WRISTS.values())}
"""Named sets of wrist orientations to draw from; ``"six"`` is the paper's test set."""

AXIS_SETS: dict[str, tuple[Numbers, ...]] = {
    "principal": tuple(AXES.values()),
    "general": _unit(np.concatenate([_LINES, -_LINES])),
    "diagonal": _unit(_DIAGONALS),
}
"""Named sets of axes to draw from: +-x, +-y, +-z; the 26 that are left of 32 evenly spread ones without those (the
paper gives the number, not the list); the four diagonals of its tests on a hand."""

RANDOM = "random"
"""Name that stands for a uniform draw: over all orientations, or over all axes."""


def wrist_names(names: Iterable[str]) -> list[str]:
    """Names of single orientations, and ``"random"``, with the names of sets replaced by what is in them.

    Raises:
        ConfigurationError: a name is unknown.
    """
    known = (*WRISTS, *WRIST_SETS, RANDOM)
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(f"expected wrists out of {', '.join(known)}, got {', '.join(unknown)}")
    by_value = {value: name for name, value in WRISTS.items()}
    members = {name: [by_value[value] for value in values] for name, values in WRIST_SETS.items()}
    return list(dict.fromkeys(found for name in names for found in members.get(name, [name])))


def draw_unit(rng: np.random.Generator, size: int) -> FloatArray:
    """A point drawn uniformly from the unit sphere in ``size`` dimensions, (size,).

    In four dimensions it is a rotation drawn uniformly from SO(3), as a quaternion.
    """
    vector = rng.standard_normal(size)
    return vector / np.linalg.norm(vector)


def canonical(wrist: FloatArray) -> FloatArray:
    """The one of the two quaternions of an orientation whose first number that is not zero is positive."""
    return -wrist if wrist[np.flatnonzero(wrist)[0]] < 0.0 else wrist


def down_in_hand(wrist: FloatArray) -> tuple[float, float, float]:
    """Direction of gravity in the hand frame, a unit vector."""
    w, x, y, z = wrist.tolist()
    return rotate(conjugate((w, x, y, z)), (0.0, 0.0, -1.0))


def up_in_hand(wrist: FloatArray) -> tuple[float, float, float]:
    """Direction against gravity in the hand frame, a unit vector."""
    x, y, z = down_in_hand(wrist)
    return -x, -y, -z


def in_world(axis: Numbers, wrist: FloatArray) -> Numbers:
    """An axis in the world frame, for a hand held by a wrist, quaternion (4,); axes of the world stay as they are."""
    if not isinstance(axis, HandAxis):
        return axis
    w, x, y, z = wrist.tolist()
    return rotate((w, x, y, z), (axis[0], axis[1], axis[2]))


def rotation_to(goals: FloatArray, wrists: FloatArray, objects: FloatArray) -> FloatArray:
    """The rotations that are left to goals, axis times angle in rad, world frame, (n, 3).

    Args:
        goals: orientations in the world frame, quaternions (n, 4).
        wrists: from hand frame to world frame, (n, 4).
        objects: orientations in the hand frame, (n, 4).
    """
    left = np.empty((len(goals), 3))
    for i, (goal, wrist, item) in enumerate(zip(goals, wrists, objects, strict=True)):
        now = multiply(tuple(wrist.tolist()), tuple(item.tolist()))
        left[i] = rotation_vector(multiply(tuple(goal.tolist()), conjugate(now)))
    return left


def axes_in_hand(frames: FloatArray) -> FloatArray:
    """Rotation axes in the hand frame, (n, 3), of wrists and axes in the world frame, (n, 7)."""
    w, v, axis = frames[:, :1], -frames[:, 1:4], frames[:, 4:]
    across = 2.0 * np.cross(v, axis)
    return axis + w * across + np.cross(v, across)
