"""The LEAP hand as a MuJoCo model, built from figures.

The hand is fixed in the *hand frame*: +x towards the fingertips, +z out of the palm on the grasping side. Palm up is
therefore gravity along -z; another wrist orientation is another gravity vector, never another model.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import mujoco
import numpy as np

from dexndm_gym.leap.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.pieces import Hull
from dexndm_gym.leap.rotatable import RotatableObject
from dexndm_gym.leap.shapes import Capsule, Shape, contact_shapes, tip_shapes, visual_shapes

TIP_NAMES = ("if_tip", "mf_tip", "rf_tip", "th_tip")
OBJECT_BODY = "object"

HAND_FRICTION = 0.5
"""Friction of the hand's own surfaces against each other; against the object the object's value holds."""

STIFF_CONTACT = (0.93, 0.98, 0.001, 0.5, 2.0)
"""MuJoCo's ``solimp`` of contacts in the training simulation, stiffer than its default (0.9, 0.95, 0.001): as stiff as
the shipped policy bears. ``dexndm objects --check`` says how far fingers sink in."""

# Contact classes. Everything touches the object; distal links also touch each other and the palm. All other pairs of
# links are kept apart by the joint limits or touch all the time at the joints.
_OBJECT_BIT, _DISTAL_BIT = 1, 2

_TIP_POSITION = {"if_ds": (0.0, -0.05, 0.015), "th_ds": (0.0, -0.06, -0.015)}


@dataclass(frozen=True, kw_only=True)
class JointServo:
    """A position servo as the simulator sees it: a spring with damping, dry friction and a torque limit."""

    stiffness: tuple[float, ...]
    """Torque per position error of each joint, (16,), N m/rad."""

    damping: float
    """N m s/rad."""

    frictionloss: float
    """Dry friction, N m."""

    armature: float
    """Rotor inertia seen at the joint, kg m^2."""

    torque_limit: float
    """N m."""


def load_figures() -> list[dict[str, Any]]:
    """Kinematic tree and inertia of the hand, one entry per body, parents first."""
    text = resources.files("dexndm_gym.leap").joinpath("figures.json").read_text(encoding="utf-8")
    return json.loads(text)["bodies"]


def build_spec(
    servo: JointServo | None,
    *,
    timestep: float,
    visual: bool = False,
    impedance: tuple[float, ...] = STIFF_CONTACT,
    first_object: RotatableObject = OBJECTS["cylinder"],
    object_slots: int = 0,
    meshes: Sequence[RotatableObject] = (),
) -> mujoco.MjSpec:
    """Build hand and object.

    Args:
        servo: what drives the joints; None gives plain torque actuators (control in N m) without damping or friction.
        timestep: physics step, s.
        visual: also add what is only seen (brackets, lights).
        impedance: MuJoCo's ``solimp`` of every contact.
        first_object: the object that the model is compiled with; batches give each simulation its own.
        object_slots: fewest geoms of the object's body; those without a piece are copies of the first.
        meshes: objects made of hulls that simulations of a batch may be given besides ``first_object``.

    Returns:
        A spec whose actuators are in motor order 0..15.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "leap_right"
    spec.compiler.degree = False
    spec.compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_FALSE
    spec.option.timestep = timestep
    # Joint damping is all that needs an implicit step here, and with Euler MuJoCo takes it that way.
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    # With the cheaper pyramids a policy learns to lean on friction that no real contact has: half its rotation is lost
    # where the cones are round.
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE  # small model; MuJoCo 4.0.0 has a bug in the sparse path
    # Fingers that share no contact could be solved apart; with so few it costs more than it saves.
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ISLAND)
    _add_bodies(spec, visual=visual)
    _add_actuators(spec, servo)
    for item in {mesh_name(item, 0): item for item in (first_object, *meshes)}.values():
        _add_meshes(spec, item)
    _add_object(spec, first_object, object_slots, visual=visual)
    for geom in spec.geoms:
        geom.solimp = impedance
    if visual:
        _add_stage(spec)
    return spec


