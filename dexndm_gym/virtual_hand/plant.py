"""What the servos move: n hands, each with an object, in MuJoCo.

Other than the training simulator in step, friction cone, contact softness and torsional friction, and driven by plain
torques: everything a servo does is computed in ``servo.py`` and handed over as torque, dry friction and armature of
each joint, which MuJoCo then solves together with the contacts.
"""

from collections.abc import Sequence

import mujoco
import numpy as np
from mujoco.batch import SimulationError

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import GRAVITY, VIRTUAL_TIMESTEP
from dexndm_gym.errors import SimulationDivergedError
from dexndm_gym.hand.joints import JOINT_NAMES, NUM_JOINTS
from dexndm_gym.hand.model import TIP_NAMES, joint_indices
from dexndm_gym.hand.mujoco_batch import Simulations
from dexndm_gym.objects.object_model import MAX_GEOMS, RotatableObject
from dexndm_gym.objects.object_slots import ObjectSlots, build_batch_model
from dexndm_gym.objects.scene import FREE
from dexndm_gym.objects.scene_model import OBJECT_BODY, build_spec, object_indices
from dexndm_gym.virtual_hand.parameters import HandParameters, ServoParameters, stack, stack_servos
from dexndm_gym.virtual_hand.surroundings import surround

PARKING_POSITION = (0.0, 0.0, -0.5)
"""Where objects are that nobody has put into the hand, or that were lost; m, hand frame."""

LOST_DISTANCE = 0.3
"""An object this far from the hand's origin is picked up and parked, m."""

EASING_TIME, EASING = 0.1, 0.93
"""Contacts of an object just put in are this soft, s, and stiffen by this factor per step to what they are: someone
holds the object until the fingers have given way, so that it never starts wedged between them."""

_RUBBER = (0.9, 0.95, 0.001, 0.5, 2.0)
"""MuJoCo's ``solimp`` of contacts, its default: softer than in the training simulation, as rubber is."""

HOLDING = (300.0, 300.0, 300.0, 0.3, 0.3, 0.3)
"""How a person's hand holds an object back, N s/m along x, y and z and N m s/rad about them: it hardly moves."""

# Dry friction is made stiff: with MuJoCo's defaults a joint at rest creeps by up to a milliradian per control period.
_FRICTION_IMPEDANCE = 0.99
_FRICTION_RATE = 2 / (_FRICTION_IMPEDANCE * 2 * VIRTUAL_TIMESTEP)


