"""Many simulated hands that try to hold one object."""

from functools import cached_property

import mujoco
import numpy as np
from mujoco.batch import Batch

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import PHYSICS_TIMESTEP
from dexndm_gym.grasps.contacts import contacts
from dexndm_gym.hand.model import TIP_NAMES, joint_indices
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.object_model import MAX_GEOMS, RotatableObject
from dexndm_gym.objects.object_slots import ObjectSlots, build_batch_model
from dexndm_gym.objects.scene_model import OBJECT_BODY, build_spec, object_indices

GRASP_KINDS = ("fingertips", "fingertips and links", "fist")
"""What holds an object: two or more fingertips and nothing else; links as well; less than two fingertips."""


class GraspBatch:
    """n hands with nominal servos and the same object; gravity is nothing until it is written.

    Attributes:
        gravity: in the hand frame, (n, 3), m/s^2.
        control: joint targets, (n, 16), rad.
    """

    def __init__(self, item: RotatableObject, scale: FloatArray, *, friction: float | None = None) -> None:
        """Give each hand the object.

        Args:
            item: the object.
            scale: factors on its size, (n,).
            friction: of the object; None for nominal.
        """
        spec = build_spec(SIM_SERVO, first_object=item, object_slots=MAX_GEOMS)
        _add_depth_sensor(spec)
        self._model = model = build_batch_model(spec)
        self._batch = Batch(model, len(scale))
        self._joint_qpos, self._joint_dof = joint_indices(model)
        self._object_qpos, self._object_dof = object_indices(model)
        self._tips = [model.site(name).id for name in TIP_NAMES]
        slots = ObjectSlots(model, self._batch)
        for i, factor in enumerate(scale):
            slots.put(i, item, mass=item.mass, scale=float(factor))
        if friction is not None:
            slots.friction[:, :, 0] = friction
        self.gravity = self._batch.expand("opt.gravity")
        self.gravity[:] = 0.0
        self._damping = self._batch.expand("dof_damping")
        self._qpos, self._qvel = self._batch.bind("qpos"), self._batch.bind("qvel")
        self._sites = self._batch.bind("site_xpos")
        self._depth = self._batch.bind("sensordata")
        self.control = self._batch.bind("ctrl")

    def begin(self, joints: FloatArray, pose: FloatArray, target: FloatArray) -> None:
        """Put joints and objects to rest where they are said to be."""
        self._batch.set_const()
        self._batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        self._qpos[:, self._joint_qpos], self._qpos[:, self._object_qpos] = joints, pose
        self.control[:] = target
        self._batch.forward()

    def damp_object(self, along: float, about: float) -> None:
        """Hold the objects back, N s/m and N m s/rad."""
        self._damping[:, self._object_dof] = np.repeat([along, about], 3)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self._batch.step(nstep=round(seconds / PHYSICS_TIMESTEP))

    @property
    def joints(self) -> FloatArray:
        """Joint angles, (n, 16), rad."""
        return self._qpos[:, self._joint_qpos]

    @property
    def object_pose(self) -> FloatArray:
        """Position in m and quaternion w x y z, (n, 7)."""
        return self._qpos[:, self._object_qpos]

    @property
    def object_speed(self) -> FloatArray:
        """Linear and angular speed, (n, 2), m/s and rad/s."""
        velocity = self._qvel[:, self._object_dof].reshape(-1, 2, 3)
        return np.linalg.norm(velocity, axis=2)

    @property
    def tips(self) -> FloatArray:
        """Fingertips, (n, 4, 3), m."""
        return self._sites[:, self._tips]

    def tip_jacobians(self) -> FloatArray:
        """How each fingertip moves with its own four joints, (n, 4 fingers, 3, 4), m/rad."""
        tips, dof = self.tips, self._joint_dof.reshape(4, 4)
        parts = [
            self._batch.jac(int(self._model.site_bodyid[site]), tips[:, finger])[0][:, :, dof[finger]]
            for finger, site in enumerate(self._tips)
        ]
        return np.stack(parts, axis=1)

    @cached_property
    def _tip_geoms(self) -> IntArray:
        return np.array([self._model.geom(name).id for name in TIP_NAMES])

    @property
    def penetration(self) -> FloatArray:
        """How far bodies were inside each other where they were most so as the last physics step began, (n,), m."""
        return -self._depth[:, 0]

    def held_by(self, i: int) -> str:
        """What touches the object in hand ``i``: one of ``GRASP_KINDS``."""
        model, data = contacts(self._batch, i)
        pairs = data.contact.geom
        of_object = model.geom_bodyid[pairs] == model.body(OBJECT_BODY).id
        touching = np.unique(pairs[~of_object & of_object.any(axis=1, keepdims=True)])
        tips = np.isin(touching, self._tip_geoms)
        if tips.sum() < 2:
            return "fist"
        return "fingertips" if tips.all() else "fingertips and links"


def _add_depth_sensor(spec: mujoco.MjSpec) -> None:
    """Have every step say how near the nearest contact is: collisions are not looked for again to know it."""
    distance, nearest, of_one = 1 << mujoco.mjtConDataField.mjCONDATA_DIST.value, 1, 1
    anything = mujoco.mjtObj.mjOBJ_UNKNOWN
    spec.add_sensor(
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        objtype=anything,
        reftype=anything,
        intprm=[distance, nearest, of_one],
    )
