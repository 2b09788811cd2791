"""Where rays meet the primitive shapes that the hand and its objects are made of, in the frame of the shape.

Vectors are arrays (3, ...): numpy adds three large arrays much faster than it sums along a short axis.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
"""Single precision all through: it halves the time."""

NormalAt = Callable[[Array], Array]
"""Maps points of a surface, (3, k), to outward normals there, (3, k), of any length."""


def cast(kind: str, size: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    """Cast rays at a shape.

    Args:
        kind: name of MuJoCo's geom type: ``mjGEOM_BOX``, ``_SPHERE``, ``_CAPSULE``, ``_CYLINDER``, ``_ELLIPSOID``, or
            ``_MESH``, which has to be convex.
        size: MuJoCo's ``geom_size``, (3,), m; of a mesh outward normals and distances of its k planes, (k, 4).
        origin: where the rays start, (3,), m, outside the shape.
        rays: directions, (3, ...).

    Returns:
        Distance to the first hit, (...), in lengths of the ray's direction, infinite where it misses; and the normals.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return _SHAPES[kind](size, origin, rays)


def dot(a: Array, b: Array) -> Array:
    """Inner products of vectors (2, ...) or (3, ...)."""
    total = a[0] * b[0] + a[1] * b[1]
    return total + a[2] * b[2] if len(a) > 2 else total


def _column(vector: Array, like: Array) -> Array:
    return vector.reshape(-1, *[1] * (like.ndim - 1))


def _box(size: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    inverse = 1.0 / rays
    middle, reach = _column(-origin, rays) * inverse, _column(size, rays) * np.abs(inverse)
    enter, leave = middle - reach, middle + reach
    first = np.maximum(np.maximum(enter[0], enter[1]), enter[2])
    last = np.minimum(np.minimum(leave[0], leave[1]), leave[2])

    def normal(point: Array) -> Array:
        inside = point / size[:, None]
        face = np.abs(inside).argmax(axis=0)
        return np.where(np.arange(3)[:, None] == face, np.sign(inside), np.float32(0.0))

    return np.where((first <= last) & (first > 0.0), first, np.float32(np.inf)), normal


def _hull(planes: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    normals, offsets = planes[:, :3], planes[:, 3]
    first = np.full(rays.shape[1:], -np.inf, dtype=np.float32)
    last = -first
    for normal, height in zip(normals, offsets - normals @ origin, strict=True):
        slope = dot(normal, rays)
        meet = height / slope
        np.maximum(first, meet, out=first, where=slope < 0.0)
        np.minimum(last, meet, out=last, where=slope > 0.0)

    def normal_at(point: Array) -> Array:
        return normals[(normals @ point - offsets[:, None]).argmax(axis=0)].T

    return np.where((first <= last) & (first > 0.0), first, np.float32(np.inf)), normal_at


def _ellipsoid(size: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    distance = _quadratic(origin / size, rays / _column(size, rays), np.float32(1.0))
    return distance, lambda point: point / (size * size)[:, None]


def _sphere(size: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    return _quadratic(origin, rays, size[0] * size[0]), lambda point: point


def _capsule(size: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    radius, half = size[0], size[1]
    distance = _tube(radius, half, origin, rays)
    for end in (half, -half):
        centre = np.array([0.0, 0.0, end], dtype=np.float32)
        distance = np.minimum(distance, _quadratic(origin - centre, rays, radius * radius))

    def normal(point: Array) -> Array:
        return np.stack([point[0], point[1], point[2] - np.clip(point[2], -half, half)])

    return distance, normal


def _cylinder(size: Array, origin: Array, rays: Array) -> tuple[Array, NormalAt]:
    radius, half = size[0], size[1]
    distance = _tube(radius, half, origin, rays)
    for end in (half, -half):
        lid = (end - origin[2]) / rays[2]
        across = _column(origin[:2], rays) + lid * rays[:2]
        inside = (lid > 0.0) & (dot(across, across) <= radius * radius)
        distance = np.where(inside & (lid < distance), lid, distance)

    def normal(point: Array) -> Array:
        lid = np.abs(point[2]) > half * (1.0 - 1e-4)
        flat, upright = np.float32(0.0), np.sign(point[2])
        return np.stack([np.where(lid, flat, point[0]), np.where(lid, flat, point[1]), np.where(lid, upright, flat)])

    return distance, normal


def _tube(radius: np.floating[Any], half: np.floating[Any], origin: Array, rays: Array) -> Array:
    """Distance to the side of a cylinder about z."""
    distance = _quadratic(origin[:2], rays[:2], radius * radius)
    height = origin[2] + distance * rays[2]
    return np.where(np.abs(height) <= half, distance, np.float32(np.inf))


def _quadratic(origin: Array, rays: Array, square: np.floating[Any]) -> Array:
    """Smallest positive t with |origin + t ray|^2 = square; infinite where there is none."""
    a, b = dot(rays, rays), dot(_column(origin, rays), rays)
    root = b * b - a * (np.float32(origin @ origin) - square)
    near = (-b - np.sqrt(root)) / a
    return np.where((root >= 0.0) & (near > 0.0), near, np.float32(np.inf))


_SHAPES: dict[str, Callable[[Array, Array, Array], tuple[Array, NormalAt]]] = {
    "mjGEOM_BOX": _box,
    "mjGEOM_MESH": _hull,
    "mjGEOM_SPHERE": _sphere,
    "mjGEOM_CAPSULE": _capsule,
    "mjGEOM_CYLINDER": _cylinder,
    "mjGEOM_ELLIPSOID": _ellipsoid,
}
