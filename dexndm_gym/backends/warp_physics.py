"""Physics of each world's own: what is drawn at a reset, and the constants that follow from it."""

from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from dexndm_gym.backends.randomization import Randomization, Range
from dexndm_gym.backends.warp_objects import ObjectTable
from dexndm_gym.backends.warp_worlds import WarpWorlds
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.scene_model import OBJECT_BODY


class WorldPhysics:
    """Writes objects, servos and links into the model fields of the worlds that begin anew."""

    def __init__(
        self, model: mujoco.MjModel, worlds: WarpWorlds, objects: ObjectTable, randomization: Randomization | None
    ) -> None:
        """Take the fields that differ from world to world."""
        self.randomization = randomization
        self._objects, self._fields = objects, worlds.model
        device = worlds.qpos.device
        self._body = model.body(OBJECT_BODY).id
        first, count = model.body_geomadr[self._body], model.body_geomnum[self._body]
        self._slots, self._object_dofs = slice(first, first + count), slice(NUM_JOINTS, NUM_JOINTS + 6)
        self._joint_dofs = torch.tensor(joint_indices(model)[1], dtype=torch.long, device=device)
        self._stiffness = torch.tensor(SIM_SERVO.stiffness, dtype=torch.float32, device=device)
        r = randomization
        self._links = None if r is None or _fixed(r.armature, r.link_mass) else LinkConstants(model, device)
        self.shape = torch.zeros((len(worlds.qpos), 6), device=device)
        self.delay = torch.zeros(len(worlds.qpos), dtype=torch.long, device=device)

    @property
    def mass(self) -> Tensor:
        """Mass of each object, (n, 1), kg."""
        return self._fields["body_mass"][:, self._body, None]

    @property
    def friction(self) -> Tensor:
        """Friction coefficient of each object, (n, 1)."""
        return self._fields["geom_friction"][:, self._slots.start, :1]

    @property
    def stiffness(self) -> Tensor:
        """Of the servos, (n, 16), N m/rad."""
        return self._fields["actuator_gainprm"][:, :, 0]

    @property
    def frictionloss(self) -> Tensor:
        """Of the joints, (n, 16), N m."""
        return self._fields["dof_frictionloss"][:, self._joint_dofs]

    def redraw(self, mask: Tensor, index: Tensor, scale: Tensor, generator: torch.Generator, timestep: float) -> Tensor:
        """Give the worlds of ``mask``, (n,) bool, new objects and physics.

        Args:
            mask: which worlds.
            index: their objects, (n,) long.
            scale: factors on the objects' sizes, (n, 1).
            generator: where draws come from.
            timestep: physics step, s, to which delays are rounded.

        Returns:
            How far the center of mass of each world's object is off, (n, 3), m, object frame; only of use where
            ``mask`` is set.
        """
        mass, off_center = self._objects.mass[index][:, None], torch.zeros_like(self.shape[:, :3])
        if self.randomization is not None:
            draw = _Draws(len(mask), generator, self.shape.device)
            mass = draw(self.randomization.mass)
            off_center = self._redraw_physics(mask, self.randomization, draw, timestep)
        self._put_objects(mask, index, scale, mass, off_center)
        return off_center

    def _write(self, name: str, where: Any, mask: Tensor, values: Tensor) -> None:
        """Write values into part of a field, in the worlds of ``mask`` only."""
        field = self._fields[name]
        mask = mask.reshape(-1, *[1] * (values.ndim - 1))
        field[where] = torch.where(mask, values, field[where])

    def _redraw_physics(self, mask: Tensor, r: Randomization, draw: "_Draws", timestep: float) -> Tensor:
        friction = torch.cat([draw(r.friction), draw(r.torsional_friction)], dim=1)
        self._write("geom_friction", np.s_[:, self._slots, :2], mask, friction[:, None].expand(-1, self._count, -1))
        stiffness = self._stiffness * draw(r.stiffness, NUM_JOINTS)
        self._write("actuator_gainprm", np.s_[:, :, 0], mask, stiffness)
        self._write("actuator_biasprm", np.s_[:, :, 1], mask, -stiffness)
        joints = (slice(None), self._joint_dofs)
        self._write("dof_damping", joints, mask, SIM_SERVO.damping * draw(r.damping, NUM_JOINTS))
        self._write("dof_frictionloss", joints, mask, SIM_SERVO.frictionloss * draw(r.frictionloss, NUM_JOINTS))
        if self._links is not None:
            armature = SIM_SERVO.armature * draw(r.armature, NUM_JOINTS)
            self._write("dof_armature", joints, mask, armature)
            for name, values in self._links(draw(r.link_mass, self._body - 1), armature).items():
                self._write(name, np.s_[:, : values.shape[1]], mask, values)
        self.delay = torch.where(mask, torch.round(draw(r.delay)[:, 0] / timestep).long(), self.delay)
        return draw((-r.center_of_mass, r.center_of_mass), 3)

    @property
    def _count(self) -> int:
        return self._slots.stop - self._slots.start

    def _put_objects(self, mask: Tensor, index: Tensor, scale: Tensor, mass: Tensor, off_center: Tensor) -> None:
        table, factor = self._objects, scale[:, :, None]
        used = table.used[index]
        slots, body = np.s_[:, self._slots], np.s_[:, self._body]
        stretch = 1.0 + used * (factor - 1.0)  # parked geoms stay where they are
        self._write("geom_size", slots, mask, table.size[index] * factor)
        self._write("geom_pos", slots, mask, table.position[index] * stretch - used * off_center[:, None])
        self._write("geom_quat", slots, mask, table.quat[index])
        self._write("geom_rbound", slots, mask, table.radius[index] * scale)
        self._write("geom_aabb", np.s_[:, self._slots, 1], mask, table.half_extents[index] * factor)
        inertia = mass * table.unit_inertia[index] * scale**2
        self._write("body_mass", np.s_[:, self._body, None], mask, mass)
        self._write("body_subtreemass", np.s_[:, self._body, None], mask, mass)
        self._write("body_subtreemass", np.s_[:, :1], mask, self._fields["body_subtreemass"][:, 1:2] + mass)
        self._write("body_inertia", body, mask, inertia)
        # What MuJoCo derives from these is exact for a free body.
        weights = torch.cat([1.0 / mass, (1.0 / inertia).mean(dim=1, keepdim=True)], dim=1)
        self._write("body_invweight0", body, mask, weights)
        self._write("dof_invweight0", np.s_[:, self._object_dofs], mask, weights.repeat_interleave(3, dim=1))
        shape = table.shape[index]
        self.shape = torch.where(mask[:, None], torch.cat([shape[:, :3] * scale, shape[:, 3:]], dim=1), self.shape)


