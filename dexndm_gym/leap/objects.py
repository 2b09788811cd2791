"""Objects to turn: shape, size and mass by name."""

import difflib
from dataclasses import dataclass

import mujoco
import numpy as np

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.joints import FloatArray

GEOM_TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}


@dataclass(frozen=True, kw_only=True)
class RotatableObject:
    """A solid, uniform primitive; a cylinder's axis is its local z."""

    name: str
    shape: str
    """One of ``box``, ``cylinder``, ``ellipsoid``."""

    extents: tuple[float, float, float]
    """Full lengths along the local axes, m."""

    mass: float
    """kg."""

    @property
    def half_extents(self) -> FloatArray:
        """Half lengths along the local axes, (3,), m."""
        return np.array(self.extents) / 2

    @property
    def geom_size(self) -> FloatArray:
        """MuJoCo's ``geom_size``, (3,), m."""
        x, _, z = self.half_extents
        return np.array([x, z, 0.0]) if self.shape == "cylinder" else self.half_extents

    @property
    def bounding_radius(self) -> float:
        """Distance of the farthest point from the centre, m."""
        x, y, z = self.half_extents
        if self.shape == "ellipsoid":
            return float(max(x, y, z))
        return float(np.hypot(x, z) if self.shape == "cylinder" else np.linalg.norm([x, y, z]))

    @property
    def unit_inertia(self) -> FloatArray:
        """Principal moments of inertia for a mass of 1 kg, (3,), m^2."""
        a, b, c = self.half_extents**2
        if self.shape == "box":
            return np.array([b + c, a + c, a + b]) / 3
        if self.shape == "ellipsoid":
            return np.array([b + c, a + c, a + b]) / 5
        return np.array([b / 4 + c / 3, a / 4 + c / 3, a / 2])


NO_OBJECT = "none"
"""Name of the empty hand: nothing lies in it, and nothing can be dropped."""

OBJECTS = {
    item.name: item
    for item in (
        RotatableObject(name="cylinder", shape="cylinder", extents=(0.066, 0.066, 0.070), mass=0.05),
        RotatableObject(name="cube", shape="box", extents=(0.062, 0.062, 0.062), mass=0.05),
        RotatableObject(name="ellipsoid", shape="ellipsoid", extents=(0.070, 0.070, 0.064), mass=0.05),
    )
}
"""Built-in objects by name: 6-7 cm, 50 g (the upper end of the paper's mass range)."""


def get_object(name: str) -> RotatableObject:
    """The object of that name.

    Raises:
        ConfigurationError: there is no such object; the message lists those there are.
    """
    if name in OBJECTS:
        return OBJECTS[name]
    close = difflib.get_close_matches(str(name), OBJECTS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigurationError(f"Unknown object {name!r}; expected one of {', '.join(OBJECTS)}.{hint}")
