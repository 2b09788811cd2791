"""n simulated hands in MuJoCo, stepped together on a thread pool."""

import math
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.backends.randomization import Randomization, Range
from dexndm_gym.checks import check_count
from dexndm_gym.constants import CONTROL_PERIOD, GRAVITY, PHYSICS_TIMESTEP
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError
from dexndm_gym.grasps.start_states import PALM_UP, StartStates, load_starts
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.model import TIP_NAMES, joint_indices
from dexndm_gym.hand.mujoco_batch import Simulations
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.catalog import NO_OBJECT, OBJECTS
from dexndm_gym.objects.object_choice import Choice, object_of, own_objects
from dexndm_gym.objects.object_model import MAX_GEOMS, RotatableObject, shape_code
from dexndm_gym.objects.object_slots import ObjectSlots, build_batch_model
from dexndm_gym.objects.scene import Scene
from dexndm_gym.objects.scene_model import OBJECT_BODY, build_spec, object_indices
from dexndm_gym.task.quaternions import rotate

OUT_OF_REACH = (0.0, 0.0, -0.5, 1.0, 0.0, 0.0, 0.0)
"""Pose of the object of an empty hand at the start of each control step."""

SUBSTEPS = round(CONTROL_PERIOD / PHYSICS_TIMESTEP)

PUSH_DECAY = 0.9 ** (CONTROL_PERIOD / 0.08)
"""Factor on a push per control step: 0.9 every 80 ms, as the paper's relatives do."""


_BOUND = (
    *("_batch", "_qpos", "_qvel", "_ctrl", "_force", "_xfrc", "_site_xpos", "_objects", "_gravity", "_gain", "_bias"),
    *("_damping", "_frictionloss", "_armature", "_body_mass", "_body_inertia", "_time"),
)
"""What is the batch or lies in its memory."""