class LinkConstants:
    """What follows from masses of links and inertias of rotors; the same numbers as MuJoCo's ``mj_setConst``.

    The inertia matrix of the joints is linear in both, and 16 by 16, so that every world can have its own.
    """

    def __init__(self, model: mujoco.MjModel, device: torch.device) -> None:
        """Take the model apart at its reference pose."""
        data = mujoco.MjData(model)
        data.qpos[:] = model.qpos0
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        links = model.body(OBJECT_BODY).id - 1
        jacobian, inertia = np.zeros((links, 6, model.nv)), np.zeros((links, 6, 6))
        for link in range(links):
            body = link + 1
            mujoco.mj_jacBodyCom(model, data, jacobian[link, :3], jacobian[link, 3:], body)
            turn = data.ximat[body].reshape(3, 3)
            inertia[link, :3, :3] = model.body_mass[body] * np.eye(3)
            inertia[link, 3:, 3:] = turn @ np.diag(model.body_inertia[body]) @ turn.T
        jacobian = jacobian[:, :, :NUM_JOINTS]
        below = np.zeros((links + 1, links))  # by body, the world too: the links that it carries
        for body in range(links, 0, -1):
            below[body, body - 1] = 1.0
            below[model.body_parentid[body]] += below[body]

        def tensor(values: object) -> Tensor:
            return torch.tensor(np.array(values), dtype=torch.float32, device=device)

        self._jacobian, self._below = tensor(jacobian), tensor(below)
        self._inertia = tensor(np.einsum("lij,lik,lkm->ljm", jacobian, inertia, jacobian))
        self._mass, self._moments = tensor(model.body_mass[1 : links + 1]), tensor(model.body_inertia[1 : links + 1])
        self._to_dofs = torch.tensor(np.argsort(joint_indices(model)[1]), dtype=torch.long, device=device)

    def __call__(self, factor: Tensor, armature: Tensor) -> dict[str, Tensor]:
        """Model fields of the hand, by name.

        Args:
            factor: on mass and inertia of each link, (n, links).
            armature: of each joint, motor order, (n, 16), kg m^2.
        """
        mass = self._mass * factor
        inertia = torch.einsum("nl,lij->nij", factor, self._inertia) + torch.diag_embed(armature[:, self._to_dofs])
        inverse = torch.linalg.inv_ex(inertia).inverse  # inv would wait for the GPU to look for errors
        weight = torch.einsum("lik,nkm,lim->nli", self._jacobian, inverse, self._jacobian)
        return {
            "body_mass": torch.nn.functional.pad(mass, (1, 0)),
            "body_inertia": torch.nn.functional.pad(self._moments * factor[:, :, None], (0, 0, 1, 0)),
            "body_subtreemass": mass @ self._below.T,
            "body_invweight0": torch.nn.functional.pad(weight.unflatten(2, (2, 3)).mean(dim=3), (0, 0, 1, 0)),
            "dof_invweight0": inverse.diagonal(dim1=1, dim2=2),
        }


class _Draws:
    """Uniform draws for n worlds."""

    def __init__(self, num_worlds: int, generator: torch.Generator, device: torch.device) -> None:
        self._shape, self._options = num_worlds, {"generator": generator, "device": device}

    def __call__(self, limits: Range, size: int = 1) -> Tensor:
        """(n, size)."""
        low, high = limits
        return low + (high - low) * torch.rand((self._shape, size), **self._options)


def _fixed(*ranges: Range) -> bool:
    """Whether all of these factors are 1."""
    return all(limits == (1.0, 1.0) for limits in ranges)
