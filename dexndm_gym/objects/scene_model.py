"""Hand and object as one MuJoCo model."""

from collections.abc import Sequence

import mujoco
import numpy as np

from dexndm_gym.constants import PHYSICS_TIMESTEP
from dexndm_gym.hand.model import OBJECT_BIT, STIFF_CONTACT, JointServo, build_hand
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.objects.geoms import Hull
from dexndm_gym.objects.object_model import RotatableObject

OBJECT_BODY = "object"


def build_spec(
    servo: JointServo | None,
    *,
    timestep: float = PHYSICS_TIMESTEP,
    impedance: tuple[float, ...] = STIFF_CONTACT,
    first_object: RotatableObject = OBJECTS["cylinder"],
    object_slots: int = 0,
    meshes: Sequence[RotatableObject] = (),
) -> mujoco.MjSpec:
    """Build hand and object.

    Args:
        servo: what drives the joints; None gives plain torque actuators (control in N m) without damping or friction.
        timestep: physics step, s.
        impedance: MuJoCo's ``solimp`` of every contact.
        first_object: the object that the model is compiled with; batches give each simulation its own.
        object_slots: fewest geoms of the object's body; those without a geom are copies of the first.
        meshes: objects made of hulls that simulations of a batch may be given besides ``first_object``.

    Returns:
        A spec whose actuators are in motor order 0..15.
    """
    spec = build_hand(servo, timestep=timestep, impedance=impedance)
    for item in {mesh_name(item, 0): item for item in (first_object, *meshes)}.values():
        _add_meshes(spec, item)
    _add_object(spec, first_object, object_slots)
    for geom in spec.geoms:
        geom.solimp = impedance
    return spec


def object_indices(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Addresses of the object's pose in ``qpos``, (7,), and of its velocity in ``qvel``, (6,)."""
    joint = model.joint(OBJECT_BODY)
    return joint.qposadr[0] + np.arange(7), joint.dofadr[0] + np.arange(6)


def mesh_name(item: RotatableObject, index: int) -> str:
    """Name of the mesh asset of one of an object's geoms, which is a hull."""
    return f"{item.name}#{item.fingerprint}#{index}"


def _add_meshes(spec: mujoco.MjSpec, item: RotatableObject) -> None:
    for index, geom in enumerate(item.geoms):
        if isinstance(geom, Hull):
            spec.add_mesh(name=mesh_name(item, index), uservert=np.array(geom.vertices).flatten())


def _add_object(spec: mujoco.MjSpec, item: RotatableObject, slots: int) -> None:
    body = spec.worldbody.add_body(
        name=OBJECT_BODY,
        pos=[0.0, 0.0, 0.12],
        mass=item.mass,
        ipos=[0.0, 0.0, 0.0],  # where explicit inertia comes without it, MuJoCo takes pos
        iquat=[1.0, 0.0, 0.0, 0.0],
        inertia=item.mass * item.unit_inertia,
        explicitinertial=True,
    )
    body.add_freejoint(name=OBJECT_BODY)
    spare = [item.geoms[0]] * (slots - len(item.geoms))
    for index, geom in enumerate([*item.geoms, *spare]):
        mesh = mesh_name(item, item.geoms.index(geom)) if isinstance(geom, Hull) else ""
        body.add_geom(
            name=f"{OBJECT_BODY}_{index}",
            type=geom.geom_type,
            meshname=mesh,
            size=geom.geom_size,
            pos=geom.position,
            quat=geom.quat,
            contype=OBJECT_BIT,
            conaffinity=OBJECT_BIT,
            condim=4,  # adds torsional friction, as at a soft fingertip
            priority=1,  # so that the object's friction is the friction of every contact with it
            friction=[1.0, 0.001, 0.0001],
            rgba=geom.color,
        )
