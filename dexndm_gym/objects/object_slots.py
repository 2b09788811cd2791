"""Gives each simulation of a batch its own object, by writing model fields instead of compiling models."""

import mujoco
import numpy as np
from mujoco.batch import Batch

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene_model import OBJECT_BODY, mesh_name


class ObjectSlots:
    """The object of each simulation: the model's object body has MAX_GEOMS geoms, of which an object uses the first.

    Attributes:
        mass: kg, (n, 1).
        friction: MuJoCo's three friction coefficients of every geom, (n, MAX_GEOMS, 3).
        solref: MuJoCo's contact softness of every geom, (n, MAX_GEOMS, 2).
    """

    def __init__(self, model: mujoco.MjModel, batch: Batch) -> None:
        """Take the batch's fields that make an object.

        Args:
            model: the batch's model, from ``build_batch_model``.
            batch: the simulations.
        """
        self._model = model
        self._known: dict[str, tuple[IntArray, FloatArray, FloatArray]] = {}
        self._body = model.body(OBJECT_BODY).id
        start, count = model.body_geomadr[self._body], model.body_geomnum[self._body]
        slots = slice(start, start + count)
        self._count = batch.expand("body_geomnum")
        self._type, self._size = batch.expand("geom_type")[:, slots], batch.expand("geom_size")[:, slots]
        self._mesh = batch.expand("geom_dataid")[:, slots]
        self._pos, self._quat = batch.expand("geom_pos")[:, slots], batch.expand("geom_quat")[:, slots]
        # Collision detection goes by these bounds, which do not follow a change of type.
        self._rbound, self._aabb = batch.expand("geom_rbound")[:, slots], batch.expand("geom_aabb")[:, slots]
        body = slice(self._body, self._body + 1)
        self.mass, self._inertia = batch.expand("body_mass")[:, body], batch.expand("body_inertia")
        self.friction, self.solref = batch.expand("geom_friction")[:, slots], batch.expand("geom_solref")[:, slots]

    def put(
        self, i: int, item: RotatableObject, *, mass: float, scale: float = 1.0, off_center: FloatArray | float = 0.0
    ) -> None:
        """Make ``item`` the object of simulation ``i``.

        An object made of hulls keeps its size. Constants that MuJoCo derives from masses follow with
        ``batch.set_const``.

        Args:
            i: the simulation.
            item: the object.
            mass: its mass, kg.
            scale: factor on its size.
            off_center: where its center of mass is instead of where its shape says, (3,), m, object frame. The geoms
                move the other way, because the frame's origin is the center of mass.

        Raises:
            ConfigurationError: ``item`` comes from a mesh that the model was not compiled with.
        """
        meshes, positions, quats = self._placed(item)
        used = len(item.geoms)
        self._count[i, self._body] = used
        self._type[i, :used], self._size[i, :used] = item.geom_types, item.geom_sizes * scale
        self._pos[i, :used], self._quat[i, :used] = positions * scale - off_center, quats
        self._mesh[i, :used] = meshes
        self._rbound[i, :used] = item.bounding_radii * scale
        self._aabb[i, :used, 3:] = item.half_extents * scale
        self.mass[i] = mass
        self._inertia[i, self._body] = mass * (item.unit_inertia * scale**2)

    def require(self, item: RotatableObject) -> None:
        """Raise what ``put`` would raise."""
        self._placed(item)

    def _placed(self, item: RotatableObject) -> tuple[IntArray, FloatArray, FloatArray]:
        """Mesh ids, positions and orientations of an object's geoms: MuJoCo moves meshes into a frame of its own."""
        if not item.has_hulls:
            return np.full(len(item.geoms), -1), item.positions, item.quats
        if (key := mesh_name(item, 0)) not in self._known:
            self._known[key] = self._find_meshes(item)
        return self._known[key]

    def _find_meshes(self, item: RotatableObject) -> tuple[IntArray, FloatArray, FloatArray]:
        try:
            meshes = np.array([self._model.mesh(mesh_name(item, i)).id for i in range(len(item.geoms))])
        except KeyError as error:
            raise made_without_mesh(item.name) from error
        positions, quats = np.empty((len(meshes), 3)), np.empty((len(meshes), 4))
        for i, mesh in enumerate(meshes):
            mujoco.mju_rotVecQuat(positions[i], self._model.mesh_pos[mesh], item.quats[i])
            mujoco.mju_mulQuat(quats[i], item.quats[i], self._model.mesh_quat[mesh])
        return meshes, item.positions + positions, quats


def made_without_mesh(name: str) -> ConfigurationError:
    """What to raise where a simulation is to hold a mesh that its model was not compiled with."""
    return ConfigurationError(
        f"The simulation was made without the mesh {name!r}, and a mesh cannot be added to it later; name it when the "
        f"environment is made, for example gym.make(..., object=[..., {name!r}])"
    )


def build_batch_model(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile a spec of ``build_spec`` with MAX_GEOMS slots so that each simulation may have its own object."""
    # Bounding volume trees are those of the compiled object. With as few geoms as here they save no time either.
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)
    model = spec.compile()
    geoms = model.geom_bodyid == model.body(OBJECT_BODY).id
    model.geom_sameframe[geoms] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE  # a geom may be anywhere in its object
    return model
