"""Smooth surfaces that everything is drawn with: plates, rods, balls and hulls with rounded edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from dexndm_gym.arrays import FloatArray, IntArray

ROUND = 6
"""Facets of a quarter of a circle, where nothing else is asked for."""

_EDGE_FACETS = 3


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles with a normal at each corner, so that few of them look smooth."""

    vertices: FloatArray
    """(v, 3), m."""

    normals: FloatArray
    """(v, 3), unit vectors pointing out."""

    faces: IntArray
    """(f, 3), vertices counterclockwise as seen from outside."""

    def moved(self, offset: npt.ArrayLike, rotation: npt.ArrayLike | None = None) -> "Surface":
        """Turned by a matrix (3, 3), if one is given, then shifted by (3,), m."""
        turn = np.eye(3) if rotation is None else np.asarray(rotation)
        return Surface(self.vertices @ turn.T + offset, self.normals @ turn.T, self.faces)

    def along(self, axis: str) -> "Surface":
        """What lies along z, along ``"x"``, ``"y"`` or ``"z"`` instead."""
        turn = {"x": [[0, 0, 1], [1, 0, 0], [0, 1, 0]], "y": [[0, 1, 0], [0, 0, 1], [1, 0, 0]], "z": np.eye(3)}[axis]
        return self.moved(np.zeros(3), turn)

    @staticmethod
    def joined(surfaces: Sequence["Surface"]) -> "Surface":
        """Several as one."""
        first = np.cumsum([0, *(len(surface.vertices) for surface in surfaces[:-1])])
        return Surface(
            np.concatenate([surface.vertices for surface in surfaces]),
            np.concatenate([surface.normals for surface in surfaces]),
            np.concatenate([surface.faces + start for surface, start in zip(surfaces, first, strict=True)]),
        )


