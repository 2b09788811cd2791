"""The convex primitives that objects are made of."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray, Quaternion, Vector

Color = tuple[float, float, float, float]

GEOM_TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
}

ORANGE: Color = (0.93, 0.47, 0.20, 1.0)
"""Color of objects that have none of their own."""


@dataclass(frozen=True, kw_only=True)
class ConvexGeom:
    """A solid, uniform primitive; the axis of cylinders and capsules is the local z."""

    shape: str
    """One of ``box``, ``cylinder``, ``ellipsoid``, ``capsule``, ``sphere``; ``hull`` for a ``Hull``."""

    extents: Vector
    """Full lengths along the local axes, m; a capsule's with its round ends."""

    position: Vector = (0.0, 0.0, 0.0)
    """Center in the object's frame, m."""

    quat: Quaternion = (1.0, 0.0, 0.0, 0.0)
    """Orientation in the object's frame, w x y z."""

    color: Color = ORANGE

    @property
    def geom_type(self) -> mujoco.mjtGeom:
        """MuJoCo's type."""
        return GEOM_TYPES[self.shape]

    @cached_property
    def half_extents(self) -> FloatArray:
        """Half lengths along the local axes, (3,), m."""
        return np.array(self.extents) / 2

    @cached_property
    def geom_size(self) -> FloatArray:
        """MuJoCo's ``geom_size``, (3,), m."""
        x, _, z = self.half_extents
        if self.shape == "cylinder":
            return np.array([x, z, 0.0])
        if self.shape == "capsule":
            return np.array([x, z - x, 0.0])
        return np.array([x, 0.0, 0.0]) if self.shape == "sphere" else self.half_extents

    @cached_property
    def bounding_radius(self) -> float:
        """Distance of the farthest point from the geom's center, m."""
        x, y, z = self.half_extents
        if self.shape == "box":
            return float(np.linalg.norm([x, y, z]))
        return float(np.hypot(x, z) if self.shape == "cylinder" else max(x, y, z))

    @cached_property
    def volume(self) -> float:
        """m^3."""
        x, y, z = self.half_extents
        if self.shape == "box":
            return float(8 * x * y * z)
        if self.shape == "cylinder":
            return float(2 * np.pi * x * x * z)
        if self.shape == "capsule":
            return float(np.pi * x * x * (2 * (z - x) + 4 / 3 * x))
        return float(4 / 3 * np.pi * x * y * z)

    @cached_property
    def unit_inertia(self) -> FloatArray:
        """Principal moments of inertia about the geom's center for a mass of 1 kg, (3,), m^2."""
        a, b, c = self.half_extents**2
        if self.shape == "box":
            return np.array([b + c, a + c, a + b]) / 3
        if self.shape == "cylinder":
            return np.array([b / 4 + c / 3, a / 4 + c / 3, a / 2])
        if self.shape == "capsule":
            return self._unit_inertia_of_capsule()
        return np.array([b + c, a + c, a + b]) / 5

    def _unit_inertia_of_capsule(self) -> FloatArray:
        radius, half, _ = self.geom_size
        tube, ends = 2 * half, 4 / 3 * radius  # volumes over pi r^2
        across = tube * (radius**2 / 4 + half**2 / 3)
        across += ends * (0.4 * radius**2 + half**2 + 0.75 * half * radius)  # of both half balls
        along = tube * radius**2 / 2 + ends * 0.4 * radius**2
        return np.array([across, across, along]) / (tube + ends)

    @cached_property
    def rotation(self) -> FloatArray:
        """Matrix from the geom's frame to the object's, (3, 3)."""
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, np.array(self.quat))
        return matrix.reshape(3, 3)

    @cached_property
    def reach(self) -> FloatArray:
        """Half lengths of the geom's bounding box along the object's axes, (3,), m."""
        if self.shape in ("ellipsoid", "sphere"):
            return np.sqrt(np.square(self.rotation * self.half_extents).sum(axis=1))
        if self.shape == "capsule":
            radius, half, _ = self.geom_size
            return np.abs(self.rotation[:, 2]) * half + radius
        if self.shape == "cylinder":
            radius, half, _ = self.geom_size
            along = self.rotation[:, 2]
            return np.abs(along) * half + radius * np.sqrt(np.maximum(1.0 - along**2, 0.0))
        return np.abs(self.rotation) @ self.half_extents

    @cached_property
    def bounds(self) -> FloatArray:
        """Lowest and highest coordinates in the object's frame, (2, 3), m."""
        return np.array(self.position) + np.array([-self.reach, self.reach])

    def moved(self, *, offset: FloatArray, turn: FloatArray, factor: float) -> "ConvexGeom":
        """This geom after the whole object was shifted by ``offset`` in m, turned by the quaternion and enlarged."""
        position, quat = _moved(self, offset, turn, factor)
        width, depth, height = np.array(self.extents) * factor
        return replace(self, position=position, quat=quat, extents=(width, depth, height))


