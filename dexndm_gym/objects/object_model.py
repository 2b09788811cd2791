"""Objects to turn: what they are made of, and what follows from it for physics."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.geoms import GEOM_TYPES, ConvexGeom, Hull

MAX_GEOMS = 10
"""Most geoms that an object may have: every simulated hand keeps room for as many."""

DENSITY = 200.0
"""Density of objects whose mass is not given, kg/m^3: that of hollow prints and of light wood."""

MASS_RANGE = (0.01, 0.05)
"""Range that such a mass is clipped to, kg (paper, table 9)."""


SHAPES = ("box", "cylinder", "ellipsoid")
"""Kinds of primitives in a ``shape_code``."""


@dataclass(frozen=True, kw_only=True)
class RotatableObject:
    """A rigid body made of convex geoms; its frame is that of its principal axes of inertia.

    Make one with ``primitive``, ``assemble`` or ``load_mesh``.
    """

    name: str
    geoms: tuple[ConvexGeom, ...]
    mass: float
    """kg."""

    upright: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    """Orientation in which it stands as it was drawn, front along +x, w x y z."""

    repairs: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """What was mended in the mesh that it comes from."""

    def __post_init__(self) -> None:
        """Refuse what is no object.

        Raises:
            ConfigurationError: the name is no text, there are no geoms or too many, or a number is out of range.
        """
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError(f"expected the name of an object as text, got {self.name!r}")
        if not 1 <= len(self.geoms) <= MAX_GEOMS:
            raise ConfigurationError(f"expected 1 to {MAX_GEOMS} geoms of {self.name!r}, got {len(self.geoms)}")
        for geom in self.geoms:
            if not isinstance(geom, Hull) and geom.shape not in GEOM_TYPES:
                raise ConfigurationError(
                    f"expected geoms of {self.name!r} to be one of {', '.join(GEOM_TYPES)}, got {geom.shape!r}"
                )
            if not (np.isfinite(geom.extents).all() and min(geom.extents) > 0.0):
                raise ConfigurationError(f"expected lengths above 0 m of {self.name!r}, got {geom.extents}")
        if not (np.isfinite(self.mass) and self.mass > 0.0):
            raise ConfigurationError(f"expected a mass above 0 kg of {self.name!r}, got {self.mass}")

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "RotatableObject":
        """What ``dataclasses.asdict`` took apart, also by way of JSON.

        Raises:
            ConfigurationError: these are not the fields of an object.
        """
        try:
            geoms = tuple(_piece_from_dict(geom) for geom in fields["geoms"])
            rest = {name: _as_tuples(value) for name, value in fields.items() if name != "geoms"}
            return cls(geoms=geoms, **rest)
        except (AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(f"expected the fields of an object, got others ({error})") from error

    @property
    def is_primitive(self) -> bool:
        """Whether it is one box, cylinder, ellipsoid, capsule or sphere."""
        return len(self.geoms) == 1 and not self.has_hulls

    @property
    def has_hulls(self) -> bool:
        """Whether it is made of hulls: such an object comes from a mesh, which a model has to be compiled with."""
        return any(isinstance(geom, Hull) for geom in self.geoms)

    @cached_property
    def fingerprint(self) -> str:
        """Tells objects apart that have the same name but not the same geoms."""
        return hashlib.sha256(repr((self.geoms, self.mass)).encode()).hexdigest()[:12]

    @cached_property
    def corners(self) -> FloatArray:
        """Lowest and highest coordinates of the upright object, (2, 3), m."""
        return _corners([_turned(geom, np.array(self.upright)) for geom in self.geoms])

    @cached_property
    def extents(self) -> FloatArray:
        """Full lengths of the upright object, (3,), m."""
        return self.corners[1] - self.corners[0]

    @property
    def aspect(self) -> float:
        """Longest over shortest of the full lengths."""
        return float(self.extents.max() / self.extents.min())

    @cached_property
    def positions(self) -> FloatArray:
        """Centers of the geoms, (geoms, 3), m."""
        return np.array([geom.position for geom in self.geoms])

    @cached_property
    def quats(self) -> FloatArray:
        """Orientations of the geoms, (geoms, 4), w x y z."""
        return np.array([geom.quat for geom in self.geoms])

    @cached_property
    def geom_types(self) -> FloatArray:
        """MuJoCo's types of the geoms, (geoms,)."""
        return np.array([int(geom.geom_type) for geom in self.geoms], dtype=np.float64)

    @cached_property
    def geom_sizes(self) -> FloatArray:
        """MuJoCo's sizes of the geoms, (geoms, 3), m."""
        return np.array([geom.geom_size for geom in self.geoms])

    @cached_property
    def bounding_radii(self) -> FloatArray:
        """Distance of each geom's farthest point from its center, (geoms,), m."""
        return np.array([geom.bounding_radius for geom in self.geoms])

    @cached_property
    def half_extents(self) -> FloatArray:
        """Half lengths of the geoms along their own axes, (geoms, 3), m."""
        return np.array([geom.half_extents for geom in self.geoms])

    @cached_property
    def unit_inertia(self) -> FloatArray:
        """Principal moments of inertia for a mass of 1 kg, (3,), m^2; geoms share one density."""
        return self.geoms[0].unit_inertia if self.is_primitive else np.diag(_inertia(self.geoms)).copy()

    @cached_property
    def has_principal_frame(self) -> bool:
        """Whether its frame is that of its principal axes of inertia, which the simulation takes for granted."""
        volumes = np.array([geom.volume for geom in self.geoms])
        center = volumes @ self.positions / volumes.sum()
        inertia = _inertia(self.geoms)
        tilt = inertia - np.diag(np.diag(inertia))
        return bool(
            np.abs(center).max() < _FRAME_TOLERANCE * self.extents.max()
            and np.abs(tilt).max() < _FRAME_TOLERANCE * np.trace(inertia)
        )