class MujocoHand:
    """n simulated hands, each with its own object, gravity and, if wanted, randomized physics.

    Copies and pickles hold the state of the simulations and go on bit for bit alike. In a forked process they go on
    with threads of its own.
    """

    def __init__(
        self,
        num_hands: int,
        *,
        randomization: Randomization | None = None,
        num_threads: int = 0,
        starts: StartStates | None = None,
        objects: Sequence[Choice] = (),
    ) -> None:
        """Build the simulations.

        Args:
            num_hands: how many.
            randomization: what to vary from episode to episode; None keeps everything nominal.
            num_threads: threads that step them, 0 for all processors; results do not depend on it.
            starts: states that episodes start from; None for the shipped ones.
            objects: what episodes may hold, by name or itself; needed for a user's own objects.
        """
        check_count("num_hands", num_hands)
        self.num_hands = num_hands
        self.randomization = randomization
        self._starts = starts if starts is not None else load_starts()
        self._own = {item.name: item for item in own_objects(objects)}
        meshes = [item for item in self._own.values() if item.has_hulls]
        spec = build_spec(SIM_SERVO, object_slots=MAX_GEOMS, meshes=meshes)
        self._model = build_batch_model(spec)
        self._batch = Simulations(self._model, num_hands, num_threads)
        self._joint_qpos, self._joint_dof = joint_indices(self._model)
        self._object_qpos, self._object_dof = object_indices(self._model)
        self._object_body = self._model.body(OBJECT_BODY).id
        self._tip_sites = np.array([self._model.site(name).id for name in TIP_NAMES])
        self._bind()
        self._shape = np.zeros((num_hands, 6))
        self._push = np.zeros((num_hands, 3))
        self._rng = np.random.default_rng(0)
        self._empty = np.zeros(0, dtype=np.int64)
        longest = 0.0 if randomization is None else randomization.delay[1]
        self._delay = np.zeros(num_hands, dtype=np.int64)  # physics steps
        self._commands = np.zeros((num_hands, 1 + math.ceil(round(longest / PHYSICS_TIMESTEP) / SUBSTEPS), NUM_JOINTS))

    @property
    def batch(self) -> Batch:
        """The simulations, for advanced use."""
        return self._batch

    def _bind(self) -> None:
        batch = self._batch
        self._qpos, self._qvel, self._ctrl = batch.bind("qpos"), batch.bind("qvel"), batch.bind("ctrl")
        self._force, self._xfrc = batch.bind("actuator_force"), batch.bind("xfrc_applied")
        self._site_xpos, self._time = batch.bind("site_xpos"), batch.bind("time")
        self._objects = ObjectSlots(self._model, batch)
        self._gravity = batch.expand("opt.gravity")
        self._gain, self._bias = batch.expand("actuator_gainprm"), batch.expand("actuator_biasprm")
        self._damping, self._frictionloss = batch.expand("dof_damping"), batch.expand("dof_frictionloss")
        self._armature, self._body_mass = batch.expand("dof_armature"), batch.expand("body_mass")
        self._body_inertia = batch.expand("body_inertia")

    def __getstate__(self) -> dict[str, Any]:
        """All that copies and pickles need."""
        free = {name: value for name, value in vars(self).items() if name not in _BOUND}
        return free | {"snapshot": self._batch.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on where the state was taken."""
        free = dict(state)
        self._batch = Simulations.of(free.pop("snapshot"))
        vars(self).update(free)
        self._bind()

    def _own_threads(self) -> None:
        """After a fork: go on with threads of this process."""
        if self._batch.forked:
            self.__setstate__(self.__getstate__())

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Start the hands ``ids`` from states in which they hold their objects still; returns the targets held.

        Raises:
            ConfigurationError: there is no such state for an object in its wrist orientation, or the object is a
                user's own and was not given when this was made.
        """
        self._own_threads()
        self._rng = rng
        # An empty hand is one whose object is kept out of reach.
        items = [OBJECTS["cylinder"] if scene.object == NO_OBJECT else self._find(scene) for scene in scenes]
        empty = [i for i, scene in zip(ids, scenes, strict=True) if scene.object == NO_OBJECT]
        self._empty = np.union1d(np.setdiff1d(self._empty, ids), np.array(empty, dtype=np.int64))
        gravity = [PALM_UP if scene.object == NO_OBJECT else scene.gravity for scene in scenes]
        starts = [self._starts.draw(item.name, down, rng) for item, down in zip(items, gravity, strict=True)]
        self._batch.reset(ids, stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        for i, scene, item, start in zip(ids, scenes, items, starts, strict=True):
            self._shape[i] = shape_code(item, start.scale)
            self._gravity[i] = scene.gravity
            mass, off_center = self._draw_physics(i, item.mass, rng)
            self._objects.put(i, item, mass=mass, scale=start.scale, off_center=off_center)
            self._qpos[i, self._joint_qpos] = start.joints
            self._qpos[i, self._object_qpos] = start.object_pose
            self._qpos[i, self._object_qpos[:3]] += rotate(tuple(start.object_pose[3:]), tuple(off_center))
            self._ctrl[i] = self._commands[i] = start.target
        self._push[ids] = 0.0
        self._put_away_objects()
        self._batch.set_const(ids)
        self._batch.forward(ids)
        return self._ctrl[ids]

    def _find(self, scene: Scene) -> RotatableObject:
        """The object of a scene, which start states and simulation must know."""
        item = object_of(scene, self._own)
        self._objects.require(item)
        if item.name not in OBJECTS and self._own.get(item.name) != item:
            raise ConfigurationError(
                f"The simulation was made without this object {item.name!r}, and has no start states for it; name it "
                f"when the environment is made, for example gym.make(..., object=[..., {item.name!r}])"
            )
        return item

    def _draw_physics(self, i: int, mass: float, rng: np.random.Generator) -> tuple[float, FloatArray]:
        """Write friction, servos and links of hand ``i``; returns mass in kg and off-center of its object, (3,), m."""
        if (r := self.randomization) is None:
            return mass, np.zeros(3)
        mass = rng.uniform(*r.mass)
        self._objects.friction[i, :, :2] = rng.uniform(*r.friction), rng.uniform(*r.torsional_friction)
        stiffness = np.array(SIM_SERVO.stiffness) * rng.uniform(*r.stiffness, NUM_JOINTS)
        self._gain[i, :, 0], self._bias[i, :, 1] = stiffness, -stiffness
        self._damping[i, self._joint_dof] = SIM_SERVO.damping * rng.uniform(*r.damping, NUM_JOINTS)
        self._frictionloss[i, self._joint_dof] = SIM_SERVO.frictionloss * rng.uniform(*r.frictionloss, NUM_JOINTS)
        self._armature[i, self._joint_dof] = SIM_SERVO.armature * _varied(rng, r.armature, NUM_JOINTS)
        links = slice(1, self._object_body)
        factor = _varied(rng, r.link_mass, self._object_body - 1)
        self._body_mass[i, links] = self._model.body_mass[links] * factor
        self._body_inertia[i, links] = self._model.body_inertia[links] * factor[:, None]
        self._delay[i] = round(_varied(rng, r.delay, 1)[0] / PHYSICS_TIMESTEP)
        return mass, _varied(rng, (-r.center_of_mass, r.center_of_mass), 3)

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """From now on gravity, (len(ids), 3) m/s^2 in the hand frame, pulls at the hands ``ids``."""
        self._gravity[ids] = gravity

    def step(self, command: FloatArray) -> None:
        """Advance every simulation by one control period towards its command, (n, 16) rad.

        A simulation that becomes unstable has lost its object.
        """
        self._own_threads()
        if self.randomization is not None:
            self._push_objects(self.randomization)
        self._put_away_objects()
        began, orientation = self._time.copy(), self._qpos[:, self._object_qpos[3:]]
        try:
            self._advance(command)
        except SimulationError as error:
            raise SimulationDivergedError(f"MuJoCo could not go on: {error}") from error
        # MuJoCo puts an unstable simulation back to where its model begins, at time 0, and goes on there.
        unstable = np.flatnonzero(self._time - began < CONTROL_PERIOD - PHYSICS_TIMESTEP / 2)
        if unstable.size:
            self._qpos[np.ix_(unstable, self._object_qpos[:3])] = OUT_OF_REACH[:3]
            self._qpos[np.ix_(unstable, self._object_qpos[3:])] = orientation[unstable]

    def _advance(self, command: FloatArray) -> None:
        """Step the physics; commands act after the delay of each hand."""
        if self._commands.shape[1] == 1:  # none is ever delayed
            self._ctrl[:] = command
            self._batch.step(nstep=SUBSTEPS)
            return
        self._commands[:, :-1] = self._commands[:, 1:]
        self._commands[:, -1] = command
        for step in range(SUBSTEPS):
            steps_ago = np.maximum(-((step - self._delay) // SUBSTEPS), 0)
            self._ctrl[:] = self._commands[np.arange(self.num_hands), -1 - steps_ago]
            self._batch.step()

    def _put_away_objects(self) -> None:
        if self._empty.size:
            self._qpos[np.ix_(self._empty, self._object_qpos)] = OUT_OF_REACH
            self._qvel[np.ix_(self._empty, self._object_dof)] = 0.0

    def _push_objects(self, r: Randomization) -> None:
        mass = self._objects.mass
        fresh = self._rng.random((self.num_hands, 1)) < r.push_probability
        draw = self._rng.standard_normal((self.num_hands, 3)) * (r.push_scale * mass)
        self._push = np.where(fresh, draw, self._push * PUSH_DECAY)
        self._xfrc[:, self._object_body, :3] = self._push

    def state(self) -> HandState:
        """Joint state, servo torques and object pose of every hand."""
        return HandState(
            position=self._qpos.take(self._joint_qpos, axis=1),
            object_pose=self._qpos.take(self._object_qpos, axis=1),
            velocity=self._qvel.take(self._joint_dof, axis=1),
            torque=self._force.copy(),
        )

    def privileged(self) -> dict[str, FloatArray]:
        """What only a simulator knows; ``RotationTask.privileged`` is the way to it.

        Returns:
            Arrays (n, k) by name: ``gravity`` (3: as a share of standard gravity, hand frame), ``object_velocity``
            (6: m/s in the hand frame, rad/s in the object's), ``fingertips`` (12: relative to the object, m, hand
            frame), ``joint_velocity`` (16, rad/s), ``size`` (3, m: MuJoCo's ``geom_size`` of a primitive, half extents
            of other objects), ``shape`` (3, one-hot: box, cylinder, ellipsoid; none for other objects), ``mass`` (1,
            kg), ``friction`` (1, coefficient), ``stiffness`` (1, mean, N m/rad), ``frictionloss`` (1, mean, N m).
        """
        tips = self._site_xpos[:, self._tip_sites] - self._qpos[:, None, self._object_qpos[:3]]
        return {
            "gravity": self._gravity / GRAVITY,
            "object_velocity": self._qvel[:, self._object_dof],
            "fingertips": tips.reshape(self.num_hands, -1),
            "joint_velocity": self._qvel[:, self._joint_dof],
            "size": self._shape[:, :3].copy(),
            "shape": self._shape[:, 3:].copy(),
            "mass": self._objects.mass.copy(),
            "friction": self._objects.friction[:, 0, :1].copy(),
            "stiffness": self._gain[:, :, 0].mean(axis=1, keepdims=True),
            "frictionloss": self._frictionloss[:, self._joint_dof].mean(axis=1, keepdims=True),
        }

    def close(self) -> None:
        """Nothing to release: memory goes with the object."""


def _varied(rng: np.random.Generator, limits: Range, size: int) -> FloatArray:
    """Uniform draws; none where there is nothing to draw, so that a switch left off changes no other draw."""
    low, high = limits
    return rng.uniform(low, high, size) if high > low else np.full(size, low)
