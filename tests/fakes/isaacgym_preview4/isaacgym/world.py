"""What stands behind the handles: assets that were read, actors, and one MuJoCo model for each environment."""

import copy
import os
import random
import xml.etree.ElementTree as ElementTree

import mujoco
import numpy as np

from . import structs

DOF = np.dtype(
    [
        ("hasLimits", "?"),
        ("lower", "<f4"),
        ("upper", "<f4"),
        ("driveMode", "<i4"),
        ("velocity", "<f4"),
        ("effort", "<f4"),
        *((name, "<f4") for name in ("stiffness", "damping", "friction", "armature")),
    ]
)


class Asset:
    """What the importer makes of a file: it drops the root's pose, limits, drives, and contact classes."""

    def __init__(self, path, options):
        self.options = copy.copy(options)
        (self.root,) = ElementTree.parse(path).getroot().findall("worldbody/body")
        tree = ElementTree.parse(path).getroot()
        if tree.find("actuator") is not None:
            raise RuntimeError("the importer hangs on actuators")
        self.root.attrib.pop("pos", None)
        self.root.attrib.pop("quat", None)
        shuffle = random.Random(os.path.basename(path)).shuffle
        self.bodies = list(self.root.iter("body"))
        self.free = any(joint.get("type") == "free" for joint in self.root.findall("joint"))
        self.dofs = [joint.get("name") for joint in self.root.iter("joint") if joint.get("type") != "free"]
        rest = self.bodies[1:]
        shuffle(rest)
        shuffle(self.dofs)
        self.bodies = self.bodies[:1] + rest
        self.body_names = [body.get("name") for body in self.bodies]
        self.shapes = [[geom.get("name") for geom in body.findall("geom")] for body in self.bodies]
        names = [name for names in self.shapes for name in names]
        if None in names or len(set(names)) < len(names):
            raise RuntimeError("shapes without a name of their own overwrite each other")
        if any(body.find("inertial") is None for body in self.bodies):
            raise RuntimeError("masses of geoms are not read")
        if self.free == options.fix_base_link:
            raise RuntimeError("a fixed base was wanted for what is free, or the other way round")


class Actor:
    """An asset in an environment, and what has been set of it."""

    def __init__(self, asset, pose, name, group, filter_):
        self.asset, self.pose, self.name, self.group = asset, pose, name, group
        self.dofs = np.zeros(len(asset.dofs), DOF)
        self.masses = [float(body.find("inertial").get("mass")) for body in asset.bodies]
        self.inertia_factor = [1.0] * len(self.masses)
        self.shapes = [structs.RigidShapeProperties() for names in asset.shapes for _ in names]
        for shape in self.shapes:
            shape.filter = max(filter_, 0)
        self.id = self.first_dof = self.first_body = -1