def shape_code(item: RotatableObject, scale: float = 1.0) -> FloatArray:
    """Size and kind of an object as a teacher sees them, (6,).

    Returns:
        MuJoCo's ``geom_size`` of a primitive, half extents of other objects, m; then one-hot over ``SHAPES``, nothing
        for objects that are no primitives.
    """
    kind = item.geoms[0].shape if item.is_primitive else ""
    size = item.geom_sizes[0] if item.is_primitive else item.extents / 2
    return np.array([*(size * scale), *(kind == shape for shape in SHAPES)])


def primitive(name: str, shape: str, extents: Vector, mass: float | None = None) -> RotatableObject:
    """An object of one geom.

    Args:
        name: its name.
        shape: one of ``box``, ``cylinder``, ``ellipsoid``, ``capsule``, ``sphere``.
        extents: full lengths, m.
        mass: kg; None takes it from the volume.

    Raises:
        ConfigurationError: there is no such shape, or a number is out of range.
    """
    if shape not in GEOM_TYPES:
        raise ConfigurationError(f"expected the shape of {name!r} to be one of {', '.join(GEOM_TYPES)}, got {shape!r}")
    if np.shape(extents) != (3,):
        raise ConfigurationError(f"expected three lengths of {name!r}, got {extents!r:.60}")
    geom = ConvexGeom(shape=shape, extents=extents)
    return RotatableObject(name=name, geoms=(geom,), mass=_mass([geom]) if mass is None else mass)


def assemble(name: str, geoms: Sequence[ConvexGeom], longest: float, *, mass: float | None = None) -> RotatableObject:
    """An object of several geoms, scaled, and moved so that its frame is that of its principal axes.

    Pieces may overlap; where they do, the material counts once per geom.

    Args:
        name: its name.
        geoms: at most MAX_GEOMS, in any unit of length.
        longest: longest side of the finished object's bounding box, m.
        mass: kg; None takes it from the volume.

    Raises:
        ConfigurationError: there are no geoms or too many, or a number is out of range.
    """
    if not geoms:
        raise ConfigurationError(f"expected 1 to {MAX_GEOMS} geoms of {name!r}, got none")
    volumes = np.array([geom.volume for geom in geoms])
    center = volumes @ np.array([geom.position for geom in geoms]) / volumes.sum()
    low, high = _corners(geoms)
    factor = longest / (high - low).max()
    standing = [geom.moved(offset=-center, turn=_NO_TURN, factor=factor) for geom in geoms]
    upright = _principal_axes(standing)
    lying = tuple(_turned(geom, upright * [1.0, -1.0, -1.0, -1.0]) for geom in standing)
    w, i, j, k = upright
    return RotatableObject(name=name, geoms=lying, mass=_mass(lying) if mass is None else mass, upright=(w, i, j, k))


def _piece_from_dict(fields: Mapping[str, Any]) -> ConvexGeom:
    values = {name: _as_tuples(value) for name, value in fields.items()}
    if "vertices" not in values:
        return ConvexGeom(**values)
    return Hull(**{name: value for name, value in values.items() if name not in ("shape", "extents")})


def _as_tuples(value: Any) -> Any:
    """JSON has lists where frozen dataclasses have tuples."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


_NO_TURN = np.array([1.0, 0.0, 0.0, 0.0])

_FRAME_TOLERANCE = 1e-3


def _turned(geom: ConvexGeom, turn: FloatArray) -> ConvexGeom:
    return geom.moved(offset=np.zeros(3), turn=turn, factor=1.0)


def _corners(geoms: Sequence[ConvexGeom]) -> FloatArray:
    bounds = np.array([geom.bounds for geom in geoms])
    return np.array([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])


def _inertia(geoms: Sequence[ConvexGeom]) -> FloatArray:
    """Inertia about the origin for a mass of 1 kg in all, (3, 3), m^2."""
    share = np.array([geom.volume for geom in geoms])
    total = np.zeros((3, 3))
    for weight, geom in zip(share / share.sum(), geoms, strict=True):
        offset, turn = np.array(geom.position), geom.rotation
        apart = offset @ offset * np.eye(3) - np.outer(offset, offset)
        total += weight * (turn @ np.diag(geom.unit_inertia) @ turn.T + apart)
    return total


def _principal_axes(geoms: Sequence[ConvexGeom]) -> FloatArray:
    """Orientation of the principal axes, of all that there are the one that is nearest to no turn, w x y z."""
    _, axes = np.linalg.eigh(_inertia(geoms))
    choices = []
    for order in itertools.permutations(range(3)):
        turn = axes[:, order] * np.where(np.diag(axes[:, order]) < 0.0, -1.0, 1.0)
        if np.linalg.det(turn) > 0.0:
            choices.append(turn)
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, max(choices, key=np.trace).flatten())
    return quat


def _mass(geoms: Sequence[ConvexGeom]) -> float:
    return round(float(np.clip(DENSITY * sum(geom.volume for geom in geoms), *MASS_RANGE)), 4)
