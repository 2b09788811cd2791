"""The bodies of a mesh whose every edge has two triangles: wound outwards, cavities inwards."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from dexndm_gym.arrays import BoolArray, FloatArray, IntArray
from dexndm_gym.errors import FileFormatError
from dexndm_gym.objects.mesh_edges import Pairs, components

_NO_VOLUME = 1e-6
"""Volume of a body that is none, in cubes of its longest side."""

_SAMPLES = 16
"""Vertices of a body that are looked at to say whether it lies in another one."""


@dataclass(kw_only=True)
class _Body:
    """One closed, consistently wound surface."""

    faces: IntArray
    """Its triangles, (k,)."""

    corners: FloatArray
    """Their corners, (k, 3, 3)."""

    volume: float
    """Negative where it is wound inwards."""

    trusted: bool
    """Whether it was wound consistently before, so that the sign of its volume means something."""

    @property
    def bounds(self) -> FloatArray:
        """Lowest and highest coordinates, (2, 3)."""
        return np.array([self.corners.min(axis=(0, 1)), self.corners.max(axis=(0, 1))])

    @property
    def is_flat(self) -> bool:
        """Whether it has no inside."""
        low, high = self.bounds
        return abs(self.volume) < _NO_VOLUME * float((high - low).max()) ** 3

    def holds(self, other: "_Body") -> bool:
        """Whether another body lies inside this one."""
        (low, high), (other_low, other_high) = self.bounds, other.bounds
        if not ((low <= other_low).all() and (other_high <= high).all()):
            return False
        points = other.corners[:: max(1, len(other.corners) // _SAMPLES), 0]
        # A point on a plane of the surface is half inside.
        return min(self._winding(point) for point in points) > 0.4 and self._winding(other.inner_point()) > 0.5

    def inner_point(self) -> FloatArray:
        """A point just below the middle of the largest triangle, (3,)."""
        a, b, c = self.corners.transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal, axis=1)
        i = int(np.argmax(area))
        inwards = -np.copysign(1.0, self.volume) * normal[i] / area[i]
        depth = 1e-3 * min(abs(self.volume) / (area.sum() / 2), float(np.sqrt(area[i])))
        return self.corners[i].mean(axis=0) + depth * inwards

    def _winding(self, point: FloatArray) -> float:
        """How often the surface goes around a point: 1 inside, 0 outside, whichever way it is wound."""
        a, b, c = (self.corners - point).transpose(1, 0, 2)
        la, lb, lc = (np.linalg.norm(corner, axis=1) for corner in (a, b, c))
        above = np.einsum("ij,ij->i", a, np.cross(b, c))
        below = la * lb * lc
        below += np.einsum("ij,ij->i", a, b) * lc + np.einsum("ij,ij->i", b, c) * la + np.einsum("ij,ij->i", c, a) * lb
        return float(abs(np.arctan2(above, below).sum()) / (2 * np.pi))


def orient_bodies(vertices: FloatArray, faces: IntArray, pairs: Pairs) -> tuple[IntArray, Counter[str]]:
    """Wind every body outwards, and cavities inwards; leave out what bounds nothing.

    Args:
        vertices: (n, 3).
        faces: (k, 3).
        pairs: which triangles continue each other.

    Returns:
        The triangles, and what was done how often.

    Raises:
        FileFormatError: a surface has one side only, or nothing has a volume.
    """
    turned, label = _wound_alike(len(faces), pairs)
    faces = np.where(turned[:, None], faces[:, ::-1], faces)
    bodies = _bodies(vertices, faces, turned, label)
    solid = [body for body in bodies if not body.is_flat]
    if not solid:
        raise FileFormatError("has next to no volume")
    kept = _signed(sorted(solid, key=lambda body: -abs(body.volume)))
    inverted = [body for body, sign in kept if body.volume * sign < 0.0]
    for body in inverted:
        faces[body.faces] = faces[body.faces, ::-1]
    repairs = Counter(
        {
            "triangles wound the other way than their neighbors that were turned": int(turned.sum()),
            "surfaces without volume that were dropped": len(bodies) - len(solid),
            "bodies inside of others that were dropped": len(solid) - len(kept),
            "surfaces that were turned inside out": sum(body.trusted for body in inverted),
        }
    )
    return faces[np.sort(np.concatenate([body.faces for body, _ in kept]))], repairs


def _wound_alike(num_faces: int, pairs: Pairs) -> tuple[BoolArray, IntArray]:
    """Which triangles have to be turned so that all of a body are wound alike, the fewer ones; and their body."""
    a, b = pairs.first // 3, pairs.second // 3
    # Every triangle is there twice, as it is and turned; those are connected that are wound alike.
    other = np.where(pairs.same_way, num_faces, 0)
    sides = components(
        np.concatenate([a, a + num_faces]), np.concatenate([b + other, b + num_faces - other]), 2 * num_faces
    )
    if (sides[:num_faces] == sides[num_faces:]).any():
        raise FileFormatError("has a surface with one side only, like a Möbius strip, so that it has no inside")
    label = components(a, b, num_faces)
    _, root, label = np.unique(label, return_index=True, return_inverse=True)
    turned = sides[:num_faces] != sides[root[label]]
    most = np.bincount(label, weights=turned) > np.bincount(label) / 2
    return turned ^ most[label], label


def _bodies(vertices: FloatArray, faces: IntArray, turned: BoolArray, label: IntArray) -> list[_Body]:
    order = np.argsort(label, kind="stable")
    found = []
    for members in np.split(order, np.cumsum(np.bincount(label))[:-1]):
        corners = vertices[faces[members]]
        a, b, c = (corners - corners[0, 0]).transpose(1, 0, 2)
        volume = float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)
        found.append(_Body(faces=members, corners=corners, volume=volume, trusted=not turned[members].any()))
    return found


def _signed(bodies: list[_Body]) -> list[tuple[_Body, int]]:
    """Bodies, largest first, with 1 for solid ones and -1 for cavities, without solid ones inside solid ones."""
    found: list[tuple[_Body, int]] = []
    for body in bodies:
        around = next(((other, sign) for other, sign in reversed(found) if other.holds(body)), None)
        if around is None:
            found.append((body, 1))
            continue
        other, sign = around
        alike = body.trusted and other.trusted and body.volume * other.volume > 0.0
        if not (alike and sign > 0):
            found.append((body, -sign))
    return found