def prism(corners: npt.ArrayLike, *, radius: float, half: float, edge: float, facets: int = ROUND) -> Surface:
    """A convex outline, its corners rounded, drawn out along z, its edges rounded.

    One corner makes a disc, or a ball where all three lengths are equal; two make a stadium, or a capsule; four a plate
    or a box.

    Args:
        corners: centers of the rounded corners, (k, 2), counterclockwise, m.
        radius: of the corners, m; at least ``edge``.
        half: half its height, m; at least ``edge``.
        edge: radius of the edges, m; above 0.
        facets: of a quarter of a circle.
    """
    centers, outward = _outline(np.atleast_2d(np.asarray(corners, dtype=np.float64)), facets)
    rise = np.linspace(0.0, np.pi / 2, _EDGE_FACETS + 1 if edge < radius else facets + 1)
    rise = np.concatenate([-rise[::-1], rise if half > edge else rise[1:]])
    level = np.sign(rise) * (half - edge)
    level[rise == 0.0] = [-(half - edge), half - edge] if half > edge else [0.0]
    spread = radius - edge + edge * np.cos(rise)
    rings, m = len(rise), len(centers)
    flat = centers + spread[:, None, None] * outward
    height = np.broadcast_to((level + edge * np.sin(rise))[:, None, None], (rings, m, 1))
    slope = np.broadcast_to(np.sin(rise)[:, None, None], (rings, m, 1))
    vertices = np.concatenate([flat, height], axis=2).reshape(-1, 3)
    normals = np.concatenate([np.cos(rise)[:, None, None] * outward, slope], axis=2).reshape(-1, 3)
    middle = centers.mean(axis=0)
    vertices = np.concatenate([vertices, [[*middle, -half], [*middle, half]]])
    normals = np.concatenate([normals, [[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]])
    return _without_slivers(Surface(vertices, normals, _prism_faces(rings, m)))


def box(half: npt.ArrayLike, *, edge: float) -> Surface:
    """A box of half lengths (3,), m, with round edges and corners."""
    x, y, z = np.asarray(half, dtype=np.float64)
    edge = min(edge, x, y, z)
    x, y = x - edge, y - edge
    return prism([[x, y], [-x, y], [-x, -y], [x, -y]], radius=edge, half=z, edge=edge, facets=_EDGE_FACETS)


def ball(radius: float, *, facets: int = 2 * ROUND) -> Surface:
    """A sphere."""
    return prism([0.0, 0.0], radius=radius, half=radius, edge=radius, facets=facets)


def ellipsoid(half: npt.ArrayLike) -> Surface:
    """An ellipsoid of half lengths (3,), m."""
    lengths, unit = np.asarray(half, dtype=np.float64), ball(1.0)
    normals = unit.normals / lengths
    return Surface(unit.vertices * lengths, normals / np.linalg.norm(normals, axis=1, keepdims=True), unit.faces)


def rod(start: npt.ArrayLike, end: npt.ArrayLike, radius: float) -> Surface:
    """A capsule between two points (3,), m."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    length = float(np.linalg.norm(last - first))
    if length < 1e-9:
        return ball(radius).moved(first)
    x = (last - first) / length
    y = np.cross(np.eye(3)[np.argmin(np.abs(x))], x)
    y /= np.linalg.norm(y)
    capsule = prism([[0.0, 0.0], [length, 0.0]], radius=radius, half=radius, edge=radius)
    return capsule.moved(first, np.stack([x, y, np.cross(x, y)], axis=1))


def cone(radius: float, length: float) -> Surface:
    """A cone along z, its base at the origin."""
    angles = np.linspace(0.0, 2 * np.pi, 4 * ROUND, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    slope = np.array([length, length, radius]) / np.hypot(length, radius)
    side = around * slope + np.array([0.0, 0.0, slope[2]])
    m, tip, down = len(angles), np.array([0.0, 0.0, length]), np.array([0.0, 0.0, -1.0])
    here, after = np.arange(m), (np.arange(m) + 1) % m
    vertices = np.concatenate([radius * around, np.tile(tip, (m, 1)), radius * around])
    normals = np.concatenate([side, side, np.tile(down, (m, 1))])
    lid = np.stack([np.full(m - 2, 2 * m), 2 * m + after[1:-1], 2 * m + here[1:-1]], axis=1)
    return Surface(vertices, normals, np.concatenate([np.stack([here, after, m + here], axis=1), lid]))


def arc(radius: float, thickness: float, angle: float) -> Surface:
    """A bent tube in the x-y plane, around z from x on by ``angle`` rad; its ends are open."""
    along, m = np.linspace(0.0, angle, 8 * ROUND), 2 * ROUND
    around = np.linspace(0.0, 2 * np.pi, m, endpoint=False)
    out = np.stack([np.cos(along), np.sin(along), np.zeros_like(along)], axis=1)
    normals = np.cos(around)[None, :, None] * out[:, None] + np.sin(around)[None, :, None] * np.array([0.0, 0.0, 1.0])
    vertices = radius * out[:, None] + thickness * normals
    faces = _prism_faces(len(along), m)[: -2 * m][:, ::-1]
    return Surface(vertices.reshape(-1, 3), normals.reshape(-1, 3), faces)


def hull(points: npt.ArrayLike) -> Surface:
    """The convex hull of points (k, 3), its facets flat."""
    corners = np.asarray(points, dtype=np.float64)
    found = ConvexHull(corners)
    faces, outward = found.simplices.copy(), found.equations[:, :3]
    a, b, c = (corners[faces[:, i]] for i in range(3))
    wrong = np.einsum("ij,ij->i", np.cross(b - a, c - a), outward) < 0.0
    faces[wrong] = faces[wrong][:, ::-1]
    count = 3 * len(faces)
    numbers = np.arange(count).reshape(-1, 3)
    return Surface(corners[faces.ravel()], np.repeat(outward, 3, axis=0), numbers)


def _outline(corners: FloatArray, facets: int) -> tuple[FloatArray, FloatArray]:
    """For each point of an outline the center of its corner and its normal, (m, 2) each."""
    k = len(corners)
    if k == 1:
        angles = np.linspace(0.0, 2 * np.pi, 4 * facets, endpoint=False)
        return np.repeat(corners, len(angles), axis=0), np.stack([np.cos(angles), np.sin(angles)], axis=1)
    sides = np.roll(corners, -1, axis=0) - corners
    facing = np.arctan2(-sides[:, 0], sides[:, 1])
    centers, normals = [], []
    for i in range(k):
        begin = facing[i - 1]
        sweep = (facing[i] - begin) % (2 * np.pi)
        count = max(1, round(sweep / (np.pi / 2) * facets))
        angles = begin + np.linspace(0.0, sweep, count + 1)
        centers.append(np.repeat(corners[i : i + 1], count + 1, axis=0))
        normals.append(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return np.concatenate(centers), np.concatenate(normals)


def _prism_faces(rings: int, m: int) -> IntArray:
    """Sides between rings of m points each, bottom to top, and lids around two last vertices."""
    here = np.arange(m)
    after = (here + 1) % m
    faces = []
    for ring in range(rings - 1):
        low, high = ring * m, (ring + 1) * m
        faces.append(np.stack([low + here, low + after, high + after], axis=1))
        faces.append(np.stack([low + here, high + after, high + here], axis=1))
    bottom, top, last = np.full(m, rings * m), np.full(m, rings * m + 1), (rings - 1) * m
    faces.append(np.stack([bottom, after, here], axis=1))
    faces.append(np.stack([top, last + here, last + after], axis=1))
    return np.concatenate(faces)


def _without_slivers(surface: Surface) -> Surface:
    a, b, c = (surface.vertices[surface.faces[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return Surface(surface.vertices, surface.normals, surface.faces[area > 1e-12])