def joint_indices(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Addresses of the sixteen joints, in motor order, in ``qpos`` and in ``qvel``, (16,) each."""
    joints = [model.joint(name) for name in JOINT_NAMES]
    return np.array([j.qposadr[0] for j in joints]), np.array([j.dofadr[0] for j in joints])


def object_indices(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Addresses of the object's pose in ``qpos``, (7,), and of its velocity in ``qvel``, (6,)."""
    joint = model.joint(OBJECT_BODY)
    return joint.qposadr[0] + np.arange(7), joint.dofadr[0] + np.arange(6)


def mesh_name(item: RotatableObject, index: int) -> str:
    """Name of the mesh asset of one of an object's pieces, which is a hull."""
    return f"{item.name}#{item.fingerprint}#{index}"


def _add_meshes(spec: mujoco.MjSpec, item: RotatableObject) -> None:
    for index, piece in enumerate(item.pieces):
        if isinstance(piece, Hull):
            spec.add_mesh(name=mesh_name(item, index), uservert=np.array(piece.vertices).flatten())


def _add_bodies(spec: mujoco.MjSpec, *, visual: bool) -> None:
    for figures in load_figures():
        name = figures["name"]
        parent = spec.worldbody if figures["parent"] is None else spec.body(figures["parent"])
        # The figures' palm grasps along -z: half a turn about x makes that the hand frame's +z.
        quat = [0.0, 1.0, 0.0, 0.0] if figures["parent"] is None else figures["quat"]
        body = parent.add_body(
            name=name,
            pos=figures["pos"],
            quat=quat,
            mass=figures["mass"],
            ipos=figures["com"],
            iquat=figures["inertia_quat"],
            inertia=figures["inertia"],
            explicitinertial=True,
        )
        if figures["joint"] is not None:
            _add_joint(body, figures["joint"])
        distal = name.endswith("_ds")
        for i, shape in enumerate(contact_shapes(name)):
            geom = _add_geom(body, f"{name}_{i}", shape)
            _make_contact(geom, distal=distal, palm=name == "palm")
        for shape in tip_shapes(name):
            geom = _add_geom(body, name.replace("_ds", "_tip"), shape)
            _make_contact(geom, distal=True, palm=False)
        if distal:
            position = _TIP_POSITION.get(name, _TIP_POSITION["if_ds"])
            body.add_site(name=name.replace("_ds", "_tip"), pos=position, group=4)
        if visual:
            for shape in visual_shapes(name):
                _add_geom(body, "", shape)


def _add_joint(body: Any, name: str) -> None:
    index = JOINT_NAMES.index(name)
    body.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=[0.0, 0.0, -1.0],
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        range=[LOWER_LIMITS[index], UPPER_LIMITS[index]],
    )


def _add_geom(body: Any, name: str, shape: Shape) -> Any:
    common: dict[str, Any] = {"name": name} if name else {}
    common |= {"rgba": shape.colour, "contype": 0, "conaffinity": 0, "group": 0 if name else 2}
    if not isinstance(shape, Capsule):
        return body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=shape.centre, size=shape.half, **common)
    if shape.start == shape.end:
        return body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, pos=shape.start, size=[shape.radius, 0, 0], **common)
    return body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[*shape.start, *shape.end], size=[shape.radius, 0, 0], **common
    )


def _make_contact(geom: Any, *, distal: bool, palm: bool) -> None:
    geom.contype = _DISTAL_BIT if distal else 0
    geom.conaffinity = _OBJECT_BIT | (_DISTAL_BIT if distal or palm else 0)
    geom.condim = 3
    geom.friction = [HAND_FRICTION, 0.005, 0.0001]


def _add_actuators(spec: mujoco.MjSpec, servo: JointServo | None) -> None:
    for index, name in enumerate(JOINT_NAMES):
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        if servo is None:
            actuator.set_to_motor()
            continue
        actuator.set_to_position(kp=servo.stiffness[index])
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = [-servo.torque_limit, servo.torque_limit]
        joint = spec.joint(name)
        joint.damping = [servo.damping, 0, 0]
        joint.frictionloss = servo.frictionloss
        joint.armature = servo.armature


def _add_object(spec: mujoco.MjSpec, item: RotatableObject, slots: int, *, visual: bool) -> None:
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
    spare = [item.pieces[0]] * (slots - len(item.pieces))
    for index, piece in enumerate([*item.pieces, *spare]):
        mesh = mesh_name(item, item.pieces.index(piece)) if isinstance(piece, Hull) else ""
        body.add_geom(
            name=f"{OBJECT_BODY}_{index}",
            type=piece.geom_type,
            meshname=mesh,
            size=piece.geom_size,
            pos=piece.position,
            quat=piece.quat,
            contype=_OBJECT_BIT,
            conaffinity=_OBJECT_BIT,
            condim=4,  # a soft fingertip also resists turning on the spot
            priority=1,  # so that the object's friction is the friction of every contact with it
            friction=[1.0, 0.001, 0.0001],
            rgba=piece.colour,
        )
    if visual and item.is_primitive:  # a stripe around it, without which nobody sees a cylinder turn
        x, _, z = item.extents / 2 * 1.01
        round_ = item.pieces[0].shape in ("ellipsoid", "sphere")
        stripe = mujoco.mjtGeom.mjGEOM_ELLIPSOID if round_ else mujoco.mjtGeom.mjGEOM_BOX
        body.add_geom(type=stripe, size=[x, 0.004, z], contype=0, conaffinity=0, group=2, rgba=[0.98, 0.95, 0.88, 1.0])


def _add_stage(spec: mujoco.MjSpec) -> None:
    spec.visual.headlight.ambient = [0.35, 0.35, 0.35]
    spec.visual.headlight.diffuse = [0.25, 0.25, 0.25]
    spec.visual.quality.shadowsize = 4096
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.96, 0.97, 0.98],
        rgb2=[0.80, 0.84, 0.89],
        width=256,
        height=256,
    )
    spec.worldbody.add_light(pos=[0.15, -0.35, 0.7], dir=[-0.2, 0.45, -0.9], diffuse=[0.65, 0.65, 0.62])
