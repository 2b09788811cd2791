"""Hand and object as things to draw: pieces of one color, and where the bodies are that they move with."""

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.model import build_hand, joint_indices
from dexndm_gym.objects.geoms import ConvexGeom, Hull
from dexndm_gym.objects.object_choice import Choice, the_object
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene_model import OBJECT_BODY
from dexndm_gym.rendering.hand_parts import Part
from dexndm_gym.rendering.surfaces import Surface, ball, box, ellipsoid, hull, prism, rod

STRIPE = (0.98, 0.95, 0.88)
_EDGE = 0.0015
"""Radius of the edges of boxes and cylinders, m: all but sharp, as those that fingers feel."""
_STRIPE_WIDTH = 0.008


class HandPose:
    """Where the bodies of the hand are, from the angles of its joints."""

    def __init__(self) -> None:
        """Compile the hand."""
        self._model = build_hand(None).compile()
        self._data = mujoco.MjData(self._model)
        self._joints = joint_indices(self._model)[0]
        self.bodies = tuple(self._model.body(i).name for i in range(1, self._model.nbody))
        """Names, in the order of the poses."""

    def at(self, position: FloatArray) -> FloatArray:
        """Poses of all bodies in the hand frame, (bodies, 7), m and quaternion w x y z, at joint angles (16,), rad."""
        self._data.qpos[self._joints] = position
        mujoco.mj_kinematics(self._model, self._data)
        return np.concatenate([self._data.xpos[1:], self._data.xquat[1:]], axis=1)


def rotations(quats: FloatArray) -> FloatArray:
    """Matrices (n, 3, 3) of quaternions w x y z (n, 4)."""
    w, x, y, z = quats.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def object_parts(item: Choice) -> list[Part]:
    """The pieces of an object, in its frame; a stripe around primitives shows how they turn."""
    found = the_object(item)
    parts = [Part(OBJECT_BODY, _placed(geom), geom.color[:3]) for geom in found.geoms]
    return [*parts, Part(OBJECT_BODY, _stripe(found), STRIPE)] if found.is_primitive else parts


def _placed(geom: ConvexGeom) -> Surface:
    return _surface(geom).moved(geom.position, geom.rotation)


def _surface(geom: ConvexGeom) -> Surface:
    if isinstance(geom, Hull):
        return hull(geom.vertices)
    x, _, z = half = geom.half_extents
    if geom.shape == "box":
        return box(half, edge=min(_EDGE, 0.2 * float(half.min())))
    if geom.shape == "cylinder":
        return prism([0.0, 0.0], radius=x, half=z, edge=min(_EDGE, 0.2 * x, 0.2 * z), facets=12)
    if geom.shape == "capsule":
        return rod([0.0, 0.0, x - z], [0.0, 0.0, z - x], x)
    return ball(x) if geom.shape == "sphere" else ellipsoid(half)


def _stripe(item: RotatableObject) -> Surface:
    x, _, z = item.geoms[0].half_extents * 1.01
    if item.geoms[0].shape in ("ellipsoid", "sphere"):
        return ellipsoid([x, _STRIPE_WIDTH / 2, z])
    return box([x, _STRIPE_WIDTH / 2, z], edge=0.0005)
