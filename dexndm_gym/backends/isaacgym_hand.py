"""n simulated hands in Isaac Gym Preview 4, behind the interface of every other hand.

Never run on the real Isaac Gym: docs/isaacgym.md says what was tested, and with what.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.backends.isaacgym_assets import resolve
from dexndm_gym.backends.isaacgym_plan import TIMESTEP, Plan
from dexndm_gym.backends.mujoco_hand import OUT_OF_REACH, PUSH_DECAY
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.constants import GRAVITY
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError, SimulatorError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.grasps.start_states import StartState, StartStates
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.kinematics import Fingertips
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.object_model import shape_code
from dexndm_gym.objects.scene import Scene

_NONE = -1
"""Index of the object of an empty hand."""

_MASS_TOLERANCE = 0.01
"""How far masses of links may be from ours, as a share, before the importer is taken to have read another hand."""


class Worker(Protocol):
    """Who steps the hands; ``IsaacGymProcess`` is one."""

    num_hands: int

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays of ``isaacgym_protocol.FIELDS`` by name."""
        ...

    def build(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Make the simulation."""
        ...

    def call(self, name: str) -> Any:
        """Let the worker do what is named, with the arrays as they are."""
        ...

    def close(self) -> None:
        """End it. Safe to call twice."""
        ...


class IsaacGymHand:
    """A ``SimulatedBackend`` in Isaac Gym.

    Sizes, masses and friction cannot change there once the simulation runs, so they differ from hand to hand and not
    from episode to episode. Servos, delays and pushes are drawn as in ``MujocoHand``. PhysX has no friction against
    turning about a contact's normal, so ``torsional_friction`` has no effect.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        objects: Sequence[Choice],
        starts: StartStates,
        randomization: Randomization | None = None,
        device: str = "cuda:0",
        seed: int = 0,
    ) -> None:
        """Build the simulations; takes over the worker.

        Args:
            worker: who steps them.
            objects: what episodes may have, by name or itself; no meshes.
            starts: states that episodes start from.
            randomization: what to vary; None keeps everything nominal.
            device: ``"cuda:0"``, or ``"cpu"`` for PhysX on the processor, which needs NVIDIA's driver all the same.
            seed: draws what differs from hand to hand.

        Raises:
            ConfigurationError: an object cannot be simulated here or has no start states, or centers of mass are to
                be moved, or there is no such device.
            SimulatorError: Isaac Gym ended, hangs or failed, or read another hand than ours.
        """
        self._worker, self.num_hands, self.randomization = worker, worker.num_hands, randomization
        self._rng = np.random.default_rng(seed)
        try:
            if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
                raise ConfigurationError(f"expected device 'cpu', 'cuda' or such as 'cuda:1', got {device!r}")
            self._plan = Plan(self.num_hands, resolve(objects), starts, randomization, self._rng)
            with tempfile.TemporaryDirectory(prefix="dexndm-isaacgym-") as folder:
                built = worker.build(self._plan.message(Path(folder), device))
            _check_masses(np.array(built["link_mass"]), self._plan.link_mass(0))
            self._index = {item.name: index for index, item in enumerate(self._plan.items)}
            self._object = np.full(self.num_hands, _NONE)
            self._shape = np.zeros((self.num_hands, 6))
            self._push = np.zeros((self.num_hands, 3))
            self._fingertips = Fingertips()
            # Isaac Gym leaves open where everything is at first.
            self.reset(np.arange(self.num_hands), [Scene(object=NO_OBJECT)] * self.num_hands, self._rng)
        except BaseException:
            worker.close()
            raise

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Start the hands ``ids`` from states in which they hold their objects still; returns the targets held.

        Raises:
            ConfigurationError: an object was not named when this was made, or there is no such state for it in its
                wrist orientation.
            SimulatorError: Isaac Gym ended, hangs or failed.
        """
        self._rng = rng
        ids = np.asarray(ids, dtype=np.int64)
        indices = [self._find(scene) for scene in scenes]
        starts = [self._draw_start(i, k, scene) for i, k, scene in zip(ids, indices, scenes, strict=True)]
        arrays = self._worker.arrays
        arrays["begin"][:] = 0.0
        arrays["begin"][ids] = 1.0
        self._object[ids], arrays["object"][ids, 0] = indices, indices
        arrays["gravity"][ids] = [scene.gravity for scene in scenes]
        for name, value in (("joints", "joints"), ("target", "target"), ("pose", "object_pose")):
            arrays[name][ids] = [getattr(start, value) for start in starts]
        self._draw_servos(ids)
        self._shape[ids] = [self._shape_code(i, k) for i, k in zip(ids, indices, strict=True)]
        self._push[ids] = 0.0
        self._worker.call("reset")
        return arrays["target"][ids].astype(np.float64)

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """From now on gravity, (len(ids), 3) m/s^2 in the hand frame, pulls at the hands ``ids``."""
        self._worker.arrays["gravity"][ids] = gravity

    def _find(self, scene: Scene) -> int:
        """Number of the object of a scene."""
        if scene.object == NO_OBJECT:
            return _NONE
        k = self._index.get(scene.object, _NONE)
        if k == _NONE or scene.item not in (None, self._plan.items[k]):
            raise ConfigurationError(
                f"The simulation was made without this object {scene.object!r}; in Isaac Gym all objects have to be "
                "named when the environment is made, for example gym.make_vec(..., object=['cube', 'ball_40'])"
            )
        return k

    def _draw_start(self, i: int, k: int, scene: Scene) -> StartState:
        if k == _NONE:
            return StartState(joints=START_POSE, target=START_POSE, object_pose=np.array(OUT_OF_REACH), scale=1.0)
        return self._plan.starts_of(i).draw(scene.object, scene.gravity, self._rng)

    def _shape_code(self, i: int, k: int) -> FloatArray:
        return np.zeros(6) if k == _NONE else shape_code(self._plan.items[k], self._plan.size[i, k])

    def _draw_servos(self, ids: IntArray) -> None:
        """Write what the worker's torques are made of."""
        arrays, r, shape = self._worker.arrays, self.randomization, (len(ids), NUM_JOINTS)
        arrays["stiffness"][ids] = SIM_SERVO.stiffness
        arrays["damping"][ids], arrays["frictionloss"][ids] = SIM_SERVO.damping, SIM_SERVO.frictionloss
        if r is None:
            return
        for name, limits in (("stiffness", r.stiffness), ("damping", r.damping), ("frictionloss", r.frictionloss)):
            arrays[name][ids] *= self._rng.uniform(*limits, shape)
        arrays["delay"][ids, 0] = np.rint(self._rng.uniform(*r.delay, len(ids)) / TIMESTEP)

    def step(self, command: FloatArray) -> None:
        """Advance every simulation by one control period towards its command, (n, 16) rad.

        Raises:
            SimulationDivergedError: states are not finite.
            SimulatorError: Isaac Gym ended, hangs or failed.
        """
        if self.randomization is not None:
            self._push_objects(self.randomization)
        self._worker.arrays["command"][:] = command
        self._worker.arrays["push"][:] = self._push
        if broken := self._worker.call("step")["broken"]:
            raise SimulationDivergedError(
                f"Isaac Gym reached states that are not finite in {broken} of {self.num_hands} hands"
            )

    def _push_objects(self, r: Randomization) -> None:
        fresh = self._rng.random((self.num_hands, 1)) < r.push_probability
        draw = self._rng.standard_normal((self.num_hands, 3)) * (r.push_scale * self._mass())
        self._push = np.where(fresh, draw, self._push * PUSH_DECAY)

    def _mass(self) -> FloatArray:
        """Of the object of each hand, (n, 1), kg; 0 of none."""
        mass = np.hstack([self._plan.object_mass, np.zeros((self.num_hands, 1))])  # the last column is that of none
        return mass[np.arange(self.num_hands), self._object, None]

    def state(self) -> HandState:
        """Joint state, servo torques and object pose of every hand."""
        pose = np.where(self._object[:, None] == _NONE, OUT_OF_REACH, self._worker.arrays["object_pose"])
        position, velocity, torque = map(self._measured, ("position", "velocity", "torque"))
        return HandState(position=position, object_pose=pose, velocity=velocity, torque=torque)

    def _measured(self, name: str) -> FloatArray:
        return self._worker.arrays[name].astype(np.float64)

    def privileged(self) -> dict[str, FloatArray]:
        """What only a simulator knows; see ``MujocoHand.privileged``."""
        pose, velocity = self.state().object_pose, self._measured("object_velocity")
        assert pose is not None
        tips = self._fingertips.positions(self._measured("position")) - pose[:, None, :3]
        turning = _turned_back(pose[:, 3:], velocity[:, 3:])
        return {
            "gravity": self._measured("gravity") / GRAVITY,
            "object_velocity": np.hstack([velocity[:, :3], turning]),
            "fingertips": tips.reshape(self.num_hands, -1),
            "joint_velocity": self._measured("velocity"),
            "size": self._shape[:, :3].copy(),
            "shape": self._shape[:, 3:].copy(),
            "mass": self._mass(),
            "friction": self._plan.friction[:, None].copy(),
            "stiffness": self._measured("stiffness").mean(axis=1, keepdims=True),
            "frictionloss": self._measured("frictionloss").mean(axis=1, keepdims=True),
        }

    def close(self) -> None:
        """End Isaac Gym."""
        self._worker.close()


def _check_masses(read: FloatArray, ours: FloatArray) -> None:
    if not np.allclose(read, ours, rtol=_MASS_TOLERANCE, atol=0.0):
        raise SimulatorError(
            f"Isaac Gym's importer read other links than ours: expected masses {np.round(ours, 4).tolist()} kg, got "
            f"{np.round(read, 4).tolist()}"
        )


def _turned_back(quat: FloatArray, vector: FloatArray) -> FloatArray:
    """Vectors of the hand frame, (n, 3), in the frames of quaternions w x y z, (n, 4)."""
    w, axis = quat[:, :1], -quat[:, 1:]
    across = 2.0 * np.cross(axis, vector)
    return vector + w * across + np.cross(axis, across)