@dataclass(frozen=True, kw_only=True)
class Hull(ConvexGeom):
    """A solid, uniform convex polyhedron; its frame is that of its principal axes of inertia.

    Its ``extents`` are those of the smallest box about the frame's origin that holds it.
    """

    shape: str = "hull"
    extents: Vector = field(init=False)

    vertices: tuple[Vector, ...]
    """m, in the geom's frame."""

    content: float
    """Volume, m^3."""

    moments: Vector
    """Principal moments of inertia for a mass of 1 kg, m^2."""

    def __post_init__(self) -> None:
        """Derive the extents."""
        x, y, z = 2 * np.abs(self.vertices).max(axis=0)
        object.__setattr__(self, "extents", (float(x), float(y), float(z)))

    @property
    def geom_type(self) -> mujoco.mjtGeom:
        """MuJoCo's type."""
        return mujoco.mjtGeom.mjGEOM_MESH

    @cached_property
    def bounding_radius(self) -> float:
        """Distance of the farthest vertex from the frame's origin, m."""
        return float(np.linalg.norm(self.vertices, axis=1).max())

    @cached_property
    def volume(self) -> float:
        """m^3."""
        return self.content

    @cached_property
    def unit_inertia(self) -> FloatArray:
        """Principal moments of inertia for a mass of 1 kg, (3,), m^2."""
        return np.array(self.moments)

    @cached_property
    def bounds(self) -> FloatArray:
        """See ``ConvexGeom.bounds``."""
        corners = np.array(self.vertices) @ self.rotation.T + self.position
        return np.array([corners.min(axis=0), corners.max(axis=0)])

    def moved(self, *, offset: FloatArray, turn: FloatArray, factor: float) -> "Hull":
        """See ``ConvexGeom.moved``."""
        position, quat = _moved(self, offset, turn, factor)
        return replace(
            self,
            position=position,
            quat=quat,
            vertices=tuple(map(tuple, (np.array(self.vertices) * factor).tolist())),
            content=self.content * factor**3,
            moments=tuple((np.array(self.moments) * factor**2).tolist()),
        )


def _moved(geom: ConvexGeom, offset: FloatArray, turn: FloatArray, factor: float) -> tuple[Vector, Quaternion]:
    """Position and orientation of a geom of an object that was shifted, turned and enlarged."""
    position, quat = np.empty(3), np.empty(4)
    mujoco.mju_rotVecQuat(position, (np.array(geom.position) + offset) * factor, turn)
    mujoco.mju_mulQuat(quat, turn, np.array(geom.quat))
    x, y, z = position
    w, i, j, k = quat
    return (x, y, z), (w, i, j, k)


def box(center: Vector, size: Vector, color: Color, *, pitch: float = 0.0) -> ConvexGeom:
    """A box of full lengths ``size``, turned by ``pitch`` degrees about y (positive lowers its front)."""
    return ConvexGeom(shape="box", extents=size, position=center, quat=_about_y(pitch), color=color)


def egg(center: Vector, size: Vector, color: Color, *, pitch: float = 0.0) -> ConvexGeom:
    """An ellipsoid of full lengths ``size``, turned by ``pitch`` degrees about y."""
    return ConvexGeom(shape="ellipsoid", extents=size, position=center, quat=_about_y(pitch), color=color)


def ball(center: Vector, diameter: float, color: Color) -> ConvexGeom:
    """A sphere."""
    return ConvexGeom(shape="sphere", extents=(diameter, diameter, diameter), position=center, color=color)


def rod(start: Vector, end: Vector, diameter: float, color: Color) -> ConvexGeom:
    """A capsule whose ends are rounded about ``start`` and ``end``."""
    length = float(np.linalg.norm(np.subtract(end, start))) + diameter
    return _between("capsule", start, end, (diameter, diameter, length), color)


def disc(start: Vector, end: Vector, diameter: float, color: Color) -> ConvexGeom:
    """A cylinder between the centers of its two lids."""
    length = float(np.linalg.norm(np.subtract(end, start)))
    return _between("cylinder", start, end, (diameter, diameter, length), color)


def _between(shape: str, start: Vector, end: Vector, extents: Vector, color: Color) -> ConvexGeom:
    quat = np.empty(4)
    mujoco.mju_quatZ2Vec(quat, np.subtract(end, start).astype(np.float64))
    x, y, z = np.add(start, end) / 2
    w, i, j, k = quat
    return ConvexGeom(shape=shape, extents=extents, position=(x, y, z), quat=(w, i, j, k), color=color)


def _about_y(degrees: float) -> tuple[float, float, float, float]:
    half = np.radians(degrees) / 2
    return (float(np.cos(half)), 0.0, float(np.sin(half)), 0.0)