class World:
    """One environment in MuJoCo."""

    def __init__(self, actors, params):
        self.actors = actors
        tree = ElementTree.fromstring(
            '<mujoco><compiler angle="radian" inertiafromgeom="false"/>'
            '<option cone="elliptic"><flag island="disable"/></option><worldbody/></mujoco>'
        )
        prefixes = [f"{k}/" for k in range(len(actors))]
        for actor, prefix in zip(actors, prefixes):
            tree.find("worldbody").append(_placed(actor, prefix))
        self.model = mujoco.MjModel.from_xml_string(ElementTree.tostring(tree, encoding="unicode"))
        self.data = mujoco.MjData(self.model)
        gravity = params.gravity
        self.model.opt.gravity[:] = gravity.x, gravity.y, gravity.z
        self.model.opt.timestep = params.dt / params.substeps
        self.model.geom_solimp[:] = 0.93, 0.98, 0.001, 0.5, 2.0
        self.places = [_Places(self.model, actor, prefix) for actor, prefix in zip(actors, prefixes)]
        self.write_properties()

    def write_properties(self):
        """Set what came through the interface: nothing of it is in the files."""
        model, filters = self.model, sorted({s.filter for actor in self.actors for s in actor.shapes})
        mean = np.mean([s.friction for s in self.actors[0].shapes])
        for actor, place in zip(self.actors, self.places):
            for shape, geom in zip(actor.shapes, place.geoms):
                model.geom_contype[geom] = 1 << filters.index(shape.filter)
                model.geom_conaffinity[geom] = sum(1 << i for i, f in enumerate(filters) if not f & shape.filter)
                model.geom_friction[geom, 0] = (shape.friction + mean) / 2
                model.geom_priority[geom] = 1 if actor.asset.free else 0
            model.body_mass[place.bodies] = actor.masses
            model.body_inertia[place.bodies] = place.inertia * np.array(actor.inertia_factor)[:, None]
            if actor.asset.dofs:
                if actor.dofs["friction"].any():
                    raise AssertionError("friction of joints has no unit here; N m were given")
                model.dof_armature[place.dof] = actor.dofs["armature"]
                model.jnt_limited[place.joints] = actor.dofs["hasLimits"]
                model.jnt_range[place.joints, 0] = actor.dofs["lower"]
                model.jnt_range[place.joints, 1] = actor.dofs["upper"]
        mujoco.mj_setConst(model, self.data)

    def advance(self, efforts, forces, substeps):
        """Let one step pass under torques of all dofs and forces at the centers of mass of all bodies, in our order."""
        data = self.data
        data.qfrc_applied[:], data.xfrc_applied[:] = 0.0, 0.0
        for actor, place in zip(self.actors, self.places):
            data.xfrc_applied[place.bodies, :3] = forces[actor.first_body : actor.first_body + len(place.bodies)]
            if actor.asset.dofs:
                if set(actor.dofs["driveMode"]) != {structs.DofDriveMode.DOF_MODE_EFFORT}:
                    raise AssertionError("torques only act in effort mode")
                drive = -actor.dofs["damping"] * data.qvel[place.dof]
                torque = efforts[actor.first_dof : actor.first_dof + len(place.dof)] + drive
                data.qfrc_applied[place.dof] = np.clip(torque, -actor.dofs["effort"], actor.dofs["effort"])
        for _ in range(substeps):
            mujoco.mj_step(self.model, data)

    def root(self, k):
        """Root state of an actor, (13,): quaternion x y z w, velocity of the center of mass."""
        data, place = self.data, self.places[k]
        if not self.actors[k].asset.free:
            return np.concatenate([_numbers(self.actors[k].pose), np.zeros(6)])
        pose, moving = data.qpos[place.free_qpos : place.free_qpos + 7], data.qvel[place.free_dof : place.free_dof + 6]
        turning, arm = np.empty(3), np.empty(3)
        mujoco.mju_rotVecQuat(turning, moving[3:], pose[3:])
        mujoco.mju_rotVecQuat(arm, self.model.body_ipos[place.bodies[0]], pose[3:])
        return np.concatenate([pose[:3], pose[4:], pose[3:4], moving[:3] + np.cross(turning, arm), turning])

    def set_root(self, k, state):
        """Put a free actor somewhere; of a fixed one nothing moves."""
        data, place = self.data, self.places[k]
        if self.actors[k].asset.free:
            quat, turning = np.array([state[6], *state[3:6]], dtype=float), np.empty(3)
            back, arm = quat * [1, -1, -1, -1], np.empty(3)
            mujoco.mju_rotVecQuat(turning, state[10:].astype(float), back)
            mujoco.mju_rotVecQuat(arm, self.model.body_ipos[place.bodies[0]], quat)
            data.qpos[place.free_qpos : place.free_qpos + 7] = [*state[:3], *quat]
            data.qvel[place.free_dof : place.free_dof + 3] = state[7:10] - np.cross(state[10:], arm)
            data.qvel[place.free_dof + 3 : place.free_dof + 6] = turning

    def dof(self, k):
        """Positions and velocities of an actor's joints, (joints, 2)."""
        return np.stack([self.data.qpos[self.places[k].qpos], self.data.qvel[self.places[k].dof]], axis=1)

    def set_dof(self, k, state):
        self.data.qacc_warmstart[:] = 0.0  # all that is left of what was before
        self.data.qpos[self.places[k].qpos], self.data.qvel[self.places[k].dof] = state[:, 0], state[:, 1]


class _Places:
    """Where an actor is in a model, in the asset's order."""

    def __init__(self, model, actor, prefix):
        find, kinds = mujoco.mj_name2id, mujoco.mjtObj
        self.bodies = [find(model, kinds.mjOBJ_BODY, prefix + name) for name in actor.asset.body_names]
        shapes = [name for names in actor.asset.shapes for name in names]
        self.geoms = [find(model, kinds.mjOBJ_GEOM, prefix + name) for name in shapes]
        self.joints = [find(model, kinds.mjOBJ_JOINT, prefix + name) for name in actor.asset.dofs]
        self.qpos, self.dof = model.jnt_qposadr[self.joints], model.jnt_dofadr[self.joints]
        self.inertia = model.body_inertia[self.bodies].copy()
        if actor.asset.free:
            joint = model.body_jntadr[self.bodies[0]]
            self.free_qpos, self.free_dof = model.jnt_qposadr[joint], model.jnt_dofadr[joint]


def _placed(actor, prefix):
    """An actor's body at its pose, with names of its own, and without what the importer drops."""
    root = copy.deepcopy(actor.asset.root)
    for element in root.iter():
        if element.get("name"):
            element.set("name", prefix + element.get("name"))
        for name in ("range", "limited", "damping", "frictionloss", "armature", "friction", "contype", "conaffinity"):
            element.attrib.pop(name, None)
    x, y, z, qx, qy, qz, qw = _numbers(actor.pose)
    root.set("pos", f"{x!r} {y!r} {z!r}")
    root.set("quat", f"{qw!r} {qx!r} {qy!r} {qz!r}")
    return root


def _numbers(pose):
    return [pose.p.x, pose.p.y, pose.p.z, pose.r.x, pose.r.y, pose.r.z, pose.r.w]