class HandPlant:
    """n hands and their objects; joint arrays are (n, 16) in motor order.

    Attributes:
        position: joint angles, rad.
        velocity: joint velocities, rad/s; after a correction call ``write_velocity``.
        acceleration: joint accelerations in the last step, rad/s^2.
        friction: torque of the joints' dry friction in the last step, N m.
        link_inertia: inertia at each joint without rotor, fingers stretched, (16,), kg m^2.
    """

    def __init__(
        self,
        hands: Sequence[HandParameters],
        num_threads: int,
        surroundings: str = FREE,
        meshes: Sequence[RotatableObject] = (),
    ) -> None:
        """Build one simulation per entry of ``hands``, all joints at zero and the objects parked.

        Args:
            hands: what is hidden in each.
            num_threads: threads that step them.
            surroundings: what surrounds each hand, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
            meshes: objects made of hulls that may be put in.
        """
        self._model = _compile(surroundings, meshes)
        self._batch = Simulations(self._model, len(hands), num_threads)
        self._qpos_index, self._dof = joint_indices(self._model)
        self._object_qpos, self._object_dof = object_indices(self._model)
        self.link_inertia = self._model.dof_M0[self._dof] - self._model.dof_armature[self._dof]
        self._bind()
        self._mass_scale = stack(hands, lambda hand: hand.object_mass_scale)
        self._write_parameters(hands)
        shape = (len(hands), NUM_JOINTS)
        self.position, self.velocity = np.zeros(shape), np.zeros(shape)
        self.acceleration, self.friction = np.zeros(shape), np.zeros(shape)
        # MuJoCo's own weight of a friction constraint: force = -weight * (acceleration + rate * velocity), clipped.
        regularization = (1 - _FRICTION_IMPEDANCE) / _FRICTION_IMPEDANCE * self._model.dof_invweight0[self._dof]
        self._friction_weight = 1 / regularization
        self.park(np.arange(len(hands)))
        self.read()

    def _bind(self) -> None:
        batch = self._batch
        self._qpos, self._qvel, self._ctrl = batch.bind("qpos"), batch.bind("qvel"), batch.bind("ctrl")
        self._qacc = batch.bind("qacc")
        self._frictionloss, self._armature = batch.expand("dof_frictionloss"), batch.expand("dof_armature")
        self._damping, self._gravity = batch.expand("dof_damping"), batch.expand("opt.gravity")
        self._site_xpos, self._pull = batch.bind("site_xpos"), batch.bind("xfrc_applied")
        self._tip_sites = [self._model.site(name).id for name in TIP_NAMES]
        self._object_body = self._model.body(OBJECT_BODY).id
        self._objects = ObjectSlots(self._model, batch)

    def _write_parameters(self, hands: Sequence[HandParameters]) -> None:
        self._damping[:, self._dof] = stack_servos(hands).viscous
        self._batch.bind("qfrc_applied")[:, self._dof] = stack(hands, lambda hand: hand.wire_torque)
        self._objects.friction[:, :, 0] = stack(hands, lambda hand: hand.object_friction)[:, None]
        self._objects.friction[:, :, 1] = stack(hands, lambda hand: hand.torsional_friction)[:, None]
        stiffest_that_is_stable = 2 * VIRTUAL_TIMESTEP
        contact_time = stack(hands, lambda hand: hand.contact_time)
        self._contact_time = np.maximum(contact_time, stiffest_that_is_stable)[:, None]
        self._objects.solref[:, :, 0] = self._contact_time

    def read(self) -> None:
        """Fetch joint positions and velocities."""
        np.take(self._qpos, self._qpos_index, axis=1, out=self.position, mode="clip")
        np.take(self._qvel, self._dof, axis=1, out=self.velocity, mode="clip")

    def step(
        self, torque: FloatArray, frictionloss: FloatArray, armature: FloatArray, ids: IntArray | None = None
    ) -> None:
        """Advance the hands ``ids``, or all, by one step under these motor torques, dry frictions and rotor inertias.

        Raises:
            SimulationDivergedError: MuJoCo failed.
        """
        self._ctrl[...] = torque
        self._frictionloss[:, self._dof] = frictionloss
        self._armature[:, self._dof] = armature
        self._ease(ids)
        friction = self.friction
        np.multiply(self.velocity, -_FRICTION_RATE, out=friction)  # the velocity before the step
        try:
            self._batch.step(ids)
        except SimulationError as error:
            raise SimulationDivergedError(f"the virtual hand's simulation failed: {error}") from error
        np.take(self._qacc, self._dof, axis=1, out=self.acceleration, mode="clip")
        friction -= self.acceleration
        friction *= self._friction_weight
        np.minimum(friction, frictionloss, out=friction)
        np.maximum(friction, -frictionloss, out=friction)
        self.read()

    def _ease(self, ids: IntArray | None) -> None:
        """Stiffen the contacts of objects that were put in lately."""
        softness, hands = self._objects.solref[:, :, 0], slice(None) if ids is None else ids
        softness[hands] = np.maximum(softness[hands] * EASING, self._contact_time[hands])

    def write_velocity(self, ids: IntArray | None = None) -> None:
        """Make the joints of the hands ``ids``, or all, go on at ``velocity``."""
        if ids is None:
            self._qvel[:, self._dof] = self.velocity
        else:
            self._qvel[np.ix_(ids, self._dof)] = self.velocity[ids]

    def check(self) -> None:
        """Raise ``SimulationDivergedError`` unless every state is finite."""
        finite = np.isfinite(self._qpos).all(axis=1)
        if not finite.all():
            raise SimulationDivergedError(f"virtual hands {np.flatnonzero(~finite)} left the numbers")

    def set_joints(self, ids: IntArray, position: FloatArray) -> None:
        """Put the joints of some hands to rest at ``position``, (len(ids), 16), rad."""
        self._qpos[np.ix_(ids, self._qpos_index)] = position
        self._qvel[np.ix_(ids, self._dof)] = 0.0
        self.read()

    def turn(self, i: int, gravity: Sequence[float]) -> None:
        """Turn the wrist of hand ``i``: gravity in the hand frame, m/s^2."""
        self._gravity[i] = gravity

    def put_object(self, i: int, item: RotatableObject, pose: FloatArray, gravity: Sequence[float]) -> None:
        """Give hand ``i`` an object at rest at ``pose`` (7,), and gravity in the hand frame, m/s^2."""
        self.turn(i, gravity)
        self._objects.put(i, item, mass=item.mass * self._mass_scale[i])
        self._objects.solref[i, :, 0] = EASING_TIME
        self._qpos[i, self._object_qpos] = pose
        self._qvel[i, self._object_dof] = 0.0
        self.let_go(np.array([i]))

    def hold_object(self, i: int) -> None:
        """Have somebody hold the object of hand ``i`` where it is, and bear its weight, until ``let_go``."""
        self._damping[i, self._object_dof] = HOLDING
        self._pull[i, self._object_body, :3] = -self._objects.mass[i] * self._gravity[i]

    def let_go(self, ids: IntArray) -> None:
        """Leave the objects of some hands to themselves."""
        self._damping[np.ix_(ids, self._object_dof)] = 0.0
        self._pull[ids, self._object_body] = 0.0

    def fingertips(self, i: int) -> FloatArray:
        """Where the fingertips of hand ``i`` were at the last step, (4, 3), m, the thumb's last."""
        return self._site_xpos[i, self._tip_sites].copy()

    def park(self, ids: IntArray) -> None:
        """Take the objects out of some hands."""
        self.let_go(ids)
        self._qpos[np.ix_(ids, self._object_qpos)] = [*PARKING_POSITION, 1.0, 0.0, 0.0, 0.0]
        self._qvel[np.ix_(ids, self._object_dof)] = 0.0

    def park_lost_objects(self) -> None:
        """Take away what has fallen out of reach, so that nothing falls for ever."""
        away = np.square(self._qpos[:, self._object_qpos[:3]]).sum(axis=1) > LOST_DISTANCE**2
        if away.any():
            self.park(np.flatnonzero(away))

    def object_pose(self) -> FloatArray:
        """Position and quaternion of the objects in the hand frame, (n, 7)."""
        return self._qpos[:, self._object_qpos].copy()

    def privileged(self) -> dict[str, FloatArray]:
        """What no sensor of the hand tells, (n, k) by name; names and units are those of ``MujocoHand.privileged``."""
        tips = self._site_xpos[:, self._tip_sites] - self._qpos[:, None, self._object_qpos[:3]]
        return {
            "gravity": self._gravity / GRAVITY,
            "object_velocity": self._qvel[:, self._object_dof],
            "fingertips": tips.reshape(len(tips), -1),
            "joint_velocity": self.velocity.copy(),
            "mass": self._objects.mass.copy(),
            "friction": self._objects.friction[:, 0, :1].copy(),
            "frictionloss": self._frictionloss[:, self._dof].mean(axis=1, keepdims=True),
        }


def _compile(surroundings: str, meshes: Sequence[RotatableObject]) -> mujoco.MjModel:
    spec = build_spec(None, timestep=VIRTUAL_TIMESTEP, impedance=_RUBBER, object_slots=MAX_GEOMS, meshes=meshes)
    nominal = ServoParameters()
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    for name in JOINT_NAMES:
        joint = spec.joint(name)
        joint.armature, joint.frictionloss = float(np.asarray(nominal.armature)), float(np.asarray(nominal.coulomb))
        joint.damping = [float(np.asarray(nominal.viscous)), 0, 0]
        joint.solref_friction = [2 * VIRTUAL_TIMESTEP, 1.0]
        joint.solimp_friction = [_FRICTION_IMPEDANCE, _FRICTION_IMPEDANCE, 0.001, 0.5, 2.0]
    surround(spec, surroundings)
    return build_batch_model(spec)
