"""The LEAP hand as a MuJoCo model, built from its parameters.

The hand is fixed in the *hand frame*: +x towards the fingertips, +z out of the palm on the grasping side. Palm up is
therefore gravity along -z; another wrist orientation is another gravity vector, never another model.
"""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import mujoco
import numpy as np

from dexndm_gym.constants import PHYSICS_TIMESTEP
from dexndm_gym.hand.geometry import Capsule, Shape, contact_shapes, tip_shapes
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS

TIP_NAMES = ("if_tip", "mf_tip", "rf_tip", "th_tip")

HAND_FRICTION = 0.5
"""Friction of the hand's own surfaces against each other; against the object the object's value holds."""

STIFF_CONTACT = (0.93, 0.98, 0.001, 0.5, 2.0)
"""MuJoCo's ``solimp`` of contacts in the training simulation, stiffer than its default (0.9, 0.95, 0.001): as stiff as
the shipped policy bears. ``dexndm objects --check`` says how far fingers sink in."""

FRICTION_IMPEDANCE_RATIO = 10.0
"""MuJoCo's ``impratio``: how much harder friction is than the contact's normal direction. At MuJoCo's default of 1
objects slide at 1.4 mm/s in fingers whose targets do not move, and two fifths are lost within 20 s; at 10 they slide at
0.3, and none is (``benchmarks/holding_still.py``)."""

# Contact classes. Everything touches the object; distal links also touch each other and the palm. All other pairs of
# links are kept apart by the joint limits or touch all the time at the joints.
OBJECT_BIT, _DISTAL_BIT = 1, 2

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


def load_parameters() -> list[dict[str, Any]]:
    """Kinematic tree and inertia of the hand, one entry per body, parents first."""
    text = resources.files("dexndm_gym.hand").joinpath("parameters.json").read_text(encoding="utf-8")
    return json.loads(text)["bodies"]


def build_hand(
    servo: JointServo | None,
    *,
    timestep: float = PHYSICS_TIMESTEP,
    impedance: tuple[float, ...] = STIFF_CONTACT,
) -> mujoco.MjSpec:
    """Build the hand without an object.

    Args:
        servo: what drives the joints; None gives plain torque actuators (control in N m) without damping or friction.
        timestep: physics step, s.
        impedance: MuJoCo's ``solimp`` of every contact.

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
    spec.option.impratio = FRICTION_IMPEDANCE_RATIO
    spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE  # small model; MuJoCo 4.0.0 has a bug in the sparse path
    # Fingers that share no contact could be solved apart; with so few it costs more than it saves.
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ISLAND)
    _add_bodies(spec)
    _add_actuators(spec, servo)
    for geom in spec.geoms:
        geom.solimp = impedance
    return spec


def joint_indices(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Addresses of the sixteen joints, in motor order, in ``qpos`` and in ``qvel``, (16,) each."""
    joints = [model.joint(name) for name in JOINT_NAMES]
    return np.array([j.qposadr[0] for j in joints]), np.array([j.dofadr[0] for j in joints])


def _add_bodies(spec: mujoco.MjSpec) -> None:
    for parameters in load_parameters():
        name = parameters["name"]
        parent = spec.worldbody if parameters["parent"] is None else spec.body(parameters["parent"])
        # The parameters' palm grasps along -z: half a turn about x makes that the hand frame's +z.
        quat = [0.0, 1.0, 0.0, 0.0] if parameters["parent"] is None else parameters["quat"]
        body = parent.add_body(
            name=name,
            pos=parameters["pos"],
            quat=quat,
            mass=parameters["mass"],
            ipos=parameters["com"],
            iquat=parameters["inertia_quat"],
            inertia=parameters["inertia"],
            explicitinertial=True,
        )
        if parameters["joint"] is not None:
            _add_joint(body, parameters["joint"])
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
    common: dict[str, Any] = {"name": name, "rgba": shape.color, "contype": 0, "conaffinity": 0}
    if not isinstance(shape, Capsule):
        return body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=shape.center, size=shape.half, **common)
    if shape.start == shape.end:
        return body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, pos=shape.start, size=[shape.radius, 0, 0], **common)
    return body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[*shape.start, *shape.end], size=[shape.radius, 0, 0], **common
    )


def _make_contact(geom: Any, *, distal: bool, palm: bool) -> None:
    geom.contype = _DISTAL_BIT if distal else 0
    geom.conaffinity = OBJECT_BIT | (_DISTAL_BIT if distal or palm else 0)
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
